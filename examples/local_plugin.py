"""A strategy in a file of its own; local_plugin.yaml names the file and then the strategy."""

import numpy as np
from pydantic import Field

from bt_run import Component, Config, hookimpl


class NearHighConfig(Config):
    lookback: int = Field(252, description="bars over which the highest close is taken")
    depth: float = Field(0.10, description="fraction below the high")


class NearHigh:
    def __init__(self, config, context):
        self.config = config

    def signal(self, state):
        closes = state.history.close(self.config.lookback)
        near = closes[-1] >= (1 - self.config.depth) * np.fmax.reduce(closes)
        return np.where(state.history.tradable, near, np.nan)


@hookimpl
def bt_strategies():
    return [
        Component(
            name="near_high",
            config=NearHighConfig,
            build=NearHigh,
            summary="Hold near the high",
        )
    ]
