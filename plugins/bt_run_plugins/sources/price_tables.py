"""Tables of prices as vendors write them, read into Rows: what is read, what is left, what is
refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from bt_run import (
    DataError,
    Rows,
    WrittenTimes,
    calendar_zone,
    csv_header,
    csv_table,
    parquet_table,
    utc_times,
    written_times,
)
from bt_run.arrays import Array, Times
from bt_run.text import did_you_mean, listed, nearest

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Kind", "Read", "TableForm", "read_rows", "tickers"]

Kind = Literal["parquet", "csv"]

VALUES = ("open", "high", "low", "close", "volume", "adj_close", "dividend", "split")
MISSING = ("", "nan", "NaN", "null")
COLUMNS = frozenset({*VALUES, "date", "ticker"})
_OTHER_NAMES = MappingProxyType(
    {
        "dividends": "dividend",
        "splits": "split",
        "stock_splits": "split",
        "datetime": "date",
        "symbol": "ticker",
    }
)
# a column of such a name changes what the prices mean
_ADJUSTS = re.compile(r"adj|dividend|split|(?:^|_)div", re.IGNORECASE)
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
_EXAMPLE_ZONE = "America/New_York"


@dataclass(frozen=True)
class TableForm:
    """How files write prices: whose column is ours, which do not matter, what dates and times mean.

    ``columns`` maps our names to the file's. The midnights of ``timezone`` and of the exchange
    whose ``calendar`` it is stand for whole sessions.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    ignore: tuple[str, ...] = ()
    dates: str | None = None
    timezone: str | None = None
    calendar: str = "XNYS"


@dataclass(frozen=True)
class Read:
    """The rows of each symbol, and the columns that were left unread, by file."""

    rows: Mapping[str, Rows]
    unread: Mapping[str, tuple[str, ...]]

    def notes(self) -> tuple[str, ...]:
        """Return which columns nobody reads."""
        if not self.unread:
            return ()
        columns = dict.fromkeys(
            name for names in self.unread.values() for name in names
        )
        where = listed(list(self.unread), most=3)
        return (
            f"columns that are not read: {listed(list(columns), most=8)} (of {where})",
        )


@dataclass(frozen=True)
class _Table:
    """What is read of a file, under our names; all columns found there, and those left unread."""

    path: Path
    frame: pd.DataFrame
    found: tuple[str, ...]
    unread: tuple[str, ...]


def read_rows(
    path: Path,
    kind: Kind,
    symbols: Set[str] | None = None,
    form: TableForm | None = None,
) -> Read:
    """Return the rows of ``symbols``, or of all there are, from a folder of files or one long
    table, as they stand.

    Raises:
        DataError: a file, a symbol or a column is missing, holds something that is no date or
            number, or adjusts prices and is not read.
    """
    form = form or TableForm()
    if path.is_dir():
        return _read_folder(path, kind, symbols, form)
    table = _read(path, kind, form)
    ticker = _tickers(table)
    frame = table.frame
    if symbols is not None:
        _refuse_unknown(symbols, ticker.unique().tolist(), f"{path} has no ticker {{}}")
        frame, ticker = frame[ticker.isin(symbols)], ticker[ticker.isin(symbols)]
    found = {
        str(symbol): _rows(replace(table, frame=group), form)
        for symbol, group in frame.groupby(ticker, sort=True)
    }
    return Read(found, _unread([table]))


def tickers(path: Path, kind: Kind, form: TableForm) -> tuple[str, ...]:
    """Return the symbols that a folder or a table has, sorted."""
    if path.is_dir():
        return tuple(sorted(file.stem for file in path.glob(f"*.{kind}")))
    return tuple(sorted(_tickers(_read(path, kind, form)).unique().tolist()))


def _read_folder(
    path: Path, kind: Kind, symbols: Set[str] | None, form: TableForm
) -> Read:
    have = {file.stem: file for file in sorted(path.glob(f"*.{kind}"))}
    wanted = have.keys() if symbols is None else symbols
    _refuse_unknown(wanted, have, f"{path} has no file {{}}.{kind}")
    tables = {symbol: _read(have[symbol], kind, form) for symbol in sorted(wanted)}
    rows = {symbol: _rows(item, form) for symbol, item in tables.items()}
    return Read(rows, _unread(tables.values()))


def _unread(tables: Iterable[_Table]) -> dict[str, tuple[str, ...]]:
    return {table.path.name: table.unread for table in tables if table.unread}


def _tickers(table: _Table) -> pd.Series[Any]:
    frame = table.frame
    if "ticker" not in frame.columns:
        raise DataError(
            f"{table.path}: found columns {', '.join(table.found)}; expected a ticker "
            "column in a single table, or a folder with one file per symbol"
        )
    missing = np.flatnonzero(frame["ticker"].isna().to_numpy())
    if len(missing):
        raise DataError(
            f"{table.path}: row {int(missing[0]) + 1} has no ticker; expected one in every row"
        )
    return frame["ticker"].astype(str)


# -- columns ---------------------------------------------------------------------------------------


def _read(path: Path, kind: Kind, form: TableForm) -> _Table:
    """Return a file's table, its columns under our names."""
    frame = _frame(path, kind)
    theirs = tuple(str(column) for column in frame.columns)
    ours = _our_names(path, theirs, form)
    read = [column for column, name in enumerate(ours) if name is not None]
    names = [name for name in ours if name is not None]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise DataError(
            f"{path}: column {min(twice)} stands there twice, under one name or two; expected one"
        )
    ignored = {_usual_name(name) for name in form.ignore}
    unread = tuple(
        name
        for name, our in zip(theirs, ours, strict=True)
        if our is None and _usual_name(name) not in ignored
    )
    _refuse_adjustments(path, unread)
    frame = frame.iloc[:, read].set_axis(names, axis="columns")
    return _Table(path, frame, theirs, unread)


