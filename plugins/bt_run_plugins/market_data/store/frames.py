"""The table of one symbol: its columns, its way from and to arrays, and the joining of what was
fetched.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bt_run import DataError, Rows
from bt_run_plugins.market_data.store.manifest import Key
from bt_run_plugins.market_data.store.records import RawEntry
from bt_run_plugins.market_data.store.store import Store
from bt_run_plugins.sources.sample import PriceConvention

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "COLUMNS",
    "NUMBERS",
    "Joined",
    "counting",
    "frame_of_rows",
    "join_raw",
    "rows_of_columns",
    "symbol_frame",
]

NUMBERS = ("open", "high", "low", "close", "adj_close", "volume", "dividend", "split")
COLUMNS = ("date", *NUMBERS)
_DTYPES = MappingProxyType({"date": np.dtype("datetime64[ns]")})
_SHOWN = 3  # dates that a note names
_SAME = 1e-9  # relative difference below which two levels of adj_close are one


@dataclass(frozen=True, kw_only=True)
class Joined:
    """What is known of a series as of now, before any cleaning.

    Attributes:
        frame: the symbol frame; rows in the order received.
        prices: what open, high, low and close are, where corporate actions or adj_close are there.
        inputs: the sha256 of each raw file that was joined, oldest first.
        notes: what was left out and what was said when it was received, a sentence each.
    """

    frame: pd.DataFrame
    prices: PriceConvention | None
    inputs: tuple[str, ...]
    notes: tuple[str, ...]


def symbol_frame(columns: Mapping[str, Any]) -> pd.DataFrame:
    """Return the symbol frame of named columns (n,): date as datetime64[ns], the others float64, in
    order.

    Raises:
        DataError: date or close is missing.
    """
    import pandas as pd

    missing = {"date", "close"} - columns.keys()
    if missing:
        found = ", ".join(map(str, columns))
        expected = " and ".join(sorted(missing))
        raise DataError(f"found columns {found}; expected {expected} too")
    typed = {}
    for name in COLUMNS:
        if name in columns:
            dtype = _DTYPES.get(name, np.float64)
            typed[name] = np.asarray(columns[name], dtype=dtype)
    return pd.DataFrame(typed)


def frame_of_rows(rows: Rows) -> pd.DataFrame:
    """Return the symbol frame of the rows that a reader of files found."""
    columns: dict[str, Any] = {"date": rows.times}
    for name in NUMBERS:
        values = getattr(rows, name)
        if values is not None:
            columns[name] = values
    return symbol_frame(columns)


def rows_of_columns(columns: Mapping[str, NDArray[Any]]) -> Rows:
    """Return the rows of a symbol's columns, each (n,), without those where ``close`` is NaN: no
    bar was there.
    """
    present = np.isfinite(columns["close"])
    rows = slice(None) if present.all() else present  # a mask would copy every column
    values = {name: columns[name][rows] for name in NUMBERS if name in columns}
    times = columns["date"][rows].astype("datetime64[ns]", copy=False)
    return Rows(times=times, **values)


def counting(entries: Sequence[RawEntry]) -> tuple[RawEntry, ...]:
    """Return the raw files that count: the newest that holds a whole series, and those after it."""
    start = 0
    for place, entry in enumerate(entries):
        if entry.facts.whole:
            start = place
    return tuple(entries[start:])


def join_raw(store: Store, key: Key) -> Joined:
    """Join the raw files of a series; rows without a close and unfinished bars are left out, and
    reported.

    Raises:
        DataError: there is no such series, or a file is missing or has changed.
    """
    entries = counting(store.raw(key))
    if not entries:
        raise DataError(
            f"{store.folder}: no raw prices of {key.symbol} from {key.source} at {key.interval} "
            "bars"
        )
    notes: list[str] = []
    frame = _stacked(store, entries, notes)
    frame = frame[[name for name in COLUMNS if name in frame.columns]]
    notes += _notes_of(entries)
    frame = _with_closes(frame, notes)
    return Joined(
        frame=frame,
        prices=entries[-1].facts.prices,
        inputs=tuple(entry.sha256 for entry in entries),
        notes=tuple(dict.fromkeys(notes)),
    )


def _notes_of(entries: Sequence[RawEntry]) -> list[str]:
    """Return what was said when the files were received."""
    notes = [note for entry in entries for note in entry.facts.notes]
    unfinished = entries[-1].facts.unfinished
    if unfinished:
        notes.append(
            f"the bar of {unfinished} was not over when it was fetched; it is left out"
        )
    return notes


def _stacked(
    store: Store,
    entries: Sequence[RawEntry],
    notes: list[str],
) -> pd.DataFrame:
    """Return the rows of all files; the newest wins where several have a date."""
    import pandas as pd

    frame = _finished_rows(store, entries[0])
    for entry in entries[1:]:
        newer = _finished_rows(store, entry)
        older = _on_its_level(frame, newer, notes)
        kept = older[~older["date"].isin(newer["date"])]
        frame = pd.concat([kept, newer], ignore_index=True)
    return frame.reset_index(drop=True)


def _finished_rows(store: Store, entry: RawEntry) -> pd.DataFrame:
    """Return the rows of a file whose bars were over when they came."""
    frame = store.read(entry)
    if not entry.facts.unfinished:
        return frame
    return frame[frame["date"] < np.datetime64(entry.facts.unfinished)]


def _with_closes(frame: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Return the rows with a close; vendors write others for days not traded."""
    absent = frame["close"].isna()
    if not absent.any():
        return frame
    days = frame["date"][absent].dt.strftime("%Y-%m-%d")
    shown = ", ".join(days[:_SHOWN])
    others = " and others" if len(days) > _SHOWN else ""
    notes.append(f"{len(days)} rows without a close are left out: {shown}{others}")
    return frame[~absent].reset_index(drop=True)


def _on_its_level(
    before: pd.DataFrame,
    newer: pd.DataFrame,
    notes: list[str],
) -> pd.DataFrame:
    """Return the rows before with adj_close on the level of those fetched later.

    Each dividend lets a vendor multiply all adj_close before it by one factor; the first bar in
    both shows it.
    """
    if "adj_close" not in before.columns or "adj_close" not in newer.columns:
        return before
    known = _first_levels(before, newer)
    if known is None:
        return before
    day, old, new = known
    factor = float(new / old)
    if abs(factor - 1) < _SAME:
        return before
    notes.append(
        f"adj_close before {day:%Y-%m-%d} is multiplied by {factor:.6g}, as dividends since did"
    )
    return before.assign(adj_close=before["adj_close"] * factor)


def _first_levels(
    before: pd.DataFrame, newer: pd.DataFrame
) -> tuple[Any, Any, Any] | None:
    """Return the day of the first bar in both, and its adj_close then and now."""
    columns = ["date", "adj_close"]
    both = before[columns].merge(
        newer[columns],
        on="date",
        suffixes=("_old", "_new"),
    )
    both = both.dropna()
    if not len(both):
        return None
    return (
        both["date"].iloc[0],
        both["adj_close_old"].iloc[0],
        both["adj_close_new"].iloc[0],
    )
