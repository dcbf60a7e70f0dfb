"""What a trade costs by a policy, in exact money: a flat part and basis points of its value, each
rounded half up to the cent.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from bt_run_plugins.policy.policy import OptimizationPolicy

__all__ = ["CENT", "NO_FEES", "Fees", "exact", "trade_fees"]

CENT = Decimal("0.01")
BASIS_POINT = Decimal("0.0001")


@dataclass(frozen=True)
class Fees:
    """The cost of trades by part, in money."""

    commission: Decimal
    impact: Decimal

    @property
    def total(self) -> Decimal:
        return self.commission + self.impact

    def plus(self, other: Fees) -> Fees:
        """Return the cost of both."""
        return Fees(self.commission + other.commission, self.impact + other.impact)


NO_FEES = Fees(Decimal(0), Decimal(0))


def exact(number: float) -> Decimal:
    """Return a number as it reads: 232.5 for the float nearest to it."""
    return Decimal(repr(float(number)))


def trade_fees(policy: OptimizationPolicy, value: Decimal) -> Fees:
    """Return what a trade of so much money costs; nothing where there is none.

    100 shares at 232.50 by 5.00 and 15 basis points: 5.00 + 34.88 (34.875 half up) = 39.88.
    """
    if not value:
        return NO_FEES
    impact = abs(value) * exact(policy.market_impact_bps) * BASIS_POINT
    return Fees(
        exact(policy.commission_per_trade).quantize(CENT, ROUND_HALF_UP),
        impact.quantize(CENT, ROUND_HALF_UP),
    )
