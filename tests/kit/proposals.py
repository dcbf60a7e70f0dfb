"""Portfolios, prices and facts of proposals whose numbers can be checked by hand."""

import datetime as dt
from decimal import Decimal

import numpy as np
from scipy.linalg import hadamard

from bt_run_plugins.policy.facts import Facts, Portfolio
from bt_run_plugins.policy.pack_prices import PackPrices
from bt_run_plugins.policy.policy import OptimizationPolicy

SHARES = {"AAPL": 100, "XOM": 200, "JNJ": 150}
PRICES = {"AAPL": 232.50, "XOM": 112.30, "JNJ": 165.80}
RATINGS = {"AAPL": 9.2, "XOM": 4.5, "JNJ": 9.0}
SECTORS = {"AAPL": "Technology", "XOM": "Energy", "JNJ": "Health Care"}
DAY = dt.date(2026, 10, 30)


def returns_with(S, per_year=252):
    """Return daily returns (T, n) whose sample covariance is S / per_year, and whose mean is 0."""
    n = len(S)
    T = 4
    while n >= T:
        T *= 2
    Z = hadamard(T)[:, 1 : n + 1] * np.sqrt((T - 1) / T / per_year)
    return Z @ np.linalg.cholesky(S).T


def pack(prices=None, S=None, benchmark=None, **changes):
    """Return prices of a pack whose names have the covariance S a year; 0.04 each if not given."""
    prices = dict(PRICES if prices is None else prices)
    S = np.diag(np.full(len(prices), 0.04)) if S is None else np.asarray(S)
    returns = returns_with(S)
    grown = np.vstack([np.ones(len(S)), np.cumprod(1 + returns, axis=0)])
    closes = {
        name: grown[:, place] * (price / grown[-1, place])
        for place, (name, price) in enumerate(prices.items())
    }
    told = {
        "id": "0123456789abcdef",
        "as_of": DAY,
        "price": prices,
        "last": dict.fromkeys(prices, DAY),
        "closes": closes,
        "benchmark": benchmark,
    }
    return PackPrices(**{**told, **changes})


def policy(**limits):
    """Return a policy with the seed's costs."""
    return OptimizationPolicy(**{"id": "house", **limits})


def portfolio(shares=None, cash=0):
    """Return the portfolio of the seed, or other shares."""
    own = SHARES if shares is None else shares
    return Portfolio(
        shares={name: Decimal(count) for name, count in own.items()},
        cash=Decimal(cash),
        id="P1",
    )


def facts(**tables):
    """Return the ratings and sectors of the seed's names, with other tables."""
    return Facts(**{"ratings": RATINGS, "sectors": SECTORS, **tables})
