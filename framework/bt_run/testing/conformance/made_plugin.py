"""A local plugin with the plain parts of the kit's own run: a made market, signals, shares, a
broker.
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from bt_run import (
    Array,
    Bars,
    BrokerTerms,
    BuildContext,
    Component,
    Config,
    LoadRequest,
    PortfolioState,
    assemble_bars,
    hookimpl,
)
from bt_run.testing import MadeCosts
from bt_run.testing.conformance.markets import calm_rows


class NoKeys(Config):
    """Needs no keys."""


class SignalsConfig(Config):
    trades: bool = Field(True, description="false: no asset is ever eligible")


class MadeMarket:
    """Load the calm market."""

    def __init__(self, config: NoKeys, context: BuildContext) -> None:
        self.config = config

    def load(self, request: LoadRequest) -> Bars:
        """Return the calm market's bars of the assets asked for."""
        rows = calm_rows()
        own = {name: rows[symbol] for name, symbol in request.assets.items()}
        return assemble_bars(request, own, rows[request.benchmark[1]])


class MadeSignals:
    """What holds those that rose over its last five bars."""

    def __init__(self, config: SignalsConfig, context: BuildContext) -> None:
        self.config = config

    def signals(self, bars: Bars) -> Array:
        """Return 1 or 0, (T, N)."""
        out = np.zeros(bars.close.shape)
        out[5:] = bars.close[5:] > bars.close[:-5]
        return np.where(bars.tradable & self.config.trades, out, np.nan)


class MadeShares:
    """Share the capital equally."""

    def __init__(self, config: NoKeys, context: BuildContext) -> None:
        self.config = config

    def target_weights(self, state: PortfolioState) -> Array:
        """Return signals / N, (N,)."""
        return np.nan_to_num(state.signals) / len(state.signals)


def _broker(config: NoKeys, context: BuildContext) -> BrokerTerms:
    return BrokerTerms(cash=1e6, fill="next_close", costs=MadeCosts(0.0001, 0.0002))


@hookimpl
def bt_sources() -> list[Component]:
    return [
        Component(
            name="made_market",
            config=NoKeys,
            build=MadeMarket,
            summary="the kit's calm market",
        )
    ]


@hookimpl
def bt_strategies() -> list[Component]:
    return [
        Component(
            name="made_signals",
            config=SignalsConfig,
            build=MadeSignals,
            summary="holds what rose",
        )
    ]


@hookimpl
def bt_sizers() -> list[Component]:
    return [
        Component(
            name="made_shares", config=NoKeys, build=MadeShares, summary="equal shares"
        )
    ]


@hookimpl
def bt_brokers() -> list[Component]:
    return [
        Component(
            name="made_broker",
            config=NoKeys,
            build=_broker,
            summary="costs in proportion",
        )
    ]
