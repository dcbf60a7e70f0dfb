"""Shares of 1 under caps on names and groups: the problem that two sizers solve."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bt_run import Array, PortfolioState
from bt_run_plugins.optimization.convex import (
    BUDGET,
    ConvexProblem,
    LinearLimit,
    Objective,
    Risk,
)
from bt_run_plugins.optimization.convex_answer import solve_convex
from bt_run_plugins.optimization.matrix_root import square_root
from bt_run_plugins.sizers.allocation import Allocation, GroupCaps

__all__ = ["LIBRARIES", "GroupRows", "risk_of", "shares_of"]

# what must be installed, and what brings it
LIBRARIES: Mapping[str, str] = MappingProxyType(
    dict.fromkeys(("clarabel", "scipy", "scs"), "bt-run[tracker]")
)


@dataclass(frozen=True)
class GroupRows:
    """The group of each asset at a decision, (N,), "" where it has none, and the caps."""

    names: NDArray[np.object_]
    caps: GroupCaps

    @classmethod
    def of(cls, state: PortfolioState, caps: GroupCaps) -> GroupRows:
        """Return what the table of the run says now."""
        if caps.groups is None:
            return cls(np.full(len(state.signals), "", dtype=object), caps)
        found = [name or "" for name in state.history.table(caps.groups)]
        return cls(np.array(found, dtype=object), caps)

    def cap_of(self, group: str) -> float:
        """Return the largest share of a group; 1 for what is in none."""
        if not group:
            return 1.0
        usual = 1.0 if self.caps.group_cap is None else self.caps.group_cap
        return self.caps.group_caps.get(group, usual)


def risk_of(allocation: Allocation) -> Risk:
    """Return the risk of weights (n,) under the covariance of an ``allocation``."""
    from scipy import sparse

    F = sparse.csc_matrix(square_root(allocation.covariance))
    return Risk(F, np.zeros(F.shape[0]))


def shares_of(
    allocation: Allocation, groups: GroupRows, objective: Objective
) -> tuple[Array | None, Mapping[str, Any]]:
    """Return the shares (n,) of an ``allocation`` that are best by the ``objective`` within the
    caps of ``groups``, and notes; None where no answer is accurate enough.

    They sum to 1, or to what the caps allow.
    """
    names = groups.names[allocation.members]
    count, cap = len(names), groups.caps.cap
    sizes = {group: int((names == group).sum()) for group in sorted(set(names))}
    most = {group: min(groups.cap_of(group), n * cap) for group, n in sizes.items()}
    total = min(1.0, sum(most.values()))
    problem = ConvexProblem(
        lower=np.zeros(count),
        upper=np.full(count, cap),
        objective=objective,
        linear=tuple(_limits(names, most, total)),
    )
    outcome = solve_convex(problem)
    notes: dict[str, Any] = {"attempts": [dict(one) for one in outcome.attempts]}
    if total < 1.0:
        notes["shared"] = total
    if outcome.answer is None:
        return None, notes
    return outcome.answer.weights, notes


def _limits(
    names: NDArray[np.object_], most: Mapping[str, float], total: float
) -> Iterator[LinearLimit]:
    from scipy import sparse

    ends = np.full(1, total)
    row = sparse.csc_matrix(np.ones((1, len(names))))
    yield LinearLimit(name=BUDGET, low=ends, high=ends, M=row)
    for group, cap in most.items():
        if group and cap < total:
            row = sparse.csc_matrix((names == group).astype(np.float64)[None, :])
            yield LinearLimit(
                name=group, low=np.full(1, -np.inf), high=np.full(1, cap), M=row
            )