def _frame(path: Path, kind: Kind) -> pd.DataFrame:
    """Return a file as it stands, the values of a csv file as text."""
    if not path.exists():
        raise DataError(f"{path}: no such file or folder")
    if kind == "csv":
        return _read_csv(path)
    frame = parquet_table(path)
    return frame if frame.index.name is None else frame.reset_index()


def _read_csv(path: Path) -> pd.DataFrame:
    """Read a csv file in which NA and 000001 are tickers and an empty cell is nothing."""
    names = csv_header(path)
    text = [name for name in names if _usual_name(name) in ("ticker", "date")]
    return csv_table(path, dtype=dict.fromkeys(text, str), missing=MISSING)


def _our_names(
    path: Path, theirs: tuple[str, ...], form: TableForm
) -> tuple[str | None, ...]:
    """Return our name of each column; None of one that is not ours."""
    declared = {}
    for our, column in form.columns.items():
        if column not in theirs:
            raise DataError(
                f"{path}: found columns {', '.join(theirs)}; expected {column!r}, which `columns` "
                f"calls {our}{did_you_mean(column, theirs)}"
            )
        declared[column] = our
    names: list[str | None] = []
    for column in theirs:
        usual = _usual_name(column)
        # where the user names another column of the file so, this one is not it
        ours = usual in COLUMNS and usual not in form.columns
        names.append(declared.get(column, usual if ours else None))
    return tuple(names)


def _usual_name(column: str) -> str:
    name = column.strip().lower().replace(" ", "_")
    return _OTHER_NAMES.get(name, name)


def _refuse_adjustments(path: Path, unread: tuple[str, ...]) -> None:
    """Refuse to leave what changes the meaning of the prices unread."""
    adjusting = [name for name in unread if _ADJUSTS.search(_HUMP.sub("_", name))]
    if adjusting:
        first = adjusting[0]
        raise DataError(
            f"{path}: found columns {', '.join(adjusting)}, which look like adjustments and "
            f"are not read; name what they are, such as `columns: {{{_likely(first)}: {first}}}`, "
            f"or say that they do not matter: `ignore: [{', '.join(adjusting)}]`"
        )


def _likely(column: str) -> str:
    name = column.lower()
    if "split" in name:
        return "split"
    return "dividend" if "div" in name else "adj_close"


def _rows(table: _Table, form: TableForm) -> Rows:
    path, frame = table.path, table.frame
    missing = {"date", "close"} - set(frame.columns)
    if missing:
        raise DataError(
            f"{path}: found columns {', '.join(table.found)}; expected "
            f"{' and '.join(sorted(missing))} too; `columns` tells what the file calls them"
        )
    columns = {
        name: _numbers(path, frame[name]) for name in VALUES if name in frame.columns
    }
    return Rows(times=_times(path, frame["date"], form), **columns)


def _numbers(path: Path, column: pd.Series[Any]) -> Array:
    try:
        return column.to_numpy(dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(
            f"{path}: column {column.name} holds something that is not a number: {error}"
        ) from error


# -- times -----------------------------------------------------------------------------------------


def _times(path: Path, written: pd.Series[Any], form: TableForm) -> Times:
    """Return UTC times: the date at 00:00 for daily rows, the end of the bar for intraday ones."""
    read = written_times(f"{path}: column date", written, form.dates)
    if _are_midnights(read.clock):
        return read.clock
    if read.utc is None:
        return _localized(path, read.clock, form.timezone)
    return _dates_elsewhere(read, form)


def _are_midnights(times: Times) -> bool:
    return bool((times == times.astype("datetime64[D]")).all())


def _localized(path: Path, clock: Times, timezone: str | None) -> Times:
    """Return in UTC what a clock in ``timezone`` showed."""
    import pandas as pd

    if timezone is None:
        raise DataError(
            f"{path}: timestamps such as {pd.Timestamp(clock[0])} carry no time zone; set "
            f"`timezone` on the source, for example `timezone: {_EXAMPLE_ZONE}`"
        )
    return utc_times(str(path), clock, timezone)


def _dates_elsewhere(read: WrittenTimes, form: TableForm) -> Times:
    """Return the dates of rows that stand at midnight of the user's or the exchange's zone; else
    the times themselves.
    """
    import pandas as pd

    assert read.utc is not None
    utc = pd.DatetimeIndex(read.utc, tz="UTC")
    zones = [form.timezone] if form.timezone else []
    for zone in (*zones, calendar_zone(form.calendar)):
        local = (
            utc.tz_convert(zone).tz_localize(None).to_numpy().astype("datetime64[ns]")
        )
        if _are_midnights(local):
            return local
    return read.utc


def _plain_utc(stamps: pd.DatetimeIndex) -> Times:
    return (
        stamps.tz_convert("UTC").tz_localize(None).to_numpy().astype("datetime64[ns]")
    )


def _refuse_unknown(symbols: Set[str], have: Iterable[str], text: str) -> None:
    known = list(have)
    unknown = sorted(symbols - set(known))
    if not unknown:
        return
    near = nearest(unknown[0], known)
    if near is not None:
        hint = f"did you mean {near!r}?"
    elif known:
        hint = f"it has {len(known)}, such as {', '.join(known[:5])}"
    else:
        hint = "it has none at all"
    raise DataError(f"{text.format(unknown[0])}; {hint}")
