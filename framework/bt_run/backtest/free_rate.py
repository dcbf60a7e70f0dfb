"""The risk-free rate of a run that names what its cash earns: a number, once the data are there."""

from __future__ import annotations

from bt_run.config.places import locate
from bt_run.config.run_config import RunConfig
from bt_run.data.bars import Bars
from bt_run.errors import ConfigError
from bt_run.terms import BrokerTerms

CASH = "cash"


def with_free_rate(config: RunConfig, broker: BrokerTerms, bars: Bars) -> RunConfig:
    """Return a configuration whose risk-free rate is a number: the mean, over the bars from the
    start on, of the yearly rate on cash, where it names that.

    Raises:
        ConfigError: cash earns nothing, so that there is no such rate.
    """
    if config.risk_free != CASH:
        return config
    rates = (
        None if broker.rates is None else broker.rates(bars.sessions).cash[bars.start :]
    )
    if rates is None or not rates.any():
        text = (
            "risk_free: was 'cash', and cash earns nothing in this run; expected a rate in "
            "broker.interest.cash, such as fama_french, or a number here"
        )
        raise ConfigError(locate(config._places, ("risk_free",), text))
    return config.model_copy(update={"risk_free": float(rates.mean())})


def free_rate_notes(config: RunConfig, found: RunConfig) -> tuple[str, ...]:
    """Return a note that tells the rate that was ``found`` for what ``config`` names."""
    if config.risk_free == found.risk_free:
        return ()
    rate = float(found.risk_free)
    return (f"the risk-free rate is the mean of what cash earned, {rate:.2%} a year",)
