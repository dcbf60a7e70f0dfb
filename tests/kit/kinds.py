"""Runs of every kind that a page must be readable for, on made-up prices and on the examples."""

from pathlib import Path

import numpy as np
import pandas as pd

from bt_run import BacktestResult, load_config, run
from bt_run.config.run_config import RunConfig
from kit.places import EXAMPLES

STRATEGIES = """
import numpy as np
import backtrader as bt
from bt_run import Component, Config, hookimpl

class Constant(Config):
    value: float = 0.0

class Signal:
    def __init__(self, config, context):
        self.value = config.value

    def signals(self, bars):
        out = np.full((len(bars), len(bars.assets)), self.value)
        out[:, ::2] *= -1.0 if self.value > 0.5 else 1.0
        return out

class Crossing(bt.Strategy):
    params = (("period", 20),)

    def __init__(self):
        self.average = bt.ind.SMA(period=self.p.period)

    def next(self):
        if not self.position and self.data.close[0] > self.average[0]:
            self.buy(size=100)
        elif self.position and self.data.close[0] < self.average[0]:
            self.close()

@hookimpl
def bt_strategies():
    yield Component(name="constant", config=Constant, build=Signal, summary="one signal for all")
    yield Component.from_backtrader(Crossing, name="crossing")
"""
EXAMPLE_KINDS = {
    "flagship": ("spy_qqq.yaml", []),
    "tracker": ("track_sp500.yaml", ["data.start=2018-01-02"]),
}
# what a run on made-up prices has different from two assets held for 600 sessions
MADE_KINDS = {
    "shorts": {
        "names": ("AAA", "BBB", "CCC", "DDD"),
        "strategy": {"use": "constant", "value": 0.6},
        "limits": {"gross": 1.5, "short": True},
        "sizer": {"use": "signal_weight"},
    },
    "stocks": {
        "names": tuple(f"N{number:03}" for number in range(300)),
        "sessions": 700,
        "strategy": "trend",
    },
    "cash": {
        "strategy": {"use": "constant", "value": 0.0},
        "broker": {
            "use": "simulated",
            "fill": "next_close",
            "interest": {"cash": 0.03},
        },
    },
    "untraded": {"strategy": "trend", "sessions": 150},
    "quarter": {"sessions": 68},
    "classic": {"strategy": "crossing", "sizer": None},
}
KINDS = (*EXAMPLE_KINDS, *MADE_KINDS, "intraday")


def play_kind(kind: str, folder: Path) -> BacktestResult:
    """Play a run of one of ``KINDS``; files of prices go into ``folder``."""
    if kind in EXAMPLE_KINDS:
        name, changes = EXAMPLE_KINDS[kind]
        return run(load_config(EXAMPLES / name, changes))
    if kind == "intraday":
        return run(RunConfig.model_validate(intraday(folder)))
    return play_made(folder, name=kind, **MADE_KINDS[kind])


def play_made(
    folder: Path,
    names: tuple[str, ...] = ("AAA", "BBB"),
    sessions: int = 600,
    drift: float = 0.0003,
    **changes: object,
) -> BacktestResult:
    """Play a run on random walks; a change to None takes a key away."""
    plugin = folder / "local.py"
    plugin.write_text(STRATEGIES)
    config = made_config(folder / "prices", names, sessions, drift)
    config |= {"plugins": [plugin]} | changes
    config = {key: value for key, value in config.items() if value is not None}
    return run(RunConfig.model_validate(config))


def made_config(
    folder: Path, names: tuple[str, ...], sessions: int, drift: float = 0.0003
) -> dict[str, object]:
    """Write random walks as csv files and return a configuration on them."""
    folder.mkdir(exist_ok=True)
    rng = np.random.default_rng(5)
    dates = pd.bdate_range("1990-01-02", periods=sessions).strftime("%Y-%m-%d")
    for name in names:
        close = 50 * np.exp(np.cumsum(rng.normal(drift, 0.012, sessions)))
        frame = pd.DataFrame({"date": dates, "close": close})
        frame.to_csv(folder / f"{name}.csv", index=False)
    return {
        "name": "made",
        "data": {
            "source": {"use": "csv", "path": str(folder)},
            "assets": list(names),
            "benchmark": names[0],
            "start": dates[min(5, sessions - 2)],
            "end": dates[-1],
            "calendar": "24/5",
        },
        "strategy": "buy_and_hold",
        "sizer": "equal_weight",
        "schedule": "month",
        "broker": {
            "use": "simulated",
            "cash": 1000000,
            "fill": "next_close",
            "commission": {"bps": 1},
        },
    }


def intraday(folder: Path) -> dict[str, object]:
    """Write three bars a session for 13 sessions and return a configuration on them."""
    hours = folder / "hours"
    hours.mkdir(exist_ok=True)
    days = pd.bdate_range("2020-02-18", periods=13, tz="America/New_York")
    times = pd.DatetimeIndex(
        [day + pd.Timedelta(hours=hour) for day in days for hour in (11, 13, 16)]
    )
    rng = np.random.default_rng(3)
    for name in ("AAA", "BBB"):
        close = 50 * np.exp(np.cumsum(rng.normal(0, 0.01, len(times))))
        frame = pd.DataFrame({"date": times.astype(str), "close": close})
        frame.to_csv(hours / f"{name}.csv", index=False)
    config = made_config(folder / "prices", ("AAA", "BBB"), 10)
    config["data"] |= {
        "source": {"use": "csv", "path": str(hours)},
        "calendar": "XNYS",
        "start": "2020-02-20",
        "end": "2020-03-05",
    }
    return config | {"schedule": "bar"}
