"""A convex quadratic program whose rows and cones have names, as general solvers want it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bt_run import Array
from bt_run.arrays import Mask

__all__ = ["Cone", "QuadraticProgram", "RowBlock", "upper_triangle"]


@dataclass(frozen=True)
class RowBlock:
    """Rows of a program under one name:  low <= parts z <= high.

    ``parts`` are sparse matrices side by side, one for each group of variables; None is a zero.
    """

    name: str
    parts: Sequence[Any]
    low: Array
    high: Array


@dataclass(frozen=True, eq=False)
class Cone:
    """A second-order cone of a program under a name:  s = g - Gz  with  s_0 >= |(s_1, ..., s_m)|.

    G (m + 1, n) is sparse, g (m + 1,).
    """

    name: str
    G: Any
    g: Array


@dataclass(frozen=True, kw_only=True, eq=False)
class QuadraticProgram:
    """The problem  minimize 1/2 z'Pz + q'z  subject to  l <= Az <= u  and cones.

    P (n, n) is positive semidefinite, its upper triangle alone; P and A (k, n) are sparse, by
    column. ``rows`` maps a name to the rows of A that it stands for.
    """

    P: Any
    q: Array
    A: Any
    l: Array  # noqa: E741
    u: Array
    rows: Mapping[str, slice]
    cones: tuple[Cone, ...] = ()

    @classmethod
    def from_blocks(
        cls,
        P: Any,
        q: Array,
        blocks: Sequence[RowBlock],
        cones: tuple[Cone, ...] = (),
    ) -> QuadraticProgram:
        """Put blocks of rows below each other."""
        from scipy import sparse

        rows, first = {}, 0
        for block in blocks:
            end = first + len(block.low)
            rows[block.name] = slice(first, end)
            first = end
        A = sparse.bmat([block.parts for block in blocks])
        return cls(
            P=P,
            q=q,
            A=sparse.csc_matrix(A),
            l=np.concatenate([block.low for block in blocks]),
            u=np.concatenate([block.high for block in blocks]),
            rows=rows,
            cones=cones,
        )

    @property
    def equal(self) -> Mask:
        """Return which rows are equations, (k,)."""
        return np.asarray(self.l == self.u)

    @property
    def above(self) -> Mask:
        """Return which of the other rows have an upper end, (k,)."""
        return np.isfinite(self.u) & ~self.equal

    @property
    def below(self) -> Mask:
        """Return which of the other rows have a lower end, (k,)."""
        return np.isfinite(self.l) & ~self.equal


def upper_triangle(P: Array) -> Any:
    """Return the upper triangle by columns, zeros stored: an equal pattern whatever the values."""
    from scipy import sparse

    n = len(P)
    lengths = np.arange(1, n + 1)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    rows: NDArray[np.int_] = np.concatenate([np.arange(length) for length in lengths])
    # P is symmetric, so its lower triangle by rows is the upper one by columns
    values = P[np.tril_indices(n)]
    return sparse.csc_matrix((values, rows, starts))
