"""A policy that cannot be kept: which limits contradict each other, and what would do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from math import ceil, isfinite
from typing import Any

import numpy as np

from bt_run import InfeasibleError
from bt_run_plugins.optimization.convex import ConvexProblem
from bt_run_plugins.optimization.elastic import (
    TOLERANCE,
    can_be_met,
    conflicting,
    least_slack,
    total_slack,
)
from bt_run_plugins.policy.case import PolicyCase
from bt_run_plugins.policy.limit_values import limit_text, relaxed_value, requirement
from bt_run_plugins.policy.limits import (
    INVESTED,
    MAX_POSITION,
    QUALITY,
    RESTRICTIONS,
    policy_problem,
    sector_rows,
)

__all__ = ["Conflict", "PolicyConflictError", "conflict_of"]

_SMALL = 1e-9


@dataclass(frozen=True, kw_only=True)
class Conflict:
    """Limits that cannot be kept together.

    Attributes:
        arithmetic: what can be seen without a solver, a sentence each.
        limits: an irreducible set of them: without any one of them the others could be kept.
        single: limit -> its nearest value that alone would do, the others as they are.
        together: limit -> values that would do together, with the least sum of relative changes.
    """

    arithmetic: tuple[str, ...]
    limits: tuple[str, ...]
    single: Mapping[str, Any]
    together: Mapping[str, Any]

    def sentence(self, case: PolicyCase) -> str:
        """Return all of it in words."""
        policy = case.policy
        names = ", ".join(limit_text(policy, name) for name in self.limits)
        parts = [f"{policy.id}: the limits contradict each other: {names}"]
        parts += self.arithmetic
        single = [requirement(policy, name, at) for name, at in self.single.items()]
        if single:
            parts.append(f"any one of these would do: {'; '.join(single)}")
            return "; ".join(parts)
        parts.append("no change of a single limit would do")
        together = [requirement(policy, name, at) for name, at in self.together.items()]
        if together:
            parts.append(f"together these would do: {', '.join(together)}")
        return "; ".join(parts)


class PolicyConflictError(InfeasibleError):
    """Limits of a policy that contradict each other; ``conflict`` says which."""

    def __init__(self, text: str, conflict: Conflict) -> None:
        super().__init__(text)
        self.conflict = conflict


def conflict_of(case: PolicyCase, problem: ConvexProblem) -> Conflict | None:
    """Return what contradicts what; None where all limits of ``problem`` can be kept.

    Raises:
        SolverError: no solver says accurately whether they can.
    """
    slacks = least_slack(problem, problem.names)
    if total_slack(problem, slacks) <= TOLERANCE:
        return None
    policy = case.policy
    together = {
        name: relaxed_value(policy, name, slack)
        for name, slack in slacks.items()
        if slack > TOLERANCE * problem.scales[name]
        and name not in (RESTRICTIONS, QUALITY)
    }
    if slacks.get(QUALITY, 0.0) > TOLERANCE:
        found = _quality_that_does(case, together)
        if found is not None:
            together[QUALITY] = found
    return Conflict(
        arithmetic=tuple(_arithmetic(case)),
        limits=conflicting(problem),
        single=dict(_single(case, problem)),
        together=together,
    )


def _single(case: PolicyCase, problem: ConvexProblem) -> Iterator[tuple[str, Any]]:
    """Yield each limit that could do it alone, with the value."""
    policy = case.policy
    for name in problem.names:
        if name == RESTRICTIONS:
            continue
        if name == QUALITY:
            score = _quality_that_does(case, {})
            if score is not None:
                yield QUALITY, score
            continue
        (slack,) = least_slack(problem, (name,)).values()
        if not isfinite(slack):
            continue
        value = relaxed_value(policy, name, slack)
        if name != INVESTED:
            yield name, value
        elif can_be_met(policy_problem(_with(case, {INVESTED: value}))):
            # what is too much invested is not put right by investing less
            yield name, value


def _quality_that_does(case: PolicyCase, others: Mapping[str, Any]) -> float | None:
    """Return the highest rating that would do as ``min_quality_score``, with other limits changed
    too; None where no rating does.
    """
    if case.ratings is None:
        return None
    lower = case.ratings[case.below_quality]
    for score in sorted({float(value) for value in lower}, reverse=True):
        if can_be_met(policy_problem(_with(case, {**others, QUALITY: score}))):
            return score
    return None


def _with(case: PolicyCase, limits: Mapping[str, Any]) -> PolicyCase:
    """Return the case under other values of some limits."""
    changes: dict[str, Any] = {}
    for name, value in limits.items():
        key, _, sector = name.partition(".")
        key = "invested" if key == INVESTED else key
        if sector:
            own = changes.get(key, dict(getattr(case.policy, key)))
            changes[key] = {**own, sector: value}
        else:
            changes[key] = value
    return replace(case, policy=case.policy.model_copy(update=changes))


def _arithmetic(case: PolicyCase) -> Iterator[str]:
    """Yield what contradicts itself without any solver."""
    policy = case.policy
    cap = policy.max_single_position_pct
    fixed = float(case.weights[~case.free].sum())
    wanted = policy.invested[0] - fixed
    names = int(case.eligible.sum())
    eligible = f"{names} eligible {'name' if names == 1 else 'names'}"
    if policy.long_only and names * cap < wanted - _SMALL:
        helps = []
        if names and wanted / names <= 1.0:
            helps.append(f"{MAX_POSITION} >= {ceil(wanted / names * 1e6) / 1e6:g}")
        if cap > 0.0:
            helps.append(f"{ceil(wanted / cap - _SMALL)} names")
        yield (
            f"{eligible} with {MAX_POSITION} {cap:g} can hold {names * cap:g} of the {wanted:g} to "
            f"be invested: it takes {', or '.join(helps) or 'an eligible name'}"
        )
    yield from _arithmetic_of_sectors(case, wanted)
    floor = policy.min_single_position_pct
    if names * floor > policy.invested[1] - fixed + _SMALL:
        yield (
            f"{eligible} with min_single_position_pct {floor:g} take {names * floor:g}, more than "
            f"the {policy.invested[1] - fixed:g} that may be invested"
        )
    forced = _forced_sales(case)
    most = policy.most_traded
    if most is not None and not case.exempt and forced > most + _SMALL:
        unit = policy.two_ways
        yield (
            f"what must be sold of names that may not be held, or above {MAX_POSITION}, is "
            f"{forced / unit:.6g} {policy.turnover_convention}, more than max_turnover_pct "
            f"{policy.max_turnover_pct:g}"
        )


def _arithmetic_of_sectors(case: PolicyCase, wanted: float) -> Iterator[str]:
    policy = case.policy
    if not policy.long_only:
        return
    room = 0.0
    capped = policy.max_sector_pct is not None or bool(policy.sector_caps)
    for sector, members in sector_rows(case).items():
        general = 1.0 if policy.max_sector_pct is None else policy.max_sector_pct
        cap = policy.sector_caps.get(sector, general)
        count = int((case.eligible & (members > 0.0)).sum())
        room += min(cap, count * policy.max_single_position_pct)
    if capped and room < wanted - _SMALL:
        yield (
            f"the sectors can hold {room:g} of the {wanted:g} to be invested under their caps and "
            f"{MAX_POSITION} {policy.max_single_position_pct:g}"
        )
    floors = sum(policy.sector_floors.values())
    if floors > policy.invested[1] + _SMALL:
        yield (
            f"the sector_floors sum to {floors:g}, more than the {policy.invested[1]:g} that may "
            "be invested"
        )


def _forced_sales(case: PolicyCase) -> float:
    """Return the part of NAV that must be sold whatever else happens."""
    if not case.policy.long_only:
        return 0.0
    own = np.where(case.free, case.weights, 0.0)
    cap = np.where(case.eligible, case.policy.max_single_position_pct, 0.0)
    return float(np.maximum(own - cap, 0.0).sum())
