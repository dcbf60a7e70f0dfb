"""Hold everything, always."""

from __future__ import annotations

import numpy as np

from bt_run import Array, Bars, BuildContext, Component, Config, hookimpl


class BuyAndHoldConfig(Config):
    """No settings."""


class BuyAndHold:
    """An exposure of 1 in every asset from its first bar on."""

    def __init__(self, config: BuyAndHoldConfig, context: BuildContext) -> None:
        self.config = config

    def signals(self, bars: Bars) -> Array:
        """Return 1 where an asset has a bar, (T, N)."""
        return np.where(bars.tradable, 1.0, np.nan)


@hookimpl
def bt_strategies() -> list[Component]:
    return [
        Component(
            name="buy_and_hold",
            config=BuyAndHoldConfig,
            build=BuyAndHold,
            summary="exposure 1 in every asset from its first bar on",
        )
    ]
