"""The average true range of each name."""

from __future__ import annotations

import numpy as np

from bt_run import Array, History
from bt_run.arrays import Mask

__all__ = ["RANGE_OF_CHANGES", "true_ranges"]

RANGE_OF_CHANGES = (
    1.4  # ranges are about so much larger than changes from close to close
)


def true_ranges(history: History, n: int) -> tuple[Array, Mask]:
    """Return the mean of the last ``n`` own true ranges, (N,), in units of the total-return series,
    and where it is estimated from closes, (N,).

    The true range is max(high, close before) - min(low, close before): Wilder, New Concepts in
    Technical Trading Systems (1978), here as a plain mean. A name without highs and lows has
    1.4 times the mean |change of close|; NaN until a name has n + 1 own bars.
    """
    close = history.close(n + 1, asset_bars=True)
    high = history.high(n, asset_bars=True)
    low = history.low(n, asset_bars=True)
    if len(close) < n + 1:
        return np.full(close.shape[1], np.nan), np.zeros(close.shape[1], dtype=bool)
    before = close[:-1]
    ranges = np.maximum(high, before) - np.minimum(low, before)
    changes = RANGE_OF_CHANGES * np.abs(close[1:] - before)
    estimated = ~np.isfinite(high).all(axis=0) | ~np.isfinite(low).all(axis=0)
    found = np.where(estimated, changes.mean(axis=0), ranges.mean(axis=0))
    return found, estimated & np.isfinite(found)
