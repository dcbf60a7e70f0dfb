"""The boundary to Yahoo: the only module that knows yfinance, its shapes and its ways to fail.

Yahoo's prices are for personal use; see Yahoo's terms.
"""

from __future__ import annotations

import ast
import logging
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal

from bt_run import DataError
from bt_run.arrays import Times
from bt_run_plugins.market_data.fetching.sessions import bar_ends, is_intraday
from bt_run_plugins.market_data.store.frames import COLUMNS

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LIBRARIES", "Question", "Trouble", "YahooAnswer", "ask"]

# what must be installed, and what brings it
LIBRARIES: Mapping[str, str] = MappingProxyType({"yfinance": "bt-run[yahoo]"})
# Yahoo rewrites open to volume, and dividends, at each split
PRICES: Final = "split_adjusted"
# beside the symbol frame's own: Yahoo counts a fund's capital gains in its dividends at times, at
# times not
CAPITAL_GAIN = "capital_gain"
_NAMES = MappingProxyType(
    {
        "Open": "open",
        "High": "high",
        "Low": "low",
        "Close": "close",
        "Adj Close": "adj_close",
        "Volume": "volume",
        "Dividends": "dividend",
        "Stock Splits": "split",
        "Capital Gains": CAPITAL_GAIN,
    }
)
_NEEDED = tuple(name for name in _NAMES if name != "Capital Gains")
_RATE_LIMITED = re.compile(r"too many requests|rate.?limit|\b429\b", re.IGNORECASE)
_UNREACHABLE = re.compile(
    r"could not resolve|couldn't connect|failed to connect|could not connect|connection "
    r"?(error|refused|reset|timed)|"
    r"network is unreachable|timed? ?out|dnserror|proxyerror|name resolution|getaddrinfo|max "
    r"retries|"
    r"sslerror|curl: \((5|6|7|28|35|56|97)\)",
    re.IGNORECASE,
)
_UNKNOWN = re.compile(
    r"delisted|no data found|not found|no timezone|quote not found|http error 404|data not "
    r"available|must be within",
    re.IGNORECASE,
)

_REMEDY = "install a version of yfinance that constraints.txt names"

Kind = Literal["rate_limited", "unreachable", "unknown", "other"]


@dataclass(frozen=True, kw_only=True)
class Question:
    """What is asked for: ``first`` None is a symbol's beginning; ``last`` is included."""

    symbols: tuple[str, ...]
    first: date | None
    last: date
    interval: str = "1d"
    calendar: str = "XNYS"
    threads: bool = True


@dataclass(frozen=True)
class Trouble:
    """Why a symbol has no rows, in Yahoo's or the library's own words."""

    kind: Kind
    text: str


@dataclass(frozen=True)
class YahooAnswer:
    """What came: a frame or a trouble for each symbol that was asked for."""

    frames: Mapping[str, pd.DataFrame]
    troubles: Mapping[str, Trouble]
    version: str


def ask(question: Question) -> YahooAnswer:
    """Download the bars of the symbols, which must be in capitals.

    Raises:
        DataError: the library answered in a shape that this module does not know.
    """
    import yfinance

    _forget_answers(yfinance)
    version = str(yfinance.__version__)
    with _logged() as lines, _exceptions_shown(yfinance), _warnings_ignored():
        try:
            table = _download(yfinance.download, question)
        except Exception as error:
            # with nothing at all to join, some versions fail where others return an empty table
            lines.append(f"{list(question.symbols)}: {error!r}")
            table = None
    frames: dict[str, pd.DataFrame] = {}
    if table is not None and len(table.columns):
        frames = _frames(table, question, version)
    return YahooAnswer(frames, _troubles(question.symbols, frames, lines), version)


@contextmanager
def _warnings_ignored() -> Iterator[None]:
    """Ignore what the library warns of: it has not caught up with the newest pandas, and is right
    all the same.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        warnings.simplefilter("ignore", FutureWarning)
        yield


def _forget_answers(yfinance: Any) -> None:
    """Empty the library's memory of answers: it keeps bad ones too, and would give them again at
    every retry.
    """
    clear = getattr(
        getattr(yfinance.data.YfData, "cache_get", None), "cache_clear", None
    )
    if clear is not None:
        clear()


def _download(download: Callable[..., Any], question: Question) -> pd.DataFrame | None:
    period = {"period": "max"}
    if question.first is not None:
        period = {"start": question.first.isoformat()}
    # Yahoo's own end is excluded
    end = question.last + timedelta(days=1)
    found: pd.DataFrame | None = download(
        list(question.symbols),
        **period,
        end=end.isoformat(),
        interval=question.interval,
        auto_adjust=False,
        actions=True,
        keepna=True,
        group_by="column",
        multi_level_index=True,
        progress=False,
        threads=question.threads and len(question.symbols) > 1,
    )
    return found


def _frames(
    table: pd.DataFrame,
    question: Question,
    version: str,
) -> dict[str, pd.DataFrame]:
    """Take the joined table apart: a frame per symbol, without the rows that only other symbols
    have.
    """
    _check_shape(table, question, version)
    symbol_of = table.columns.get_level_values(1)
    frames = {}
    for symbol in question.symbols:
        own = table.loc[:, symbol_of == symbol].droplevel(1, axis=1)
        # rows that the library added to line the symbols up have nothing in any column
        own = own.dropna(how="all")
        if len(own):
            _check_columns(own, symbol, version)
            frames[symbol] = _symbol_frame(own, question)
    return frames


def _check_shape(
    table: pd.DataFrame,
    question: Question,
    version: str,
) -> None:
    """Refuse a table that is not of pairs of a field and a symbol, over time."""
    import pandas as pd

    if not _are_pairs(table.columns):
        raise DataError(
            f"yfinance {version} returned columns such as {table.columns[0]!r}; expected pairs of "
            f"a field and a symbol, such as ('Close', {question.symbols[0]!r}); {_REMEDY}"
        )
    if not isinstance(table.index, pd.DatetimeIndex):
        raise DataError(
            f"yfinance {version} returned an index of {table.index.dtype}; expected dates or times"
        )


def _are_pairs(columns: pd.Index[Any]) -> bool:
    """Say whether a table's columns are pairs of a field that is known and a symbol."""
    if columns.nlevels != 2:
        return False
    return bool(set(columns.get_level_values(0)) & set(_NAMES))


