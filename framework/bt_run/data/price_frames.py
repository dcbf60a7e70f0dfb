"""Tables of prices as vendors write them, turned into Rows: what is read, what is left, what is
refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from bt_run.arrays import Array, Times
from bt_run.data.calendars import calendar_zone
from bt_run.data.csv_files import refuse_doubled
from bt_run.data.date_forms import WrittenTimes, utc_times, written_times
from bt_run.data.number_forms import NumberForm, written_numbers
from bt_run.data.rows import Rows
from bt_run.errors import DataError
from bt_run.text import did_you_mean

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "COLUMNS",
    "ColumnNames",
    "PriceTable",
    "TableForm",
    "column_names",
    "price_table",
    "rows_by_ticker",
    "rows_of_arrays",
    "rows_of_table",
    "tickers_of",
    "usual_name",
]

VALUES = ("open", "high", "low", "close", "volume", "adj_close", "dividend", "split")
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
    """How a table writes prices.

    Attributes:
        columns: our name -> the table's.
        ignore: columns that are left unread on purpose.
        dates: how text writes dates, where that cannot be seen.
        timezone: the zone of times that carry none; its midnights stand for whole sessions.
        calendar: the exchange's, whose midnights stand for whole sessions too.
        numbers: how numbers are written, where not as 1234.5.
        bar_minutes: the length of bars whose times are where they begin; None where they end there.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    ignore: tuple[str, ...] = ()
    dates: str | None = None
    timezone: str | None = None
    calendar: str = "XNYS"
    numbers: NumberForm | None = None
    bar_minutes: int | None = None


@dataclass(frozen=True)
class ColumnNames:
    """Our names of a table's columns, None of one that is left, and those of them, as the table
    calls them, that are not read, nor left out on purpose.
    """

    ours: tuple[str | None, ...]
    unread: tuple[str, ...]

    @property
    def read(self) -> list[str]:
        """Return our names of the columns that are read."""
        return [name for name in self.ours if name is not None]


@dataclass(frozen=True)
class PriceTable:
    """What is read of a table, under our names.

    Attributes:
        where: what errors call it.
        frame: the columns that are read.
        found: all columns of the table, as it calls them.
        unread: those of them that are not read, nor left out on purpose.
        ours: our name of each column found; None of one that is left.
    """

    where: str
    frame: pd.DataFrame
    found: tuple[str, ...]
    unread: tuple[str, ...]
    ours: tuple[str | None, ...]


# -- columns ---------------------------------------------------------------------------------------


def price_table(where: str, frame: pd.DataFrame, form: TableForm) -> PriceTable:
    """Return the table ``frame`` with its columns under our names; ``where`` is what errors call
    it.

    Raises:
        DataError: a column stands there twice, is not there, or adjusts prices and is not read.
    """
    theirs = tuple(str(column) for column in frame.columns)
    names = column_names(where, theirs, form)
    read = [column for column, name in enumerate(names.ours) if name is not None]
    frame = frame.iloc[:, read].set_axis(names.read, axis="columns")
    return PriceTable(where, frame, theirs, names.unread, names.ours)


def column_names(where: str, theirs: tuple[str, ...], form: TableForm) -> ColumnNames:
    """Return how the columns ``theirs`` of a table are called here; ``where`` is what errors call
    the table.

    Raises:
        DataError: a column stands there twice, is not there, or adjusts prices and is not read.
    """
    refuse_doubled(where, theirs)
    ours = _our_names(where, theirs, form)
    names = [name for name in ours if name is not None]
    twice = {name for name in names if names.count(name) > 1}
    if twice:
        raise DataError(
            f"{where}: column {min(twice)} stands there twice, under one name or two; expected one"
        )
    ignored = {usual_name(name) for name in form.ignore}
    unread = tuple(
        name
        for name, our in zip(theirs, ours, strict=True)
        if our is None and usual_name(name) not in ignored
    )
    _refuse_adjustments(where, unread)
    return ColumnNames(ours, unread)


def _our_names(
    where: str, theirs: tuple[str, ...], form: TableForm
) -> tuple[str | None, ...]:
    """Return our name of each column; None of one that is not ours."""
    declared = {}
    for our, given in form.columns.items():
        alike = [name for name in theirs if usual_name(name) == usual_name(given)]
        column = alike[0] if len(alike) == 1 else given
        if column not in theirs:
            raise DataError(
                f"{where}: found columns {', '.join(theirs)}; expected {column!r}, which `columns` "
                f"calls {our}{did_you_mean(column, theirs)}"
            )
        declared[column] = our
    ignored = {usual_name(name) for name in form.ignore}
    names: list[str | None] = []
    for column in theirs:
        if usual_name(column) in ignored and column not in declared:
            names.append(None)
            continue
        usual = usual_name(column)
        # where the user names another column of the file so, this one is not it
        ours = usual in COLUMNS and usual not in form.columns
        names.append(declared.get(column, usual if ours else None))
    return tuple(names)


