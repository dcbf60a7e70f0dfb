"""The tracking problem with all its rows, as a quadratic program.

Variables are w (n,) and, where trades are limited or have a price, t (n,) with t >= |w - now|.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from bt_run import Array
from bt_run_plugins.optimization.program import (
    QuadraticProgram,
    RowBlock,
    upper_triangle,
)
from bt_run_plugins.sizers.qp_tracker.accuracy import TrackingAnswer, clean
from bt_run_plugins.sizers.qp_tracker.problem import TrackingProblem

__all__ = [
    "BOUGHT",
    "BOUNDS",
    "BUDGET",
    "SECTORS",
    "SOLD",
    "TURNOVER",
    "answer_of",
    "tracking_program",
]

BUDGET, BOUNDS, SECTORS = "budget", "bounds", "sectors"
BOUGHT, SOLD, TURNOVER = "bought", "sold", "turnover"


def tracking_program(problem: TrackingProblem) -> QuadraticProgram:
    """Return the problem with rows for budget, bounds, sectors, bought, sold and turnover."""
    from scipy import sparse

    n = problem.n
    P = upper_triangle(problem.P)
    q = np.zeros(n)
    if problem.limits_trades:
        P = sparse.block_diag([P, sparse.csc_matrix((n, n))], format="csc")
        q = np.concatenate([q, np.full(n, problem.price)])
    blocks = [*_rows_of_weights(problem), *_rows_of_trades(problem)]
    return QuadraticProgram.from_blocks(P, q, blocks)


def _rows_of_weights(problem: TrackingProblem) -> Iterator[RowBlock]:
    from scipy import sparse

    one = np.ones(1)
    total = sparse.csc_matrix(np.ones((1, problem.n)))
    each = sparse.identity(problem.n, format="csc")
    yield _of_weights(problem, BUDGET, total, one, one)
    yield _of_weights(problem, BOUNDS, each, problem.lower, problem.upper)
    if problem.sectors:
        members = np.array([cap.members for cap in problem.sectors], dtype=np.float64)
        caps = np.array([cap.cap for cap in problem.sectors])
        matrix = sparse.csc_matrix(members)
        yield _of_weights(problem, SECTORS, matrix, np.full(len(caps), -np.inf), caps)


def _of_weights(
    problem: TrackingProblem,
    name: str,
    matrix: Any,
    low: Array,
    high: Array,
) -> RowBlock:
    """Return rows on w alone."""
    parts = [matrix, None] if problem.limits_trades else [matrix]
    return RowBlock(name, parts, low, high)


def _rows_of_trades(problem: TrackingProblem) -> Iterator[RowBlock]:
    """Yield  w - t <= now,  -w - t <= -now  and  sum t <= room."""
    from scipy import sparse

    if not problem.limits_trades:
        return
    n = problem.n
    each = sparse.identity(n, format="csc")
    endless = np.full(n, -np.inf)
    yield RowBlock(BOUGHT, [each, -each], endless, problem.now)
    yield RowBlock(SOLD, [-each, -each], endless, -problem.now)
    yield RowBlock(
        TURNOVER,
        [None, np.ones((1, n))],
        np.full(1, -np.inf),
        np.full(1, problem.room),
    )


def answer_of(
    problem: TrackingProblem,
    program: QuadraticProgram,
    point: tuple[Array, Array],
) -> TrackingAnswer:
    """Take the weights, cleaned, and the multipliers out of a solver's vectors."""
    z, y = point
    rows = program.rows
    none = np.zeros(problem.n)
    # of rows that have an upper end only, a solver may leave multipliers a little below 0
    above = {name: np.maximum(y[rows[name]], 0.0) for name in rows}
    (budget,) = y[rows[BUDGET]]
    (turnover,) = above.get(TURNOVER, np.zeros(1))
    weights = clean(problem, z[: problem.n])
    sectors = above.get(SECTORS, np.zeros(0))
    bought = above.get(BOUGHT, none)
    sold = above.get(SOLD, none)
    return TrackingAnswer(
        weights=weights,
        budget=float(budget),
        bounds=y[rows[BOUNDS]],
        sectors=sectors,
        bought=bought,
        sold=sold,
        turnover=float(turnover),
    )
