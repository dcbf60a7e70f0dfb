"""Prices that a program has in memory: pandas objects, read by the rules by which files are."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypedDict, Unpack, cast

import numpy as np

from bt_run.data.bars import Bars, LoadRequest
from bt_run.data.csv_files import refuse_doubled
from bt_run.data.number_forms import NumberForm
from bt_run.data.price_frames import (
    COLUMNS,
    TableForm,
    price_table,
    rows_by_ticker,
    rows_of_table,
    usual_name,
)
from bt_run.data.rows import PriceConvention, Rows, day_of
from bt_run.data.several_sources import SourceRows, bars_of_rows
from bt_run.errors import ConfigError, DataError
from bt_run.text import listed

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FrameKeys", "GivenBars", "GivenPrices", "bars_from", "prices_from"]

SHAPES = (
    "a DataFrame of closes with a column for each symbol, a long one with ticker and close, one "
    "with two levels of columns as yfinance gives it, a dict of frames by symbol, or a Series"
)


class FormKeys(TypedDict, total=False):
    """How the frames are written: keys of the file sources, and the run's calendar."""

    columns: Mapping[str, str]
    ignore: tuple[str, ...]
    dates: str | None
    timezone: str | None
    calendar: str
    numbers: NumberForm | None
    bar_minutes: int | None


class FrameKeys(FormKeys, total=False):
    """How the frames are written, and what their prices are."""

    prices: PriceConvention | None


@dataclass(frozen=True)
class GivenPrices:
    """Prices in memory, and what they are.

    Attributes:
        rows: those of each symbol.
        prices: ``as_traded`` or ``split_adjusted``; None where they have no actions.
        calendar: the exchange's by which midnights of a zone were read as days.
        request: for what bars were made of them; None where they were not.
    """

    rows: Mapping[str, Rows]
    prices: PriceConvention | None = None
    calendar: str = "XNYS"
    request: LoadRequest | None = None

    @cached_property
    def fingerprint(self) -> str:
        """Return the sha256 of the content."""
        digest = hashlib.sha256(repr(self.prices).encode())
        for symbol, rows in sorted(self.rows.items()):
            for name, values in vars(rows).items():
                if values is not None:
                    digest.update(f"{symbol} {name} {len(values)} ".encode())
                    digest.update(np.ascontiguousarray(values).tobytes())
        return digest.hexdigest()

    def of(self, request: LoadRequest) -> SourceRows:
        """Return the rows of a request.

        Raises:
            DataError: a symbol is not there.
        """
        wanted = dict(request.assets)
        wanted.setdefault(*request.benchmark)
        for name, symbol in wanted.items():
            if symbol not in self.rows:
                raise DataError(
                    f"{name}: the prices that were given have no symbol {symbol!r}; they have "
                    f"{listed(sorted(self.rows), most=8)}"
                )
        return SourceRows(
            {name: self.rows[symbol] for name, symbol in wanted.items()}, self.prices
        )


@dataclass(frozen=True, kw_only=True)
class GivenBars(Bars):
    """Bars made from frames.

    Attributes:
        given: the rows that they were made of.
    """

    given: GivenPrices

    def __reduce__(self) -> tuple[Any, ...]:
        return self.plain.__reduce__()

    @property
    def plain(self) -> Bars:
        """Return the bars without what they were made of."""
        return Bars(**{item.name: getattr(self, item.name) for item in fields(Bars)})


def bars_from(
    frames: Any,
    *,
    benchmark: str | None = None,
    start: str | date | None = None,
    end: str | date | None = None,
    adjust: Literal["total_return", "none"] = "total_return",
    **keys: Unpack[FrameKeys],
) -> GivenBars:
    """Return bars of pandas objects, read and checked as files are.

    ``frames`` is a DataFrame of closes with a column for each symbol, a long one with ticker and
    close, one with two levels of columns as yfinance gives it, a dict of frames by symbol, or a
    Series. ``benchmark`` is one of the symbols, by default the only one; ``start`` is the first
    decision, by default the first row, and ``end`` the last day. ``adjust`` says whether the
    account trades the total-return series or real shares. ``keys`` are those of the file sources
    (``prices``, ``columns``, ``ignore``, ``dates``, ``timezone``, ``numbers``, ``bar_minutes``),
    and ``calendar``.

    Raises:
        DataError: the frames are of another shape, or a row cannot be true.
        ConfigError: nothing says which symbol is the benchmark, or a day is none.
    """
    given = prices_from(frames, **keys)
    first, last = _span(given)
    symbols = sorted(given.rows)
    if benchmark is None and len(symbols) > 1:
        raise ConfigError(
            f"benchmark: missing; expected one of {listed(symbols, most=8)}"
        )
    own = benchmark or symbols[0]
    request = LoadRequest(
        assets={symbol: symbol for symbol in symbols},
        benchmark=(own, own),
        start=_day(start) or first,
        end=_day(end) or last,
        adjust=adjust,
        calendar=given.calendar,
    )
    bars = bars_of_rows(request, [given.of(request)])
    whole = {item.name: getattr(bars, item.name) for item in fields(Bars)}
    return GivenBars(**whole, given=replace(given, request=request))


