"""What holdings are paid, and what of it is withheld."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bt_run.account.records import DIVIDEND, DIVIDEND_TAX, CashFlow
from bt_run.arrays import Array

__all__ = ["dividends"]


def dividends(
    shares: Array, paid: Array, tax: float, *, bar: int
) -> Iterator[CashFlow]:
    """Yield what is booked at ``bar`` for ``shares`` (N,) at ``paid`` (N,), money per share.

    ``tax`` is the fraction that is withheld from longs; who is short pays the whole dividend.
    """
    amount = shares * paid
    named = np.flatnonzero(amount)
    if not len(named):
        return
    yield CashFlow(bar, named, DIVIDEND, amount[named])
    withheld = tax * np.maximum(amount, 0.0)
    taxed = np.flatnonzero(withheld)
    if len(taxed):
        yield CashFlow(bar, taxed, DIVIDEND_TAX, -withheld[taxed])
