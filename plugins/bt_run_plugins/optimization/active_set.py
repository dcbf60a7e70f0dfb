"""The exact solution of a quadratic program with bounds and a budget, by block principal pivoting.

    minimize  1/2 w'Pw   subject to  1'w = total,  lower <= w <= upper,   P positive definite

On the free set F the optimum is P_FF w_F = nu 1 - P_FB w_B with nu from the budget; all others lie
on a bound with a multiplier of the right sign. Every name that violates this changes its set at
once; when that does not reduce the violations for some rounds, only the last one does. References:
Kostreva, "Block pivot methods for solving the complementarity problem", Linear Algebra and its
Applications 21 (1978); Judice and Pires, "A block principal pivoting algorithm for large-scale
strictly monotone linear complementarity problems", Computers & Operations Research 21 (1994).

Where P is nearly singular, as with more names than days, many sets are nearly right and pivoting
may circle. Then a ridge of 1 on P makes it easy, each answer's sets begin the next problem with a
tenth of that ridge, and from the last answer found a feasible descent goes on, which frees or binds
one name at a time and cannot circle; see Nocedal and Wright, Numerical Optimization, algorithm
16.3.

LAPACK finds the sets, which are the same whatever its last digits are, as long as no name is close
to changing its set. The weights are then solved for without it, and where a name is close, so is
everything else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.linalg import LinAlgError
from numpy.typing import NDArray

from bt_run import Array
from bt_run.arrays import Mask
from bt_run_plugins.optimization.gram import solve_positive_definite

__all__ = [
    "ActiveSetAnswer",
    "Box",
    "close_to_change",
    "pivot_blocks",
    "solve_box_budget",
    "solve_lapack",
]

Sides = NDArray[np.int_]
Solve = Callable[[Array, Array], Array]

_TOLERANCE = 1e-13  # on weights and on the gradient of a problem of size 1
_CLOSE = 1e-9  # to changing sets: far above what rounding does
_PATIENCE = 3
_MOST_PIVOTS = 30
_MOST_STEPS = 20  # times the number of names
_RIDGES = tuple(10.0**-k for k in range(10))
_FREE, _LOWER, _UPPER = 0, -1, 1


@dataclass(frozen=True)
class ActiveSetAnswer:
    """Weights (n,), multipliers of the bounds (n,) (<= 0 at lower, >= 0 at upper) and of the
    budget.

    ``sides`` (n,) is -1 at the lower bound, 1 at the upper, 0 between; ``pivots`` counts the
    systems solved.
    """

    weights: Array
    bounds: Array
    budget: float
    sides: Sides
    pivots: int


@dataclass(frozen=True)
class Box:
    """The problem of this module: P (n, n), bounds (n,) and the budget."""

    P: Array
    lower: Array
    upper: Array
    total: float

    @property
    def fixed(self) -> Mask:
        fixed: Mask = self.lower == self.upper
        return fixed

    def clip(self, w: Array) -> Array:
        """Return weights put back between their bounds."""
        return np.clip(w, self.lower, self.upper)

    def gradient(self, w: Array) -> Array:
        """Return Pw, (n,), without BLAS."""
        return np.asarray(np.einsum("ij,j->i", self.P, w))


def solve_box_budget(
    P: Array,
    lower: Array,
    upper: Array,
    total: float,
) -> ActiveSetAnswer | None:
    """Solve the problem above; P (n, n), bounds (n,). None when pivoting finds no answer.

    The problem must be feasible: sum lower <= total <= sum upper.
    """
    box = Box(P, lower, upper, total)
    begin = _begin(box)
    near = pivot_blocks(box, begin, solve_lapack)
    if near is not None:
        answer = pivot_blocks(box, near.sides, solve_positive_definite)
        if answer is not None and not close_to_change(box, answer):
            return answer
        answer = pivot_blocks(box, begin, solve_positive_definite)
        if answer is not None:
            return answer
    return _from_easy_to_hard(box, begin)


def _from_easy_to_hard(box: Box, sides: Sides) -> ActiveSetAnswer | None:
    """Follow the answer from a problem with a large ridge to the one that is asked."""
    w = _feasible(box)
    eye = np.eye(len(w))
    for ridge in _RIDGES:
        easier = replace(box, P=box.P + ridge * eye)
        answer = pivot_blocks(easier, sides, solve_positive_definite)
        if answer is None:
            break
        w = answer.weights
        sides = answer.sides
    return _descend(box, w, sides)


def _feasible(box: Box) -> Array:
    """Return weights that fill the room between the bounds evenly."""
    room = box.upper - box.lower
    missing = box.total - float(box.lower.sum())
    return box.lower + room * (missing / (float(room.sum()) or 1.0))


def _descend(
    box: Box,
    w: Array,
    sides: Sides,
) -> ActiveSetAnswer | None:
    """Go from feasible weights to the optimum, never uphill and never over a bound."""
    sides = sides.copy()
    for step in range(1, _MOST_STEPS * len(w) + 1):
        try:
            best, nu = _point(box, sides, solve_positive_definite)
        except LinAlgError:
            return None
        shares = _shares(box, w, best)
        block = int(np.argmin(shares))
        share = shares[block]
        if share < 1.0:
            # a bound stands in the way: go up to it, and bind what met it
            nearer = w + share * (best - w)
            w = box.clip(nearer)
            above = best[block] > box.upper[block]
            sides[block] = _UPPER if above else _LOWER
            continue
        w = box.clip(best)
        y = np.where(sides == _FREE, 0.0, nu - box.gradient(w))
        wrong = np.where(box.fixed, 0.0, -y * sides)
        worst = int(np.argmax(wrong))
        if wrong[worst] <= _TOLERANCE:
            return ActiveSetAnswer(w, y, -nu, sides, step)
        sides[worst] = _FREE
    return None


def _shares(
    box: Box,
    w: Array,
    best: Array,
) -> Array:
    """Return which part of the way to ``best`` each weight can go before it meets a bound, (n,)."""
    high = best > box.upper + _TOLERANCE
    low = best < box.lower - _TOLERANCE
    room = np.where(high, box.upper - w, box.lower - w)
    whole = np.ones(len(w))
    return np.divide(room, best - w, out=whole, where=high | low)


def _begin(box: Box) -> Sides:
    """Let all be free that can move; where one point only is feasible, take its bounds."""
    if abs(float(box.upper.sum()) - box.total) <= _TOLERANCE:
        return np.where(box.fixed, _LOWER, _UPPER)
    if abs(float(box.lower.sum()) - box.total) <= _TOLERANCE:
        return np.full(len(box.lower), _LOWER)
    return np.where(box.fixed, _LOWER, _FREE)


def pivot_blocks(
    box: Box,
    sides: Sides,
    solve: Solve,
) -> ActiveSetAnswer | None:
    """Change the sets of all names that violate them at once, until none does; None when that
    circles.
    """
    fewest, patience = len(sides) + 1, _PATIENCE
    for pivot in range(1, _MOST_PIVOTS + 1):
        try:
            w, nu = _point(box, sides, solve)
        except LinAlgError:
            return None
        g = np.einsum("ij,j->i", box.P, w) - nu
        below, above = w < box.lower - _TOLERANCE, w > box.upper + _TOLERANCE
        released = ((sides == _LOWER) & (g < -_TOLERANCE)) | (
            (sides == _UPPER) & (g > _TOLERANCE)
        )
        wrong = np.flatnonzero((below | above | released) & ~box.fixed)
        short = box.total - float(w.sum())
        if len(wrong) == 0 and abs(short) <= 1e-12:
            w = np.clip(w, box.lower, box.upper)
            return ActiveSetAnswer(
                w, np.where(sides == _FREE, 0.0, -g), -nu, sides, pivot
            )
        sides = sides.copy()
        if len(wrong) == 0:
            sides[_to_free(box, sides, g, short)] = _FREE
            continue
        if len(wrong) < fewest:
            fewest, patience = len(wrong), _PATIENCE
        elif patience > 0:
            patience -= 1
        else:
            wrong = wrong[-1:]
        sides[wrong] = np.where(
            below[wrong], _LOWER, np.where(above[wrong], _UPPER, _FREE)
        )
    return None


def _point(
    box: Box,
    sides: Sides,
    solve: Solve,
) -> tuple[Array, float]:
    """Return the optimum (n,) for given sides, and nu; without a free name nu suits as many as it
    can.
    """
    free = sides == _FREE
    w = np.where(sides == _LOWER, box.lower, box.upper)
    w[free] = 0.0
    if not free.any():
        return w, _middle(box, sides, box.gradient(w))
    rows = box.P[free]
    held = np.einsum("ij,j->i", rows, w)
    sums = np.column_stack([np.ones(len(held)), held])
    solved = solve(box.P[np.ix_(free, free)], sums)
    unit = solved[:, 0]
    pull = solved[:, 1]
    left = box.total - float(w.sum())
    nu = (left + float(pull.sum())) / float(unit.sum())
    w[free] = nu * unit - pull
    return w, nu


def _middle(
    box: Box,
    sides: Sides,
    g: Array,
) -> float:
    """Return a nu between the gradients at the upper bounds and those at the lower, where there are
    such.
    """
    at_upper = (sides == _UPPER) & ~box.fixed
    at_lower = (sides == _LOWER) & ~box.fixed
    most = g[at_upper].max(initial=-np.inf)
    least = g[at_lower].min(initial=np.inf)
    ends = [float(end) for end in (most, least) if np.isfinite(end)]
    return sum(ends) / len(ends) if ends else 0.0


def _to_free(
    box: Box,
    sides: Sides,
    g: Array,
    short: float,
) -> int:
    """Return the name that can best take what is ``short`` of the budget when none is free."""
    side = _LOWER if short > 0 else _UPPER
    movable = ~box.fixed & (sides == side)
    price = np.sign(short) * g
    return int(np.argmin(np.where(movable, price, np.inf)))


def close_to_change(box: Box, answer: ActiveSetAnswer) -> bool:
    """Tell whether a free weight nearly touches a bound, or a multiplier is nearly zero."""
    w = answer.weights
    room = np.minimum(w - box.lower, box.upper - w)
    margin = np.where(answer.sides == _FREE, room, np.abs(answer.bounds))
    return bool((margin[~box.fixed] < _CLOSE).any())


def solve_lapack(A: Array, B: Array) -> Array:
    """Solve A X = B like ``solve_positive_definite``, quicker and to other last digits.

    Raises:
        LinAlgError: A is not positive definite to working precision.
    """
    from scipy.linalg.lapack import dposv

    # A is symmetric, so its rows may stand for columns, as LAPACK wants them
    _, found, info = dposv(A.T, B, overwrite_a=True)
    if info:
        raise LinAlgError(f"the matrix is not positive definite: pivot {info - 1}")
    return np.asarray(found)
