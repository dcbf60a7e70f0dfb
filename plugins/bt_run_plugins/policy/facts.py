"""What is known of names beside their prices, and a portfolio with it as a case."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from math import isfinite
from typing import Literal

import numpy as np

from bt_run import Array, ConfigError, DataError
from bt_run.text import did_you_mean, listed
from bt_run_plugins.policy.case import PolicyCase
from bt_run_plugins.policy.fees import exact
from bt_run_plugins.policy.pack_prices import PackPrices, filled_returns
from bt_run_plugins.policy.policy import OptimizationPolicy
from bt_run_plugins.policy.rounding import Ends

__all__ = ["Facts", "Portfolio", "Restriction", "case_of", "names_of", "share_ends"]

SUM = 1e-3  # by which the benchmark's weights may miss 1


@dataclass(frozen=True)
class Restriction:
    """What may not be done with a name: be bought, be sold, or be sold below so many shares."""

    rule: Literal["no-buy", "no-sell", "lock"]
    shares: Decimal = Decimal(0)


@dataclass(frozen=True, kw_only=True)
class Portfolio:
    """Shares by symbol, and cash, in exact numbers of one currency."""

    shares: Mapping[str, Decimal]
    cash: Decimal = Decimal(0)
    id: str = "portfolio"


@dataclass(frozen=True, kw_only=True)
class Facts:
    """Tables by symbol; None where there is none.

    Attributes:
        universe: what may be held; None for what is held.
        ratings: scores of quality. sectors: names. benchmark_weights: fractions that sum to 1.
        views: expected yearly returns, fractions.
        restrictions: what may not be done, a few for each symbol.
    """

    universe: Collection[str] | None = None
    ratings: Mapping[str, float] | None = None
    sectors: Mapping[str, str] | None = None
    benchmark_weights: Mapping[str, float] | None = None
    views: Mapping[str, float] | None = None
    restrictions: Mapping[str, tuple[Restriction, ...]] = field(default_factory=dict)


def names_of(portfolio: Portfolio, facts: Facts) -> tuple[str, ...]:
    """Return all names that a case has: held, in the universe, in the benchmark; sorted."""
    every = {
        *portfolio.shares,
        *(facts.universe or ()),
        *(facts.benchmark_weights or ()),
    }
    return tuple(sorted(every))


def case_of(
    portfolio: Portfolio,
    policy: OptimizationPolicy,
    pack: PackPrices,
    facts: Facts,
) -> PolicyCase:
    """Return a portfolio under a policy at the prices of a pack.

    Raises:
        DataError: shares, prices or tables that cannot be.
        ConfigError: a restriction on a name that is not there.
    """
    names = names_of(portfolio, facts)
    _check_shares(portfolio, policy)
    _check_prices(names, pack)
    _check_benchmark(facts)
    _check_restrictions(names, portfolio, facts)
    nav = portfolio.cash + sum(
        (shares * exact(pack.price[name]) for name, shares in portfolio.shares.items()),
        Decimal(0),
    )
    if nav <= 0:
        raise DataError(
            f"the holdings and the cash are worth {nav}; expected more than 0"
        )
    held = [portfolio.shares.get(name, Decimal(0)) for name in names]
    weights = np.array(
        [
            float(shares * exact(pack.price[name]) / nav)
            for name, shares in zip(names, held, strict=True)
        ]
    )
    returns, young = filled_returns(
        np.column_stack([pack.closes[name] for name in names])
    )
    too_young = [name for name, yes in zip(names, young, strict=True) if yes]
    if too_young:
        raise DataError(
            f"pack {pack.id}: {listed(too_young)} lack more than half of the last {len(returns)} "
            "sessions; expected a shorter lookback, or leave them out"
        )
    newest = max(pack.last[name] for name in names)
    allowed = portfolio.shares if facts.universe is None else facts.universe
    lower, upper = _restricted(names, weights, pack, facts, nav)
    return PolicyCase(
        policy=policy,
        names=names,
        weights=weights,
        returns=returns,
        holdable=np.array([name in allowed for name in names]),
        tradable=np.array([pack.last[name] == newest for name in names]),
        lower=lower,
        upper=upper,
        ratings=_numbers(names, facts.ratings),
        sectors=_sectors(names, facts),
        benchmark=_benchmark(names, facts),
        benchmark_returns=_returns_of(pack),
        views=_numbers(names, facts.views),
        exempt=not any(shares != 0 for shares in held),
    )


def share_ends(
    case: PolicyCase, portfolio: Portfolio, facts: Facts
) -> tuple[Ends, ...]:
    """Return the fewest and the most shares of each name that may be held, (n,)."""
    endless = Decimal("Infinity")
    found = []
    for place, name in enumerate(case.names):
        held = portfolio.shares.get(name, Decimal(0))
        low = Decimal(0) if case.policy.long_only else -endless
        high = endless
        for one in facts.restrictions.get(name, ()):
            if one.rule == "no-buy":
                high = min(high, held)
            else:
                low = max(low, held if one.rule == "no-sell" else one.shares)
        found.append((low, high) if case.tradable[place] else (held, held))
    return tuple(found)


def _check_shares(portfolio: Portfolio, policy: OptimizationPolicy) -> None:
    for name, shares in sorted(portfolio.shares.items()):
        if policy.long_only and shares < 0:
            raise DataError(
                f"{name}: {shares} shares; expected 0 or more, or a policy with `long_only: false`"
            )
        if not policy.fractional and shares != shares.to_integral_value():
            raise DataError(
                f"{name}: {shares} shares; expected whole ones, or a policy with `fractional: true`"
            )


def _check_prices(names: tuple[str, ...], pack: PackPrices) -> None:
    for name in names:
        price = pack.price.get(name)
        if price is None:
            raise DataError(
                f"pack {pack.id} has no price of {name!r}{did_you_mean(name, pack.price)}"
            )
        if not (isfinite(price) and price > 0.0):
            raise DataError(
                f"pack {pack.id}: the price of {name} is {price}; expected more than 0"
            )


def _check_benchmark(facts: Facts) -> None:
    weights = facts.benchmark_weights
    if weights is None:
        return
    total = sum(weights.values())
    if abs(total - 1.0) <= SUM:
        return
    readings = f"expected 1, within {SUM:g}"
    if abs(total / 100.0 - 1.0) <= 0.5:
        readings += (
            f"; if these are per cent, they sum to {total / 100.0:g}: divide by 100"
        )
    raise DataError(
        f"the benchmark's weights sum to {total:g}; {readings}; nothing is scaled"
    )


def _check_restrictions(
    names: tuple[str, ...], portfolio: Portfolio, facts: Facts
) -> None:
    for name, found in sorted(facts.restrictions.items()):
        if name not in names:
            raise ConfigError(
                f"restrictions: {name!r} is neither held nor in the universe"
                f"{did_you_mean(name, names)}; found {listed(names)}"
            )
        held = portfolio.shares.get(name, Decimal(0))
        for one in found:
            if one.rule == "lock" and one.shares > held:
                raise ConfigError(
                    f"restrictions: {one.shares} shares of {name} are locked, and {held} are held; "
                    "expected no more than that"
                )


def _restricted(
    names: tuple[str, ...],
    weights: Array,
    pack: PackPrices,
    facts: Facts,
    nav: Decimal,
) -> tuple[Array | None, Array | None]:
    if not facts.restrictions:
        return None, None
    lower, upper = np.full(len(names), -np.inf), np.full(len(names), np.inf)
    for place, name in enumerate(names):
        for one in facts.restrictions.get(name, ()):
            if one.rule == "no-buy":
                upper[place] = weights[place]
            elif one.rule == "no-sell":
                lower[place] = weights[place]
            else:
                locked = float(one.shares * exact(pack.price[name]) / nav)
                lower[place] = max(lower[place], locked)
    return lower, upper


def _numbers(names: tuple[str, ...], table: Mapping[str, float] | None) -> Array | None:
    if table is None:
        return None
    return np.array([table.get(name, np.nan) for name in names], dtype=np.float64)


def _sectors(names: tuple[str, ...], facts: Facts) -> tuple[str, ...] | None:
    if facts.sectors is None:
        return None
    return tuple(facts.sectors.get(name, "") for name in names)


def _benchmark(names: tuple[str, ...], facts: Facts) -> Array | None:
    if facts.benchmark_weights is None:
        return None
    own = facts.benchmark_weights
    return np.array([own.get(name, 0.0) for name in names], dtype=np.float64)


def _returns_of(pack: PackPrices) -> Array | None:
    if pack.benchmark is None:
        return None
    returns, few = filled_returns(pack.benchmark[:, None])
    if few[0]:
        raise DataError(
            f"pack {pack.id}: the benchmark lacks more than half of the last {len(returns)} "
            "sessions; expected a shorter lookback, or the benchmark's weights"
        )
    return returns[:, 0]
