"""Point-in-time tables and series: what was known beside the prices, and since when.

A row dated d with a lag of L sessions is visible from the close of session d + L; a d that is no
session counts as the next one. A row with a time of day belongs to the first session whose
scheduled close is at or after it; among intraday bars it is visible from the first bar that ends
``lag_minutes`` later or more. Later rows than the last bar can see are not read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bt_run.arrays import Array, Mask, Times
from bt_run.data.bars import Bars
from bt_run.data.calendars import exchange_sessions, scheduled_closes
from bt_run.data.data_config import TableConfig
from bt_run.data.dated_files import Clock, numbers_or_text, read_dated
from bt_run.data.known import Table
from bt_run.data.table_notes import left_out, old_rows
from bt_run.errors import ConfigError, DataError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["file_table", "series_table"]

DATE, NANOSECONDS = "datetime64[D]", "datetime64[ns]"
# when what is known after the last bar only comes out
NEVER = np.datetime64("2262-01-01")


@dataclass(frozen=True)
class _Dated:
    """Rows as written: each dated (n,), for a column of the table, with its value.

    Dates are datetime64[D], or where they have times of day datetime64[ns] in UTC. NaN or None is
    no value.
    """

    dates: Times
    columns: NDArray[np.int64]
    values: NDArray[Any]

    @property
    def timed(self) -> bool:
        """Tell whether the rows have times of day."""
        return self.dates.dtype != np.dtype(DATE)

    def take(self, rows: NDArray[Any]) -> _Dated:
        """Return some rows."""
        return _Dated(self.dates[rows], self.columns[rows], self.values[rows])


def series_table(
    name: str, times: Times, values: Array, config: TableConfig, bars: Bars
) -> Table:
    """Return a series whose values (n,) are dated ``times`` (n,): days, or times of day in UTC.

    Raises:
        ConfigError: ``config`` has another lag than such rows need.
    """
    days = times.astype(DATE)
    whole = bool((times == days).all())
    one_column = np.zeros(len(times), np.int64)
    dated = _Dated(days if whole else times.astype(NANOSECONDS), one_column, values)
    table = _aligned(name, dated, 1, config, bars)
    return Table(table.values[:, 0].copy(), table.rows, config.revised)


def file_table(
    name: str, config: TableConfig, symbols: Mapping[str, str], bars: Bars
) -> tuple[Table, tuple[str, ...]]:
    """Read a file into a table or a series.

    ``symbols`` maps the assets of the run to those at the source. Returns the table and what of
    the file is not in it, a note each.

    Raises:
        DataError: the file cannot be read as one.
        ConfigError: ``config`` has another lag than its rows need.
    """
    assert config.file is not None
    frame = read_dated(config.file, Clock(config.dates, config.timezone))
    columns = _columns_of(symbols, bars)
    notes = left_out(name, frame, columns, config)
    dated = _dated(config, frame, columns)
    if config.snapshots and (dated is None or "start" in frame):
        raise ConfigError(
            f"data.tables.{name}.snapshots: goes with one value by asset and date; found "
            f"{'a series' if dated is None else 'memberships'}"
        )
    if dated is None:
        dates = _dates(frame["date"])
        return _file_series(name, config, frame, bars), (
            *notes,
            *old_rows(name, dates, config, bars),
        )
    _refuse_twice(config.file, dated, bars.assets)
    there = set(dated.columns.tolist())
    if config.snapshots:
        dated = _whole(dated, _dates(frame["date"]), len(bars.assets))
    table = _aligned(name, dated, len(bars.assets), config, bars)
    if "start" not in frame:
        notes = (*notes, *old_rows(name, dated.dates, config, bars))
    lacking = [asset for place, asset in enumerate(bars.assets) if place not in there]
    if lacking:
        notes = (*notes, f"the table {name} has nothing for {', '.join(lacking)}")
    return table, notes


# -- shapes of files -------------------------------------------------------------------------------


def _columns_of(symbols: Mapping[str, str], bars: Bars) -> dict[str, int]:
    """Return the column of each name that a file may use: an asset's symbol, or its own."""
    columns: dict[str, int] = {}
    for place, asset in enumerate(bars.assets):
        columns[symbols.get(asset, asset)] = place
        columns[asset] = place
    return columns


def _dated(
    config: TableConfig, frame: pd.DataFrame, columns: Mapping[str, int]
) -> _Dated | None:
    """Return the rows of a table, long, wide or of memberships; None where it is a series."""
    if "ticker" in frame.columns:
        frame = frame[frame["ticker"].isin(list(columns))]
        where = np.array(
            [columns[ticker] for ticker in frame["ticker"]], dtype=np.int64
        )
        return (
            _memberships(frame, where)
            if "start" in frame
            else _long(config, frame, where)
        )
    wide = [column for column in frame.columns if column in columns]
    if config.column is None and wide:
        return _wide(frame, {column: columns[column] for column in wide})
    return None


