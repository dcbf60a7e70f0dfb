"""Share the capital by expected return and variance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from pydantic import Field

from bt_run import (
    Array,
    BuildContext,
    Component,
    PortfolioState,
    Proposal,
    hookimpl,
)
from bt_run_plugins.optimization.convex import Objective
from bt_run_plugins.optimization.gram import solve_positive_definite
from bt_run_plugins.sizers.allocation import (
    Allocation,
    AllocationConfig,
    GroupCaps,
    allocated,
)
from bt_run_plugins.sizers.capped import LIBRARIES, GroupRows, risk_of, shares_of

FLAT = 1e-9  # of the mean variance, so that a singular covariance can be solved with


class MeanVarianceConfig(AllocationConfig, GroupCaps):
    """Configuration of the trade-off."""

    risk_aversion: float = Field(
        5.0, gt=0.0, description="lambda of mu'w - lambda / 2 w'Sw, yearly figures"
    )
    shrink: bool = Field(
        True, description="shrink the means toward that of the least variance"
    )


class MeanVariance:
    """Shares with the largest mu'w - lambda / 2 w'Sw, sum w = 1, 0 <= w <= cap, times exposure.

    mu are the means of the lookback, shrunk as Jorion does: "Bayes-Stein estimation for portfolio
    analysis", Journal of Financial and Quantitative Analysis 21 (1986). When no answer is accurate
    enough, the portfolio stays as it is.
    """

    accepts = frozenset({"exposure"})

    def __init__(self, config: MeanVarianceConfig, context: BuildContext) -> None:
        self.config = config
        self.reads = config.reads

    def target_weights(self, state: PortfolioState) -> Proposal:
        """Return weights (N,)."""
        groups = GroupRows.of(state, self.config)

        def solved(allocation: Allocation) -> tuple[Array | None, Mapping[str, Any]]:
            mu = allocation.returns.mean(axis=0) * allocation.per_year
            if self.config.shrink:
                mu = shrunk_means(allocation, mu)
            objective = Objective(
                linear=-mu,
                risk=risk_of(allocation),
                weight=self.config.risk_aversion,
            )
            return shares_of(allocation, groups, objective)

        return allocated(state, self.config, solved)


def shrunk_means(allocation: Allocation, mu: Array) -> Array:
    """Return yearly means (n,) shrunk toward m, that of the portfolio of the least variance:

        (1 - v) mu + v m,   v = (n + 2) / (n + 2 + T (mu - m 1)'S^-1 (mu - m 1))

    with T in years, as mu and S are. Where nothing varies they stay as they are.
    """
    S = allocation.covariance
    n = len(S)
    if not np.trace(S) > 0.0:
        return mu
    firm = S + FLAT * float(np.trace(S)) / n * np.eye(n)
    ones = np.ones(n)
    solved = solve_positive_definite(firm, np.column_stack([ones, mu]))
    middle = float((ones * solved[:, 1]).sum()) / float((ones * solved[:, 0]).sum())
    apart = mu - middle
    years = len(allocation.returns) / allocation.per_year
    distance = years * float(
        (apart * solve_positive_definite(firm, apart[:, None])[:, 0]).sum()
    )
    share = (n + 2) / (n + 2 + distance)
    return np.asarray((1.0 - share) * mu + share * middle)


def _libraries(config: MeanVarianceConfig) -> Mapping[str, str]:
    return LIBRARIES


@hookimpl
def bt_sizers() -> list[Component]:
    return [
        Component(
            name="mean_variance",
            config=MeanVarianceConfig,
            build=MeanVariance,
            summary="shares by shrunk means and variance, with caps, times exposure",
            example={"lookback": 40, "cap": 0.6},
            libraries=_libraries,
        )
    ]
