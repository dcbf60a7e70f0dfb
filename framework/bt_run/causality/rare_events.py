"""Bars at which a rare leak would show: listings, corporate actions, gaps, ends of periods."""

from __future__ import annotations

import numpy as np

from bt_run.arrays import Array, Indices, Mask
from bt_run.data.bars import Bars
from bt_run.data.schedule import period_of

__all__ = ["rare_bars", "spread"]

AFTER_LISTING = (0, 1, 3, 10, 21, 42)  # bars from an asset's first one on
BEFORE_ACTION = (1, 2, 3, 5)  # bars before a split or a dividend
AROUND_GAP = (1, 2)  # bars before an asset has a bar again
PERIODS = ("year", "quarter", "month", "week")


def rare_bars(bars: Bars) -> tuple[Indices, ...]:
    """Return bars to take the future away from, sorted, for each kind of rare event there is.

    A leak that needs such an event is seen only when the data end beside one: after an asset's
    listing, before a split or dividend, before missing bars come back, at the end of a year,
    quarter, month or week and just before it.
    """
    last = len(bars) - 1
    first = np.argmax(bars.present, axis=0)
    listings = first[(first > 0) & bars.present.any(axis=0)]
    kinds = [
        _beside(listings, AFTER_LISTING),
        _beside(np.flatnonzero(_actions(bars)), [-bars_ for bars_ in BEFORE_ACTION]),
        _beside(np.flatnonzero(_back(bars)), [-bars_ for bars_ in AROUND_GAP]),
    ]
    for period in PERIODS:
        label = period_of(bars.sessions, period)
        ends = np.flatnonzero(label[1:] != label[:-1])
        kinds.append(_beside(ends, (0, -1)))
    inside = [np.unique(kind[(kind >= bars.start) & (kind < last)]) for kind in kinds]
    return tuple(kind for kind in inside if len(kind))


def spread(bars: Indices, count: int) -> Indices:
    """Return at most ``count`` of some bars, evenly spread over them."""
    if len(bars) <= count:
        return bars
    places = np.linspace(0, len(bars) - 1, count).round().astype(int)
    return np.unique(bars[places])


def _beside(events: Indices, steps: tuple[int, ...] | list[int]) -> Indices:
    """Return the bars that lie some steps after events (before them where negative)."""
    return np.asarray(events[:, None] + np.array(steps)[None, :], dtype=np.intp).ravel()


def _actions(bars: Bars) -> Mask:
    """Return the bars with a split or a dividend, (T,): of units, where their shares change."""
    found = (bars.dividends != 0.0).any(axis=1) | (bars.splits != 1.0).any(axis=1)
    if bars.market_shares is not None:
        found = found | _changes(bars.market_shares)
    return np.asarray(found)


def _changes(values: Array) -> Mask:
    known = np.isfinite(values[1:]) & np.isfinite(values[:-1])
    changed = known & (values[1:] != values[:-1])
    return np.append(False, changed.any(axis=1))


def _back(bars: Bars) -> Mask:
    """Return the bars at which an asset that was there before has a bar again, (T,)."""
    back = bars.present[1:] & ~bars.present[:-1] & (bars.counts[:-1] > 0)
    return np.append(False, back.any(axis=1))
