"""Figures of the last n rows of each column: row t is of rows t - n + 1 to t, and of no other.

Sums are taken row by row in a fixed order, so that a row has the same bits however many rows there
are before or after.
"""

from __future__ import annotations

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
        total = np.zeros((len(values) - n + 1, values.shape[1]))
        for k in range(n):
            total += values[k : len(values) - n + 1 + k]
        out[n - 1 :] = total / n
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
    if len(one) < n:
        return out
    rows = len(one) - n + 1
    mean, also = rolling_mean(one, n)[n - 1 :], rolling_mean(other, n)[n - 1 :]
    total = np.zeros(mean.shape)
    for k in range(n):
        total += (one[k : rows + k] - mean) * (other[k : rows + k] - also)
    out[n - 1 :] = total / n
    return out


def rolling_max(values: Array, n: int) -> Array:
    """Return the largest of the last ``n`` rows, (T, N) -> (T, N); NaN in the first n - 1."""
    out = np.full(values.shape, np.nan)
    if len(values) >= n:
        rows = len(values) - n + 1
        out[n - 1 :] = np.max([values[k : rows + k] for k in range(n)], axis=0)
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


def last_side(side: Array) -> Array:
    """Return the side taken last, (T, N), where ``side`` (T, N) is NaN in rows that take none;
    before any was taken the asset is flat.
    """
    numbers = np.arange(len(side))[:, None]
    rows = np.where(np.isfinite(side), numbers, -1)
    last = np.maximum.accumulate(rows, axis=0)
    taken = np.take_along_axis(side, np.maximum(last, 0), axis=0)
    return np.where(last >= 0, taken, 0.0)
