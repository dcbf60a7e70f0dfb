"""OSQP and Clarabel on a quadratic program, by their own interfaces.

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

from bt_run import Array
from bt_run_plugins.optimization.program import QuadraticProgram

__all__ = [
    "CLARABEL_SETTINGS",
    "INFEASIBLE",
    "OSQP_SETTINGS",
    "Solution",
    "solve_clarabel",
    "solve_osqp",
]

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
# what the solvers call a problem without a feasible point
INFEASIBLE = frozenset(
    {
        "primal infeasible",
        "primal infeasible inaccurate",
        "PrimalInfeasible",
        "AlmostPrimalInfeasible",
    }
)


@dataclass(frozen=True)
class Solution:
    """What a solver said: its own word for the status, and a point where there is one to check.

    ``point`` is z (n,) and the multipliers y (k,) of the rows, >= 0 where u binds and <= 0 where l
    does.
    """

    status: str
    iterations: int
    point: tuple[Array, Array] | None


def solve_osqp(program: QuadraticProgram) -> Solution:
    """Solve by ADMM with polishing; the status is passed on, for the caller to check its worth."""
    import osqp

    solver = osqp.OSQP(algebra="builtin")
    solver.setup(
        program.P,
        program.q,
        program.A,
        program.l,
        program.u,
        **OSQP_SETTINGS,
    )
    found = solver.solve(raise_error=False)
    status = str(found.info.status)
    iterations = int(found.info.iter)
    if found.x is None:
        return Solution(status, iterations, None)
    point = _finite(np.asarray(found.x), np.asarray(found.y))
    return Solution(status, iterations, point)


def solve_clarabel(program: QuadraticProgram) -> Solution:
    """Solve by a primal-dual interior-point method, one thread."""
    import clarabel

    settings = clarabel.DefaultSettings()
    for name, value in CLARABEL_SETTINGS.items():
        setattr(settings, name, value)
    B, b = _conic_rows(program)
    equations = int(program.equal.sum())
    cones = [
        clarabel.ZeroConeT(equations),
        clarabel.NonnegativeConeT(len(b) - equations),
    ]
    solver = clarabel.DefaultSolver(program.P, program.q, B, b, cones, settings)
    found = solver.solve()
    y = _row_multipliers(program, np.asarray(found.z))
    point = _finite(np.asarray(found.x), y)
    return Solution(str(found.status), int(found.iterations), point)


def _conic_rows(program: QuadraticProgram) -> tuple[Any, Array]:
    """Return B and b of  Bz + s = b, the slacks s being 0 for equations, which come first, and >= 0
    for the others.
    """
    from scipy import sparse

    A = program.A.tocsr()
    rows = [A[program.equal], A[program.above], -A[program.below]]
    ends = [
        program.u[program.equal],
        program.u[program.above],
        -program.l[program.below],
    ]
    return sparse.vstack(rows, format="csc"), np.concatenate(ends)


def _row_multipliers(program: QuadraticProgram, found: Array) -> Array:
    """Return the multipliers of the program's rows from those of the conic ones."""
    first = program.equal.sum()
    second = first + program.above.sum()
    y = np.zeros(len(program.l))
    y[program.equal] = found[:first]
    y[program.above] += found[first:second]
    y[program.below] -= found[second:]
    return y


def _finite(z: Array, y: Array) -> tuple[Array, Array] | None:
    """Return a point, or None where a part of it is no number."""
    if np.isfinite(z).all() and np.isfinite(y).all():
        return z, y
    return None
