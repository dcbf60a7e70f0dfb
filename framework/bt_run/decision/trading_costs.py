"""What a trade would cost, as far as it can be known when it is decided."""

from __future__ import annotations

import numpy as np

from bt_run.arrays import Array
from bt_run.decision.state import PortfolioState

__all__ = ["proportional_cost"]


def proportional_cost(state: PortfolioState) -> Array:
    """Return what a unit of value traded now would cost, (N,): slippage and commission of an order
    for an equal part of the account, as fractions of its value; 0 for an asset without a bar.
    """
    price = state.history.price(1)[-1]
    known = np.isfinite(price) & (price > 0.0)
    at = np.where(known, price, 1.0)
    shares = np.where(known, state.nav / len(price) / at, 0.0)
    paid = state.costs.fill_price(at, shares, state.conditions)
    fee = state.costs.commission(shares, paid)
    value = np.where(known, shares * at, 1.0)
    return np.where(known, (shares * (paid - at) + fee) / value, 0.0)
