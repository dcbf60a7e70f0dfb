"""What cash earns, and what leverage and shorts cost."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bt_run.account.records import BORROW_FEE, INTEREST, MARGIN_INTEREST, CashFlow
from bt_run.arrays import Array
from bt_run.terms import Rates

__all__ = ["interest"]


def interest(
    cash: float, values: Array, rates: Rates, years: float, *, bar: int
) -> Iterator[CashFlow]:
    """Yield what is booked at ``bar``: amount * rate * years, on the ``cash`` and the ``values``
    (N,) of the bar before, at the rates known then.
    """
    if years == 0.0:
        return
    fee = np.minimum(values, 0.0) * float(rates.borrow[bar - 1]) * years
    shorts = np.flatnonzero(fee)
    if len(shorts):
        yield CashFlow(bar, shorts, BORROW_FEE, fee[shorts])
    kind = INTEREST if cash > 0 else MARGIN_INTEREST
    rate = rates.cash if cash > 0 else rates.margin
    earned = cash * float(rate[bar - 1]) * years
    if earned != 0.0:
        yield CashFlow.of_cash(bar, kind, earned)
