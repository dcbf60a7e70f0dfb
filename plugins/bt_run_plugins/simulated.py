"""The simulated broker: fill rule, commission and slippage."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from pydantic import Field

from bt_run import Array, Broker, BuildContext, Component, Config, Delisting, hookimpl


class Commission(Config):
    """Configure the commission."""

    bps: float = Field(0.0, ge=0.0, lt=10_000, description="basis points of the traded value")


class Slippage(Config):
    """Configure the slippage."""

    bps: float = Field(0.0, ge=0.0, lt=10_000, description="basis points of the price, against the trader")


class SimulatedConfig(Config):
    """Configure the account and how its orders fill."""

    cash: float = Field(1_000_000.0, gt=0.0, description="start capital, money")
    fill: Literal["next_open", "next_close"] = Field(
        "next_open", description="a decision at a close fills at the next bar's open or close"
    )
    unfilled: Literal["cancel", "wait"] = Field(
        "cancel",
        description="an order for an asset without a bar is cancelled, or waits until the next decision",
    )
    fractional: bool = Field(
        False,
        description="allow fractions of a share under `adjust: none`; total_return is always fractional",
    )
    delisting: Delisting = Field(Delisting(), description="when a silent asset counts as delisted, and the loss then")
    commission: Commission = Commission()
    slippage: Slippage = Slippage()


@dataclass(frozen=True)
class BpsCosts:
    """Charge commission and slippage in proportion to the traded value; both are fractions."""

    commission_rate: float
    slippage_rate: float

    def fill_price(self, price: Array, shares: Array) -> Array:
        """Return price (n,) * (1 + rate) for buys, * (1 - rate) for sells."""
        return np.asarray(price * (1.0 + self.slippage_rate * np.sign(shares)))

    def commission(self, shares: Array, price: Array) -> Array:
        """Return rate * |shares| * price, (n,) money."""
        return np.asarray(self.commission_rate * np.abs(shares) * price)


def _build(config: SimulatedConfig, context: BuildContext) -> Broker:
    return Broker(
        cash=config.cash,
        fill=config.fill,
        costs=BpsCosts(config.commission.bps / 1e4, config.slippage.bps / 1e4),
        unfilled=config.unfilled,
        fractional=config.fractional,
        delisting=config.delisting,
    )


@hookimpl
def bt_brokers() -> list[Component]:
    return [
        Component(
            name="simulated",
            config=SimulatedConfig,
            build=_build,
            summary="fills at the next open or close with commission and slippage",
        )
    ]
