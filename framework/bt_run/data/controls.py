"""Facts from outside that a run obeys or reads: each known from its own time on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from bt_run.arrays import Times
from bt_run.data.bars import Bars
from bt_run.data.date_forms import DateForm, TimeZone, utc_times, written_times
from bt_run.data.dated_files import read_table
from bt_run.errors import DataError
from bt_run.model import Config

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "FLATTEN",
    "HALT",
    "NO_CONTROLS",
    "OBEYED",
    "Controls",
    "ControlsConfig",
    "read_controls",
]

# the keys that the pipeline itself obeys
OBEYED = HALT, FLATTEN = "halt", "flatten"
COLUMNS = ("time", "key", "value")
WORDS = MappingProxyType({"true": True, "false": False})


class ControlsConfig(Config):
    """The file of facts from outside, such as a halt of trading."""

    file: Path = Field(
        description="csv or parquet with time, key, value: components read it as "
        "`state.controls`; `halt: true` stops trading, `flatten: true` sells everything"
    )
    dates: DateForm = None
    timezone: TimeZone = Field(
        default=None,
        description="zone of times that carry none, e.g. America/New_York",
    )


@dataclass(frozen=True)
class Controls:
    """What was known from outside, by time.

    Attributes:
        times: (n,) datetime64[ns] in UTC, rising: when anything changed.
        known: (n + 1) mappings: key -> value after so many changes.
    """

    times: Times
    known: tuple[Mapping[str, Any], ...]

    def at(self, bars: Bars, t: int) -> Mapping[str, Any]:
        """Return what is known at the end of bar ``t``: of a daily bar, its scheduled close."""
        if not len(self.times):
            return self.known[0]
        return self.known[int(np.searchsorted(self.times, bars.ends[t], side="right"))]

    def until(self, bars: Bars) -> Controls:
        """Return what is known by the end of the bars."""
        if not len(self.times):
            return self
        count = int(np.searchsorted(self.times, bars.ends[-1], side="right"))
        return Controls(self.times[:count], self.known[: count + 1])


NO_CONTROLS = Controls(np.array([], "datetime64[ns]"), (MappingProxyType({}),))


def read_controls(config: ControlsConfig | None) -> Controls:
    """Read a file of controls; without one nothing is known from outside.

    Raises:
        DataError: the file is none of time, key and value, or says two things at once.
    """
    if config is None:
        return NO_CONTROLS
    frame = read_table(config.file)
    if set(frame.columns) != set(COLUMNS):
        found = ", ".join(map(str, frame.columns))
        raise DataError(
            f"{config.file}: found columns {found}; expected time, key, value"
        )
    times = _times(config, frame["time"])
    keys = frame["key"].astype(str).str.strip().to_numpy()
    values = [
        _value(config.file, row, keys[row], text)
        for row, text in enumerate(frame["value"])
    ]
    order = np.argsort(times, kind="stable")
    changed: dict[np.datetime64, dict[str, Any]] = {}
    for row in order:
        _put(
            config.file,
            changed.setdefault(times[row], {}),
            times[row],
            keys[row],
            values[row],
        )
    known = [dict[str, Any]()]
    for changes in changed.values():
        known.append(known[-1] | changes)
    moments = np.array(list(changed), "datetime64[ns]")
    return Controls(moments, tuple(MappingProxyType(one) for one in known))


def _times(config: ControlsConfig, column: pd.Series[Any]) -> Times:
    where = f"{config.file}: column time"
    read = written_times(where, column, config.dates)
    if read.utc is not None:
        if config.timezone is not None:
            raise DataError(
                f"{where}: was given a `timezone`, and its rows carry offsets from UTC; leave it "
                "out"
            )
        return read.utc
    if config.timezone is None:
        raise DataError(
            f"{where}: found {column.iloc[0]}, without a zone; write an offset from UTC, such as "
            "2020-03-12T15:30-04:00, or `timezone: America/New_York`"
        )
    return utc_times(where, read.clock, config.timezone)


def _value(file: Path, row: int, key: str, value: Any) -> Any:
    """Return true and false, numbers, or text; what the pipeline obeys is true or false."""
    text = str(value).strip()
    if value is None or text in ("", "nan", "None"):
        raise DataError(f"{file}: row {row + 1}, {key}, has no value; expected one")
    word = WORDS.get(text.lower())
    if word is not None:
        return word
    if key in OBEYED:
        raise DataError(
            f"{file}: row {row + 1}: {key} was {text!r}; expected true or false"
        )
    try:
        return float(text)
    except ValueError:
        return text


def _put(
    file: Path, known: dict[str, Any], time: np.datetime64, key: str, value: Any
) -> None:
    """Set a key, which may have one value at a time."""
    if known.get(key, value) != value:
        raise DataError(
            f"{file}: {key} is both {known[key]} and {value} at {time.astype('datetime64[s]')} "
            "UTC; expected one value at a time"
        )
    known[key] = value
