"""Hold only what is on the right side of its own moving average."""

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


class TrendFilterConfig(Config):
    """Configuration of the rule."""

    lookback: int = Field(200, ge=2, description="own bars of the asset in the average")
    outside: float = Field(
        0.0,
        ge=0.0,
        le=1.0,
        description="what is left of a weight on the wrong side, a fraction",
    )


class TrendFilter:
    """An asset's weight as it is where its close is above the mean of its last ``lookback`` own
    bars, cut where it is not; a short the other way round.

    Faber, A Quantitative Approach to Tactical Asset Allocation, Journal of Wealth Management 9
    (2007). An asset with fewer own bars has no side, and is cut.
    """

    guards = True

    def __init__(self, config: TrendFilterConfig, context: BuildContext) -> None:
        self.config = config

    def adjust(self, state: PortfolioState, weights: Array) -> Proposal:
        """Return weights (N,), those on the wrong side times ``outside``."""
        lookback = self.config.lookback
        closes = state.history.close(lookback, asset_bars=True)
        if len(closes) < lookback:
            right = np.zeros(len(weights), dtype=bool)
        else:
            gap = closes[-1] - closes.sum(axis=0) / lookback
            right = np.where(weights > 0.0, gap > 0.0, gap < 0.0)
        cut = (weights != 0.0) & ~right
        if not cut.any():
            return Proposal(weights)
        names = [state.history.assets[i] for i in np.flatnonzero(cut)]
        kept = np.where(cut, weights * self.config.outside, weights)
        return Proposal(kept, notes={"wrong side": names})


@hookimpl
def bt_overlays() -> list[Component]:
    return [
        Component(
            name="trend_filter",
            config=TrendFilterConfig,
            build=TrendFilter,
            summary="cuts what is on the wrong side of its own moving average",
            example={"lookback": 20},
        )
    ]
