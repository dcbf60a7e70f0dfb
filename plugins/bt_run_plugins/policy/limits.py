"""The limits of a policy on a case, and what it wants within them, as a convex problem."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType

import numpy as np

from bt_run import Array
from bt_run_plugins.optimization.convex import (
    BUDGET,
    ConvexProblem,
    LinearLimit,
    Objective,
    SizeLimit,
    SumLimit,
)
from bt_run_plugins.policy.case import PolicyCase

__all__ = [
    "INVESTED",
    "LIMIT_OF",
    "MAX_POSITION",
    "MAX_SECTOR",
    "MIN_POSITION",
    "QUALITY",
    "RESTRICTIONS",
    "TRACKING_ERROR",
    "TURNOVER",
    "kept_weights",
    "policy_problem",
    "sector_rows",
]

INVESTED = BUDGET
MAX_POSITION, MIN_POSITION = "max_single_position_pct", "min_single_position_pct"
MAX_SECTOR, QUALITY = "max_sector_pct", "min_quality_score"
TRACKING_ERROR, TURNOVER = "max_tracking_error_pct", "max_turnover_pct"
GROSS, RESTRICTIONS = "max_gross_pct", "restrictions"
# words of `relax` -> limits
LIMIT_OF: Mapping[str, str] = MappingProxyType(
    {
        "turnover": TURNOVER,
        "tracking_error": TRACKING_ERROR,
        "position": MAX_POSITION,
        "sector": MAX_SECTOR,
        "invested": INVESTED,
    }
)


def policy_problem(case: PolicyCase) -> ConvexProblem:
    """Return the problem of a case: bounds and named limits on weights (n,), and the objective.

    A name that cannot be traded keeps its weight: position, quality and sector limits do not count
    it.
    """
    policy = case.policy
    fixed = ~case.free
    nothing = ~fixed & ~case.holdable
    if policy.unrated == "exclude":
        nothing |= ~fixed & case.unrated
    low = 0.0 if policy.long_only else -np.inf
    lower = np.where(fixed, case.weights, np.where(nothing, 0.0, low))
    upper = np.where(fixed, case.weights, np.where(nothing, 0.0, np.inf))
    sums = []
    if policy.most_traded is not None and not case.exempt:
        sums.append(
            SumLimit(name=TURNOVER, centre=case.weights, most=policy.most_traded)
        )
    if policy.max_gross_pct is not None:
        none = np.zeros(case.n)
        sums.append(SumLimit(name=GROSS, centre=none, most=policy.max_gross_pct))
    size = None
    if policy.max_tracking_error_pct is not None and case.tracking is not None:
        size = SizeLimit(
            name=TRACKING_ERROR, risk=case.tracking, most=policy.max_tracking_error_pct
        )
    return ConvexProblem(
        lower=lower,
        upper=upper,
        objective=_objective(case),
        linear=tuple(_linear(case)),
        sums=tuple(sums),
        size=size,
    )


def _linear(case: PolicyCase) -> Iterator[LinearLimit]:
    from scipy import sparse

    policy, free = case.policy, case.free
    endless = np.full(case.n, np.inf)
    low, high = policy.invested
    yield LinearLimit(
        name=INVESTED,
        low=np.full(1, low),
        high=np.full(1, high),
        M=sparse.csc_matrix(np.ones((1, case.n))),
        high_gives=False,
    )
    if case.below_quality.any():
        refused = case.below_quality & free & case.holdable
        above = np.where(refused, 0.0, np.inf)
        below = np.where(refused & (not policy.long_only), 0.0, -np.inf)
        yield LinearLimit(name=QUALITY, low=below, high=above)
    cap = policy.max_single_position_pct
    if cap < 1.0 or not policy.long_only:
        above = np.where(free, cap, np.inf)
        below = -endless if policy.long_only else -above
        yield LinearLimit(name=MAX_POSITION, low=below, high=above, scale=cap or 1.0)
    if policy.min_single_position_pct > 0.0:
        floor = policy.min_single_position_pct
        below = np.where(case.eligible, floor, -np.inf)
        yield LinearLimit(name=MIN_POSITION, low=below, high=endless, scale=floor)
    yield from _sectors(case)
    yield from _restrictions(case)


def sector_rows(case: PolicyCase) -> dict[str, Array]:
    """Return sector -> which names are in it, (n,) of 0 and 1; what cannot be traded is in none."""
    if case.sectors is None:
        return {}
    sectors = np.array(case.sectors, dtype=object)
    return {
        sector: ((sectors == sector) & case.free).astype(np.float64)
        for sector in sorted(set(case.sectors) - {""})
    }


def _sectors(case: PolicyCase) -> Iterator[LinearLimit]:
    from scipy import sparse

    policy, rows = case.policy, sector_rows(case)
    if not rows:
        return
    if policy.max_sector_pct is not None:
        # a sector with a cap of its own has that one
        general = [name for name in rows if name not in policy.sector_caps]
        if general:
            count = len(general)
            yield LinearLimit(
                name=MAX_SECTOR,
                low=np.full(count, -np.inf),
                high=np.full(count, policy.max_sector_pct),
                M=sparse.csc_matrix(np.array([rows[name] for name in general])),
                scale=policy.max_sector_pct or 1.0,
            )
    endless = np.full(1, np.inf)
    for sector, cap in sorted(policy.sector_caps.items()):
        yield LinearLimit(
            name=f"sector_caps.{sector}",
            low=-endless,
            high=np.full(1, cap),
            M=sparse.csc_matrix(rows[sector][None, :]),
            scale=cap or 1.0,
        )
    for sector, floor in sorted(policy.sector_floors.items()):
        yield LinearLimit(
            name=f"sector_floors.{sector}",
            low=np.full(1, floor),
            high=endless,
            M=sparse.csc_matrix(rows[sector][None, :]),
            scale=floor or 1.0,
        )


def _restrictions(case: PolicyCase) -> Iterator[LinearLimit]:
    if case.lower is None and case.upper is None:
        return
    endless = np.full(case.n, np.inf)
    low = -endless if case.lower is None else np.where(case.free, case.lower, -np.inf)
    high = endless if case.upper is None else np.where(case.free, case.upper, np.inf)
    yield LinearLimit(name=RESTRICTIONS, low=low, high=high)


def kept_weights(case: PolicyCase) -> Array:
    """Return k (n,) of the objective ``keep``: the eligible weights of now, scaled pro rata to what
    is to be invested beside what cannot be traded; equal ones where none is held.
    """
    low, high = case.policy.invested
    fixed = float(case.weights[~case.free].sum())
    total = min(max(float(case.weights.sum()), low), high) - fixed
    own = np.where(case.eligible, case.weights, 0.0)
    held = float(own.sum())
    if held > 0.0:
        return np.asarray(np.where(case.free, own * (total / held), case.weights))
    count = int(case.eligible.sum())
    share = max(high - fixed, 0.0) / count if count else 0.0
    return np.where(case.free, np.where(case.eligible, share, 0.0), case.weights)


def _objective(case: PolicyCase) -> Objective:
    policy, none = case.policy, np.zeros(case.n)
    if policy.objective == "keep":
        return Objective(linear=-kept_weights(case), diagonal=np.ones(case.n))
    if policy.objective == "min_tracking_error":
        if case.tracking is None:
            raise ValueError("min_tracking_error needs a benchmark")
        return Objective(linear=none, risk=case.tracking)
    risk = case.volatility
    if policy.objective == "max_utility":
        return Objective(linear=-case.expected, risk=risk, weight=policy.risk_aversion)
    if policy.objective == "max_sharpe":
        return Objective(
            linear=none, risk=risk, excess=case.expected - policy.risk_free_rate
        )
    return Objective(linear=none, risk=risk)
