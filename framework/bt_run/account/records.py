"""What an account writes down: fills, unfilled orders, money that came without a trade."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bt_run.account.basket import Fills
from bt_run.arrays import Array, Indices, Mask

__all__ = [
    "BORROW_FEE",
    "BUYING_POWER",
    "CASH",
    "DATA_END",
    "DELISTED",
    "DIVIDEND",
    "DIVIDEND_TAX",
    "EXITED",
    "EXTERNAL",
    "FRACTION",
    "HALTED",
    "INTEREST",
    "MARGIN_INTEREST",
    "NOT_TRADABLE",
    "REPLACED",
    "RUINED",
    "TOO_DEAR",
    "VOLUME",
    "CashFlow",
    "FillRecord",
    "reasons_of",
]

CASH = -1  # stands for the cash itself where a row names an asset
INTEREST, DIVIDEND, DIVIDEND_TAX = "interest", "dividend", "dividend tax"
EXTERNAL = "external"  # a contribution, or below 0 a withdrawal
# kinds of cash flows that pay for leverage and shorts
MARGIN_INTEREST, BORROW_FEE = "margin interest", "borrow fee"
# why a fill is not what was asked, or why there was one that nobody asked for
VOLUME = "volume: the rest waits"
NOT_TRADABLE = "not tradable at the fill"
BUYING_POWER = "buying power"
REPLACED = "waited until the next decision replaced it"
FRACTION = "fraction of a share paid in cash at the split"
DELISTED = "delisted"
EXITED = "cancelled by an exit in the same bar"
DATA_END = "the data end before the fill"
TOO_DEAR = "one share costs more than its weight"
HALTED = "called off by a halt"
RUINED = "the account was ruined before the fill"


@dataclass(frozen=True)
class FillRecord:
    """What became of the orders of one basket, or of a forced closing; arrays are (n,).

    ``decided`` (n,) or one for all, and ``bar`` are rows of the bars; -1 stands for none.
    """

    decided: Indices | int
    bar: int
    assets: Indices
    asked: Array
    filled: Array
    price: Array
    commission: Array
    slippage: Array
    reason: NDArray[np.object_]

    @classmethod
    def of_basket(
        cls,
        fills: Fills,
        rows: Indices,
        asked: Array,
        *,
        decided: Indices | int,
        bar: int,
        reason: NDArray[np.object_],
    ) -> FillRecord:
        """Return what became of the assets ``rows`` (n,) of a basket; ``asked`` is (N,)."""
        return cls(
            decided=decided,
            bar=bar,
            assets=rows,
            asked=asked[rows],
            filled=fills.filled[rows],
            price=fills.price[rows],
            commission=fills.commission[rows],
            slippage=fills.slippage[rows],
            reason=reason,
        )

    @classmethod
    def unfilled(
        cls,
        names: Indices,
        asked: Array,
        *,
        decided: Indices,
        bar: int,
        reason: str,
    ) -> FillRecord:
        """Return orders (n,) of which nothing was filled, and why."""
        nothing = np.zeros(len(names))
        return cls(
            decided=decided,
            bar=bar,
            assets=names,
            asked=asked,
            filled=nothing,
            price=np.full(len(names), np.nan),
            commission=nothing,
            slippage=nothing,
            reason=np.full(len(names), reason, dtype=object),
        )

    @classmethod
    def forced(
        cls, names: Indices, change: Array, price: Array, *, bar: int, reason: str
    ) -> FillRecord:
        """Return changes (n,) of the shares that nobody ordered, at ``price`` (n,), free of
        costs.
        """
        nothing = np.zeros(len(names))
        return cls(
            decided=-1,
            bar=bar,
            assets=names,
            asked=change,
            filled=change,
            price=price,
            commission=nothing,
            slippage=nothing,
            reason=np.full(len(names), reason, dtype=object),
        )


@dataclass(frozen=True)
class CashFlow:
    """Money that came without a trade; ``amount`` is (n,).

    A split is one too: it brings no money itself (a fraction of a share is a fill), and ``ratio``
    (n,) says by what the shares were multiplied. Of other kinds ``ratio`` is None.
    """

    bar: int
    assets: Indices
    kind: str
    amount: Array
    ratio: Array | None = None

    @classmethod
    def of_cash(cls, bar: int, kind: str, money: float) -> CashFlow:
        """Return money that belongs to no asset."""
        return cls(bar, np.array([CASH]), kind, np.array([money]))


def reasons_of(
    rows: Indices, waits: Mask | None, unpaid: Mask | None
) -> NDArray[np.object_]:
    """Return why the fills of assets ``rows`` (n,) are not what was asked: ``waits`` (N,) for
    volume, ``unpaid`` (N,) for want of money; None of the others.
    """
    reason = np.full(len(rows), None, dtype=object)
    if waits is not None:
        reason[waits[rows]] = VOLUME
    if unpaid is not None:
        reason[unpaid[rows]] = BUYING_POWER
    return reason
