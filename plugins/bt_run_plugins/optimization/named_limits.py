"""The limits of a convex problem of weights, each under its name, and sizes of portfolios."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from bt_run import Array
from bt_run.arrays import Mask

__all__ = ["LinearLimit", "Risk", "SizeLimit", "SumLimit"]


@dataclass(frozen=True, eq=False)
class Risk:
    """The size |F w - f| of a portfolio w (n,), F (r, n) sparse and f (r,)."""

    F: Any
    f: Array

    def rows(self, w: Array) -> Array:
        """Return F w - f, (r,)."""
        return np.asarray(self.F @ w - self.f)

    def size(self, w: Array) -> float:
        """Return |F w - f|."""
        return float(np.sqrt((self.rows(w) ** 2).sum()))

    @cached_property
    def mean_square(self) -> float:
        """Return the mean of |F_i|^2 over the names, 1 where all are 0: how large squares are."""
        squares = float(self.F.multiply(self.F).sum())
        return squares / self.F.shape[1] or 1.0


@dataclass(frozen=True, kw_only=True, eq=False)
class LinearLimit:
    """The limit  low <= M w <= high,  M (m, n) sparse or None for the weights themselves.

    ``scale`` is what a slack of it counts relative to; without ``high_gives`` only its lower end
    gives way, so that what may be invested is never more.
    """

    name: str
    low: Array
    high: Array
    M: Any = None
    scale: float = 1.0
    high_gives: bool = True

    def held(self, w: Array) -> Array:
        """Return M w, (m,)."""
        return w if self.M is None else np.asarray(self.M @ w)


@dataclass(frozen=True, kw_only=True, eq=False)
class SumLimit:
    """The limit  sum |w - centre| <= most: turnover around what is held, gross around 0.

    ``most`` may be inf; ``cost`` (n,) is what a unit of |w - centre| takes from the objective.
    ``counted`` (n,) bool are the names in the sum, by default all.
    """

    name: str
    centre: Array
    most: float
    cost: Array | None = None
    counted: Mask | None = None

    def held(self, w: Array) -> float:
        """Return sum |w - centre|."""
        sizes = np.abs(w - self.centre)
        return float((sizes if self.counted is None else sizes[self.counted]).sum())

    def price(self, w: Array) -> float:
        """Return cost'|w - centre|."""
        if self.cost is None:
            return 0.0
        return float((self.cost * np.abs(w - self.centre)).sum())


@dataclass(frozen=True, kw_only=True, eq=False)
class SizeLimit:
    """The limit  |F w - f| <= most, a second-order cone."""

    name: str
    risk: Risk
    most: float
