"""The tear sheet: pyfolio's input sums to the NAV, and the PDF is whole for every kind of run."""

from types import SimpleNamespace

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from bt_run_plugins._round_trips import round_trips
from bt_run_plugins.tear_sheet import TearSheet, TearSheetConfig, bt_reports, pyfolio_input

from bt_run.components import BuildContext
from bt_run.metrics import compute_metrics
from bt_run.result import BacktestResult

FILLS = ["decided_at", "time", "asset", "asked", "filled", "price", "commission", "slippage", "reason"]
CASH = 1e6


def make_closes(sessions, names=("QQQ", "SPY"), start="2000-01-03"):
    """Return closes of a random walk, one column per asset."""
    index = pd.bdate_range(start, periods=sessions, tz="UTC", name="time")
    steps = np.random.default_rng(11).normal(0.0003, 0.011, (sessions, len(names)))
    return pd.DataFrame(100 * np.exp(np.cumsum(steps, axis=0)), index=index, columns=list(names))


def play(closes, weights, every):
    """Hold weights from the second session on, traded again every so many sessions: nav, positions, fills."""
    cash, shares, navs, positions, fills = CASH, dict.fromkeys(weights, 0.0), [], [], []
    for t, (time, prices) in enumerate(closes.iterrows()):
        nav = cash + sum(shares[name] * prices[name] for name in weights)
        for name, weight in weights.items():
            change = weight * nav / prices[name] - shares[name]
            if t % every != 1 % every or t == 0 or not change:
                continue
            slip = 2e-4 * abs(change) * prices[name]
            paid, fee = prices[name] * (1 + 2e-4 * np.sign(change)), 1e-4 * abs(change) * prices[name]
            cash -= change * paid + fee
            shares[name] += change
            fills.append((closes.index[t - 1], time, name, change, change, paid, fee, slip, None))
        held = [(time, n, q, prices[n], q * prices[n], False) for n, q in shares.items() if q]
        values = [row[4] for row in held]
        total = cash + sum(values)
        navs.append((total, cash, sum(map(abs, values)) / total, sum(values) / total))
        positions += held
    nav = pd.DataFrame(navs, index=closes.index, columns=["nav", "cash", "gross", "net"])
    columns = ["time", "asset", "shares", "price", "value", "stale"]
    return nav, pd.DataFrame(positions, columns=columns), pd.DataFrame(fills, columns=FILLS)


def make_result(closes, weights, every=21, **changes):
    """Return a whole result; what is given by name replaces a part of it."""
    nav, positions, fills = play(closes, weights, every)
    first = closes.columns[-1]
    nav["benchmark"] = CASH * closes[first] / closes[first].iloc[0]
    nav["equal_weight"] = nav["constant_mix"] = CASH * (closes / closes.iloc[0]).mean(axis=1)
    config = {
        "name": "spy_qqq",
        "data": {
            "source": {"use": "sample", "set": "indices"},
            "assets": {"QQQ": "NASDAQ", "SPY": "SP500"},
            "benchmark": "SPY",
            "adjust": "total_return",
        },
        "strategy": {"use": "trend", "fast": 50, "slow": 200, "band": 0.01, "short": False},
        "sizer": {"use": "inverse_volatility", "lookback": 63, "redistribute": False},
        "overlays": [{"use": "volatility_target", "annual": 0.1, "lookback": 63}],
        "triggers": [],
        "schedule": "month",
        "broker": {
            "use": "simulated",
            "fill": "next_close",
            "commission": {"bps": 1.0},
            "slippage": {"bps": 2.0},
        },
        "limits": {"gross": 1.0, "net": 1.0, "name": 1.0, "short": False},
        "risk_free": 0.0,
    }
    parts = {
        "config": SimpleNamespace(name="spy_qqq"),
        "run_id": "0123456789ab",
        "nav": nav,
        "positions": positions,
        "fills": fills,
        "decisions": pd.DataFrame(),
        "memos": pd.DataFrame(),
        "cash_flows": pd.DataFrame(),
        "metrics": compute_metrics(nav, {"run": fills, "equal_weight": fills, "constant_mix": fills}, 0.0),
        "manifest": {"config": config},
        "notes": (
            "SPY is the S&P 500 price index (SP500), a stand-in for the fund",
            "QQQ is the Nasdaq Composite price index (NASDAQ), a stand-in for the fund",
            "price return only: the source knows no dividends",
        ),
    }
    return BacktestResult(**(parts | changes))
