"""Exits: stop-loss, take-profit and trailing stop, watched bar by bar between decisions."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from bt_run import Array, BuildContext, Component, Config, Holdings, hookimpl


class StopLossConfig(Config):
    """Configuration of a stop-loss."""

    loss: float = Field(gt=0.0, lt=1.0, description="fraction of the entry price")


class StopLoss:
    """The end of a holding that has lost a fraction of its entry price."""

    def __init__(self, config: StopLossConfig, context: BuildContext) -> None:
        self.config = config

    def levels(self, holdings: Holdings) -> tuple[Array, Array]:
        """Return stops (n,) at entry * (1 - side * loss), and no targets."""
        way = holdings.side * self.config.loss
        stops = holdings.entry * (1.0 - way)
        return stops, _none(holdings)


class TakeProfitConfig(Config):
    """Configuration of a take-profit."""

    gain: float = Field(gt=0.0, le=1e6, description="fraction of the entry price")


class TakeProfit:
    """The end of a holding that has gained a fraction of its entry price."""

    def __init__(self, config: TakeProfitConfig, context: BuildContext) -> None:
        self.config = config

    def levels(self, holdings: Holdings) -> tuple[Array, Array]:
        """Return no stops, and targets (n,) at entry * (1 + side * gain)."""
        way = holdings.side * self.config.gain
        targets = holdings.entry * (1.0 + way)
        return _none(holdings), targets


class TrailingStopConfig(Config):
    """Configuration of a trailing stop."""

    depth: float = Field(
        gt=0.0, lt=1.0, description="fraction of the best close since the entry"
    )


class TrailingStop:
    """The end of a holding that has come back a fraction from its best close."""

    def __init__(self, config: TrailingStopConfig, context: BuildContext) -> None:
        self.config = config

    def levels(self, holdings: Holdings) -> tuple[Array, Array]:
        """Return stops (n,) at best * (1 - side * depth), and no targets."""
        way = holdings.side * self.config.depth
        stops = holdings.best * (1.0 - way)
        return stops, _none(holdings)


def _none(holdings: Holdings) -> Array:
    return np.full(len(holdings.side), np.nan)


@hookimpl
def bt_exits() -> list[Component]:
    return [
        Component(
            name="stop_loss",
            config=StopLossConfig,
            build=StopLoss,
            summary="closes a holding that lost a fraction of its entry price",
            example={"loss": 0.10},
        ),
        Component(
            name="take_profit",
            config=TakeProfitConfig,
            build=TakeProfit,
            summary="closes a holding that gained a fraction of its entry price",
            example={"gain": 0.20},
        ),
        Component(
            name="trailing_stop",
            config=TrailingStopConfig,
            build=TrailingStop,
            summary="closes a holding that came back a fraction from its best close",
            example={"depth": 0.10},
        ),
    ]
