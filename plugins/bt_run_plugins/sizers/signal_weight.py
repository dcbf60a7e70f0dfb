"""Take the signals for weights."""

from __future__ import annotations

import numpy as np

from bt_run import Array, BuildContext, Component, Config, PortfolioState, hookimpl


class SignalWeightConfig(Config):
    """No settings: the run's limits bound the weights."""


class SignalWeight:
    """The signal of each asset as its weight; not eligible means 0."""

    accepts = frozenset({"exposure", "score"})

    def __init__(self, config: SignalWeightConfig, context: BuildContext) -> None:
        self.config = config

    def target_weights(self, state: PortfolioState) -> Array:
        """Return the signals (N,), 0 for NaN."""
        return np.nan_to_num(state.signals, nan=0.0)


@hookimpl
def bt_sizers() -> list[Component]:
    return [
        Component(
            name="signal_weight",
            config=SignalWeightConfig,
            build=SignalWeight,
            summary="the signals are the weights; the limits bound them",
        )
    ]