def _long(
    config: TableConfig, frame: pd.DataFrame, columns: NDArray[np.int64]
) -> _Dated:
    values = numbers_or_text(frame[_value_column(config, frame)])
    return _Dated(_dates(frame["date"]), columns, values)


def _wide(frame: pd.DataFrame, columns: Mapping[str, int]) -> _Dated:
    dates = _dates(frame["date"])
    parts = [numbers_or_text(frame[column]) for column in columns]
    kind = object if any(part.dtype == object for part in parts) else np.float64
    return _Dated(
        dates=np.tile(dates, len(columns)),
        columns=np.repeat(list(columns.values()), len(frame)),
        values=np.concatenate([part.astype(kind) for part in parts]),
    )


def _memberships(frame: pd.DataFrame, columns: NDArray[np.int64]) -> _Dated:
    """Turn memberships into 1 from each start, 0 from each end."""
    starts = _dates(frame["start"])
    ends = _dates(frame["end"]).astype(starts.dtype)
    closed = ~np.isnat(ends)
    # ends come first: of an end and a start on one day the start is the last word
    return _Dated(
        dates=np.concatenate([ends[closed], starts]),
        columns=np.concatenate([columns[closed], columns]),
        values=np.concatenate([np.zeros(int(closed.sum())), np.ones(len(starts))]),
    )


def _whole(dated: _Dated, dates: Times, width: int) -> _Dated:
    """Return a row for every column at each of the dates, without a value where none was given."""
    days = np.unique(dates)
    missing = None if dated.values.dtype == object else np.nan
    values = np.full((len(days), width), missing, dtype=dated.values.dtype)
    values[np.searchsorted(days, dated.dates), dated.columns] = dated.values
    columns = np.tile(np.arange(width), len(days))
    return _Dated(np.repeat(days, width), columns, values.ravel())


def _dates(column: pd.Series[Any]) -> Times:
    """Return days (n,), or times of day in UTC."""
    plain = column.dt.tz_localize(None).to_numpy()
    return np.asarray(plain.astype(DATE if column.dt.tz is None else NANOSECONDS))


def _file_series(
    name: str, config: TableConfig, frame: pd.DataFrame, bars: Bars
) -> Table:
    values = numbers_or_text(frame[_value_column(config, frame)])
    if values.dtype == object:
        text = _first_text(values)
        raise DataError(f"{config.file}: a series must hold numbers; found {text!r}")
    return series_table(name, _dates(frame["date"]), values, config, bars)


def _value_column(config: TableConfig, frame: pd.DataFrame) -> str:
    have = [str(column) for column in frame.columns if column not in ("date", "ticker")]
    found = ", ".join(have) or "none"
    if config.column is not None:
        if config.column not in have:
            raise DataError(
                f"{config.file}: no column {config.column!r}; found {found}"
            )
        return config.column
    if len(have) != 1:
        raise DataError(
            f"{config.file}: found the columns {found} beside the date; expected one, or `column` "
            "to choose it, or columns named after the run's assets"
        )
    return have[0]


def _first_text(values: NDArray[Any]) -> str:
    return next(
        str(value) for value in values if value is not None and not _is_number(value)
    )


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except ValueError:
        return False
    return True


def _refuse_twice(path: Path, dated: _Dated, assets: tuple[str, ...]) -> None:
    keys = list(zip(dated.columns.tolist(), dated.dates.tolist(), strict=True))
    if len(set(keys)) == len(keys):
        return
    values: dict[tuple[int, Any], Any] = {}
    for key, value in zip(keys, dated.values.tolist(), strict=True):
        before = values.get(key, value)
        # an end and a start on one day are two rows of one list of memberships
        if value != before and {value, before} != {0.0, 1.0}:
            raise DataError(
                f"{path}: {assets[key[0]]} has both {before} and {value} at {key[1]}; expected one "
                "value a day"
            )
        values[key] = value


# -- what was known when ---------------------------------------------------------------------------


@dataclass(frozen=True)
class _Known:
    """Rows in the order in which they come out: each (n,), with when it is known from.

    That is a session in a daily run, a time in an intraday one. ``expires`` is when a row begins to
    be too old; None where none grows old.
    """

    rows: _Dated
    visible: Times
    expires: Times | None

    def moments(self) -> Times:
        """Return when anything changes, sorted."""
        if self.expires is None:
            return np.unique(self.visible)
        return np.unique(np.concatenate([self.visible, self.expires]))


