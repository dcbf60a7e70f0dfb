"""Which assets belonged to the universe when, and how much of it the prices cover."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from bt_run.arrays import Mask, Times
from bt_run.data.bars import Bars
from bt_run.data.data_config import UniverseConfig
from bt_run.data.dated_files import Clock, read_dated
from bt_run.errors import DataError
from bt_run.text import listed

if TYPE_CHECKING:
    import pandas as pd


__all__ = [
    "coverage",
    "members",
    "members_between",
    "read_memberships",
    "unread_columns",
]

MEMBERSHIP = ("ticker", "start", "end")


def read_memberships(config: UniverseConfig) -> pd.DataFrame:
    """Read ticker, start, end; an empty end is a member still.

    Raises:
        DataError: the file is no list of memberships, or a membership cannot be true.
    """
    frame = read_dated(config.file, Clock(config.dates))
    _refuse_times(config, frame)
    if not set(MEMBERSHIP) <= set(frame.columns):
        raise DataError(
            f"{config.file}: found columns {', '.join(map(str, frame.columns))}; expected ticker, "
            "start and end"
        )
    frame = frame[[*MEMBERSHIP]].sort_values(["ticker", "start"], ignore_index=True)
    backward = frame[frame["end"] < frame["start"]]
    if len(backward):
        row = backward.iloc[0]
        raise DataError(
            f"{config.file}: the membership of {row['ticker']} ends on {row['end']:%Y-%m-%d}, "
            f"before it starts on {row['start']:%Y-%m-%d}; expected an end on or after the start"
        )
    before = frame.shift()
    still_a_member = before["end"].isna() | (before["end"] > frame["start"])
    overlapping = frame[(frame["ticker"] == before["ticker"]) & still_a_member]
    if len(overlapping):
        row = overlapping.iloc[0]
        raise DataError(
            f"{config.file}: two memberships of {row['ticker']} overlap at "
            f"{row['start']:%Y-%m-%d}; expected each to end before the next starts"
        )
    return frame


def _refuse_times(config: UniverseConfig, frame: pd.DataFrame) -> None:
    for word in ("start", "end"):
        if word in frame and frame[word].dt.tz is not None:
            raise DataError(
                f"{config.file}: column {word} has times of day, such as {frame[word].iloc[0]}; "
                "expected days: a membership begins and ends with a session"
            )


def unread_columns(config: UniverseConfig) -> tuple[str, ...]:
    """Return a note on the columns of a universe's file that nobody reads."""
    frame = read_dated(config.file, Clock(config.dates))
    others = [str(column) for column in frame.columns if column not in MEMBERSHIP]
    if not others:
        return ()
    return (f"{config.name}: columns that are not read: {listed(others, most=8)}",)


def members_between(
    memberships: pd.DataFrame, start: date, end: date
) -> tuple[str, ...]:
    """Return the tickers that were members at some time from ``start`` to ``end``, sorted."""
    begun = memberships["start"] <= np.datetime64(end)
    ended = memberships["end"] <= np.datetime64(start)
    return tuple(sorted(set(memberships["ticker"][begun & ~ended])))


def members(memberships: pd.DataFrame, symbols: Mapping[str, str], bars: Bars) -> Mask:
    """Return who was a member at each bar, (T, N).

    A membership lasts from the session of its start on, and no more on its end.
    """
    out = np.zeros((len(bars), len(bars.assets)), dtype=bool)
    columns = {
        symbols.get(asset, asset): place for place, asset in enumerate(bars.assets)
    }
    known = memberships[memberships["ticker"].isin(list(columns))]
    starts, ends = _days(known["start"]), _days(known["end"])
    for ticker, start, end in zip(known["ticker"], starts, ends, strict=True):
        first = np.searchsorted(bars.sessions, start)
        last = len(bars) if np.isnat(end) else np.searchsorted(bars.sessions, end)
        out[first:last, columns[ticker]] = True
    return out


def coverage(
    memberships: pd.DataFrame, config: UniverseConfig, mask: Mask, bars: Bars
) -> str:
    """Say for each year from the start on what share of the universe has prices in the run.

    The share is the mean over the year's bars of members with a bar, over members by the file.
    """
    run = slice(bars.start, len(bars))
    sessions = bars.sessions[run]
    starts = np.sort(_days(memberships["start"]))
    ends = np.sort(_days(memberships["end"].dropna()))
    begun = np.searchsorted(starts, sessions, side="right")
    ended = np.searchsorted(ends, sessions, side="right")
    listed = begun - ended
    priced = (mask & bars.present)[run].sum(axis=1)
    years = sessions.astype("datetime64[Y]")
    shares = []
    for year in np.unique(years):
        mine = years == year
        total, have = float(listed[mine].mean()), float(priced[mine].mean())
        share = f"{have / total:.0%}" if total else "no members"
        shares.append(f"{year} {share} ({have:.0f} of {total:.0f})")
    return (
        f"{config.name}: share of its members with prices, by year: {', '.join(shares)}"
    )


def _days(column: pd.Series[Any]) -> Times:
    return np.asarray(column.to_numpy(), dtype="datetime64[D]")
