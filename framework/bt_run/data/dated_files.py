"""Files whose rows carry dates: tables, series, memberships."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bt_run.data.csv_files import csv_table, refuse_doubled
from bt_run.data.date_forms import written_times
from bt_run.data.parquet_files import parquet_table
from bt_run.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["numbers_or_text", "read_dated"]

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


def read_dated(path: Path, form: str | None = None) -> pd.DataFrame:
    """Read csv or parquet, with our words for its columns, and dates as datetime64.

    ``form`` says how dates are written, where the file does not show it.

    Raises:
        DataError: no such file, or no date in it.
    """
    frame = _read(path)
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
    for word in ("date", "start", "end"):
        if word in have:
            frame[word] = _dates(path, frame[word], form, blank=word == "end")
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


def _read(path: Path) -> pd.DataFrame:
    if not path.exists():
        raise DataError(f"{path}: no such file; expected a table with dates")
    if path.suffix != ".parquet":
        return csv_table(path, dtype=str)
    frame = parquet_table(path)
    frame = frame if frame.index.name is None else frame.reset_index()
    refuse_doubled(path, map(str, frame.columns))
    return frame


def _dates(
    path: Path, column: pd.Series[Any], form: str | None, *, blank: bool
) -> pd.Series[Any]:
    """Return datetime64 of a column as the file's own clock shows it; an end may be blank."""
    import pandas as pd

    written = column.replace("", None)
    there = written.notna() if blank else pd.Series(True, index=written.index)
    dates = pd.Series(np.datetime64("NaT", "s"), index=written.index)
    if there.any():
        read = written_times(f"{path}: column {column.name}", written[there], form)
        dates[there] = read.clock.astype("datetime64[s]")
    return dates
