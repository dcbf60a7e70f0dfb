"""Why a name is traded, or left alone: which limit pushes it, by the multipliers of the answer."""

from __future__ import annotations

import numpy as np

from bt_run import Array
from bt_run_plugins.policy.case import PolicyCase
from bt_run_plugins.policy.limit_values import limit_words
from bt_run_plugins.policy.limits import (
    INVESTED,
    MAX_POSITION,
    MIN_POSITION,
    QUALITY,
    RESTRICTIONS,
    TRACKING_ERROR,
    TURNOVER,
)
from bt_run_plugins.policy.solution import PolicySolution

__all__ = ["left_reason", "pushes", "trade_reason"]

NOTICED = 1e-6  # of the largest push
AT = 1e-7


def pushes(solution: PolicySolution) -> dict[str, Array]:
    """Return limit -> (n,) how hard it pushes each weight down, below 0 up; turnover left out."""
    answer, problem = solution.answer, solution.problem
    if answer is None:
        return {}
    found = {}
    for limit in problem.linear:
        y = answer.multipliers[limit.name]
        found[limit.name] = y if limit.M is None else np.asarray(limit.M.T @ y)
    size = problem.size
    if size is not None:
        reached = size.risk.rows(answer.weights)
        length = size.risk.size(answer.weights)
        if length > 0.0:
            price = answer.price(size.name)
            found[size.name] = np.asarray(size.risk.F.T @ reached) * (price / length)
    return found


def trade_reason(
    case: PolicyCase, solution: PolicySolution, place: int, bought: bool
) -> str:
    """Return why the name at ``place`` is bought or sold, in a few words."""
    if not case.holdable[place]:
        return "not in the universe: sold"
    if not bought and case.below_quality[place]:
        assert case.ratings is not None
        return f"quality: {case.ratings[place]:g} < {case.policy.min_quality_score:g}"
    if not bought and case.unrated[place] and case.policy.unrated == "exclude":
        return "quality: not rated, and `unrated: exclude`"
    pushed = _strongest(solution, place, 1.0 if not bought else -1.0)
    return _words(case, pushed, place) if pushed else "objective"


def _strongest(solution: PolicySolution, place: int, sign: float) -> str | None:
    """Return the limit that pushes a weight hardest that way, if one does.

    What must be invested pushes all names alike, so it is the reason where no other limit is.
    """
    found = pushes(solution)
    level = found.pop(INVESTED, None)
    scale = max((float(np.abs(one).max()) for one in found.values()), default=0.0)
    best, name = NOTICED * max(scale, 1e-12), None
    for limit, one in found.items():
        if sign * one[place] > best:
            best, name = float(sign * one[place]), limit
    if name is None and level is not None and sign * level[place] > NOTICED:
        return INVESTED
    return name


def _words(case: PolicyCase, limit: str, place: int) -> str:
    if limit == INVESTED:
        return "cash: what is not invested elsewhere"
    if limit == TRACKING_ERROR:
        return "tracking error"
    if limit == MAX_POSITION:
        return f"cap: {case.policy.max_single_position_pct:g}"
    if limit == MIN_POSITION:
        return f"floor: {case.policy.min_single_position_pct:g}"
    if limit == RESTRICTIONS:
        return "restricted"
    if limit == QUALITY:
        return "quality"
    sector = case.sectors[place] if case.sectors is not None else ""
    return f"sector: {sector} ({limit_words(limit)})"


def left_reason(
    case: PolicyCase, solution: PolicySolution, place: int, dropped: bool
) -> str:
    """Return why the name at ``place`` is left as it is."""
    if not case.free[place]:
        return "not tradable: kept, outside the limits"
    if solution.status == "held":
        return "the limits contradict each other: held"
    if solution.status == "failed":
        return "no answer was accurate enough: held"
    now, wanted = case.weights[place], solution.weights[place]
    if dropped:
        return f"within min_trade_value {case.policy.min_trade_value:g}"
    if abs(wanted - now) > AT:
        return "less than a lot away"
    lower, upper = solution.problem.ends()
    if case.lower is not None and now <= case.lower[place] + AT and now > 0.0:
        return "restricted: not to be sold"
    if case.upper is not None and now >= case.upper[place] - AT:
        return "restricted: not to be bought"
    if now <= lower[place] + AT or now >= upper[place] - AT:
        return "at a bound"
    answer = solution.answer
    if answer is not None and answer.multipliers.get(TURNOVER, np.zeros(1)).any():
        return "gain below the cost of turnover"
    return "as the objective wants it"
