"""What the sizers that allocate by covariances share: who takes part, the estimate, the answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from pydantic import Field, model_validator

from bt_run import Array, Config, PortfolioState, Proposal
from bt_run.arrays import Mask
from bt_run_plugins.optimization.covariance import (
    ewma_covariance,
    factor_root,
    ledoit_wolf_covariance,
    sample_covariance,
)
from bt_run_plugins.sizers.sharing import exposures

__all__ = ["Allocation", "AllocationConfig", "GroupCaps", "allocated"]


class AllocationConfig(Config):
    """Configuration of who takes part, and of their covariance."""

    lookback: int = Field(252, ge=3, description="bars in the covariance")
    covariance: Literal["sample", "ledoit_wolf", "ewma", "factor"] = Field(
        "ledoit_wolf", description="its estimator"
    )
    halflife: float = Field(
        63.0, gt=0.0, description="bars after which a return counts half, for `ewma`"
    )
    factors: int = Field(5, ge=1, description="principal components, for `factor`")
    redistribute: bool = Field(
        False,
        description="share what flat names leave among the others, instead of holding it as cash",
    )


class GroupCaps(Config):
    """Configuration of caps on single names and on groups of them."""

    cap: float = Field(
        1.0, gt=0.0, le=1.0, description="largest share of a name in what is allocated"
    )
    groups: str | None = Field(
        None, description="text table of data.tables that names each asset's group"
    )
    group_cap: float | None = Field(
        None,
        gt=0.0,
        le=1.0,
        description="largest share of a group that has no cap of its own",
    )
    group_caps: dict[str, float] = Field({}, description="group: its largest share")

    @model_validator(mode="after")
    def _groups_are_named(self) -> GroupCaps:
        capped = self.group_cap is not None or self.group_caps
        if capped and self.groups is None:
            raise ValueError(
                "group caps without groups; expected `groups: TABLE`, a text table of data.tables"
            )
        for name, cap in self.group_caps.items():
            if not 0.0 <= cap <= 1.0:
                raise ValueError(
                    f"group_caps.{name} was {cap:g}; expected a fraction from 0 to 1"
                )
        return self

    @property
    def reads(self) -> dict[str, Literal["number", "text", "series"]]:
        """Return the tables that are read."""
        return {} if self.groups is None else {self.groups: "text"}


@dataclass(frozen=True)
class Allocation:
    """The names that share 1, their returns and their covariance.

    Attributes:
        members: (N,) which of the assets take part, n of them.
        returns: (T, n) in bars that all of them have.
        per_year: bars a year.
    """

    config: AllocationConfig
    members: Mask
    returns: Array
    per_year: float

    @cached_property
    def covariance(self) -> Array:
        """Return the yearly covariance (n, n)."""
        config = self.config
        if config.covariance == "ewma":
            return ewma_covariance(self.returns, self.per_year, config.halflife)
        if config.covariance == "ledoit_wolf":
            return ledoit_wolf_covariance(self.returns, self.per_year)
        S = sample_covariance(self.returns, self.per_year)
        if config.covariance == "sample":
            return S
        B, d = factor_root(S, min(config.factors, len(S)))
        return np.asarray(np.einsum("ki,kj->ij", B, B) + np.diag(d**2))

    def volatility(self, w: Array) -> float:
        """Return what weights (n,) are expected to vary, a fraction per year."""
        return float(np.sqrt(np.einsum("i,ij,j->", w, self.covariance, w)))


def allocated(
    state: PortfolioState,
    config: AllocationConfig,
    solve: Callable[[Allocation], tuple[Array | None, Mapping[str, Any]]],
) -> Proposal:
    """Return weights (N,): what ``solve`` shares among the names that take part, (n,), times their
    exposure.

    Eligible names take part that have ``lookback`` returns of their own, with ``redistribute``
    those with an exposure only. Bars that one of them lacks are left out. Where fewer than half of
    the bars are left, or nobody takes part, nothing is held; where ``solve`` gives None, what is
    held stays. The notes say so.
    """
    exposure = exposures(state.signals)
    eligible = np.isfinite(state.signals)
    if config.redistribute:
        eligible &= exposure != 0.0
    old = eligible & (state.history.counts > config.lookback)
    notes: dict[str, Any] = {}
    young = eligible & ~old
    if young.any():
        notes["too little history"] = [
            state.history.assets[place] for place in np.flatnonzero(young)
        ]
    returns = state.history.returns(config.lookback)[:, old]
    complete = returns[np.isfinite(returns).all(axis=1)]
    weights = np.zeros(len(exposure))
    if not old.any() or len(complete) < max(3, config.lookback // 2):
        return Proposal(weights, notes=notes | {"reason": "cash: no covariance yet"})
    allocation = Allocation(
        config, old, np.ascontiguousarray(complete), state.history.bars_per_year
    )
    shares, found = solve(allocation)
    if shares is None:
        kept = np.where(eligible, state.weights, 0.0)
        reason = "the drifted weights: no answer was accurate enough"
        return Proposal(kept, notes={**notes, **found, "reason": reason})
    weights[old] = shares
    notes |= {"gross volatility": allocation.volatility(shares), **found}
    return Proposal(weights * exposure, notes=notes)
