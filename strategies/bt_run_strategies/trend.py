"""Follow trends: the fast moving average against the slow one, with a hysteresis band."""

from __future__ import annotations

import numpy as np
from pydantic import Field, model_validator

from bt_run import Array, Bars, BuildContext, Component, Config, hookimpl
from bt_run_strategies.windows import last_side


class TrendConfig(Config):
    """Configuration of the two moving averages."""

    fast: int = Field(50, ge=1, description="own bars of the asset in the fast average")
    slow: int = Field(
        200, ge=2, description="own bars of the asset in the slow average"
    )
    band: float = Field(
        0.0,
        ge=0.0,
        lt=1.0,
        description="fraction of the slow average that the fast one must pass to change sides",
    )
    short: bool = Field(False, description="go short below the band instead of flat")

    @model_validator(mode="after")
    def _fast_is_faster(self) -> TrendConfig:
        if self.fast >= self.slow:
            raise ValueError(
                f"fast was {self.fast} and slow {self.slow}; expected fast < slow"
            )
        return self


class Trend:
    """+1 above the band, 0 (or -1 with ``short``) below it, and inside it what was given before."""

    def __init__(self, config: TrendConfig, context: BuildContext) -> None:
        self.config = config

    def signals(self, bars: Bars) -> Array:
        """Return exposures (T, N); NaN until an asset has ``slow`` own bars.

        up:   fast_t > slow_t * (1 + band)        down:   fast_t < slow_t * (1 - band)
        """
        config = self.config
        close = bars.own_bars(bars.close)
        fast = moving_average(close, config.fast)
        slow = moving_average(close, config.slow)
        below = -1.0 if config.short else 0.0
        side = np.full(close.shape, np.nan)
        side[fast > slow * (1.0 + config.band)] = 1.0
        side[fast < slow * (1.0 - config.band)] = below
        exposure = np.where(np.isfinite(slow), last_side(side), np.nan)
        return bars.on_calendar(exposure)


def moving_average(values: Array, n: int) -> Array:
    """Return the mean of the last n rows, (T, N) -> (T, N); NaN in the first n - 1."""
    out = np.full(values.shape, np.nan)
    if len(values) >= n:
        total = np.cumsum(values, axis=0)
        out[n - 1] = total[n - 1]
        out[n:] = total[n:] - total[:-n]
    return out / n


@hookimpl
def bt_strategies() -> list[Component]:
    return [
        Component(
            name="trend",
            config=TrendConfig,
            build=Trend,
            summary="fast against slow moving average with a hysteresis band, long/flat or "
            "long/short",
        )
    ]
