"""Which assets belonged to the universe when, and how much of it the prices cover."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bt_run.data.bars import Bars
from bt_run.data.data_config import UniverseConfig
from bt_run.data.tables import read_dated
from bt_run.errors import DataError

if TYPE_CHECKING:
    import pandas as pd


__all__ = ["coverage", "members", "members_between", "read_memberships"]


def read_memberships(config: UniverseConfig) -> pd.DataFrame:
    """Read ticker, start, end; an empty end is a member still.

    Raises:
        DataError: the file is no list of memberships, or a membership cannot be true.
    """
    frame = read_dated(config.file)
    missing = [column for column in ("ticker", "start", "end") if column not in frame.columns]
    if missing:
        raise DataError(
            f"{config.file}: found columns {', '.join(map(str, frame.columns))}; expected ticker, "
            "start and end"
        )
    frame = frame[["ticker", "start", "end"]].sort_values(["ticker", "start"], ignore_index=True)
    backward = (frame["end"] < frame["start"]).to_numpy()
    if backward.any():
        row = frame[backward].iloc[0]
        raise DataError(
            f"{config.file}: the membership of {row['ticker']} ends on {row['end']:%Y-%m-%d}, before "
            "it starts on "
            f"{row['start']:%Y-%m-%d}; expected an end on or after the start"
        )
    same = (frame["ticker"] == frame["ticker"].shift()).to_numpy()
    open_or_later = (
        frame["end"].shift().isna() | (frame["end"].shift() > frame["start"])
    ).to_numpy()
    if (same & open_or_later).any():
        row = frame[same & open_or_later].iloc[0]
        raise DataError(
            f"{config.file}: two memberships of {row['ticker']} overlap at {row['start']:%Y-%m-%d}; "
            "expected each to end before the next starts"
        )
    return frame


def members_between(memberships: pd.DataFrame, start: date, end: date) -> tuple[str, ...]:
    """Return the tickers that were members at some time from ``start`` to ``end``, sorted."""
    inside = (memberships["start"] <= np.datetime64(end)) & ~(
        memberships["end"] <= np.datetime64(start)
    )
    return tuple(sorted(set(memberships["ticker"][inside])))


def members(memberships: pd.DataFrame, symbols: Mapping[str, str], bars: Bars) -> NDArray[np.bool_]:
    """Return who was a member at each bar, (T, N): from the session of a start on, and no more on
    its end.
    """
    out = np.zeros((len(bars), len(bars.assets)), dtype=bool)
    columns = {symbols.get(asset, asset): i for i, asset in enumerate(bars.assets)}
    known = memberships[memberships["ticker"].isin(list(columns))]
    starts, ends = (known[word].to_numpy().astype("datetime64[D]") for word in ("start", "end"))
    for ticker, start, end in zip(known["ticker"], starts, ends, strict=True):
        first = np.searchsorted(bars.sessions, start)
        last = len(bars) if np.isnat(end) else np.searchsorted(bars.sessions, end)
        out[first:last, columns[ticker]] = True
    return out


def coverage(
    memberships: pd.DataFrame, config: UniverseConfig, mask: NDArray[np.bool_], bars: Bars
) -> str:
    """Say for each year from the start on what share of the universe has prices in the run.

    The share is the mean over the year's bars of members with a bar, over members by the file.
    """
    starts = np.sort(memberships["start"].to_numpy().astype("datetime64[D]"))
    ends = np.sort(memberships["end"].dropna().to_numpy().astype("datetime64[D]"))
    run = slice(bars.start, len(bars))
    sessions = bars.sessions[run]
    listed = np.searchsorted(starts, sessions, side="right") - np.searchsorted(
        ends, sessions, side="right"
    )
    priced = (mask & bars.present)[run].sum(axis=1)
    years = sessions.astype("datetime64[Y]")
    told = []
    for year in np.unique(years):
        mine = years == year
        total, have = float(listed[mine].mean()), float(priced[mine].mean())
        share = f"{have / total:.0%}" if total else "no members"
        told.append(f"{year} {share} ({have:.0f} of {total:.0f})")
    return f"{config.name}: share of its members with prices, by year: {', '.join(told)}"
