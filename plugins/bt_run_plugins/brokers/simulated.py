"""The simulated broker: fill rule, commission, slippage, interest."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Literal

from pydantic import Field

from bt_run import (
    BrokerTerms,
    BuildContext,
    Component,
    Config,
    Delisting,
    Rates,
    YearlyRate,
    hookimpl,
)
from bt_run.arrays import Times
from bt_run_plugins.brokers.costs import Commission, Slippage, TradingCosts
from bt_run_plugins.brokers.flows import FlowFile, flow_source, flows_of_sessions
from bt_run_plugins.brokers.rates import (
    RateConfig,
    rate_notes,
    rate_of_sessions,
    rate_source,
)

RatesOfSessions = Callable[[Times], Rates]


class Interest(Config):
    """What cash earns and what leverage and shorts cost; yearly fractions, actual days / 365."""

    cash: RateConfig = Field(
        default=0.0, description="earned on cash above 0, yearly fraction"
    )
    margin: RateConfig = Field(
        default=0.0, description="paid on cash below 0, yearly fraction"
    )
    margin_spread: YearlyRate = Field(
        default=0.0, ge=0.0, description="added to the margin rate, yearly fraction"
    )
    borrow: RateConfig = Field(
        default=0.0, description="paid on the value of shorts, yearly fraction"
    )


class SimulatedConfig(Config):
    """Configuration of the account and of how its orders fill."""

    cash: float = Field(
        default=1_000_000.0, ge=0.01, le=1e15, description="start capital, money"
    )
    fill: Literal["next_open", "next_close"] = Field(
        default="next_open",
        description="a decision at a close fills at the next bar's open or close",
    )
    unfilled: Literal["cancel", "wait"] = Field(
        default="cancel",
        description="an order for an asset without a bar is cancelled, or waits until the next "
        "decision",
    )
    fractional: bool = Field(
        default=False,
        description="allow fractions of a share under `adjust: none`; total_return is always "
        "fractional",
    )
    delisting: Delisting = Field(
        default=Delisting(), description="what becomes of an asset that falls silent"
    )
    commission: Commission = Field(
        default=Commission(), description="what the broker charges for an order"
    )
    slippage: Slippage = Field(
        default=Slippage(), description="what the market charges for an order"
    )
    dividend_tax: float = Field(
        default=0.0,
        ge=0.0,
        le=1.0,
        description="fraction of a dividend on a long holding that is withheld; needs `adjust: "
        "none`",
    )
    flows: FlowFile | None = Field(
        default=None,
        description="contributions and withdrawals by date; growth and risk are then time-weighted",
    )
    interest: Interest | None = Field(
        default=None, description="what cash earns, what leverage and shorts cost"
    )


def build_broker(config: SimulatedConfig, context: BuildContext) -> BrokerTerms:
    """Return the terms on which the engine fills orders."""
    rates, fingerprint = None, ""
    if config.interest is not None:
        rates, fingerprint = _rates_of(config.interest)
    flows = None
    if config.flows is not None:
        source = flow_source(config.flows)
        flows = partial(flows_of_sessions, source)
        fingerprint += source.fingerprint
    return BrokerTerms(
        cash=config.cash,
        fill=config.fill,
        costs=TradingCosts(config.commission, config.slippage),
        unfilled=config.unfilled,
        fractional=config.fractional,
        delisting=config.delisting,
        rates=rates,
        fingerprint=fingerprint,
        dividend_tax=config.dividend_tax,
        flows=flows,
    )


def _rates_of(interest: Interest) -> tuple[RatesOfSessions, str]:
    """Return a function from sessions to rates, and a hash of the files behind it."""
    cash = rate_source(interest.cash)
    margin = rate_source(interest.margin)
    borrow = rate_source(interest.borrow)

    def rates(sessions: Times) -> Rates:
        return Rates(
            cash=rate_of_sessions(cash, sessions),
            margin=rate_of_sessions(margin, sessions) + interest.margin_spread,
            borrow=rate_of_sessions(borrow, sessions),
            notes=_unique(
                rate_notes(rate, sessions) for rate in (cash, margin, borrow)
            ),
        )

    return rates, cash.fingerprint + margin.fingerprint + borrow.fingerprint


def _unique(notes: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """Return every note once: one file may be several rates."""
    return tuple(dict.fromkeys(note for some in notes for note in some))


@hookimpl
def bt_brokers() -> list[Component]:
    return [
        Component(
            name="simulated",
            config=SimulatedConfig,
            build=build_broker,
            summary="fills at the next open or close with commission, slippage and interest",
            example={"commission": {"bps": 1}, "slippage": {"bps": 2}},
        )
    ]
