"""What does not go together with a Backtrader strategy that places its own orders."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bt_run.config.run_config import RunConfig
from bt_run.data.bars import Bars
from bt_run.errors import ConfigError
from bt_run.terms import BrokerTerms, Limits, MarketDependent
from bt_run.text import listed

__all__ = ["classic_warnings", "refuse_in_classic_mode"]


def refuse_in_classic_mode(config: RunConfig, broker: BrokerTerms) -> None:
    """Refuse the keys that a Backtrader strategy would not obey.

    Raises:
        ConfigError: names the keys and what to do instead.
    """
    given = [
        key
        for key in ("sizer", "overlays", "triggers", "exits", "controls")
        if getattr(config, key)
    ]
    if (
        config.limits != Limits()
    ):  # a finished run's configuration holds the defaults too
        given.append("limits")
    if given:
        raise ConfigError(
            f"{', '.join(given)}: strategy {config.strategy.use!r} is a Backtrader strategy that "
            "places its own orders (classic mode); remove these keys, or write the strategy as "
            "signals"
        )
    unread = [
        f"data.{key}" for key in ("tables", "universe") if getattr(config.data, key)
    ]
    if unread:
        raise ConfigError(
            f"{', '.join(unread)}: a Backtrader strategy sees prices only (classic mode); remove "
            "it, or write the strategy as signals"
        )
    unfit = list(
        broker.costs.market_dependent
        if isinstance(broker.costs, MarketDependent)
        else ()
    )
    if broker.rates is not None:
        unfit.append("interest")
    if broker.flows is not None:
        unfit.append("flows")
    if unfit:
        raise ConfigError(
            f"broker: {', '.join(unfit)} is not applied to the orders that a Backtrader strategy "
            "places itself; remove it, or write the strategy as signals"
        )
    if config.data.adjust != "total_return":
        raise ConfigError(
            f"data.adjust: was {config.data.adjust!r}; Backtrader knows no dividends, so a "
            "Backtrader strategy needs `adjust: total_return`"
        )


def classic_warnings(bars: Bars) -> Iterator[str]:
    """Yield which habits of Backtrader's own orders and data can hurt a run on these bars."""
    if len(bars.assets) > 1:
        yield (
            "strategy: Backtrader rejects an order that cash cannot pay, and with it every later "
            "order of that bar, sales too; sell first and leave room"
        )
    ended = [name for i, name in enumerate(bars.assets) if not bars.present[-1, i]]
    if ended:
        yield (
            f"strategy: Backtrader knows no delisting; what is held of {', '.join(ended)} keeps "
            "its last price"
        )
    late = [
        name for i, name in enumerate(bars.assets) if not bars.present[bars.start, i]
    ]
    if late:
        yield (
            "strategy: Backtrader calls next() only when all assets have begun "
            f"({', '.join(late)} begin late); read before its first bar, an asset shows the last "
            "bar of its data"
        )
    first_bars = np.argmax(bars.present, axis=0)
    inside = bars.counts[-1] < len(bars) - first_bars
    if inside.any():
        names = [name for name, gap in zip(bars.assets, inside, strict=True) if gap]
        yield (
            "strategy: on a session without a bar Backtrader shows the bar before "
            f"({listed(names)})"
        )
