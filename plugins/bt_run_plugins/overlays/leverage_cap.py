"""Keep the gross exposure below a bound."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from bt_run import (
    Array,
    BuildContext,
    Component,
    Config,
    PortfolioState,
    Proposal,
    hookimpl,
)


class LeverageCapConfig(Config):
    """Configuration of the bound."""

    gross: float = Field(
        1.0, gt=0.0, description="largest sum of all weights' sizes, fractions of NAV"
    )


class LeverageCap:
    """What scales all weights by gross / sum |w| where that sum is above ``gross``.

    Unlike ``limits.gross`` it stands where it is written, so that overlays after it see weights
    that are bounded.
    """

    def __init__(self, config: LeverageCapConfig, context: BuildContext) -> None:
        self.config = config

    def adjust(self, state: PortfolioState, weights: Array) -> Proposal:
        """Return weights (N,) within the bound."""
        gross = float(np.abs(weights).sum())
        if gross <= self.config.gross:
            return Proposal(weights)
        scale = self.config.gross / gross
        return Proposal(weights * scale, notes={"gross": gross, "scale": scale})


@hookimpl
def bt_overlays() -> list[Component]:
    return [
        Component(
            name="leverage_cap",
            config=LeverageCapConfig,
            build=LeverageCap,
            summary="scales all weights so that their gross exposure stays below a bound",
            example={"gross": 0.4},
        )
    ]