def _check_columns(own: pd.DataFrame, symbol: str, version: str) -> None:
    missing = [name for name in _NEEDED if name not in own.columns]
    if missing:
        found = ", ".join(map(str, own.columns))
        raise DataError(
            f"yfinance {version} returned for {symbol} the columns {found}; "
            f"expected {', '.join(missing)} too"
        )


def _symbol_frame(own: pd.DataFrame, question: Question) -> pd.DataFrame:
    """Return the columns of one symbol under our names, and what Yahoo gives beside them."""
    import pandas as pd

    frame = own.rename(columns=_NAMES)
    frame.insert(0, "date", _dates(pd.DatetimeIndex(own.index), question))
    names = [name for name in (*COLUMNS, CAPITAL_GAIN) if name in frame.columns]
    numbers = dict.fromkeys(names[1:], "float64")
    return frame[names].astype(numbers).reset_index(drop=True)


def _dates(index: pd.DatetimeIndex, question: Question) -> Times:
    """Return session dates for daily bars, ends of bars in UTC for intraday ones, as
    datetime64[ns].
    """
    if not is_intraday(question.interval):
        return _without_zone(index).normalize().to_numpy().astype("datetime64[ns]")
    if index.tz is None:
        raise DataError(
            f"yfinance returned intraday times such as {index[0]} without a time zone; expected "
            f"one; {_REMEDY}"
        )
    starts = _without_zone(index.tz_convert("UTC")).to_numpy().astype("datetime64[ns]")
    return bar_ends(starts, question.interval, question.calendar)


def _without_zone(index: pd.DatetimeIndex) -> pd.DatetimeIndex:
    if index.tz is None:
        return index
    return index.tz_localize(None)


def _troubles(
    symbols: Sequence[str], frames: Mapping[str, pd.DataFrame], lines: Sequence[str]
) -> dict[str, Trouble]:
    """Return why each symbol without a frame did not come."""
    reasons = _reasons_by_symbol(lines)
    lacking = [symbol for symbol in symbols if symbol not in frames]
    silent = Trouble(
        "other", "; ".join(lines) or "Yahoo returned no rows and no reason"
    )
    return {symbol: reasons.get(symbol, silent) for symbol in lacking}


def _reasons_by_symbol(lines: Sequence[str]) -> dict[str, Trouble]:
    """Return each symbol's reason in what the library logged: lines such as ``['A', 'B']:
    reason``.
    """
    reasons: dict[str, Trouble] = {}
    for line in lines:
        names, _, reason = line.partition("]: ")
        try:
            named = ast.literal_eval(f"{names}]")
        except (ValueError, SyntaxError):
            continue
        trouble = Trouble(_trouble_kind(reason), reason.strip())
        reasons |= {str(name): trouble for name in named}
    return reasons


def _trouble_kind(reason: str) -> Kind:
    # in this order: without a network the library also says "possibly delisted"
    if _RATE_LIMITED.search(reason):
        return "rate_limited"
    if _UNREACHABLE.search(reason):
        return "unreachable"
    return "unknown" if _UNKNOWN.search(reason) else "other"


class _Lines(logging.Handler):
    """The lines that were logged, a string each."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


@contextmanager
def _logged() -> Iterator[list[str]]:
    """Yield the lines that yfinance logs meanwhile; it names failures nowhere else, and nobody else
    sees them.
    """
    logger = logging.getLogger("yfinance")
    handler = _Lines()
    propagate = logger.propagate
    logger.addHandler(handler)
    logger.propagate = False
    try:
        yield handler.lines
    finally:
        logger.removeHandler(handler)
        logger.propagate = propagate


@contextmanager
def _exceptions_shown(yfinance: Any) -> Iterator[None]:
    """Let the library say what went wrong: otherwise a lost network is a delisted symbol."""
    debug = yfinance.config.debug
    before = debug.hide_exceptions
    debug.hide_exceptions = False
    try:
        yield
    finally:
        debug.hide_exceptions = before