def prices_from(frames: Any, **keys: Unpack[FrameKeys]) -> GivenPrices:
    """Return the rows of pandas objects, by symbol; see ``bars_from`` for what they may be.

    Raises:
        DataError: they are of another shape, or hold something that is no date or number.
    """
    if isinstance(frames, GivenPrices):
        return frames
    if isinstance(frames, GivenBars):
        return frames.given
    form = TableForm(**_form_of(keys))
    rows = dict(_rows(frames, form))
    if not rows:
        raise DataError("the frames hold no symbol; expected at least one")
    return GivenPrices(rows, keys.get("prices"), form.calendar)


def _form_of(keys: FrameKeys) -> FormKeys:
    form: Any = {name: value for name, value in keys.items() if name != "prices"}
    return cast(FormKeys, form)


def _rows(frames: Any, form: TableForm) -> Iterator[tuple[str, Rows]]:
    import pandas as pd

    if isinstance(frames, Mapping):
        for symbol, frame in frames.items():
            yield _one(_name(symbol), frame, form)
    elif isinstance(frames, pd.Series):
        yield _one(_name(frames.name), frames, form)
    elif not isinstance(frames, pd.DataFrame):
        raise DataError(f"found a {type(frames).__name__}; expected {SHAPES}")
    elif frames.columns.nlevels == 2:
        for symbol, frame in _by_symbol(frames):
            yield _one(symbol, frame, form)
    elif frames.columns.nlevels > 2:
        raise DataError(
            f"found {frames.columns.nlevels} levels of columns; expected {SHAPES}"
        )
    else:
        yield from _flat(frames, form)


def _flat(frame: pd.DataFrame, form: TableForm) -> Iterator[tuple[str, Rows]]:
    """Read a table with one level of columns: long, or of closes by symbol."""
    plain = _with_dates(frame)
    refuse_doubled("frame", map(str, plain.columns))
    words = {usual_name(str(column)) for column in plain.columns}
    if "ticker" in words or "ticker" in form.columns:
        yield from rows_by_ticker(price_table("frame", plain, form), form).items()
        return
    if words & (COLUMNS - {"date"}):
        raise DataError(
            f"found the columns {listed(map(str, frame.columns), most=8)}, those of one symbol "
            "without its name; expected {'SPY': frame}"
        )
    dates = [column for column in plain.columns if usual_name(str(column)) == "date"]
    if len(dates) != 1:
        raise DataError(
            f"found the columns {listed(map(str, frame.columns), most=8)} and no dates; expected "
            "them in the index, or in a column called date"
        )
    for column in plain.columns.drop(dates[0]):
        closes = plain[[dates[0], column]].set_axis(["date", "close"], axis="columns")
        yield _one(_name(column), closes[closes["close"].notna()], form)


def _one(symbol: str, frame: Any, form: TableForm) -> tuple[str, Rows]:
    """Return the rows of one symbol."""
    import pandas as pd

    if isinstance(frame, pd.Series):
        frame = frame.rename("close").to_frame()
    if not isinstance(frame, pd.DataFrame):
        raise DataError(
            f"{symbol}: found a {type(frame).__name__}; expected a DataFrame or a Series"
        )
    table = price_table(symbol, _with_dates(frame).reset_index(drop=True), form)
    return symbol, rows_of_table(table, form)


def _by_symbol(frame: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Split a table with fields on one level of its columns and symbols on the other."""
    import pandas as pd

    levels = [frame.columns.get_level_values(level) for level in (0, 1)]
    known = [{usual_name(str(name)) for name in level} & COLUMNS for level in levels]
    if bool(known[0]) == bool(known[1]):
        raise DataError(
            f"found the columns {listed(map(str, frame.columns), most=4)}; expected fields such as "
            "Close on one level and symbols on the other"
        )
    of_symbols = 1 if known[0] else 0
    for symbol in dict.fromkeys(levels[of_symbols]):
        own = pd.DataFrame(frame.xs(symbol, axis="columns", level=of_symbols))
        # other symbols have the rows in which this one has nothing
        yield _name(symbol), own[own.notna().any(axis="columns")]


def _with_dates(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose index, where it holds dates, is a column called date."""
    import pandas as pd

    if isinstance(frame.index, pd.MultiIndex):
        return frame.reset_index()
    if isinstance(frame.index, pd.RangeIndex):
        return frame
    named = [usual_name(str(column)) for column in frame.columns]
    if "date" in named:
        return frame
    return frame.rename_axis("date").reset_index()


def _name(symbol: Any) -> str:
    if isinstance(symbol, str) and symbol.strip():
        return symbol
    raise DataError(f"found {symbol!r} where a symbol stands; expected a name")


def _span(given: GivenPrices) -> tuple[date, date]:
    """Return the first and the last day of all rows."""
    for symbol, rows in given.rows.items():
        if not len(rows.times):
            raise DataError(f"{symbol}: has no rows")
    first = min(rows.times[0] for rows in given.rows.values())
    last = max(rows.times[-1] for rows in given.rows.values())
    return _day(day_of(first)[:10]) or date.min, _day(day_of(last)[:10]) or date.max


def _day(value: str | date | None) -> date | None:
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError as error:
            raise ConfigError(
                f"found {value!r}; expected a date such as 2000-01-31"
            ) from error
    return value
