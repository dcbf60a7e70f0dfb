"""The table of one symbol: its columns, its way from and to arrays, and the joining of what was
fetched.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bt_run import DataError, Rows
from bt_run_plugins.market_data.store.manifest import Entry, Key
from bt_run_plugins.market_data.store.store import Store

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "COLUMNS",
    "NUMBERS",
    "Joined",
    "join_raw",
    "latest_raw",
    "rows_of_columns",
    "symbol_frame",
    "whole",
]

NUMBERS = ("open", "high", "low", "close", "adj_close", "volume", "dividend", "split")
COLUMNS = ("date", *NUMBERS)


@dataclass(frozen=True, kw_only=True)
class Joined:
    """Hold what is known of a series as of now, before any cleaning.

    Attributes:
        frame: the symbol frame; rows in the order received.
        prices: what open, high, low and close are, where corporate actions or adj_close are there.
        inputs: the sha256 of each raw file that was joined, oldest first.
        notes: what was left out and what was said when it was received, a sentence each.
    """

    frame: pd.DataFrame
    prices: str | None
    inputs: tuple[str, ...]
    notes: tuple[str, ...]


def symbol_frame(columns: Mapping[str, Any]) -> pd.DataFrame:
    """Return the symbol frame of named columns (n,): date as datetime64[ns], the others float64, in
    order.

    Raises:
        DataError: date or close is missing.
    """
    import pandas as pd

    if missing := {"date", "close"} - columns.keys():
        raise DataError(
            f"found columns {', '.join(map(str, columns))}; expected "
            f"{' and '.join(sorted(missing))} too"
        )
    return pd.DataFrame(
        {
            name: np.asarray(
                columns[name], dtype="datetime64[ns]" if name == "date" else np.float64
            )
            for name in COLUMNS
            if name in columns
        }
    )


def frame_of_rows(rows: Rows) -> pd.DataFrame:
    """Return the symbol frame of the rows that a reader of files found."""
    columns = {name: getattr(rows, name) for name in NUMBERS}
    return symbol_frame(
        {"date": rows.times} | {name: value for name, value in columns.items() if value is not None}
    )


def rows_of_columns(columns: Mapping[str, NDArray[Any]]) -> Rows:
    """Return the rows of a symbol's columns, each (n,), without those where ``close`` is NaN: no
    bar was there.
    """
    present = np.isfinite(columns["close"])
    values = {name: columns[name][present] for name in NUMBERS if name in columns}
    return Rows(times=columns["date"][present].astype("datetime64[ns]"), **values)


def whole(entries: tuple[Entry, ...]) -> tuple[Entry, ...]:
    """Return the raw files that count: the newest that holds all of a series, and those after it."""
    starts = [i for i, entry in enumerate(entries) if entry.facts.get("whole")]
    return entries[starts[-1] if starts else 0 :]


def latest_raw(store: Store, key: Key) -> pd.DataFrame:
    """Return one frame of a series' raw files as of now; the newest wins where several have a date.

    Raises:
        DataError: there is no such series, or a file is missing or has changed.
    """
    return join_raw(store, key).frame


def join_raw(store: Store, key: Key) -> Joined:
    """Join the raw files of a series; rows without a close and unfinished bars are left out, and
    told.

    Raises:
        DataError: there is no such series, or a file is missing or has changed.
    """
    import pandas as pd

    entries = whole(store.raw(key))
    if not entries:
        raise DataError(
            f"{store.folder}: no raw prices of {key.symbol} from {key.source} at {key.interval} "
            "bars"
        )
    notes: list[str] = []
    frame: pd.DataFrame | None = None
    for entry in entries:
        part, unfinished = store.read(entry), entry.facts.get("unfinished")
        if unfinished:
            part = part[part["date"] < np.datetime64(unfinished)]
        if frame is not None:
            frame, part = _on_its_level(frame, part, notes), part
            part = pd.concat([frame[~frame["date"].isin(part["date"])], part])
        frame = part.reset_index(drop=True)
    assert frame is not None
    frame = frame[[name for name in COLUMNS if name in frame.columns]]
    notes += [note for entry in entries for note in entry.facts.get("notes", ())]
    if entries[-1].facts.get("unfinished"):
        notes.append(
            f"the bar of {entries[-1].facts['unfinished']} was not over when it was fetched; it "
            "is left out"
        )
    absent = frame["close"].isna()
    if absent.any():
        days = frame["date"][absent].dt.strftime("%Y-%m-%d")
        some = ", ".join(days[:3]) + (" and others" if len(days) > 3 else "")
        notes.append(f"{len(days)} rows without a close are left out: {some}")
        frame = frame[~absent].reset_index(drop=True)
    return Joined(
        frame=frame,
        prices=entries[-1].facts.get("prices"),
        inputs=tuple(entry.sha256 for entry in entries),
        notes=tuple(dict.fromkeys(notes)),
    )


def _on_its_level(before: pd.DataFrame, part: pd.DataFrame, notes: list[str]) -> pd.DataFrame:
    """Return the rows before with adj_close on the level of those fetched later.

    Each dividend lets a vendor multiply all adj_close before it by one factor; the first bar in
    both shows it.
    """
    if "adj_close" not in before.columns or "adj_close" not in part.columns:
        return before
    both = before[["date", "adj_close"]].merge(part[["date", "adj_close"]], on="date").dropna()
    factor = float(both["adj_close_y"].iloc[0] / both["adj_close_x"].iloc[0]) if len(both) else 1.0
    if abs(factor - 1) < 1e-9:
        return before
    day = f"{both['date'].iloc[0]:%Y-%m-%d}"
    notes.append(f"adj_close before {day} is multiplied by {factor:.6g}, as dividends since did")
    return before.assign(adj_close=before["adj_close"] * factor)
