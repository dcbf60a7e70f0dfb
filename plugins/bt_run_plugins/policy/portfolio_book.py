"""A book of shares and cash in exact money, and its weights after what trading it costs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import ROUND_DOWN, Decimal
from functools import cached_property

import numpy as np

from bt_run import Array
from bt_run_plugins.policy.fees import NO_FEES, Fees, trade_fees
from bt_run_plugins.policy.policy import OptimizationPolicy

__all__ = ["FRACTION", "TradedBook", "lot_of"]

FRACTION = Decimal("0.000001")  # of a share, where fractions are traded
NEAR = Decimal("0.000001")  # of a lot, which is what a weight in binary may miss it by


def lot_of(policy: OptimizationPolicy) -> Decimal:
    """Return in which numbers of shares trades count."""
    return FRACTION if policy.fractional else Decimal(policy.lot_size)


@dataclass(frozen=True, kw_only=True)
class TradedBook:
    """What was held, and the trades that change it; (n,) exact numbers.

    Attributes:
        shares: held before, signed. price: money a share. cash: before.
        deltas: shares to buy, below 0 to sell.
    """

    policy: OptimizationPolicy
    shares: tuple[Decimal, ...]
    price: tuple[Decimal, ...]
    cash: Decimal
    deltas: tuple[Decimal, ...]

    @cached_property
    def nav(self) -> Decimal:
        """Return the value of all before any trade."""
        held = sum(
            (
                shares * price
                for shares, price in zip(self.shares, self.price, strict=True)
            ),
            Decimal(0),
        )
        return held + self.cash

    @cached_property
    def values(self) -> tuple[Decimal, ...]:
        """Return the signed value of each trade."""
        return tuple(
            delta * price for delta, price in zip(self.deltas, self.price, strict=True)
        )

    @cached_property
    def fees(self) -> tuple[Fees, ...]:
        """Return what each trade costs."""
        return tuple(trade_fees(self.policy, value) for value in self.values)

    @cached_property
    def cost(self) -> Fees:
        """Return what all trades cost."""
        total = NO_FEES
        for one in self.fees:
            total = total.plus(one)
        return total

    @cached_property
    def cash_after(self) -> Decimal:
        """Return the cash that is left when all trades and their costs are paid."""
        return self.cash - sum(self.values, Decimal(0)) - self.cost.total

    @cached_property
    def shares_after(self) -> tuple[Decimal, ...]:
        return tuple(
            shares + delta
            for shares, delta in zip(self.shares, self.deltas, strict=True)
        )

    @cached_property
    def weights(self) -> Array:
        """Return the weights (n,) after the trades, fractions of what is left after their costs."""
        after = self.nav - self.cost.total
        return np.array(
            [
                float(shares * price / after)
                for shares, price in zip(self.shares_after, self.price, strict=True)
            ]
        )

    @property
    def traded(self) -> float:
        """Return the two-way turnover, a fraction of NAV before the trades."""
        return float(sum((abs(value) for value in self.values), Decimal(0)) / self.nav)

    def moved(self, place: int, by: Decimal) -> TradedBook:
        """Return the book with so many shares more of one name."""
        deltas = list(self.deltas)
        deltas[place] += by
        return replace(self, deltas=tuple(deltas))

    def toward(self, target: Array) -> TradedBook:
        """Return the book with trades to the weights ``target`` (n,), each rounded to lots toward
        what is held; a name whose target is 0 is sold whole.
        """
        lot = lot_of(self.policy)
        deltas = []
        for weight, shares, price in zip(target, self.shares, self.price, strict=True):
            if weight == 0.0:
                deltas.append(-shares)
                continue
            wanted = (Decimal(float(weight)) * self.nav / price - shares) / lot
            whole = wanted.to_integral_value()
            if abs(wanted - whole) > NEAR:
                whole = wanted.to_integral_value(ROUND_DOWN)
            deltas.append(whole * lot)
        return replace(self, deltas=tuple(deltas))
