"""Whether a policy's costs are those that a run's broker takes."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

import numpy as np

from bt_run import Array, Costs, MarketDependent
from bt_run_plugins.policy.fees import trade_fees
from bt_run_plugins.policy.policy import OptimizationPolicy

__all__ = ["cost_advice"]

VALUE = 10_000.0  # of the trade by which they are compared
SHARE = 100.0  # its price
APART = 0.02  # relative difference that is worth a word


class _Unknown:
    """A market of which nothing is known, for costs that ask nothing of it."""

    @property
    def volume(self) -> Array:
        return np.full(1, np.nan)

    def average_volume(self, n: int) -> Array:
        return np.full(1, np.nan)

    def volatility(self, n: int) -> Array:
        return np.full(1, np.nan)


def cost_advice(policy: OptimizationPolicy, costs: Costs) -> Iterator[str]:
    """Yield a sentence where a trade costs otherwise by the policy than by the broker; nothing of
    costs that depend on the market.
    """
    if isinstance(costs, MarketDependent) and costs.market_dependent:
        return
    shares, price = np.full(1, VALUE / SHARE), np.full(1, SHARE)
    filled = costs.fill_price(price, shares, _Unknown())
    commission = costs.commission(shares, filled)
    theirs = float(((filled - price) * shares + commission)[0])
    ours = float(trade_fees(policy, Decimal(int(VALUE))).total)
    if abs(theirs - ours) > APART * max(ours, theirs):
        yield (
            f"sizer: a purchase for {VALUE:,.0f} costs {ours:.2f} by the policy {policy.id} and "
            f"{theirs:.2f} by the broker; the run pays the broker's"
        )
