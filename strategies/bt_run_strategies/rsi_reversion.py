"""Buy what is oversold by the relative strength index."""

from __future__ import annotations

import numpy as np
from pydantic import Field, model_validator

from bt_run import Array, Bars, BuildContext, Component, Config, hookimpl
from bt_run_strategies.windows import last_side, rolling_mean, shifted


class RSIReversionConfig(Config):
    """Configuration of the index and its levels."""

    lookback: int = Field(14, ge=2, description="own returns of the asset in the index")
    low: float = Field(30.0, gt=0.0, lt=100.0, description="long from below this level")
    exit: float = Field(
        50.0, gt=0.0, lt=100.0, description="flat again from this level"
    )
    high: float = Field(
        70.0, gt=0.0, lt=100.0, description="short from above it, with `short`"
    )
    short: bool = Field(False, description="sell short what is overbought")

    @model_validator(mode="after")
    def _levels_are_ordered(self) -> RSIReversionConfig:
        if not self.low < self.exit < self.high:
            raise ValueError(
                f"low was {self.low:g}, exit {self.exit:g} and high {self.high:g}; expected low < "
                "exit < high"
            )
        return self


class RSIReversion:
    """+1 from an index below ``low`` until it is back at ``exit``.

    RSI = 100 U / (U + D), U and D the means of rises and falls over the last ``lookback`` own bars:
    Wilder's index (New Concepts in Technical Trading Systems, 1978) with plain means, as Cutler
    takes them, for Wilder's own remember every bar since the first. A price that did not move has
    no index.
    """

    def __init__(self, config: RSIReversionConfig, context: BuildContext) -> None:
        self.config = config

    def signals(self, bars: Bars) -> Array:
        """Return exposures (T, N); NaN until an asset has ``lookback`` + 1 own bars."""
        config = self.config
        index, known = _strength(bars.own_bars(bars.close), config.lookback)
        long = np.where(index < config.low, 1.0, np.nan)
        long[index >= config.exit] = 0.0
        side = last_side(long)
        if config.short:
            down = np.where(index > config.high, 1.0, np.nan)
            down[index <= config.exit] = 0.0
            side = side - last_side(down)
        return bars.on_calendar(np.where(known, side, np.nan))


def _strength(close: Array, n: int) -> tuple[Array, Array]:
    """Return the index (T, N), NaN where the price did not move, and where there are ``n`` returns,
    (T, N) bool.
    """
    moves = close - shifted(close, 1)
    up = rolling_mean(np.maximum(moves, 0.0), n)
    down = rolling_mean(np.maximum(-moves, 0.0), n)
    both = up + down
    return 100.0 * up / np.where(both > 0.0, both, np.nan), np.isfinite(both)


@hookimpl
def bt_strategies() -> list[Component]:
    return [
        Component(
            name="rsi_reversion",
            config=RSIReversionConfig,
            build=RSIReversion,
            summary="long below a low relative strength index until it is back in the middle",
            example={"lookback": 5},
        )
    ]
