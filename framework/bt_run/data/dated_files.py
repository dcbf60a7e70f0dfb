"""Files whose rows carry dates: tables, series, memberships."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bt_run.arrays import Mask, Times
from bt_run.data.csv_files import csv_table, refuse_doubled
from bt_run.data.date_forms import WrittenTimes, utc_times, written_times
from bt_run.data.parquet_files import parquet_table
from bt_run.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Clock", "numbers_or_text", "read_dated", "read_table"]

MISSING = (
    "",
    ".",
    "NA",
    "N/A",
    "nan",
    "NaN",
    "null",
    "None",
)  # "." is how FRED writes it
WORDS = ("date", "ticker", "start", "end")
# other names of the words above
NAMES = MappingProxyType(
    {
        "observation_date": "date",
        "symbol": "ticker",
        "start_date": "start",
        "end_date": "end",
    }
)


@dataclass(frozen=True)
class Clock:
    """How a file writes its times: the ``form`` of its dates, and the zone of times of day that
    carry none; None where the file shows it.
    """

    form: str | None = None
    zone: str | None = None


def read_dated(path: Path, clock: Clock = Clock()) -> pd.DataFrame:
    """Read csv or parquet, with our words for its columns.

    Dates are datetime64 without a zone where they stand for days, and in UTC where they have times
    of day.

    Raises:
        DataError: no such file, no date in it, days and times of day mixed, or times without a
            zone.
    """
    frame = read_table(path)
    renamed = {}
    for column in frame.columns:
        word = str(column).strip().lower()
        word = NAMES.get(word, word)
        if word in WORDS:
            renamed[column] = word
    frame = frame.rename(columns=renamed)
    refuse_doubled(path, map(str, frame.columns))  # one date under two names
    have = set(frame.columns)
    if "date" not in have and not {"start", "end"} <= have:
        raise DataError(
            f"{path}: found columns {', '.join(map(str, frame.columns))}; expected date, or "
            "ticker, start and end"
        )
    words = [word for word in ("date", "start", "end") if word in have]
    for word in words:
        where = f"{path}: column {word}"
        frame[word] = _dates(where, frame[word], clock, blank=word == "end")
    _refuse_mixed(path, frame[words])
    return frame


def numbers_or_text(column: pd.Series[Any]) -> NDArray[Any]:
    """Return float64 where every value is a number, else text with None for what is missing."""
    import pandas as pd

    if column.dtype.kind in "iuf":
        return column.to_numpy(dtype=np.float64)
    missing = column.isna() | column.isin(MISSING)
    text = column.astype(object).where(~missing, None)
    numbers = pd.to_numeric(text, errors="coerce").to_numpy(dtype=np.float64)
    present = text.notna().to_numpy()
    if np.isfinite(numbers[present]).all():
        return np.where(present, numbers, np.nan)
    return text.to_numpy(dtype=object)


def read_table(path: Path) -> pd.DataFrame:
    """Read parquet as it is, csv as text.

    Raises:
        DataError: there is no such file, or it cannot be read.
    """
    if not path.exists():
        raise DataError(f"{path}: no such file; expected a table with dates")
    if path.suffix != ".parquet":
        return csv_table(path, dtype=str)
    frame = parquet_table(path)
    frame = frame if frame.index.name is None else frame.reset_index()
    refuse_doubled(path, map(str, frame.columns))
    return frame


def _dates(
    where: str, column: pd.Series[Any], clock: Clock, *, blank: bool
) -> pd.Series[Any]:
    """Return days as the file's own clock shows them, or times in UTC; an end may be blank."""
    import pandas as pd

    written = column.replace("", None)
    there = written.notna() if blank else pd.Series(True, index=written.index)
    empty = pd.Series(np.datetime64("NaT", "ns"), index=written.index)
    if not there.any():
        return empty
    given = written[there]
    read = written_times(where, given, clock.form)
    if read.whole_days:
        if clock.zone is not None:
            raise DataError(
                f"{where}: was given a `timezone`, and its rows are whole days; leave it out"
            )
        days = empty.copy()
        days[there] = read.clock
        return days
    if clock.form is None or "%" not in clock.form:  # one format reads every row alike
        _refuse_days(where, given, read.clock)
    times = empty.dt.tz_localize("UTC")
    times[there] = pd.DatetimeIndex(_in_utc(where, read, clock.zone), tz="UTC")
    return times


def _refuse_days(where: str, written: pd.Series[Any], clock: Times) -> None:
    """Refuse rows written without a time of day where others have one."""
    if written.dtype.kind not in "OSU" and str(written.dtype) not in ("str", "string"):
        return
    days: Mask = ~written.astype(str).str.contains(r"\d[:T ]\d").to_numpy(dtype=bool)
    days &= clock == clock.astype("datetime64[D]")
    if days.any():
        row = int(np.flatnonzero(days)[0])
        raise DataError(
            f"{where}: row {row + 1}, {written.iloc[row]}, is a day, and other rows have times of "
            "day; expected times in every row or in none"
        )


def _in_utc(where: str, read: WrittenTimes, zone: str | None) -> Times:
    """Return times of day (n,) in UTC, by their own offsets or by the ``zone`` of the file."""
    if read.utc is not None:
        if zone is not None:
            raise DataError(
                f"{where}: was given a `timezone`, and its rows carry offsets from UTC; leave it "
                "out"
            )
        return read.utc
    if zone is None:
        row = int(np.flatnonzero(read.clock != read.clock.astype("datetime64[D]"))[0])
        found = str(read.clock[row].astype("datetime64[m]")).replace("T", " ")
        raise DataError(
            f"{where}: row {row + 1} has a time of day without a zone, {found}; write `timezone`, "
            "such as America/New_York, or give an offset from UTC in every row"
        )
    return utc_times(where, read.clock, zone)


def _refuse_mixed(path: Path, frame: pd.DataFrame) -> None:
    """Refuse a list whose starts are days and whose ends are times, or the other way round."""
    known = frame.dropna(axis="columns", how="all")
    zones = {str(name): column.dt.tz is not None for name, column in known.items()}
    if len(set(zones.values())) > 1:
        timed = [name for name, zone in zones.items() if zone]
        days = [name for name, zone in zones.items() if not zone]
        raise DataError(
            f"{path}: {' and '.join(timed)} has times of day, and {' and '.join(days)} days; "
            "expected times in every row or in none"
        )
