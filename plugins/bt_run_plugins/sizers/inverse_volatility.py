"""Weigh assets by the inverse of their volatility."""

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
from bt_run_plugins.sizers.sharing import share


class InverseVolatilityConfig(Config):
    """Configuration of inverse-volatility weighting."""

    lookback: int = Field(
        63, ge=2, description="own bars of the asset in the volatility estimate"
    )
    redistribute: bool = Field(
        False,
        description="share what flat names leave among the others, instead of holding it as cash",
    )


class InverseVolatility:
    """A share in proportion to 1/volatility for each eligible asset, times its exposure.

    An asset with fewer than ``lookback`` returns, or that did not move at all, has no estimate and
    gets no share.
    """

    accepts = frozenset({"exposure"})

    def __init__(self, config: InverseVolatilityConfig, context: BuildContext) -> None:
        self.config = config

    def target_weights(self, state: PortfolioState) -> Proposal:
        """Return weights (N,): (1/s_i) / sum_j (1/s_j) * exposure_i, s the standard deviation of
        returns.
        """
        deviation = self._deviation(state)
        known = deviation > 0
        nothing = np.zeros(len(deviation))
        inverse = np.divide(1.0, deviation, out=nothing, where=known)
        signals = np.where(known, state.signals, np.nan)
        weights = share(inverse, signals, self.config.redistribute)
        unknown = np.isfinite(state.signals) & ~known
        if not unknown.any():
            return Proposal(weights)
        names = [state.history.assets[column] for column in np.flatnonzero(unknown)]
        return Proposal(weights, notes={"no volatility estimate": names})

    def _deviation(self, state: PortfolioState) -> Array:
        """Return the standard deviation of each asset's returns, (N,); NaN without an estimate."""
        lookback = self.config.lookback
        returns = state.history.returns(lookback, asset_bars=True)
        if len(returns) < lookback:
            return np.full(len(state.signals), np.nan)
        return np.asarray(returns.std(axis=0, ddof=1))


@hookimpl
def bt_sizers() -> list[Component]:
    return [
        Component(
            name="inverse_volatility",
            config=InverseVolatilityConfig,
            build=InverseVolatility,
            summary="shares in proportion to 1/volatility, times exposure",
        )
    ]
