"""Solve a tracking problem: exactly, else by OSQP, else by Clarabel; every answer is checked, every
attempt kept.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from bt_run import Array
from bt_run_plugins.optimization import solvers
from bt_run_plugins.optimization.active_set import solve_box_budget
from bt_run_plugins.optimization.contract import CONTRACTS
from bt_run_plugins.optimization.program import QuadraticProgram
from bt_run_plugins.optimization.threads import one_thread
from bt_run_plugins.sizers.qp_tracker.accuracy import TrackingAnswer, residuals
from bt_run_plugins.sizers.qp_tracker.feasibility import explain_if_infeasible
from bt_run_plugins.sizers.qp_tracker.problem import TrackingProblem
from bt_run_plugins.sizers.qp_tracker.program import answer_of, tracking_program

__all__ = [
    "SOLVERS",
    "Found",
    "TrackingOutcome",
    "solve_clarabel",
    "solve_exact",
    "solve_osqp",
    "solve_tracking",
]


@dataclass(frozen=True)
class Found:
    """What a solver said: its own word for the status, and an answer where there is one to
    check.
    """

    status: str
    iterations: int
    answer: TrackingAnswer | None

    @property
    def infeasible(self) -> bool:
        return self.status in solvers.INFEASIBLE


@dataclass(frozen=True)
class TrackingOutcome:
    """Weights (n,), or None where no answer met its contract, and a record of each attempt."""

    weights: Array | None
    attempts: tuple[Mapping[str, Any], ...]


def solve_exact(problem: TrackingProblem) -> Found:
    """Solve with bounds and budget only; the answer counts where the other limits hold for it
    anyway.
    """
    if problem.price > 0.0:
        return Found("not asked: a turnover penalty is not a bound", 0, None)
    found = solve_box_budget(problem.P, problem.lower, problem.upper, 1.0)
    if found is None:
        return Found("no answer by pivoting", 0, None)
    if not problem.rows_kept(found.weights, CONTRACTS["exact"].rows):
        return Found(
            "not asked: a sector cap or the turnover limit binds", found.pivots, None
        )
    none = np.zeros(problem.n)
    answer = TrackingAnswer(
        weights=found.weights,
        budget=found.budget,
        bounds=found.bounds,
        sectors=np.zeros(len(problem.sectors)),
        bought=none,
        sold=none,
        turnover=0.0,
    )
    return Found("solved", found.pivots, answer)


def solve_osqp(problem: TrackingProblem) -> Found:
    """Solve with all rows, by operator splitting."""
    return _solve_with(solvers.solve_osqp, problem)


def solve_clarabel(problem: TrackingProblem) -> Found:
    """Solve with all rows, by an interior-point method."""
    return _solve_with(solvers.solve_clarabel, problem)


def _solve_with(
    solve: Callable[[QuadraticProgram], solvers.Solution],
    problem: TrackingProblem,
) -> Found:
    program = tracking_program(problem)
    solution = solve(program)
    answer = None
    if solution.point is not None:
        answer = answer_of(problem, program, solution.point)
    return Found(solution.status, solution.iterations, answer)


SOLVERS = MappingProxyType(
    {
        "exact": solve_exact,
        "osqp": solve_osqp,
        "clarabel": solve_clarabel,
    }
)


def solve_tracking(problem: TrackingProblem, first: str = "exact") -> TrackingOutcome:
    """Return the first answer that meets its contract, beginning with the solver named ``first``.

    Raises:
        InfeasibleError: the limits contradict each other.
    """
    others = [name for name in SOLVERS if name != first]
    with one_thread():
        return _first_accurate(problem, [first, *others])


def _first_accurate(problem: TrackingProblem, order: Sequence[str]) -> TrackingOutcome:
    attempts = []
    for name in order:
        found = SOLVERS[name](problem)
        record: dict[str, Any] = {
            "solver": name,
            "status": found.status,
            "iterations": found.iterations,
        }
        attempts.append(record)
        if found.infeasible:
            explain_if_infeasible(problem)
        if found.answer is None:
            continue
        measured = residuals(problem, found.answer)
        record["residuals"] = asdict(measured)
        record["accepted"] = measured.meet(CONTRACTS[name])
        if record["accepted"]:
            return TrackingOutcome(found.answer.weights, tuple(attempts))
    explain_if_infeasible(problem)
    return TrackingOutcome(None, tuple(attempts))
