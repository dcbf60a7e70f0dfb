"""Costs whose numbers can be seen through."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bt_run.arrays import Array
from bt_run.terms import Conditions

__all__ = ["MadeCosts"]


@dataclass(frozen=True)
class MadeCosts:
    """Commission and slippage in proportion to the traded value.

    Attributes:
        fee, slip: fractions, 0.01 for 1 %.
        real_shares_only: keys that the run shall take for money per share.
        proportional: whether half an order costs half as much.
    """

    fee: float = 0.0
    slip: float = 0.0
    real_shares_only: tuple[str, ...] = ()
    proportional: bool = True

    def fillable(self, shares: Array, conditions: Conditions) -> Array:
        """Return all of ``shares`` (n,)."""
        return shares

    def fill_price(self, price: Array, shares: Array, conditions: Conditions) -> Array:
        """Return ``price`` (n,) * (1 + slip) for buys, * (1 - slip) for sells, by the sign of
        ``shares`` (n,).
        """
        return np.asarray(price * (1.0 + self.slip * np.sign(shares)))

    def commission(self, shares: Array, price: Array) -> Array:
        """Return fee * |``shares``| * ``price``, (n,) money."""
        return np.asarray(self.fee * np.abs(shares) * price)
