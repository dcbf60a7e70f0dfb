"""The market that costs may ask about: volumes and volatility of the bars before a trade."""

from __future__ import annotations

import numpy as np

from bt_run.arrays import Array
from bt_run.data.bars import Bars

__all__ = ["KnownConditions", "average_volume", "volatility"]


class KnownConditions:
    """The market as it is known at a decision: averages end with its bar, and the volume of the
    fill's bar is not known, NaN.
    """

    __slots__ = ("_bars", "_t")

    def __init__(self, bars: Bars, t: int) -> None:
        self._bars = bars
        self._t = t

    @property
    def volume(self) -> Array:
        return np.full(len(self._bars.assets), np.nan)

    def average_volume(self, n: int) -> Array:
        return average_volume(self._bars, self._t + 1, n)

    def volatility(self, n: int) -> Array:
        return volatility(self._bars, self._t + 1, n)


def average_volume(bars: Bars, end: int, n: int) -> Array:
    """Return the mean traded volume (N,) of the ``n`` bars before bar ``end``; NaN where none is
    known.
    """
    return _mean(bars.traded.volume[max(0, end - n) : end])


def volatility(bars: Bars, end: int, n: int) -> Array:
    """Return the standard deviation (ddof 0) of the returns (N,) of the ``n`` bars before bar
    ``end``.
    """
    returns = bars.returns[max(0, end - n) : end]
    return np.sqrt(_mean((returns - _mean(returns)) ** 2))


def _mean(rows: Array) -> Array:
    """Return the mean of the finite values of each column, (n, N) -> (N,); NaN where there is
    none.
    """
    known = np.isfinite(rows)
    count = known.sum(axis=0)
    total: Array = np.where(known, rows, 0.0).sum(axis=0)
    mean: Array = np.divide(
        total, count, out=np.full(len(total), np.nan), where=count > 0
    )
    return mean
