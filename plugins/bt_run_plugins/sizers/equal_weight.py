"""Share the capital equally."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from bt_run import Array, BuildContext, Component, Config, PortfolioState, hookimpl
from bt_run_plugins.sizers.sharing import share


class EqualWeightConfig(Config):
    """Configuration of equal weighting."""

    redistribute: bool = Field(
        False,
        description="share what flat names leave among the others, instead of holding it as cash",
    )


class EqualWeight:
    """1/N for each eligible asset, times its exposure."""

    accepts = frozenset({"exposure"})

    def __init__(self, config: EqualWeightConfig, context: BuildContext) -> None:
        self.config = config

    def target_weights(self, state: PortfolioState) -> Array:
        """Return weights (N,): exposure / (number of eligible assets)."""
        equal = np.ones(len(state.signals))
        return share(equal, state.signals, self.config.redistribute)


@hookimpl
def bt_sizers() -> list[Component]:
    return [
        Component(
            name="equal_weight",
            config=EqualWeightConfig,
            build=EqualWeight,
            summary="1/N among the eligible assets, times their exposure",
        )
    ]