def _aligned(
    name: str, dated: _Dated, width: int, config: TableConfig, bars: Bars
) -> Table:
    """Carry each column's values from when they are known; (K + 1, width), and the row of
    each bar.
    """
    _check_lag(name, dated, config, bars)
    # a daily bar stands for its session's close, an intraday one for its end
    seen = bars.sessions if bars.daily else bars.times
    known = _in_order(dated, seen[-1], config, bars)
    moments = known.moments()
    values = known.rows.values
    unknown = None if values.dtype == object else np.nan
    out = np.full((len(moments) + 1, width), unknown, dtype=values.dtype)
    for column in np.unique(known.rows.columns):
        latest = _latest(known, column, moments)
        there = latest > 0
        out[there, column] = values[latest[there] - 1]
    known_row = np.searchsorted(moments, seen, side="right").astype(np.int64)
    return Table(out, known_row, config.revised)


def _in_order(
    dated: _Dated, last: np.datetime64, config: TableConfig, bars: Bars
) -> _Known:
    """Keep the rows that are known by ``last``, by when they come out; those without a value only
    where they take one back.
    """
    visible, expires = _visible_from(dated, config, bars)
    says = np.full(len(visible), True) if config.snapshots else _has_value(dated.values)
    keep = np.flatnonzero(says & (visible <= last))
    # of two rows that come out together the later one counts
    order = keep[np.lexsort((dated.dates[keep], visible[keep]))]
    until = None if expires is None else expires[order]
    return _Known(dated.take(order), visible[order], until)


def _latest(known: _Known, column: np.int64, moments: Times) -> NDArray[np.int64]:
    """Return the number, from 1, of a column's latest row at each moment; 0 where none counts.

    The answer is (K + 1,): before the first of the K moments nothing is known.
    """
    mine = known.rows.columns == column
    at = np.searchsorted(moments, known.visible[mine]) + 1
    latest = np.zeros(len(moments) + 1, dtype=np.int64)
    latest[at] = np.flatnonzero(mine) + 1
    np.maximum.accumulate(latest, out=latest)
    if known.expires is None:
        return latest
    now = np.append(moments[:1], moments)
    until = np.append(moments[:1], known.expires)[latest]
    return np.where(now < until, latest, 0)


def _has_value(values: NDArray[Any]) -> Mask:
    if values.dtype == object:
        return np.array([value is not None for value in values], dtype=bool)
    return np.asarray(np.isfinite(values))


def _visible_from(
    dated: _Dated, config: TableConfig, bars: Bars
) -> tuple[Times, Times | None]:
    """Return from when on each row is known, and from when on it is too old, (n,) each.

    These are sessions in a daily run, times in an intraday one, where a session stands for its
    scheduled close.
    """
    sessions = _sessions_around(config, bars)
    steps = sessions.astype(DATE)
    if dated.timed or not bars.daily:
        closes = scheduled_closes(bars.calendar, sessions)
        steps = steps if bars.daily else closes
    steps = np.append(steps, NEVER.astype(steps.dtype))
    if dated.timed and not bars.daily:
        visible = dated.dates + np.timedelta64(config.lag_minutes or 0, "m")
        place = np.searchsorted(closes, visible)
    else:
        ends = closes if dated.timed else sessions
        place = np.searchsorted(ends, dated.dates) + (config.lag or 0)
        visible = steps[np.minimum(place, len(sessions))]
    if config.max_age is None:
        return visible, None
    return visible, steps[np.minimum(place + config.max_age, len(sessions))]


def _sessions_around(config: TableConfig, bars: Bars) -> Times:
    """Return the exchange's sessions to the last bar, from so early on that lags can be counted."""
    sessions_back = (config.lag or 0) + (config.max_age or 0)
    years_back = np.timedelta64(366 * (2 + sessions_back // 250), "D")
    first = bars.sessions[0] - years_back
    return exchange_sessions(bars.calendar, first, bars.sessions[-1])


def _check_lag(name: str, dated: _Dated, config: TableConfig, bars: Bars) -> None:
    """Refuse minutes where sessions are to be counted, and sessions where minutes are."""
    minutes = dated.timed and not bars.daily
    if minutes == (config.lag_minutes is not None):
        return
    where = f"data.tables.{name}"
    if minutes:
        raise ConfigError(
            f"{where}.lag: was {config.lag}, and its rows have times of day among intraday bars; "
            "expected `lag_minutes`, the minutes after a row's time until it is known"
        )
    found = "its rows are days" if bars.daily is False else "the bars are daily"
    raise ConfigError(
        f"{where}.lag_minutes: was {config.lag_minutes}, and {found}; expected `lag`, the sessions "
        "after a row's until it is known (0: at the close of that very session)"
    )
