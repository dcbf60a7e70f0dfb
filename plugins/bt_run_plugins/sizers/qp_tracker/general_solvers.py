"""OSQP and Clarabel on the tracking problem with all its rows, by their own interfaces.

Variables are w (n,) and, where turnover matters, t (n,) with t_i >= |w_i - now_i|.

References: Stellato, Banjac, Goulart, Bemporad and Boyd, "OSQP: an operator splitting solver for
quadratic programs", Mathematical Programming Computation 12 (2020); Goulart and Chen, "Clarabel: an
interior-point solver for conic programs with quadratic objectives" (2024).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bt_run import Array
from bt_run_plugins.sizers.qp_tracker.accuracy import Answer, clean
from bt_run_plugins.sizers.qp_tracker.problem import TrackingProblem

__all__ = ["CLARABEL_SETTINGS", "OSQP_SETTINGS", "Found", "solve_clarabel", "solve_osqp"]

# rho is adapted by iterations, not by the clock, so that equal problems have equal answers
OSQP_SETTINGS: Mapping[str, Any] = MappingProxyType(
    {
        "eps_abs": 1e-8,
        "eps_rel": 1e-8,
        "max_iter": 20_000,
        "polishing": True,
        "adaptive_rho_interval": 50,
        "check_termination": 25,
        "verbose": False,
    }
)
CLARABEL_SETTINGS: Mapping[str, Any] = MappingProxyType(
    {
        "tol_gap_abs": 1e-12,
        "tol_gap_rel": 1e-10,
        "tol_feas": 1e-10,
        "max_iter": 200,
        "max_threads": 1,
        "direct_solve_method": "qdldl",
        "verbose": False,
    }
)
_INFEASIBLE = frozenset(
    {
        "primal infeasible",
        "primal infeasible inaccurate",
        "PrimalInfeasible",
        "AlmostPrimalInfeasible",
    }
)


@dataclass(frozen=True)
class Found:
    """Hold what a solver said: its own word for the status, and an answer where there is one to
    check.
    """

    status: str
    iterations: int
    answer: Answer | None

    @property
    def infeasible(self) -> bool:
        return self.status in _INFEASIBLE


@dataclass(frozen=True)
class _Program:
    """Hold  minimize 1/2 z'Pz + q'z  subject to  l <= Az <= u;  P upper triangular, A sparse, both
    by column.
    """

    P: Any
    q: Array
    A: Any
    l: Array  # noqa: E741
    u: Array


def solve_osqp(problem: TrackingProblem) -> Found:
    """Solve by ADMM with polishing. Every status is passed on; the caller checks what it is worth."""
    import osqp

    program = _program(problem)
    solver = osqp.OSQP(algebra="builtin")
    solver.setup(program.P, program.q, program.A, program.l, program.u, **OSQP_SETTINGS)
    found = solver.solve(raise_error=False)
    status, iterations = str(found.info.status), int(found.info.iter)
    if found.x is None or not (np.isfinite(found.x).all() and np.isfinite(found.y).all()):
        return Found(status, iterations, None)
    return Found(status, iterations, _answer(problem, np.asarray(found.x), np.asarray(found.y)))


def solve_clarabel(problem: TrackingProblem) -> Found:
    """Solve by a primal-dual interior-point method, one thread."""
    import clarabel
    from scipy import sparse

    program = _program(problem)
    A, low, high = program.A.tocsr(), program.l, program.u
    equal = low == high
    above, below = np.isfinite(high) & ~equal, np.isfinite(low) & ~equal
    stacked = sparse.vstack([A[equal], A[above], -A[below]], format="csc")
    ends = np.concatenate([high[equal], high[above], -low[below]])
    cones = [
        clarabel.ZeroConeT(int(equal.sum())),
        clarabel.NonnegativeConeT(int(above.sum() + below.sum())),
    ]
    settings = clarabel.DefaultSettings()
    for name, value in CLARABEL_SETTINGS.items():
        setattr(settings, name, value)
    found = clarabel.DefaultSolver(program.P, program.q, stacked, ends, cones, settings).solve()
    status, iterations = str(found.status), int(found.iterations)
    x, z = np.asarray(found.x), np.asarray(found.z)
    if not (np.isfinite(x).all() and np.isfinite(z).all()):
        return Found(status, iterations, None)
    y = np.zeros(len(low))
    y[equal], one, other = z[: equal.sum()], equal.sum(), equal.sum() + above.sum()
    y[above] += z[one:other]
    y[below] -= z[other:]
    return Found(status, iterations, _answer(problem, x, y))


def _program(problem: TrackingProblem) -> _Program:
    """Write the problem with its rows in this order: budget, bounds, sectors, bought, sold,
    turnover.
    """
    from scipy import sparse

    n, eye = problem.n, sparse.identity(problem.n, format="csc")
    blocks: list[list[Any]] = [[sparse.csc_matrix(np.ones((1, n)))], [eye]]
    low, high = [np.ones(1), problem.lower], [np.ones(1), problem.upper]
    if problem.sectors:
        blocks.append(
            [
                sparse.csc_matrix(
                    np.array([cap.members for cap in problem.sectors], dtype=np.float64)
                )
            ]
        )
        low.append(np.full(len(problem.sectors), -np.inf))
        high.append(np.array([cap.cap for cap in problem.sectors]))
    P, q = _upper_triangle(problem.P), np.zeros(n)
    if problem.turnover is not None or problem.price > 0.0:
        blocks = [[*block, None] for block in blocks] + [
            [eye, -eye],
            [-eye, -eye],
            [None, np.ones((1, n))],
        ]
        low += [np.full(n, -np.inf), np.full(n, -np.inf), np.full(1, -np.inf)]
        high += [problem.now, -problem.now, np.full(1, problem.room)]
        P = sparse.block_diag([P, sparse.csc_matrix((n, n))], format="csc")
        q = np.concatenate([q, np.full(n, problem.price)])
    return _Program(
        P, q, sparse.csc_matrix(sparse.bmat(blocks)), np.concatenate(low), np.concatenate(high)
    )


def _upper_triangle(P: Array) -> Any:
    """Return the upper triangle by columns, zeros stored: an equal pattern whatever the values."""
    from scipy import sparse

    n = len(P)
    rows: NDArray[np.int_] = np.concatenate([np.arange(j + 1) for j in range(n)])
    return sparse.csc_matrix(
        (P[np.tril_indices(n)], rows, np.concatenate([[0], np.cumsum(np.arange(1, n + 1))]))
    )


def _answer(problem: TrackingProblem, z: Array, y: Array) -> Answer:
    """Take the weights, cleaned, and the multipliers out of a solver's vectors."""
    n, k = problem.n, len(problem.sectors)
    sectors, rest = np.maximum(y[1 + n : 1 + n + k], 0.0), np.maximum(y[1 + n + k :], 0.0)
    none = np.zeros(n)
    return Answer(
        weights=clean(problem, z[:n]),
        budget=float(y[0]),
        bounds=y[1 : 1 + n],
        sectors=sectors,
        bought=rest[:n] if len(rest) else none,
        sold=rest[n : 2 * n] if len(rest) else none,
        turnover=float(rest[-1]) if len(rest) else 0.0,
    )
