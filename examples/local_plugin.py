"""A strategy in a file of its own; local_plugin.yaml names the file and then the strategy."""

import numpy as np

from bt_run import Component, Config, hookimpl


class NearHighConfig(Config):
    lookback: int = 252  # bars
    depth: float = 0.10  # fraction below the high


class NearHigh:
    def __init__(self, config, context):
        self.config = config

    def signal(self, state):
        closes = state.history.close(self.config.lookback)
        near = closes[-1] >= (1 - self.config.depth) * np.fmax.reduce(closes)
        return np.where(state.history.tradable, near, np.nan)


@hookimpl
def bt_strategies():
    return [Component(name="near_high", config=NearHighConfig, build=NearHigh, summary="Hold near the high")]
