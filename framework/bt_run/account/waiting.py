"""The basket that waits for its fill."""

from __future__ import annotations

import numpy as np

from bt_run.account.basket import Fills, whole_shares
from bt_run.account.parts import Parts
from bt_run.arrays import Array, Indices, Mask

__all__ = ["Waiting"]


class Waiting:
    """The shares (N,) at which assets are to be held, NaN where no order waits, and since which
    bar.

    ``parts`` is what earlier bars filled of them, None where that is nothing. ``empty`` tells that
    none waits; it is kept, since every bar asks.
    """

    def __init__(self, count: int) -> None:
        self.target: Array = np.full(count, np.nan)
        self.decided: Indices = np.full(count, -1)
        self.parts: Parts | None = None
        self.empty = True

    @property
    def names(self) -> Mask:
        """Return which assets have an order that waits, (N,)."""
        return ~np.isnan(self.target)

    def put(self, names: Mask, shares: Array | float, t: int) -> None:
        """Let orders of ``names`` wait, decided at bar ``t``, in the place of earlier ones."""
        self.target = np.where(names, shares, self.target)
        self.decided = np.where(names, t, self.decided)
        self._forget(~names)
        self._count()

    def keep(self, names: Mask) -> None:
        """Forget all orders but those of ``names``."""
        self.target = np.where(names, self.target, np.nan)
        self._forget(names)
        self._count()

    def clear(self) -> None:
        """Forget all orders."""
        self.target = np.full(len(self.target), np.nan)
        self.parts = None
        self.empty = True

    def filled(self, fills: Fills, waits: Mask) -> None:
        """Remember what was filled now of the orders ``waits`` (N,), which go on, and what was
        filled earlier of others that wait.
        """
        if not waits.any():
            return
        before = self.parts or Parts.none(len(self.target))
        after = before.plus(fills.filled, fills.price, fills.commission)
        self.parts = after.only(self.names)

    def split(self, ratio: Array, split: Indices, *, whole: bool) -> None:
        """Multiply what waits by the ratio (N,) of splits of the assets ``split``."""
        self.target = self.target * ratio
        if whole:
            self.target[split] = whole_shares(self.target[split])

    def _forget(self, kept: Mask) -> None:
        if self.parts is not None:
            parts = self.parts.only(kept)
            self.parts = parts if parts.shares.any() else None

    def _count(self) -> None:
        self.empty = bool(np.isnan(self.target).all())
