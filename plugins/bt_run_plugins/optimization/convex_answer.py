"""Solve the convex problem of a portfolio: Clarabel, else SCS; every answer is checked, every
attempt kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np

from bt_run import Array
from bt_run_plugins.optimization.clean_up import snapped
from bt_run_plugins.optimization.contract import CONTRACTS, program_residuals
from bt_run_plugins.optimization.convex import (
    BOUNDS,
    BUDGET,
    ConvexProblem,
    Objective,
    convex_program,
)
from bt_run_plugins.optimization.homogeneous import (
    homogeneous_point,
    homogeneous_program,
    portfolio_multipliers,
)
from bt_run_plugins.optimization.program import QuadraticProgram
from bt_run_plugins.optimization.solvers import (
    INFEASIBLE,
    Solution,
    solve_clarabel,
    solve_scs,
)
from bt_run_plugins.optimization.threads import one_thread

__all__ = ["SOLVERS", "ConvexAnswer", "ConvexOutcome", "most_excess", "solve_convex"]

Solver = Callable[[QuadraticProgram], Solution]
SOLVERS: Mapping[str, Solver] = MappingProxyType(
    {"clarabel": solve_clarabel, "scs": solve_scs}
)


@dataclass(frozen=True, kw_only=True, eq=False)
class ConvexAnswer:
    """An answer that met its contract.

    Attributes:
        weights: (n,).
        value: the objective, as the problem states it.
        multipliers: limit -> (m,), how much the objective would fall per unit by which an upper end
            rises, and below 0 for a lower end.
        prices: limit -> how much the objective would fall per unit by which all of it gives way.
        bounds: the same of the bounds, (n,).
    """

    weights: Array
    value: float
    multipliers: Mapping[str, Array]
    prices: Mapping[str, float]
    bounds: Array

    def price(self, name: str) -> float:
        """Return how much the objective would fall per unit by which the whole limit gives way."""
        return self.prices[name]


@dataclass(frozen=True, kw_only=True)
class ConvexOutcome:
    """An answer or None, whether a solver calls the problem infeasible, and what each said."""

    answer: ConvexAnswer | None
    infeasible: bool
    attempts: tuple[Mapping[str, Any], ...]


def solve_convex(
    problem: ConvexProblem, solvers: Mapping[str, Solver] = SOLVERS
) -> ConvexOutcome:
    """Return the first answer that meets its contract.

    With ``excess`` in the objective some portfolio must have it above 0: ``most_excess`` says.
    """
    attempts: list[Mapping[str, Any]] = []
    infeasible = False
    plain = convex_program(
        problem, () if problem.objective.excess is not None else None
    )
    program = plain
    if problem.objective.excess is not None:
        program = homogeneous_program(problem)
    with one_thread():
        for name, solve in solvers.items():
            solution = solve(program)
            infeasible = infeasible or solution.status in INFEASIBLE
            record: dict[str, Any] = {
                "solver": name,
                "status": solution.status,
                "iterations": solution.iterations,
            }
            attempts.append(record)
            answer = _checked(problem, (plain, program), solution, name, record)
            if answer is not None:
                return ConvexOutcome(
                    answer=answer, infeasible=False, attempts=tuple(attempts)
                )
    return ConvexOutcome(answer=None, infeasible=infeasible, attempts=tuple(attempts))


def most_excess(problem: ConvexProblem) -> ConvexOutcome:
    """Maximize the excess return alone; the value of the answer is less its size."""
    excess = problem.objective.excess
    if excess is None:
        raise ValueError("the objective has no excess return")
    return solve_convex(replace(problem, objective=Objective(linear=-excess)))


def _checked(
    problem: ConvexProblem,
    programs: tuple[QuadraticProgram, QuadraticProgram],
    solution: Solution,
    solver: str,
    record: dict[str, Any],
) -> ConvexAnswer | None:
    """Return the answer with cleaned weights if it keeps the solver's contract."""
    plain, program = programs
    if solution.point is None or solution.status in INFEASIBLE:
        return None
    z, y = solution.point
    y = _signed(program, y)
    w = z[: problem.n]
    ratio = problem.objective.excess is not None
    if ratio:
        if not z[-1] > 0.0:
            return None
        w = w / z[-1]
    w = _clean(problem, w)
    point = homogeneous_point(problem, w) if ratio else problem.completed(w)
    measured = program_residuals(program, point, y, solution.cones)
    record["residuals"] = asdict(measured)
    record["accepted"] = measured.meet(CONTRACTS[solver])
    if not record["accepted"]:
        return None
    k = 1.0
    if ratio:
        k = float(point[-1])
        y = portfolio_multipliers(plain, program, y, k)
    return _answer(problem, plain, w, y, [cone * k for cone in solution.cones])


def _signed(program: QuadraticProgram, y: Array) -> Array:
    """Return multipliers (k,) without what a solver leaves at ends that are not there."""
    y = np.where(np.isfinite(program.u), y, np.minimum(y, 0.0))
    return np.where(np.isfinite(program.l), y, np.maximum(y, 0.0))


def _clean(problem: ConvexProblem, w: Array) -> Array:
    """Return weights (n,) that meet bounds and the limits on single names, and a budget that is one
    number.
    """
    lower, upper = problem.ends()
    total = None
    for limit in problem.linear:
        if limit.name == BUDGET and limit.low[0] == limit.high[0]:
            total = float(limit.low[0])
    return snapped(w, lower, upper, total)


def _answer(
    problem: ConvexProblem,
    plain: QuadraticProgram,
    w: Array,
    y: Array,
    cones: list[Array],
) -> ConvexAnswer:
    scale = problem.objective.scale
    multipliers = {name: scale * y[rows] for name, rows in plain.rows.items()}
    for cone, found in zip(plain.cones, cones, strict=True):
        # the cone says |y| <= most / unit
        unit = problem.roots[0][1]
        multipliers[cone.name] = scale * found[:1] / unit
    return ConvexAnswer(
        weights=w,
        value=problem.value(w),
        multipliers={name: multipliers[name] for name in problem.names},
        prices={
            name: _price(problem, name, multipliers[name]) for name in problem.names
        },
        bounds=multipliers[BOUNDS],
    )


def _price(problem: ConvexProblem, name: str, multipliers: Array) -> float:
    """Return the sum over the ends that give way."""
    low = float(np.maximum(-multipliers, 0.0).sum())
    high = float(np.maximum(multipliers, 0.0).sum())
    held = [limit.name for limit in problem.linear if not limit.high_gives]
    return low if name in held else low + high
