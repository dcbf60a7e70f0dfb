"""What was run, in words: the same on the page, in the PDF and wherever else a run is described."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from types import MappingProxyType
from typing import Any

from bt_run.data.schedule import Schedule

__all__ = [
    "CURRENCIES",
    "SCHEDULE_WORDS",
    "RunDescription",
    "component_text",
    "cost_text",
    "describe_run",
    "value_text",
]

# when the pipeline computes: each schedule as it ends a sentence
SCHEDULE_WORDS: Mapping[Schedule, str] = MappingProxyType(
    {
        "once": "once, at the start",
        "bar": "at every bar",
        "session": "every session",
        "week": "at the first bar of each week",
        "month": "at the first bar of each month",
        "quarter": "at the first bar of each quarter",
        "year": "at the first bar of each year",
        "week_end": "at the last session of each week",
        "month_end": "at the last session of each month",
        "quarter_end": "at the last session of each quarter",
        "year_end": "at the last session of each year",
    }
)
FILL_WORDS: Mapping[str, str] = MappingProxyType(
    {"next_open": "the next bar's open", "next_close": "the next bar's close"}
)
# exchange calendar -> the currency that its prices are in; London's are in pence, so not here
CURRENCIES: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(("XNYS", "XNAS", "XASE", "ARCX", "BATS", "CMES"), "USD"),
        **dict.fromkeys(("XPAR", "XAMS", "XBRU", "XLIS", "XMIL", "XMAD"), "EUR"),
        **dict.fromkeys(("XETR", "XFRA", "XWBO", "XHEL", "XDUB"), "EUR"),
        "XTSE": "CAD",
        "XSWX": "CHF",
        "XSTO": "SEK",
        "XOSL": "NOK",
        "XCSE": "DKK",
        "XTKS": "JPY",
        "XHKG": "HKD",
        "XASX": "AUD",
    }
)
TRADED_WORDS: Mapping[str, str] = MappingProxyType(
    {"total_return": "total-return units", "none": "shares as traded"}
)
NO_COSTS = "no commission, no slippage"
ALL_NAMED = 6  # assets up to which a sentence names them all
FIRST_NAMED = 4


@dataclass(frozen=True, kw_only=True)
class RunDescription:
    """What was run, in phrases that a table shows one by one and a sentence joins.

    Attributes:
        source: where the prices come from.
        assets: their names, or how many there are and the first of them.
        symbols: ``NAME`` or ``NAME = SYMBOL`` for each asset.
        benchmark: its name.
        traded: what an order buys: total-return units, or shares as traded.
        strategy: its name and options.
        sizer: the same; None where a Backtrader strategy places its own orders.
        overlays, triggers, exits: the same of each.
        schedule: when decisions are made.
        fill: at which price orders fill.
        costs: commission and slippage.
        limits: bounds of the weights.
        interest: what cash earns, and what leverage and shorts cost.
        risk_free: the yearly rate.
        currency: what money is in, as the exchange's calendar says; empty where it does not.
    """

    source: str
    assets: str
    symbols: tuple[str, ...]
    benchmark: str
    traded: str
    strategy: str
    sizer: str | None
    overlays: tuple[str, ...]
    triggers: tuple[str, ...]
    exits: tuple[str, ...]
    schedule: str
    fill: str
    costs: str
    limits: str
    interest: str
    risk_free: str
    currency: str = ""

    def decisions(self, period: str) -> str:
        """Return the sentence on what was held, by which components, and when that was decided.

        ``period`` is in words too: ``from 2000-01-03 to 2018-12-31``.
        """
        if self.sizer is None:
            return (
                f"{self.assets} {period}: the Backtrader strategy {self.strategy} places its own "
                "orders."
            )
        says = f"{self.strategy} says what to hold, {self.sizer} how much"
        if self.overlays:
            says += f", and {' and '.join(self.overlays)} adjusts that"
        if self.triggers:
            says += f"; {' or '.join(self.triggers)} says whether to trade"
        if self.exits:
            says += f"; between decisions {' or '.join(self.exits)} closes a holding"
        return f"{self.assets} {period}, decided {self.schedule}: {says}."

    def orders(self, cash: float) -> str:
        """Return the sentence on how orders were filled, on which terms and beside what; ``cash``
        is the money at the start.
        """
        costs = "pay no costs"
        if self.costs != NO_COSTS:
            costs = f"pay {self.costs}"
        return (
            f"It starts with {self.money(cash)}; orders for {self.traded} fill at {self.fill} and "
            f"{costs}; {self.limits}; {self.interest}. The benchmark is {self.benchmark}, the "
            f"risk-free rate {self.risk_free}."
        )

    def money(self, amount: float) -> str:
        """Return an ``amount`` of money with its currency, where that is known."""
        return f"{self.currency} {amount:,.0f}".strip()


def describe_run(config: Mapping[str, Any]) -> RunDescription:
    """Put a resolved configuration, the mapping ``config`` with all defaults in it, into words."""
    data = config["data"]
    broker = config["broker"]
    given = data["source"]
    sources = given if isinstance(given, list) else [given]
    source = " and ".join(map(component_text, sources))
    names = dict(data["assets"])
    assets = _asset_text(list(names))
    symbols = _symbol_texts(names)
    traded = TRADED_WORDS[data["adjust"]]
    strategy = component_text(config["strategy"])
    sizer = component_text(config["sizer"]) if config.get("sizer") else None
    overlays = _component_texts(config, "overlays")
    triggers = _component_texts(config, "triggers")
    exits = _component_texts(config, "exits")
    schedule = SCHEDULE_WORDS[config["schedule"]]
    fill = FILL_WORDS.get(broker.get("fill"), "the next bar")
    commission = cost_text(broker.get("commission"))
    slippage = cost_text(broker.get("slippage"))
    limits = _limits_text(config["limits"])
    rate = config.get("risk_free", 0.0)
    return RunDescription(
        source=source,
        assets=assets,
        symbols=symbols,
        benchmark=data["benchmark"],
        traded=traded,
        strategy=strategy,
        sizer=sizer,
        overlays=overlays,
        triggers=triggers,
        exits=exits,
        schedule=schedule,
        fill=fill,
        costs=_costs_text(commission, slippage),
        limits=limits,
        interest=_interest_text(broker.get("interest"), config["limits"]),
        risk_free=f"{rate:.2%} a year" if rate else "0",
        currency=CURRENCIES.get(data.get("calendar", ""), ""),
    )


def component_text(item: Mapping[str, Any]) -> str:
    """Write a component, the mapping ``item``, as its name and options; what is off, empty or 0 is
    not worth a word.
    """
    options = []
    for key, value in item.items():
        if key != "use" and value:
            options.append(f"{key} {value_text(value)}")
    name = str(item["use"])
    return f"{name} ({', '.join(options)})" if options else name


def cost_text(cost: Any) -> str:
    """Write a ``cost``, a commission or a slippage, by the numbers in it that are not 0, ``no`` for
    none.
    """
    if not isinstance(cost, Mapping):
        return value_text(cost) if cost else "no"
    given = {key: value for key, value in cost.items() if value}
    if "impact" not in given:
        given.pop("lookback", None)  # it only says how the impact is estimated
    words = []
    for key, value in given.items():
        if key == "bps":
            words.append(f"{value:g} bp")
        else:
            words.append(f"{key.replace('_', ' ')} {value_text(value)}")
    return " + ".join(words) or "no"


def value_text(value: Any) -> str:
    """Write a ``value`` of a configuration as a reader would."""
    if isinstance(value, Mapping):
        if "use" in value:
            return component_text(value)
        return " ".join(f"{key} {value_text(item)}" for key, item in value.items())
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(value_text, value)) + "]"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "none"
    if isinstance(value, str | PurePath) and PurePath(value).is_absolute():
        return PurePath(
            value
        ).name  # where files lie on a machine is nobody else's matter
    return f"{value:g}" if isinstance(value, float) else str(value)


def _asset_text(names: Sequence[str]) -> str:
    if len(names) <= ALL_NAMED:
        return ", ".join(names)
    return f"{len(names)} assets ({', '.join(names[:FIRST_NAMED])} and others)"


def _symbol_texts(symbols: Mapping[str, Any]) -> tuple[str, ...]:
    words = []
    for name, given in symbols.items():
        symbol = given if isinstance(given, str) else ", then ".join(given)
        words.append(name if name == symbol else f"{name} = {symbol}")
    return tuple(words)


def _component_texts(config: Mapping[str, Any], role: str) -> tuple[str, ...]:
    return tuple(map(component_text, config.get(role) or ()))


def _costs_text(commission: str, slippage: str) -> str:
    if commission == slippage == "no":
        return NO_COSTS
    return f"{commission} commission and {slippage} slippage"


def _limits_text(limits: Mapping[str, Any]) -> str:
    """Write the bounds of the weights as a reader would: no leverage, no shorts, 15% a name."""
    gross = limits.get("gross")
    words = []
    if gross is None:
        words.append("any leverage")
    elif gross == 1.0:
        words.append("no leverage")
    else:
        words.append(f"gross exposure up to {_bound_text(gross)}")
    words.append("shorts allowed" if limits.get("short") else "no shorts")
    for key, form in (("net", "net exposure up to {}"), ("name", "{} a name at most")):
        value = limits.get(key)
        # what gross allows anyway is no further bound
        if value is not None and value < (math.inf if gross is None else gross):
            words.append(form.format(_bound_text(value)))
    return ", ".join(words)


def _bound_text(value: float) -> str:
    return f"{value:.4g}x" if value > 1 else f"{value:.0%}"


def _interest_text(interest: Any, limits: Mapping[str, Any]) -> str:
    """Say what cash earns, and what leverage and shorts cost, where they may be."""
    given = interest if isinstance(interest, Mapping) else {}
    earned = _rate_text(given.get("cash"))
    words = [f"cash earns {earned}" if earned else "cash earns nothing"]
    leverage = bool(limits.get("short")) or float(limits.get("gross") or 1.0) > 1.0
    if leverage or _rate_text(given.get("margin")) or given.get("margin_spread"):
        spread = given.get("margin_spread") or 0.0
        margin = _rate_text(given.get("margin"))
        if spread:
            margin = f"{margin or 'nothing'} plus {spread:.2%}"
        words.append(f"leverage costs {margin or 'nothing'}")
    if limits.get("short"):
        words.append(f"shorts cost {_rate_text(given.get('borrow')) or 'nothing'}")
    return ", ".join(words)


def _rate_text(rate: Any) -> str:
    """Write a yearly rate, or where it comes from; nothing for none."""
    if not rate:
        return ""
    if isinstance(rate, Mapping):
        return f"the rates of {PurePath(str(rate['file'])).name}"
    return f"{rate:.2%} a year" if isinstance(rate, int | float) else f"{rate} rates"
