"""At what price, since when and how well what is held was bought: what exits look at."""

from __future__ import annotations

import numpy as np

from bt_run.arrays import Array

__all__ = ["Entries"]


class Entries:
    """The average price, the best close and the first bar of each holding, (N,); NaN for none."""

    def __init__(self, count: int) -> None:
        self.price: Array = np.full(count, np.nan)
        self.best: Array = np.full(count, np.nan)
        self.since: Array = np.full(count, np.nan)

    def trade(self, t: int, before: Array, after: Array, price: Array) -> None:
        """Note a trade from ``before`` to ``after`` shares (N,) at ``price`` in bar ``t``.

        A larger holding averages its price; a new side begins anew.
        """
        same_side = after * before > 0
        added = same_side & (np.abs(after) > np.abs(before))
        old_part = np.divide(before, after, out=np.zeros(len(after)), where=added)
        average = old_part * self.price + (1.0 - old_part) * price
        begun = (after != 0.0) & ~same_side
        self.price = np.where(begun, price, np.where(added, average, self.price))
        self.best = np.where(begun, price, self.best)
        self.since = np.where(begun, t, self.since)

    def split(self, ratio: Array) -> None:
        """Divide prices by the ratio (N,) of splits."""
        self.price = self.price / ratio
        self.best = self.best / ratio

    def close(self, shares: Array, mark: Array) -> None:
        """Remember the best close of each holding; forget what is held no more."""
        held = shares != 0.0
        side = np.sign(shares)
        better = held & (mark * side > self.best * side)
        self.best = np.where(held, np.where(better, mark, self.best), np.nan)
        self.price = np.where(held, self.price, np.nan)
        self.since = np.where(held, self.since, np.nan)