def usual_name(column: str) -> str:
    """Return our name of a ``column`` that is called as usual; else its own in lower case."""
    name = column.strip().lower().replace(" ", "_")
    return _OTHER_NAMES.get(name, name)


def _refuse_adjustments(where: str, unread: tuple[str, ...]) -> None:
    """Refuse to leave what changes the meaning of the prices unread."""
    adjusting = [name for name in unread if _ADJUSTS.search(_HUMP.sub("_", name))]
    if adjusting:
        first = adjusting[0]
        raise DataError(
            f"{where}: found columns {', '.join(adjusting)}, which look like adjustments and "
            f"are not read; name what they are, such as `columns: {{{_likely(first)}: {first}}}`, "
            f"or say that they do not matter: `ignore: [{', '.join(adjusting)}]`"
        )


def _likely(column: str) -> str:
    name = column.lower()
    if "split" in name:
        return "split"
    return "dividend" if "div" in name else "adj_close"


def rows_of_table(table: PriceTable, form: TableForm) -> Rows:
    """Return the rows of one asset, oldest first.

    Raises:
        DataError: date or close is missing, or holds something that is no date or number.
    """
    where, frame = table.where, table.frame
    missing = {"date", "close"} - set(frame.columns)
    if missing:
        raise DataError(
            f"{where}: found columns {', '.join(table.found)}; expected "
            f"{' and '.join(sorted(missing))} too; `columns` tells what the file calls them"
        )
    columns = {
        name: written_numbers(f"{where}: column {name}", frame[name], form.numbers)
        for name in VALUES
        if name in frame.columns
    }
    read = written_times(f"{where}: column date", frame["date"], form.dates)
    return rows_of_arrays(where, read, columns, form)


def rows_of_arrays(
    where: str, read: WrittenTimes, columns: Mapping[str, Array], form: TableForm
) -> Rows:
    """Return the rows of one asset, oldest first, from its times and its ``columns`` (n,) under our
    names; ``where`` is what errors call their table.

    Raises:
        DataError: the times do not say what they are.
    """
    times = _times(where, read, form)
    if len(times) > 1 and times[-1] < times[0] and (times[1:] < times[:-1]).all():
        # written newest first, and nothing else
        times, columns = (
            times[::-1],
            {name: item[::-1] for name, item in columns.items()},
        )
    return Rows(times=times, **columns)


def rows_by_ticker(
    table: PriceTable, form: TableForm, symbols: Iterable[str] | None = None
) -> dict[str, Rows]:
    """Return the rows of each of the ``symbols``, or of all, of a long table.

    Raises:
        DataError: there is no column of tickers, a row has none, or one of them has bad rows.
    """
    ticker, frame = tickers_of(table), table.frame
    if symbols is not None:
        wanted = ticker.isin(list(symbols))
        frame, ticker = frame[wanted], ticker[wanted]
    return {
        str(symbol): rows_of_table(replace(table, frame=group), form)
        for symbol, group in frame.groupby(ticker, sort=True)
    }


def tickers_of(table: PriceTable) -> pd.Series[Any]:
    """Return the ticker of each row of a long table.

    Raises:
        DataError: there is no such column, or a row has none.
    """
    frame = table.frame
    if "ticker" not in frame.columns:
        raise DataError(
            f"{table.where}: found columns {', '.join(table.found)}; expected a ticker "
            "column in a single table, or a folder with one file per symbol"
        )
    missing = np.flatnonzero(frame["ticker"].isna().to_numpy())
    if len(missing):
        raise DataError(
            f"{table.where}: row {int(missing[0]) + 1} has no ticker; expected one in every row"
        )
    return frame["ticker"].astype(str)


# -- times -----------------------------------------------------------------------------------------


def _times(where: str, read: WrittenTimes, form: TableForm) -> Times:
    """Return UTC times: the date at 00:00 for daily rows, the end of the bar for intraday ones."""
    if _are_midnights(read.clock):
        times = read.clock
    elif read.utc is None:
        times = _localized(where, read.clock, form.timezone)
    else:
        times = _dates_elsewhere(read, form)
    if form.bar_minutes is None:
        return times
    if _are_midnights(times):
        raise DataError(
            f"{where}: `bar_minutes` was {form.bar_minutes}, and the rows are whole days; expected "
            "it with times of day only"
        )
    return times + np.timedelta64(form.bar_minutes, "m")


def _are_midnights(times: Times) -> bool:
    return bool((times == times.astype("datetime64[D]")).all())


def _localized(where: str, clock: Times, timezone: str | None) -> Times:
    """Return in UTC what a clock in ``timezone`` showed."""
    import pandas as pd

    if timezone is None:
        raise DataError(
            f"{where}: timestamps such as {pd.Timestamp(clock[0])} carry no time zone; set "
            f"`timezone` on the source, for example `timezone: {_EXAMPLE_ZONE}`"
        )
    return utc_times(where, clock, timezone)


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
