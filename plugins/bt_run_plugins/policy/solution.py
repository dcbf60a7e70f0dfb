"""Solve a policy on a case; where it cannot be kept do what it says: raise, hold or relax."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import isfinite
from typing import Any, Literal

import numpy as np

from bt_run import Array, InfeasibleError, SolverError
from bt_run_plugins.optimization.convex import ConvexProblem
from bt_run_plugins.optimization.convex_answer import (
    ConvexAnswer,
    ConvexOutcome,
    most_excess,
    solve_convex,
)
from bt_run_plugins.optimization.elastic import lexicographic, loosened
from bt_run_plugins.policy.case import PolicyCase
from bt_run_plugins.policy.conflict import Conflict, PolicyConflictError, conflict_of
from bt_run_plugins.policy.limit_values import (
    limit_value,
    limit_words,
    relaxed_value,
    units_of,
)
from bt_run_plugins.policy.limits import (
    INVESTED,
    LIMIT_OF,
    MAX_SECTOR,
    TURNOVER,
    policy_problem,
)
from bt_run_plugins.policy.policy import Relaxing

__all__ = ["PolicySolution", "scaled_weights", "solve_policy"]

Status = Literal["solved", "relaxed", "held", "failed"]
_BREACH = 1e-9


@dataclass(frozen=True, kw_only=True, eq=False)
class PolicySolution:
    """What a policy asks for.

    Attributes:
        status: ``held`` where the limits contradict each other, ``failed`` where no answer was
            accurate enough; both keep the weights as they are.
        weights: (n,).
        problem: what was solved, with the limits that gave way.
        answer: with its multipliers, where there is one.
        relaxed: limit -> the value that it has instead, in the policy's unit.
        inherited: limit -> by how much the weights of now miss it already.
        conflict: what contradicts what, unless the policy can be kept.
    """

    status: Status
    weights: Array
    problem: ConvexProblem
    answer: ConvexAnswer | None
    attempts: tuple[Mapping[str, Any], ...]
    inherited: Mapping[str, float]
    relaxed: Mapping[str, Any] = field(default_factory=dict)
    conflict: Conflict | None = None


def solve_policy(case: PolicyCase) -> PolicySolution:
    """Return the weights that a policy asks for.

    Raises:
        ConfigError, DataError: the case lacks what the policy limits.
        PolicyConflictError: the limits contradict each other and the policy says ``raise``, or what
            it lets give way does not suffice.
        InfeasibleError: max_sharpe, and no portfolio is expected to earn more than the risk-free
            rate.
    """
    case.check()
    problem = policy_problem(case)
    outcome = _solved(case, problem)
    if outcome.answer is not None:
        return _solution(case, problem, outcome, "solved")
    on_infeasible = case.policy.on_infeasible
    try:
        conflict = conflict_of(case, problem)
        if conflict is None:
            return _kept(case, problem, outcome, "failed")
        if isinstance(on_infeasible, Relaxing):
            return _relaxed(case, problem, conflict, on_infeasible)
    except SolverError as error:
        # nobody can say whether the limits can be kept, so nobody says that they cannot
        tried = {"solver": "elastic problem", "status": str(error)}
        failed = replace(outcome, attempts=(*outcome.attempts, tried))
        return _kept(case, problem, failed, "failed")
    if on_infeasible == "hold":
        return _kept(case, problem, outcome, "held", conflict)
    raise PolicyConflictError(conflict.sentence(case), conflict)


def _solved(case: PolicyCase, problem: ConvexProblem) -> ConvexOutcome:
    if problem.objective.excess is None:
        return solve_convex(problem)
    most = most_excess(problem)
    if most.answer is None:
        return most
    earned = -most.answer.value
    if not earned > _BREACH:
        raise InfeasibleError(
            f"{case.policy.id}: objective max_sharpe: within the limits no portfolio is expected "
            f"to earn more than the risk-free rate {case.policy.risk_free_rate:.2%}: the most is "
            f"{earned:+.4%} a year above it; choose min_variance or max_utility, or other "
            "expected_returns"
        )
    return solve_convex(problem)


def _solution(
    case: PolicyCase, problem: ConvexProblem, outcome: ConvexOutcome, status: Status
) -> PolicySolution:
    answer = outcome.answer
    assert answer is not None
    return PolicySolution(
        status=status,
        weights=answer.weights,
        problem=problem,
        answer=answer,
        attempts=outcome.attempts,
        inherited=_inherited(case, problem),
    )


def _kept(
    case: PolicyCase,
    problem: ConvexProblem,
    outcome: ConvexOutcome,
    status: Status,
    conflict: Conflict | None = None,
) -> PolicySolution:
    """Return the weights of now."""
    return PolicySolution(
        status=status,
        weights=case.weights,
        problem=problem,
        answer=None,
        attempts=outcome.attempts,
        inherited=_inherited(case, problem),
        conflict=conflict,
    )


def _inherited(case: PolicyCase, problem: ConvexProblem) -> dict[str, float]:
    missed = problem.missed(case.weights)
    return {
        limit_words(name): over
        for name, over in missed.items()
        if over > _BREACH and name != TURNOVER
    }


def _relaxed(
    case: PolicyCase,
    problem: ConvexProblem,
    conflict: Conflict,
    relaxing: Relaxing,
) -> PolicySolution:
    """Let limits give way in the order of the policy, and solve under what they are then."""
    slacks = lexicographic(problem, _limits_of(problem, relaxing))
    if not slacks or not all(isfinite(slack) for slack in slacks.values()):
        words = ", ".join(relaxing.relax)
        raise PolicyConflictError(
            f"{conflict.sentence(case)}; on_infeasible lets {words} give way, which does not "
            "suffice",
            conflict,
        )
    values, by = {}, {}
    for name, slack in slacks.items():
        if slack > _BREACH:
            values[limit_words(name)] = relaxed_value(case.policy, name, slack)
            by[name] = _slack_of(case, name, values[limit_words(name)])
    easier = loosened(problem, by)
    outcome = _solved(case, easier)
    if outcome.answer is None:
        return _kept(case, easier, outcome, "failed", conflict)
    return PolicySolution(
        status="relaxed",
        weights=outcome.answer.weights,
        problem=easier,
        answer=outcome.answer,
        attempts=outcome.attempts,
        inherited=_inherited(case, problem),
        relaxed=values,
        conflict=conflict,
    )


def _limits_of(problem: ConvexProblem, relaxing: Relaxing) -> list[str]:
    """Return the limits of the problem that the words of a policy stand for, in their order."""
    found = []
    for word in relaxing.relax:
        limit = LIMIT_OF[word]
        for name in problem.names:
            own_cap = limit == MAX_SECTOR and name.startswith("sector_")
            if name == limit or own_cap:
                found.append(name)
    return found


def _slack_of(case: PolicyCase, name: str, value: Any) -> float:
    """Return by how much a limit gave way, in the problem's unit."""
    before = limit_value(case.policy, name)
    if name == INVESTED:
        return float(before[0] - value[0])
    return abs(float(value - before)) * units_of(case.policy, name)


def scaled_weights(case: PolicyCase, wanted: Array) -> Array:
    """Return the weights on the straight way to ``wanted`` (n,) that the turnover limit allows.

    Whatever the weights of now break they go on breaking by their part: position and quality
    limits do not hold on the way.
    """
    most = case.policy.most_traded
    moved = float(np.abs(wanted - case.weights).sum())
    if most is None or case.exempt or moved <= most:
        return wanted
    share = most / moved
    return np.asarray(case.weights + share * (wanted - case.weights))
