"""What earlier bars filled of orders that still wait: an order is charged once, however many bars
fill it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bt_run.arrays import Array, Mask
from bt_run.terms import Costs

__all__ = ["Parts"]


@dataclass(frozen=True)
class Parts:
    """The parts filled so far of each asset's order, (N,): signed shares, their value, and the
    commission charged for them, both money.

    A split changes none of it: shares were charged as they were when they were traded.
    """

    shares: Array
    value: Array
    commission: Array

    @classmethod
    def none(cls, count: int) -> Parts:
        """Return no parts of ``count`` assets."""
        nothing = np.zeros(count)
        return cls(nothing, nothing, nothing)

    def plus(self, shares: Array, price: Array, commission: Array) -> Parts:
        """Return these parts and others filled at ``price`` (N,)."""
        return Parts(
            self.shares + shares,
            self.value + shares * price,
            self.commission + commission,
        )

    def only(self, names: Mask) -> Parts:
        """Return the parts of some assets (N,), and none of the others."""
        return Parts(
            np.where(names, self.shares, 0.0),
            np.where(names, self.value, 0.0),
            np.where(names, self.commission, 0.0),
        )

    def fee(self, costs: Costs, shares: Array, price: Array) -> Array:
        """Return what ``shares`` filled at ``price`` add to their orders' commission, (N,)."""
        whole = self.shares + shares
        value = self.value + shares * price
        average = np.divide(value, whole, out=price.copy(), where=whole != 0.0)
        more = costs.commission(whole, average) - self.commission
        return np.where(shares != 0.0, more, 0.0)
