"""Point-in-time tables and series: what was known beside the prices, and since when.

A row dated d with a lag of L sessions is visible from the close of session d + L; a d that is no
session counts as the next one. Later rows than the last bar can see are not read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bt_run.arrays import Array
from bt_run.data.bars import Bars
from bt_run.data.calendars import exchange_sessions
from bt_run.data.data_config import TableConfig
from bt_run.data.known import Table
from bt_run.errors import DataError

if TYPE_CHECKING:
    import pandas as pd


__all__ = ["file_table", "read_dated", "series_table"]

_MISSING = ("", ".", "NA", "N/A", "nan", "NaN", "null", "None")  # "." is how FRED writes it


@dataclass(frozen=True)
class _Dated:
    """Hold rows as written: each dated (n,), for a column of the table, with its value; NaN or None
    is no value.
    """

    dates: NDArray[np.datetime64]
    columns: NDArray[np.int64]
    values: NDArray[Any]


def series_table(
    times: NDArray[np.datetime64], values: Array, config: TableConfig, bars: Bars
) -> Table:
    """Return a series whose value (n,) dated ``times`` (n,) is known ``config.lag`` sessions later."""
    dates = times.astype("datetime64[D]")
    table = _aligned(_Dated(dates, np.zeros(len(dates), np.int64), values), 1, config, bars)
    return Table(table.values[:, 0].copy(), table.rows, config.revised)


def file_table(
    name: str, config: TableConfig, symbols: Mapping[str, str], bars: Bars
) -> tuple[Table, str]:
    """Read a file into a table or a series; ``symbols`` maps the assets of the run to those at the
    source.

    Returns the table and a note for the reports, or "".

    Raises:
        DataError: the file cannot be read as one.
    """
    assert config.file is not None
    frame = read_dated(config.file)
    known = {
        key: i for i, asset in enumerate(bars.assets) for key in (symbols.get(asset, asset), asset)
    }
    if "ticker" in frame.columns:
        found = frame["ticker"].isin(list(known))
        frame = frame[found]
        columns = np.array([known[ticker] for ticker in frame["ticker"]], dtype=np.int64)
        dated = (
            _memberships(frame, columns)
            if "start" in frame.columns
            else _long(config, frame, columns)
        )
    elif config.column is None and (
        wide := [column for column in frame.columns if column in known]
    ):
        dated = _wide(frame, wide, known)
    else:
        values = _numbers_or_text(frame[_value_column(config, frame)])
        if values.dtype == object:
            raise DataError(
                f"{config.file}: a series must hold numbers; found {_first_text(values)!r}"
            )
        return series_table(frame["date"].to_numpy(), values, config, bars), ""
    _refuse_twice(config.file, dated, bars.assets)
    table = _aligned(dated, len(bars.assets), config, bars)
    lacking = [asset for i, asset in enumerate(bars.assets) if i not in set(dated.columns.tolist())]
    note = f"the table {name} has nothing for {', '.join(lacking)}" if lacking else ""
    return table, note


def read_dated(path: Path) -> pd.DataFrame:
    """Read csv or parquet with names lower-cased where they are words of ours, and dates as
    datetime64[D].

    Raises:
        DataError: no such file, or no date in it.
    """
    import pandas as pd

    if not path.exists():
        raise DataError(f"{path}: no such file; expected a table with dates")
    try:
        if path.suffix == ".parquet":
            frame = pd.read_parquet(path)
        else:
            frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read: {error}") from error
    if frame.index.name is not None:
        frame = frame.reset_index()
    names = {
        "observation_date": "date",
        "symbol": "ticker",
        "start_date": "start",
        "end_date": "end",
    }
    words = ("date", "ticker", "start", "end")
    lower = {column: str(column).strip().lower() for column in frame.columns}
    lower = {column: names.get(word, word) for column, word in lower.items()}
    frame = frame.rename(columns={column: word for column, word in lower.items() if word in words})
    dates = [word for word in ("date", "start", "end") if word in frame.columns]
    if not {"date"} & set(dates) and not {"start", "end"} <= set(dates):
        raise DataError(
            f"{path}: found columns {', '.join(map(str, frame.columns))}; expected date, or "
            "ticker, start and end"
        )
    for word in dates:
        frame[word] = _dates(path, frame[word], blank=word == "end")
    return frame


def _dates(path: Path, column: pd.Series[Any], *, blank: bool) -> pd.Series[Any]:
    import pandas as pd

    if column.dtype.kind in "iu":
        column = column.astype(str)  # 20100104 is a date, and no count of nanoseconds
    try:
        dates = pd.to_datetime(
            column.replace("", None), format=None if column.dtype.kind == "M" else "ISO8601"
        )
    except (TypeError, ValueError) as error:
        raise DataError(
            f"{path}: column {column.name} holds something that is not a date: {error}"
        ) from error
    if not blank and dates.isna().any():
        row = int(np.flatnonzero(dates.isna().to_numpy())[0]) + 1
        raise DataError(
            f"{path}: row {row} has no {column.name}; expected a date such as 2000-01-31"
        )
    if dates.dt.tz is not None:
        dates = dates.dt.tz_localize(None)
    return dates.dt.as_unit("s")


def _value_column(config: TableConfig, frame: pd.DataFrame) -> str:
    have = [str(column) for column in frame.columns if column not in ("date", "ticker")]
    if config.column is not None:
        if config.column not in have:
            raise DataError(
                f"{config.file}: no column {config.column!r}; found {', '.join(have) or 'none'}"
            )
        return config.column
    if len(have) != 1:
        raise DataError(
            f"{config.file}: found the columns {', '.join(have) or 'none'} beside the date; "
            "expected one, or `column` "
            "to choose it, or columns named after the run's assets"
        )
    return have[0]


def _long(config: TableConfig, frame: pd.DataFrame, columns: NDArray[np.int64]) -> _Dated:
    values = _numbers_or_text(frame[_value_column(config, frame)])
    return _Dated(frame["date"].to_numpy().astype("datetime64[D]"), columns, values)


def _wide(frame: pd.DataFrame, columns: list[str], known: Mapping[str, int]) -> _Dated:
    values = [_numbers_or_text(frame[column]) for column in columns]
    kind = object if any(v.dtype == object for v in values) else np.float64
    dates = frame["date"].to_numpy().astype("datetime64[D]")
    where = np.repeat([known[column] for column in columns], len(frame))
    return _Dated(
        np.tile(dates, len(columns)), where, np.concatenate([v.astype(kind) for v in values])
    )


def _memberships(frame: pd.DataFrame, columns: NDArray[np.int64]) -> _Dated:
    """Turn memberships into 1 from each start, 0 from each end."""
    starts, ends = (frame[word].to_numpy().astype("datetime64[D]") for word in ("start", "end"))
    closed = ~np.isnat(ends)
    # an end comes before the start of a membership that begins on the same day, so that the last word is
    # "member"
    dates = np.concatenate([ends[closed], starts])
    values = np.concatenate([np.zeros(int(closed.sum())), np.ones(len(starts))])
    return _Dated(dates, np.concatenate([columns[closed], columns]), values)


def _numbers_or_text(column: pd.Series[Any]) -> NDArray[Any]:
    """Return float64 where every value is a number, else text with None for what is missing."""
    import pandas as pd

    if column.dtype.kind in "iuf":
        return column.to_numpy(dtype=np.float64)
    text = column.astype(object).where(column.notna() & ~column.isin(_MISSING), None)
    numbers = pd.to_numeric(text, errors="coerce").to_numpy(dtype=np.float64)
    present = text.notna().to_numpy()
    if np.isfinite(numbers[present]).all():
        return np.where(present, numbers, np.nan)
    return text.to_numpy(dtype=object)


def _first_text(values: NDArray[Any]) -> str:
    def is_number(value: Any) -> bool:
        try:
            float(value)
        except ValueError:
            return False
        return True

    return next(str(value) for value in values if value is not None and not is_number(value))


def _refuse_twice(path: Path, dated: _Dated, assets: tuple[str, ...]) -> None:
    keys = list(zip(dated.columns.tolist(), dated.dates.tolist(), strict=True))
    if len(set(keys)) == len(keys):
        return
    values: dict[tuple[int, Any], Any] = {}
    for key, value in zip(keys, dated.values.tolist(), strict=True):
        # an end and a start on one day are two rows of one membership list, and no contradiction
        if key in values and {value, values[key]} != {0.0, 1.0} and value != values[key]:
            raise DataError(
                f"{path}: {assets[key[0]]} has both {values[key]} and {value} at {key[1]}; "
                "expected one value a day"
            )
        values[key] = value


def _known(values: NDArray[Any]) -> NDArray[np.bool_]:
    if values.dtype == object:
        return np.array([value is not None for value in values], dtype=bool)
    return np.asarray(np.isfinite(values))


def _aligned(dated: _Dated, width: int, config: TableConfig, bars: Bars) -> Table:
    """Carry each column's values from when they are known; (K + 1, width), and the row of each bar."""
    visible, sessions = _visible_from(dated.dates, config, bars)
    seen = (
        bars.sessions if bars.daily else bars.sessions - np.timedelta64(1, "D")
    )  # a day whose close is behind us
    keep = _known(dated.values) & (visible <= seen[-1])
    order = np.lexsort(
        (dated.dates[keep], visible[keep])
    )  # of two rows that come out together the later one counts
    visible, columns, values = (
        array[keep][order] for array in (visible, dated.columns, dated.values)
    )
    if config.max_age is not None:
        expires = sessions[
            np.minimum(np.searchsorted(sessions, visible) + config.max_age, len(sessions) - 1)
        ]
    moments = np.unique(visible if config.max_age is None else np.concatenate([visible, expires]))
    unknown = None if values.dtype == object else np.nan
    out = np.full((len(moments) + 1, width), unknown, dtype=values.dtype)
    rows = np.searchsorted(moments, visible) + 1
    for column in np.unique(columns):
        mine = columns == column
        latest = np.zeros(len(moments) + 1, dtype=np.int64)
        latest[rows[mine]] = np.flatnonzero(mine) + 1
        np.maximum.accumulate(latest, out=latest)
        there = latest > 0
        if config.max_age is not None:
            there &= np.append(moments[:1], moments) < np.append(moments[:1], expires)[latest]
        out[there, column] = values[latest[there] - 1]
    return Table(out, np.searchsorted(moments, seen, side="right").astype(np.int64), config.revised)


def _visible_from(
    dates: NDArray[np.datetime64], config: TableConfig, bars: Bars
) -> tuple[NDArray[np.datetime64], NDArray[np.datetime64]]:
    """Return the session at whose close each date's row is known, (n,), and the exchange's
    sessions.
    """
    years = np.timedelta64(366 * (2 + (config.lag + (config.max_age or 0)) // 250), "D")
    sessions = exchange_sessions(bars.calendar, bars.sessions[0] - years, bars.sessions[-1])
    sessions = np.append(sessions, np.datetime64("9999-12-31"))  # what is known after the last bar
    at = np.searchsorted(sessions, dates) + config.lag
    return sessions[np.minimum(at, len(sessions) - 1)], sessions
