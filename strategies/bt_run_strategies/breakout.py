"""Follow a price out of its channel."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from bt_run import Array, Bars, BuildContext, Component, Config, hookimpl
from bt_run.arrays import Mask
from bt_run_strategies.windows import last_side, rolling_max, rolling_min, shifted


class BreakoutConfig(Config):
    """Configuration of the channels."""

    entry: int = Field(
        55, ge=1, description="own bars before this one in the channel that is left"
    )
    exit: int = Field(
        20, ge=1, description="own bars in the channel whose other side ends it"
    )
    channel: Literal["closes", "high_low"] = Field(
        "closes", description="what the channels are made of"
    )
    short: bool = Field(False, description="sell short below the channel")

    @model_validator(mode="after")
    def _exit_is_nearer(self) -> BreakoutConfig:
        if self.exit > self.entry:
            raise ValueError(
                f"exit was {self.exit} and entry {self.entry}; expected exit <= entry"
            )
        return self


class Breakout:
    """+1 from a close above the highest of the ``entry`` bars before, until one below the lowest of
    the ``exit`` bars before; with ``short`` the same the other way round.

    Donchian's channels, as in the rules of the Turtles: Faith, Way of the Turtle (2007).
    """

    def __init__(self, config: BreakoutConfig, context: BuildContext) -> None:
        self.config = config
        whole = config.channel == "high_low"
        self.needs = frozenset({"high", "low"} if whole else ())

    def signals(self, bars: Bars) -> Array:
        """Return exposures (T, N); NaN until an asset has ``entry`` + 1 own bars."""
        config = self.config
        close = bars.own_bars(bars.close)
        whole = config.channel == "high_low"
        high = shifted(bars.own_bars(bars.high) if whole else close, 1)
        low = shifted(bars.own_bars(bars.low) if whole else close, 1)
        top = rolling_max(high, config.entry)
        rises = _latched(close > top, close < rolling_min(low, config.exit))
        falls = np.zeros(rises.shape)
        if config.short:
            begins = close < rolling_min(low, config.entry)
            falls = _latched(begins, close > rolling_max(high, config.exit))
        return bars.on_calendar(np.where(np.isfinite(top), rises - falls, np.nan))


def _latched(on: Mask, off: Mask) -> Array:
    """Return 1 from a row where ``on`` to the next where ``off``, 0 else, (T, N)."""
    return last_side(np.where(on, 1.0, np.where(off, 0.0, np.nan)))


@hookimpl
def bt_strategies() -> list[Component]:
    return [
        Component(
            name="breakout",
            config=BreakoutConfig,
            build=Breakout,
            summary="long above the channel of the last bars (Donchian) until below the nearer one",
            example={"entry": 20, "exit": 10},
        )
    ]
