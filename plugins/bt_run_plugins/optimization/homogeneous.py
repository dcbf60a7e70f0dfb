"""The largest ratio of excess return to risk as a convex program, by scaling the weights.

    maximize  e'w / |F w|   is   minimize  1/2 |F x|^2  subject to  e'x = 1,  x = k w,  k >= 0

with every row  l <= A z <= u  as  l k <= A z <= u k, and every cone's g as g k. It is the same
problem where some portfolio has e'w > 0. See Cornuejols and Tutuncu, Optimization Methods in
Finance, section 8.2.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from bt_run import Array
from bt_run_plugins.optimization.convex import ConvexProblem, convex_program, root_of
from bt_run_plugins.optimization.program import Cone, QuadraticProgram, RowBlock

__all__ = ["homogeneous_point", "homogeneous_program", "portfolio_multipliers"]

HIGH, LOW = ".high", ".low"  # what the ends of rows are called, which part here


def homogeneous_program(problem: ConvexProblem) -> QuadraticProgram:
    """Return the program of the largest ratio, in (k z, k)."""
    from scipy import sparse

    plain = convex_program(problem, ())
    excess = np.zeros(plain.A.shape[1])
    excess[: problem.n] = problem.objective.excess
    one = np.ones(1)
    blocks = [
        *_scaled_rows(plain),
        RowBlock("excess", [sparse.csc_matrix(excess[None, :]), None], one, one),
        RowBlock("scale", [None, np.ones((1, 1))], np.zeros(1), np.full(1, np.inf)),
    ]
    cones = []
    for cone in plain.cones:
        G = sparse.hstack([cone.G, -cone.g[:, None]], format="csc")
        cones.append(Cone(cone.name, G, np.zeros(len(cone.g))))
    q = np.zeros(len(excess) + 1)
    P = _square(problem, len(q))
    return QuadraticProgram.from_blocks(P, q, blocks, tuple(cones))


def _scaled_rows(plain: QuadraticProgram) -> Iterator[RowBlock]:
    A = plain.A.tocsr()
    for name, rows in plain.rows.items():
        part, low, high = A[rows], plain.l[rows], plain.u[rows]
        equal, endless = low == high, np.full(len(low), np.inf)
        above, below = np.isfinite(high), np.isfinite(low) & ~equal
        if above.any():
            ends = np.where(equal, 0.0, -endless)[above], np.zeros(int(above.sum()))
            yield RowBlock(name + HIGH, [part[above], -high[above, None]], *ends)
        if below.any():
            ends = np.zeros(int(below.sum())), endless[below]
            yield RowBlock(name + LOW, [part[below], -low[below, None]], *ends)


def _square(problem: ConvexProblem, size: int) -> Any:
    """Return P with  1/2 z'Pz = 1/2 |unit y + offset k|^2  over the objective's scale."""
    from scipy import sparse

    objective = problem.objective
    if objective.risk is None:
        raise ValueError("a ratio needs a risk")
    place, unit, offset = root_of(problem, objective.risk)
    before = problem.n + sum(risk.F.shape[0] for risk, _ in problem.roots[: place - 1])
    weight = objective.weight / objective.scale
    rows = before + np.arange(len(offset))
    last = np.full(len(offset), size - 1)
    values = [
        np.full(len(offset), weight * unit**2),
        weight * unit * offset,
        np.array([weight * float((offset**2).sum())]),
    ]
    where = (
        np.concatenate([rows, rows, [size - 1]]),
        np.concatenate([rows, last, [size - 1]]),
    )
    return sparse.csc_matrix((np.concatenate(values), where), shape=(size, size))


def homogeneous_point(problem: ConvexProblem, w: Array) -> Array:
    """Return the variables that go with weights w (n,)."""
    excess = problem.objective.excess
    if excess is None:
        raise ValueError("a ratio needs an excess return")
    k = 1.0 / float((excess * w).sum())
    return np.append(k * problem.completed(w), k)


def portfolio_multipliers(
    plain: QuadraticProgram,
    scaled: QuadraticProgram,
    y: Array,
    k: float,
) -> Array:
    """Return the multipliers of the rows of ``plain`` from those of the ``scaled`` program."""
    found = np.zeros(len(plain.l))
    for name, rows in plain.rows.items():
        low, high = plain.l[rows], plain.u[rows]
        equal = low == high
        above, below = np.isfinite(high), np.isfinite(low) & ~equal
        own = np.zeros(len(low))
        if above.any():
            own[above] += y[scaled.rows[name + HIGH]]
        if below.any():
            own[below] += y[scaled.rows[name + LOW]]
        found[rows] = own * k
    return found
