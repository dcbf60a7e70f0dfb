"""Scale a portfolio to a yearly volatility."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from pydantic import Field, field_validator

from bt_run import (
    Array,
    BuildContext,
    Component,
    Config,
    Guards,
    Plan,
    PortfolioState,
    Proposal,
    hookimpl,
    refuse_per_cent,
)

HIGHEST = 2.0  # of a target: beyond lies what was meant in per cent


class VolatilityTargetConfig(Config):
    """Configuration of the volatility target."""

    annual: float = Field(
        gt=0.0,
        description="target volatility of the whole portfolio, fraction per year",
    )
    lookback: int = Field(63, ge=2, description="bars in the volatility estimate")
    downside: bool = Field(
        False, description="measure returns below 0 only: sqrt(mean(min(r, 0)^2))"
    )
    bars_per_year: float | None = Field(
        None,
        gt=0.0,
        description="bars in a year, to annualise; null: as many as such bars make, 252 of daily "
        "ones",
    )

    @field_validator("annual")
    @classmethod
    def _is_no_percentage(cls, annual: float) -> float:
        return refuse_per_cent(annual, HIGHEST)


class VolatilityTarget:
    """What scales all weights by target / estimated volatility, within the run's gross limit.

    The estimate is the volatility that today's weights would have had over the last ``lookback``
    bars in which every asset held has a return. With fewer than half of them the weights stay as
    they are.
    """

    def __init__(self, config: VolatilityTargetConfig, context: BuildContext) -> None:
        self.config = config
        self.gross = context.limits.gross

    def advice(self, plan: Plan) -> Iterator[str]:
        """Warn of guards before it: it would scale back up what they cut."""
        for placed in plan.before:
            if isinstance(placed.component, Guards) and placed.component.guards:
                yield (
                    f"overlays: {plan.own.name} after {placed.name} scales back up what the guard "
                    "cut; swap them"
                )

    def adjust(self, state: PortfolioState, weights: Array) -> Proposal:
        """Return weights (N,) * min(annual / volatility, gross limit / gross)."""
        held = np.flatnonzero(weights)
        if not len(held):
            return Proposal(weights)
        returns = state.history.returns(self.config.lookback)
        if len(held) < len(weights):
            returns = returns[:, held]
        finite = np.isfinite(returns)
        whole = finite.all()
        # row by row in memory, so that the sums below have the same bits either way
        complete = (
            np.ascontiguousarray(returns) if whole else returns[finite.all(axis=1)]
        )
        if len(complete) < max(2, self.config.lookback // 2):
            return Proposal(
                weights,
                notes={
                    "unscaled": f"{len(complete)} returns, {self.config.lookback} wanted"
                },
            )
        # not complete @ weights: a BLAS answer's last digit may depend on where in memory the
        # arrays lie
        per_year = self.config.bars_per_year or state.history.bars_per_year
        volatility = self._volatility((complete * weights[held]).sum(axis=1), per_year)
        most = self.gross / float(np.abs(weights).sum())
        scale = min(self.config.annual / volatility, most) if volatility > 0 else most
        return Proposal(
            weights * scale, notes={"volatility": volatility, "scale": scale}
        )

    def _volatility(self, returns: Array, per_year: float) -> float:
        """Return the yearly volatility of bar returns (n,)."""
        if self.config.downside:
            variance = float(np.mean(np.minimum(returns, 0.0) ** 2))
        else:
            # as np.var(returns, ddof=1), whose checks take longer than its sums
            centred = returns - np.add.reduce(returns) / len(returns)
            variance = float(np.add.reduce(centred * centred) / (len(returns) - 1))
        return float(np.sqrt(variance * per_year))


@hookimpl
def bt_overlays() -> list[Component]:
    return [
        Component(
            name="volatility_target",
            config=VolatilityTargetConfig,
            build=VolatilityTarget,
            summary="scales the weights to a yearly volatility, within the gross limit",
            example={"annual": 0.10, "lookback": 20},
        )
    ]
