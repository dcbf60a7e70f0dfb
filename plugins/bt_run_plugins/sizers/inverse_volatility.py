"""Weigh assets by the inverse of their volatility."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from bt_run import BuildContext, Component, Config, PortfolioState, Proposal, hookimpl
from bt_run_plugins.sizers.sharing import share


class InverseVolatilityConfig(Config):
    """Configure inverse-volatility weighting."""

    lookback: int = Field(63, ge=2, description="own bars of the asset in the volatility estimate")
    redistribute: bool = Field(
        False,
        description="share what flat names leave among the others, instead of holding it as cash",
    )


class InverseVolatility:
    """Give each eligible asset a share in proportion to 1/volatility, times its exposure.

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
        returns = state.history.returns(self.config.lookback, asset_bars=True)
        if len(returns) < self.config.lookback:
            deviation = np.full(len(state.signals), np.nan)
        else:
            deviation = returns.std(axis=0, ddof=1)
        known = deviation > 0
        inverse = np.divide(1.0, deviation, out=np.zeros(len(deviation)), where=known)
        signals = np.where(known, state.signals, np.nan)
        unknown = np.isfinite(state.signals) & ~known
        names = [name for name, flag in zip(state.history.assets, unknown, strict=True) if flag]
        notes = {"no volatility estimate": names} if names else None
        return Proposal(share(inverse, signals, self.config.redistribute), notes=notes)


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
