"""Resamples of returns that keep what follows what, and the intervals that they give.

The stationary bootstrap joins blocks whose lengths are geometric (Politis and Romano 1994); their
mean length follows from how the series remembers itself (Politis and White 2004, corrected by
Patton, Politis and White 2009). Both are those of arch, number by number; arch itself takes seconds
to import, and every run is judged.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bt_run.arrays import Array, Indices
from bt_run.studies.numbers import FLAT

__all__ = [
    "Interval",
    "block_length",
    "percentile_interval",
    "resampled_means",
    "resampled_rows",
]

AT_ONCE = 50_000  # rows drawn in one portion, which fit into a processor's cache


@dataclass(frozen=True)
class Interval:
    """An estimate between two ends.

    Attributes:
        value: the estimate.
        low: the lower end.
        high: the upper end.
    """

    value: float
    low: float
    high: float


def percentile_interval(value: float, resampled: Array, confidence: float) -> Interval:
    """Return the percentile interval of a ``value`` with this ``confidence``, from what it is in
    each resample, ``resampled`` (n,).
    """
    tail = 0.5 * (1.0 - confidence)
    low, high = np.quantile(resampled, [tail, 1.0 - tail])
    return Interval(value, float(low), float(high))


def block_length(values: Array) -> int:
    """Return the mean length of blocks, in rows, with which a stationary bootstrap estimates the
    variance of the mean of ``values`` (T,) best; 1 where they do not vary.

    b = (G^2 / LR^2 T)^(1/3), G and LR being sums of |k| and of 1 times the autocovariance at lag k,
    tapered beyond the last lag that counts: Patton, Politis and White (2009).
    """
    periods = len(values)
    if periods < 3 or np.ptp(values) <= FLAT:
        return 1
    covariance, correlation, run = _autocovariances(values - values.mean())
    last = _last_lag(correlation, run, periods)
    lags = np.arange(1, last + 1)
    taper = np.where(lags / last <= 0.5, 1.0, 2.0 * (1.0 - lags / last))
    weighted = 2.0 * taper * covariance[1 : last + 1]
    slope = float((weighted * lags).sum())
    spectrum = float(covariance[0] + weighted.sum())
    most = math.ceil(min(3.0 * math.sqrt(periods), periods / 3.0))
    if spectrum == 0.0:
        return most
    optimal = math.cbrt(slope**2 / spectrum**2 * periods)
    return max(1, round(min(optimal, most)))


def resampled_rows(
    periods: int, block: int, resamples: int, seed: int
) -> Iterator[Indices]:
    """Yield which of ``periods`` rows each resample holds, (r, T) at a time, ``resamples`` in all:
    blocks of ``block`` rows in the mean that wrap around at the end, drawn from ``seed``.
    """
    draw = np.random.default_rng(seed)
    step = max(1, AT_ONCE // periods)
    rows = np.arange(periods)
    for first in range(0, resamples, step):
        count = min(step, resamples - first)
        starts = np.empty((count, periods), dtype=np.intp)
        begins = np.empty((count, periods), dtype=np.bool_)
        for one in range(count):
            starts[one] = draw.integers(periods, size=periods)
            begins[one] = draw.random(periods) <= 1.0 / block
        begins[:, 0] = True
        begun = np.maximum.accumulate(np.where(begins, rows, 0), axis=1)
        from_start = np.take_along_axis(starts, begun, axis=1) + (rows - begun)
        yield from_start % periods


def resampled_means(values: Array, block: int, resamples: int, seed: int) -> Array:
    """Return the means (R, K) of the columns of ``values`` (T, K) in each of ``resamples``, blocks
    of ``block`` rows in the mean, drawn from ``seed``; all columns have the same rows.
    """
    periods = len(values)
    means = []
    for rows in resampled_rows(periods, block, resamples, seed):
        # how often each row is drawn is all that a mean needs to know
        offset = periods * np.arange(len(rows))[:, None]
        counts = np.bincount((rows + offset).ravel(), minlength=rows.size)
        means.append(counts.reshape(rows.shape) @ values / periods)
    return np.concatenate(means)


def _autocovariances(centred: Array) -> tuple[Array, Array, int]:
    """Return the autocovariances and absolute autocorrelations of centred values (T,) up to the
    last lag looked at, and how many small ones in a row mean that nothing follows.
    """
    periods = len(centred)
    run = max(5, int(math.log10(periods)))
    lags = min(math.ceil(math.sqrt(periods)) + run, periods - 2)
    covariance = np.empty(lags + 1)
    correlation = np.empty(lags + 1)
    squares = np.concatenate([[0.0], np.cumsum(centred**2)])
    for lag in range(lags + 1):
        product = float(centred[lag:] @ centred[: periods - lag])
        later = squares[-1] - squares[lag + 1]
        earlier = squares[periods - lag - 1]
        covariance[lag] = product / periods
        scale = math.sqrt(later * earlier)
        correlation[lag] = abs(product) / scale if scale > 0.0 else math.inf
    return covariance, correlation, run


def _last_lag(correlation: Array, run: int, periods: int) -> int:
    """Return the last lag whose autocovariance counts: twice the one after which ``run`` lags lie
    inside the band.
    """
    band = 2.0 * math.sqrt(math.log10(periods) / periods)
    most = len(correlation) - 1
    inside = correlation < band
    for lag in range(most - run + 1):
        if inside[lag : lag + run].all():
            return min(2 * max(lag, 1), most)
    return most
