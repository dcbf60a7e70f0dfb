"""Leave names alone whose order would be a large part of what they trade."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from pydantic import Field

from bt_run import (
    Array,
    BuildContext,
    Component,
    Plan,
    PortfolioState,
    Verdict,
    hookimpl,
)
from bt_run_plugins.triggers.blocking import (
    BlockingConfig,
    blocking_advice,
    blocking_verdict,
)


class LiquidityConfig(BlockingConfig):
    """Configuration of what too large an order is."""

    share: float = Field(
        0.05,
        gt=0.0,
        description="part of the average volume of a bar above which an order is too large",
    )
    bars: int = Field(20, ge=1, description="bars in the average volume")


class Liquidity:
    """A trigger that blocks names whose order is too large for their volume, or whose volume is not
    known.
    """

    needs = frozenset({"volume"})

    def __init__(self, config: LiquidityConfig, context: BuildContext) -> None:
        self.config = config

    def advice(self, plan: Plan) -> Iterator[str]:
        """Yield that nothing will ever be traded, where no other trigger fires."""
        yield from blocking_advice(self.config, plan)

    def check(self, state: PortfolioState, target: Array) -> Verdict:
        """Compare the shares that the target (N,) asks for with the average volume."""
        config = self.config
        price = state.history.price(1)[-1]
        order = np.abs(target - state.weights) * state.nav
        volume = state.conditions.average_volume(config.bars)
        # without an order nothing is too large
        fits = (order == 0.0) | (order <= config.share * volume * price)
        reason = f"order over {config.share:.1%} of the volume of {config.bars} bars"
        return blocking_verdict(config, ~fits, reason)


@hookimpl
def bt_triggers() -> list[Component]:
    return [
        Component(
            name="liquidity",
            config=LiquidityConfig,
            build=Liquidity,
            summary="blocks names whose order is a large part of their volume",
            example={"fires": True},
        )
    ]
