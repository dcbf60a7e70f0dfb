"""Share the capital so that it varies least."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bt_run import (
    Array,
    BuildContext,
    Component,
    PortfolioState,
    Proposal,
    hookimpl,
)
from bt_run_plugins.optimization.convex import Objective
from bt_run_plugins.sizers.allocation import (
    Allocation,
    AllocationConfig,
    GroupCaps,
    allocated,
)
from bt_run_plugins.sizers.capped import LIBRARIES, GroupRows, risk_of, shares_of


class MinimumVarianceConfig(AllocationConfig, GroupCaps):
    """Configuration of the least variance."""


class MinimumVariance:
    """Shares with the least w'Sw, sum w = 1, 0 <= w <= cap, groups within theirs, times exposure.

    Markowitz, Journal of Finance 7 (1952). Where the caps leave less than 1, as much is shared as
    they allow. When no answer is accurate enough, the portfolio stays as it is.
    """

    accepts = frozenset({"exposure"})

    def __init__(self, config: MinimumVarianceConfig, context: BuildContext) -> None:
        self.config = config
        self.reads = config.reads

    def target_weights(self, state: PortfolioState) -> Proposal:
        """Return weights (N,)."""
        groups = GroupRows.of(state, self.config)

        def solved(allocation: Allocation) -> tuple[Array | None, Mapping[str, Any]]:
            objective = Objective(
                linear=np.zeros(int(allocation.members.sum())),
                risk=risk_of(allocation),
            )
            return shares_of(allocation, groups, objective)

        return allocated(state, self.config, solved)


def _libraries(config: MinimumVarianceConfig) -> Mapping[str, str]:
    return LIBRARIES


@hookimpl
def bt_sizers() -> list[Component]:
    return [
        Component(
            name="minimum_variance",
            config=MinimumVarianceConfig,
            build=MinimumVariance,
            summary="shares that vary least, with caps on names and groups, times exposure",
            example={"lookback": 40, "cap": 0.6},
            libraries=_libraries,
        )
    ]
