"""Solve a tracking problem: exactly, else by OSQP, else by Clarabel; every answer is checked, every
attempt kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from bt_run import Array
from bt_run_plugins.optimization.active_set import solve_box_budget
from bt_run_plugins.sizers.qp_tracker.accuracy import CONTRACTS, Answer, residuals
from bt_run_plugins.sizers.qp_tracker.feasibility import explain_if_infeasible
from bt_run_plugins.sizers.qp_tracker.general_solvers import Found, solve_clarabel, solve_osqp
from bt_run_plugins.sizers.qp_tracker.problem import TrackingProblem

__all__ = ["SOLVERS", "Outcome", "solve_exact", "solve_tracking"]


@dataclass(frozen=True)
class Outcome:
    """Hold weights (n,), or None where no answer met its contract, and a record of each attempt."""

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
        return Found("not asked: a sector cap or the turnover limit binds", found.pivots, None)
    none = np.zeros(problem.n)
    answer = Answer(
        weights=found.weights,
        budget=found.budget,
        bounds=found.bounds,
        sectors=np.zeros(len(problem.sectors)),
        bought=none,
        sold=none,
        turnover=0.0,
    )
    return Found("solved", found.pivots, answer)


SOLVERS = MappingProxyType({"exact": solve_exact, "osqp": solve_osqp, "clarabel": solve_clarabel})


def solve_tracking(problem: TrackingProblem, first: str = "exact") -> Outcome:
    """Return the first answer that meets its contract, beginning with the solver named ``first``.

    Raises:
        InfeasibleError: the limits contradict each other.
    """
    from threadpoolctl import threadpool_limits

    # problems this small gain nothing from more threads, and wait long for them where the cores are
    # busy
    with threadpool_limits(limits=1, user_api="blas"):
        return _first_accurate(problem, [first, *(name for name in SOLVERS if name != first)])


def _first_accurate(problem: TrackingProblem, order: Sequence[str]) -> Outcome:
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
            return Outcome(found.answer.weights, tuple(attempts))
    explain_if_infeasible(problem)
    return Outcome(None, tuple(attempts))
