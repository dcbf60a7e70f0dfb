"""What the rotation engine knows at a decision, and what it answers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bt_run import Array
from bt_run.arrays import Mask

__all__ = ["Basket", "Book", "Side"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Book:
    """Scores and holdings at a decision; arrays (N,) in the order of names, which breaks ties.

    Attributes:
        z: scores, NaN where a name may not be held.
        weights: as they drifted, fractions of NAV.
        held: shares are not 0.
        present: has a bar now, without which nothing trades.
        liquid: trades enough to be bought and sold.
        cost: basis points per unit traded.
        sector: a number for each, -1 where it is not known.
        green: the gain since entry is one.
        old: held for long and neither gain nor loss is one.
        exempt: turnover does not count: the first build-up.
    """

    z: Array
    weights: Array
    held: Mask
    present: Mask
    liquid: Mask
    cost: Array
    sector: NDArray[np.int64]
    green: Mask
    old: Mask
    exempt: bool = False

    def mirrored(self) -> Book:
        """Return the book in which the worst names are the best, and shorts are holdings."""
        return replace(self, z=-self.z, weights=-self.weights)

    def side(self) -> Side:
        """Return the names by rank, with those held whose weight is above 0."""
        return Side(self)


@dataclass(frozen=True, eq=False)
class Side:
    """One side of a book: its ranks, and who is held on it."""

    book: Book

    @cached_property
    def held(self) -> Mask:
        """Return which names are held on this side, (N,)."""
        return self.book.held & (self.book.weights > 0.0)

    @cached_property
    def order(self) -> NDArray[np.intp]:
        """Return the places (N,) of names, the highest z first, equals by name, NaN last."""
        z = self.book.z
        return np.argsort(np.where(np.isnan(z), np.inf, -z), kind="stable")

    @cached_property
    def rank(self) -> NDArray[np.int64]:
        """Return the rank of each name, (N,), 1 the highest z."""
        rank = np.empty(len(self.order), dtype=np.int64)
        rank[self.order] = np.arange(1, len(self.order) + 1)
        return rank

    @cached_property
    def tradable(self) -> Mask:
        """Return which names can be bought and sold now, (N,)."""
        return self.book.present & self.book.liquid


@dataclass(frozen=True, kw_only=True, eq=False)
class Basket:
    """What the engine answers.

    Attributes:
        weights: (N,) that are wanted, fractions of NAV.
        codes: place of a name -> why it changed, or why it did not although it stood in a queue.
        rotations: (place out, place in, utility in z) of each that was made.
        turnover: two-way, sum |dw|.
        beyond: limit -> its value before and after, where the weights are beyond it: holdings
            were, and what there was to spend did not bring them back.
    """

    weights: Array
    codes: Mapping[int, str]
    rotations: tuple[tuple[int, int, float], ...] = ()
    turnover: float = 0.0
    beyond: Mapping[str, tuple[float, float]] = field(default_factory=dict)
