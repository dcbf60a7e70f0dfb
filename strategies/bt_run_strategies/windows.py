"""Figures of the last n rows of each column: row t is of rows t - n + 1 to t, and of no other.

Sums are taken row by row in a fixed order, so that a row has the same bits however many rows there
are before or after.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import reduce

import numpy as np

from bt_run import Array

__all__ = [
    "last_side",
    "rolling_deviation",
    "rolling_max",
    "rolling_mean",
    "rolling_min",
    "rolling_product",
    "shifted",
]


def rolling_mean(values: Array, n: int) -> Array:
    """Return the mean of the last ``n`` rows, (T, N) -> (T, N); NaN in the first n - 1."""
    out = np.full(values.shape, np.nan)
    if len(values) >= n:
        out[n - 1 :] = _sum(_windows(values, n)) / n
    return out


def rolling_deviation(values: Array, n: int, ddof: int = 0) -> Array:
    """Return the standard deviation of the last ``n`` rows, (T, N) -> (T, N); NaN in the first
    n - 1. ``ddof`` is taken off n.
    """
    return np.sqrt(rolling_product(values, values, n) * (n / (n - ddof)))


def rolling_product(one: Array, other: Array, n: int) -> Array:
    """Return the mean over the last ``n`` rows of (one - its mean) (other - its mean), both (T, N);
    NaN in the first n - 1.
    """
    out = np.full(one.shape, np.nan)
    if len(one) >= n:
        mean, also = rolling_mean(one, n)[n - 1 :], rolling_mean(other, n)[n - 1 :]
        pairs = zip(_windows(one, n), _windows(other, n), strict=True)
        out[n - 1 :] = _sum((a - mean) * (b - also) for a, b in pairs) / n
    return out


def rolling_max(values: Array, n: int) -> Array:
    """Return the largest of the last ``n`` rows, (T, N) -> (T, N); NaN in the first n - 1."""
    out = np.full(values.shape, np.nan)
    if len(values) >= n:
        out[n - 1 :] = reduce(np.maximum, _windows(values, n))
    return out


def rolling_min(values: Array, n: int) -> Array:
    """Return the smallest of the last ``n`` rows, (T, N) -> (T, N); NaN in the first n - 1."""
    return -rolling_max(-values, n)


def shifted(values: Array, n: int) -> Array:
    """Return each row ``n`` rows later, (T, N); NaN in the first n."""
    out = np.full(values.shape, np.nan)
    if n < len(values):
        out[n:] = values[: len(values) - n]
    return out


def _windows(values: Array, n: int) -> Iterator[Array]:
    """Yield the first rows of all windows, (T - n + 1, N), then the second ones, and so on."""
    view = np.lib.stride_tricks.sliding_window_view(values, n, axis=0)
    for place in range(n):
        yield view[:, :, place]


def _sum(parts: Iterable[Array]) -> Array:
    """Return the sum of arrays, one added after the other."""
    rest = iter(parts)
    total = next(rest).copy()
    for part in rest:
        total += part
    return total


def last_side(side: Array) -> Array:
    """Return the side taken last, (T, N), where ``side`` (T, N) is NaN in rows that take none;
    before any was taken the asset is flat.
    """
    numbers = np.arange(len(side))[:, None]
    rows = np.where(np.isfinite(side), numbers, -1)
    last = np.maximum.accumulate(rows, axis=0)
    taken = np.take_along_axis(side, np.maximum(last, 0), axis=0)
    return np.where(last >= 0, taken, 0.0)
