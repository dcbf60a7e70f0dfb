"""OSQP, Clarabel and SCS on a quadratic program, by their own interfaces.

References: Stellato, Banjac, Goulart, Bemporad and Boyd, "OSQP: an operator splitting solver for
quadratic programs", Mathematical Programming Computation 12 (2020); Goulart and Chen, "Clarabel: an
interior-point solver for conic programs with quadratic objectives" (2024); O'Donoghue, "Operator
splitting for a homogeneous embedding of the linear complementarity problem", SIAM Journal on
Optimization 31 (2021).
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
    "SCS_SETTINGS",
    "Solution",
    "solve_clarabel",
    "solve_osqp",
    "solve_scs",
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
SCS_SETTINGS: Mapping[str, Any] = MappingProxyType(
    {
        "eps_abs": 1e-10,
        "eps_rel": 1e-10,
        "eps_infeas": 1e-10,
        "max_iters": 100_000,
        "acceleration_lookback": 20,
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
        "infeasible",
    }
)


@dataclass(frozen=True)
class Solution:
    """What a solver said: its own word for the status, and a point where there is one to check.

    ``point`` is z (n,) and the multipliers y (k,) of the rows, >= 0 where u binds and <= 0 where l
    does; ``cones`` are those of the cones, in their order.
    """

    status: str
    iterations: int
    point: tuple[Array, Array] | None
    cones: tuple[Array, ...] = ()


def solve_osqp(program: QuadraticProgram) -> Solution:
    """Solve by ADMM with polishing; the status is passed on, for the caller to check its worth.

    Raises:
        ValueError: the program has cones, which OSQP knows nothing of.
    """
    import osqp

    if program.cones:
        raise ValueError(
            f"OSQP takes rows only; found the cone {program.cones[0].name!r}"
        )

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
    equations, above = _numbers_of_rows(program)
    cones = [clarabel.ZeroConeT(equations), clarabel.NonnegativeConeT(above)]
    cones += [clarabel.SecondOrderConeT(len(cone.g)) for cone in program.cones]
    solver = clarabel.DefaultSolver(program.P, program.q, B, b, cones, settings)
    found = solver.solve()
    return _solution(
        program, str(found.status), int(found.iterations), (found.x, found.z)
    )


def solve_scs(program: QuadraticProgram) -> Solution:
    """Solve by operator splitting on the homogeneous embedding, one thread."""
    import scs

    B, b = _conic_rows(program)
    equations, above = _numbers_of_rows(program)
    cone = {"z": equations, "l": above, "q": [len(one.g) for one in program.cones]}
    data = {"P": program.P, "A": B, "b": b, "c": program.q}
    found = scs.SCS(data, cone, **SCS_SETTINGS).solve()
    info = found["info"]
    return _solution(
        program, str(info["status"]), int(info["iter"]), (found["x"], found["y"])
    )


def _numbers_of_rows(program: QuadraticProgram) -> tuple[int, int]:
    """Return how many conic rows are equations, and how many are bounded above."""
    one_sided = int(program.above.sum()) + int(program.below.sum())
    return int(program.equal.sum()), one_sided


def _conic_rows(program: QuadraticProgram) -> tuple[Any, Array]:
    """Return B and b of  Bz + s = b, the slacks s being 0 for equations, which come first, >= 0 for
    the other rows, and in their cones for the last.
    """
    from scipy import sparse

    A = program.A.tocsr()
    rows = [A[program.equal], A[program.above], -A[program.below]]
    ends = [
        program.u[program.equal],
        program.u[program.above],
        -program.l[program.below],
    ]
    rows += [cone.G for cone in program.cones]
    ends += [cone.g for cone in program.cones]
    return sparse.vstack(rows, format="csc"), np.concatenate(ends)


def _solution(
    program: QuadraticProgram,
    status: str,
    iterations: int,
    found: tuple[Any, Any],
) -> Solution:
    """Part the multipliers of the conic rows again: those of rows, and those of each cone."""
    z, multipliers = np.asarray(found[0]), np.asarray(found[1])
    y = _row_multipliers(program, multipliers)
    place = sum(_numbers_of_rows(program))
    cones = []
    for cone in program.cones:
        cones.append(multipliers[place : place + len(cone.g)])
        place += len(cone.g)
    if not np.isfinite(multipliers).all():
        return Solution(status, iterations, None)
    return Solution(status, iterations, _finite(z, y), tuple(cones))


def _row_multipliers(program: QuadraticProgram, found: Array) -> Array:
    """Return the multipliers of the program's rows from those of the conic ones."""
    first = program.equal.sum()
    second = first + program.above.sum()
    y = np.zeros(len(program.l))
    y[program.equal] = found[:first]
    y[program.above] += found[first:second]
    third = second + program.below.sum()
    y[program.below] -= found[second:third]
    return y


def _finite(z: Array, y: Array) -> tuple[Array, Array] | None:
    """Return a point, or None where a part of it is no number."""
    if np.isfinite(z).all() and np.isfinite(y).all():
        return z, y
    return None
