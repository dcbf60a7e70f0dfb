"""The strategy of a run whose sizer brings its own: every asset that may be held is eligible."""

from __future__ import annotations

import numpy as np

from bt_run.arrays import Array
from bt_run.component import BuildContext, Component
from bt_run.config.run_config import EVERY_ASSET
from bt_run.decision.state import PortfolioState
from bt_run.hookspecs import hookimpl
from bt_run.model import Config

__all__ = ["EveryAsset", "EveryAssetConfig"]


class EveryAssetConfig(Config):
    """Configuration of the strategy: it has no keys."""


class EveryAsset:
    """1 for every asset that may be held now."""

    def __init__(self, config: EveryAssetConfig, context: BuildContext) -> None:
        self.config = config

    def signal(self, state: PortfolioState) -> Array:
        """Return 1 where an asset is tradable, NaN else, (N,)."""
        return np.where(state.history.tradable, 1.0, np.nan)


@hookimpl
def bt_strategies() -> list[Component]:
    return [
        Component(
            name=EVERY_ASSET,
            config=EveryAssetConfig,
            build=EveryAsset,
            summary="every asset is eligible: what a run has whose sizer brings its own strategies",
        )
    ]
