"""Scores of several horizons in units of risk, made comparable across names, and merged into one.

    z_h = score_h / (sigma sqrt(bars_h)),   standardised over the eligible names of the row,
    z   = sum_h weight_h z_h / sum_h weight_h   over the horizons that a name has

sigma (T, N) is the standard deviation of a name's own returns per bar. See Grinold and Kahn, Active
Portfolio Management, chapter 10, for scores as standardised returns.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from bt_run import Array, Bars
from bt_run.arrays import Mask
from bt_run_strategies.windows import rolling_deviation, shifted

__all__ = ["Standard", "merged", "own_deviation", "risk_scaled", "standardised"]

Standard = Literal["zscore", "rank", "raw"]


def risk_scaled(score: Array, sigma: Array, bars: int) -> Array:
    """Return ``score`` (T, N) over the deviation of returns of so many ``bars``; NaN where a name
    has none, or did not move.
    """
    risk = sigma * np.sqrt(bars)
    known = np.isfinite(risk) & (risk > 0.0)
    return np.where(known, score / np.where(known, risk, 1.0), np.nan)


def own_deviation(bars: Bars, n: int) -> Array:
    """Return the standard deviation of the last ``n`` own returns of each name, (T, N), ddof 1."""
    close = bars.own_bars(bars.close)
    returns = close / shifted(close, 1) - 1.0
    return bars.on_calendar(rolling_deviation(returns, n, 1))


def standardised(z: Array, eligible: Mask, standard: Standard) -> Array:
    """Return ``z`` (T, N) made comparable over the ``eligible`` names of each row, NaN elsewhere.

    ``zscore``: less the mean, over the standard deviation (ddof 0). ``rank``: the same of the ranks
    from the lowest, equals sharing theirs. ``raw``: as they are. Of equal scores all are 0.
    """
    known = eligible & np.isfinite(z)
    if standard == "raw":
        return np.where(known, z, np.nan)
    values = _ranks(z, known) if standard == "rank" else z
    values = np.where(known, values, 0.0)
    count = np.maximum(known.sum(axis=1, keepdims=True), 1)
    apart = np.where(known, values - values.sum(axis=1, keepdims=True) / count, 0.0)
    size = np.sqrt((apart**2).sum(axis=1, keepdims=True) / count)
    # what rounding leaves of equal scores is no difference
    largest = np.abs(values).max(axis=1, keepdims=True, initial=0.0)
    differ = size > 1e-12 * largest
    scaled = np.where(differ, apart / np.where(differ, size, 1.0), 0.0)
    return np.where(known, scaled, np.nan)


def _ranks(z: Array, known: Mask) -> Array:
    """Return the ranks of the ``known`` values of each row, (T, N), 0 the lowest; equals share the
    mean of theirs.
    """
    values = np.where(known, z, np.inf)
    order = np.argsort(values, axis=1, kind="stable")
    ordered = np.take_along_axis(values, order, axis=1)
    place = np.broadcast_to(np.arange(z.shape[1]), z.shape)
    fresh = np.ones(z.shape, dtype=bool)
    fresh[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    ends = np.ones(z.shape, dtype=bool)
    ends[:, :-1] = fresh[:, 1:]
    first = np.maximum.accumulate(np.where(fresh, place, 0), axis=1)
    far = np.where(ends, place, z.shape[1])
    last = np.minimum.accumulate(far[:, ::-1], axis=1)[:, ::-1]
    ranks = np.empty(z.shape)
    np.put_along_axis(ranks, order, (first + last) / 2.0, axis=1)
    return ranks


def merged(parts: Sequence[Array], weights: Sequence[float]) -> Array:
    """Return the mean of ``parts``, (T, N) each, by ``weights``; a part that is NaN is left out and
    the other weights count more; NaN where all are.
    """
    total, weight = np.zeros(parts[0].shape), np.zeros(parts[0].shape)
    for part, size in zip(parts, weights, strict=True):
        known = np.isfinite(part)
        total += np.where(known, size * part, 0.0)
        weight += np.where(known, size, 0.0)
    known = weight > 0.0
    return np.where(known, total / np.where(known, weight, 1.0), np.nan)
