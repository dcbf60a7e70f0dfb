"""Clarabel by way of cvxpy, for a second opinion: slower, and no part of the way is ours."""

from __future__ import annotations

from typing import Any

import numpy as np

from bt_run import Array
from bt_run_plugins.optimization.program import QuadraticProgram
from bt_run_plugins.optimization.solvers import CLARABEL_SETTINGS, Solution

__all__ = ["solve_cvxpy"]


def solve_cvxpy(program: QuadraticProgram) -> Solution:
    """Solve by cvxpy with Clarabel; the status is passed on, for the caller to check its worth.

    Raises:
        ValueError: the program has cones, which are not written for it.
    """
    import cvxpy

    cp: Any = cvxpy  # its types lack what it offers
    if program.cones:
        raise ValueError(
            f"cvxpy takes rows only here; found the cone {program.cones[0].name!r}"
        )
    z = cp.Variable(len(program.q))
    # P is diagonal, or an upper triangle
    upper = program.P.toarray()
    whole = upper + np.triu(upper, 1).T
    value = 0.5 * cp.quad_form(z, cp.psd_wrap(whole)) + program.q @ z
    A = program.A.tocsr()
    equal, above, below = program.equal, program.above, program.below
    rows = [
        A[equal] @ z == program.u[equal],
        A[above] @ z <= program.u[above],
        A[below] @ z >= program.l[below],
    ]
    problem = cp.Problem(cp.Minimize(value), rows)
    try:
        problem.solve(solver=cp.CLARABEL, **CLARABEL_SETTINGS)
    except cp.SolverError as error:
        return Solution(str(error), 0, None)
    iterations = int(problem.solver_stats.num_iters or 0)
    if z.value is None:
        return Solution(str(problem.status), iterations, None)
    y = np.zeros(len(program.l))
    y[equal] = _dual(rows[0].dual_value, int(equal.sum()))
    y[above] += _dual(rows[1].dual_value, int(above.sum()))
    y[below] -= _dual(rows[2].dual_value, int(below.sum()))
    return Solution(str(problem.status), iterations, (np.asarray(z.value), y))


def _dual(found: object, count: int) -> Array:
    """Return multipliers (count,) of rows, of which there may be none."""
    if not count:
        return np.zeros(0)
    return np.asarray(found, dtype=np.float64).reshape(count)
