"""The formulas of performance on plain arrays of returns: what a run and a study both compute.

They are those of empyrical, for arrays without gaps; the tests hold them against it. Importing it
would bring scipy.stats and a client of Yahoo with it.
"""

from __future__ import annotations

import math

import numpy as np

from bt_run.arrays import Array

__all__ = [
    "annual_volatility",
    "beta_and_alpha",
    "max_drawdown",
    "sharpe_ratio",
    "skewness",
    "sortino_ratio",
    "total_return",
]


def total_return(returns: Array) -> float:
    """Return the compound return of ``returns`` (n,), fractions: prod(1 + r) - 1."""
    return float((returns + 1.0).prod()) - 1.0


def annual_volatility(returns: Array, per_year: int) -> float:
    """Return the standard deviation (ddof 1) of ``returns`` (n,) x sqrt(``per_year``); NaN of a
    single one.
    """
    if len(returns) < 2:
        return math.nan
    return float(returns.std(ddof=1)) * math.sqrt(per_year)


def sharpe_ratio(returns: Array, per_year: int, rate: float = 0.0) -> float:
    """Return mean over standard deviation (ddof 1) of ``returns`` (n,) less ``rate`` per session, x
    sqrt(``per_year``); NaN of a single one.

    Sharpe, "The Sharpe Ratio", Journal of Portfolio Management, 1994.
    """
    if len(returns) < 2:
        return math.nan
    excess = returns - rate
    return float(excess.mean() / excess.std(ddof=1)) * math.sqrt(per_year)


def sortino_ratio(returns: Array, per_year: int, rate: float = 0.0) -> float:
    """Return the mean of ``returns`` (n,) less ``rate`` per session over the root mean square of
    what lies below 0 of it, x sqrt(``per_year``); infinite or NaN where nothing does.

    Sortino and van der Meer, "Downside Risk", Journal of Portfolio Management, 1991.
    """
    excess = returns - rate
    downside = np.sqrt((np.minimum(excess, 0.0) ** 2).mean())
    return float(excess.mean() / downside) * math.sqrt(per_year)


def max_drawdown(returns: Array) -> float:
    """Return the largest fall of the wealth that ``returns`` (n,) compound to from its highest
    before, a fraction of that, 0 or below.
    """
    wealth = np.cumprod(np.concatenate([[1.0], returns + 1.0]))
    highest = np.maximum.accumulate(wealth)
    return float((wealth / highest).min()) - 1.0


def beta_and_alpha(
    returns: Array, market: Array, per_year: int, rate: float = 0.0
) -> tuple[float, float]:
    """Return the slope of ``returns`` (n,) on those of the ``market`` (n,), and the mean of what it
    leaves of them above ``rate`` per session, compounded over ``per_year`` sessions.
    """
    centred = market - market.mean()
    beta = (centred * returns).mean() / (centred**2).mean()
    left = (returns - rate) - beta * (market - rate)
    return float(beta), float(np.power(1.0 + left.mean(), per_year)) - 1.0


def skewness(returns: Array) -> float:
    """Return the third central moment of ``returns`` (n,) over the second to the power of 1.5."""
    centred = returns - returns.mean()
    squares = centred * centred
    return float((squares * centred).mean() / squares.mean() ** 1.5)
