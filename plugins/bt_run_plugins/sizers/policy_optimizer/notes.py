"""What is kept of a decision under a policy: limits with their slack, what gave way, figures."""

from __future__ import annotations

from typing import Any

import numpy as np

from bt_run import Array
from bt_run_plugins.policy.case import PolicyCase
from bt_run_plugins.policy.limit_values import limit_value, limit_words, units_of
from bt_run_plugins.policy.limits import RESTRICTIONS
from bt_run_plugins.policy.measures import measures_of
from bt_run_plugins.policy.rebalancing import reached
from bt_run_plugins.policy.solution import PolicySolution

__all__ = ["notes_on_solution"]

BINDS = 1e-6


def notes_on_solution(
    case: PolicyCase, solution: PolicySolution, weights: Array
) -> dict[str, Any]:
    """Return the notes on ``weights`` (n,); all sums are made without BLAS."""
    two_way = float(np.abs(weights - case.weights).sum())
    after = measures_of(case, weights)
    notes: dict[str, Any] = {
        "policy": case.policy.id,
        "status": solution.status,
        "eligible": int(case.eligible.sum()),
        "held": int((np.abs(weights) > 0.0).sum()),
        "volatility": after.volatility,
        "cash": after.cash,
        "turnover": {"one way": 0.5 * two_way, "two way": two_way},
        "limits": _limits(case, solution, weights),
        "attempts": [dict(attempt) for attempt in solution.attempts],
    }
    if after.tracking_error is not None:
        notes["tracking error"] = after.tracking_error
    if solution.relaxed:
        notes["relaxed"] = {
            name: list(value) if isinstance(value, tuple) else value
            for name, value in solution.relaxed.items()
        }
    if solution.inherited:
        notes["inherited"] = dict(solution.inherited)
    if solution.conflict is not None:
        notes["conflict"] = solution.conflict.sentence(case)
    kept = [name for name, free in zip(case.names, case.free, strict=True) if not free]
    if kept:
        notes["kept, not tradable"] = kept
    return notes


def _limits(
    case: PolicyCase, solution: PolicySolution, weights: Array
) -> dict[str, dict[str, Any]]:
    """Return limit -> its value, where the weights stand, the slack and whether it binds."""
    found = {}
    for name in solution.problem.names:
        if name == RESTRICTIONS:
            continue
        unit = units_of(case.policy, name)
        at, slack = reached(solution.problem, name, weights)
        words = limit_words(name)
        value = solution.relaxed.get(words, limit_value(case.policy, name))
        found[words] = {
            "value": list(value) if isinstance(value, tuple) else value,
            "reached": at / unit,
            "slack": slack / unit,
            "binds": bool(slack <= BINDS),
        }
    return found
