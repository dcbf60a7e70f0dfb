"""When each name that is held was bought, and at what price: all that rotation remembers.

Kept is what is held, ``state.shares`` not 0, and nothing that was only asked for: a buy that was
vetoed or not filled has no entry.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from bt_run import Array, History, PortfolioState
from bt_run.arrays import Times

__all__ = ["Entries", "entries_of", "time_held"]

Memo = Mapping[str, tuple[str, float]]


@dataclass(frozen=True, eq=False)
class Entries:
    """Of each name that is held, (N,): the bar of its entry, NaT elsewhere, and its price there in
    units of the total-return series, NaN elsewhere.
    """

    times: Times
    prices: Array

    def memo(self, assets: tuple[str, ...]) -> dict[str, Any]:
        """Return both by name, as JSON has them."""
        held = np.flatnonzero(~np.isnat(self.times))
        return {
            assets[i]: [_text(self.times[i]), float(self.prices[i])]
            for i in map(int, held)
        }


def entries_of(
    state: PortfolioState, fill: Literal["next_open", "next_close"]
) -> Entries:
    """Return the entries of what is held now: those remembered, and of what is held for the first
    time the first bar after the last decision.

    Where the last decision was in the same session, it is the bar now. The price is that at which
    orders ``fill``, of the first bar from there on that the name has.
    """
    history = state.history
    assets, held = history.assets, np.flatnonzero(state.shares != 0.0)
    times = np.full(len(assets), np.datetime64("NaT", "ns"))
    prices = np.full(len(assets), np.nan)
    known: Memo = state.memo.get("held", {})
    sides = state.memo.get("short", ())
    fresh = []
    for i in map(int, held):
        name = assets[i]
        turned = (name in sides) != bool(state.shares[i] < 0.0)
        if name in known and not turned:
            times[i], prices[i] = np.datetime64(known[name][0], "ns"), known[name][1]
        else:
            fresh.append(i)
    if fresh:
        _add_fresh(state, fill, fresh, (times, prices))
    return Entries(times, prices)


def _add_fresh(
    state: PortfolioState,
    fill: Literal["next_open", "next_close"],
    fresh: list[int],
    entries: tuple[Times, Array],
) -> None:
    history = state.history
    first = _bars_since_decision(state)
    paid = history.open(first) if fill == "next_open" else history.close(first)
    closes, when = history.close(first), history.times(first)
    for i in fresh:
        there = np.flatnonzero(np.isfinite(closes[:, i]))
        row = int(there[0]) if len(there) else len(closes) - 1
        price = paid[row, i] if np.isfinite(paid[row, i]) else closes[row, i]
        entries[0][i], entries[1][i] = when[row], price


def _bars_since_decision(state: PortfolioState) -> int:
    """Return how many bars there were after the session of the last decision, at least 1."""
    last = state.last_decision
    if last is None:
        return 1
    n = 8
    while True:
        sessions = state.history.sessions(n)
        after = int((sessions > last).sum())
        if after < len(sessions) or n >= len(state.history):
            return max(after, 1)
        n *= 2


def time_held(
    history: History, entries: Times, sessions: bool
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return how many ``sessions``, or else minutes of trading, each name is held, (N,); NaN where
    it is not.

    Nights do not count: the first bar of a session lasts as long as the shortest bar there was.
    """
    held = ~np.isnat(entries)
    out = np.full(len(entries), np.nan)
    if not held.any():
        return out
    times = history.times(len(history))
    first = int(np.searchsorted(times, entries[held].min()))
    days = history.sessions(len(history) - first)
    times = times[first:]
    fresh = days[1:] != days[:-1]
    if sessions:
        steps = fresh.astype(np.float64)
    else:
        steps = np.diff(times) / np.timedelta64(1, "m")
        within = steps[~fresh]
        steps = np.where(fresh, within.min(initial=np.inf), steps)
        steps = np.where(np.isfinite(steps), steps, 0.0)
    gone = np.concatenate([[0.0], np.cumsum(steps)])
    at = np.searchsorted(times, entries[held])
    out[held] = gone[-1] - gone[np.minimum(at, len(gone) - 1)]
    return out


def _text(time: np.datetime64) -> str:
    """Return a session's date, or a bar's time in UTC to the minute."""
    day = time.astype("datetime64[D]")
    if day == time:
        return str(day)
    return str(time.astype("datetime64[m]"))
