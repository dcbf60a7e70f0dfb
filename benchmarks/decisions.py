"""Measure what one decision costs, and classic mode beside PandasData. Run by ``make bench``."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import backtrader as bt
import numpy as np
import pandas as pd

from bt_run import BuildContext, Limits
from bt_run.account.market import Market
from bt_run.component import BacktraderStrategy
from bt_run.data.bars import Bars
from bt_run.data.history import History
from bt_run.decision.pipeline import Pipeline, Stage
from bt_run.decision.signals import VectorisedSignal
from bt_run.engine.classic import ClassicRun, run_classic
from bt_run.engine.panel import PanelRun, run_panel
from bt_run.testing import make_bars, make_rows
from bt_run_plugins.brokers.simulated import SimulatedConfig, build_broker
from bt_run_plugins.overlays.volatility_target import (
    VolatilityTarget,
    VolatilityTargetConfig,
)
from bt_run_plugins.sizers.equal_weight import EqualWeight, EqualWeightConfig
from bt_run_plugins.triggers.drift_bands import DriftBands, DriftBandsConfig

ROUNDS = 5


def market(count: int, days: int) -> Bars:
    """Make a random walk of ``count`` assets."""
    rng = np.random.default_rng(1)
    rows = {}
    for i in range(count):
        close = 50 * np.exp(np.cumsum(rng.normal(0, 0.015, days)))
        rows[f"A{i:02d}"] = make_rows(
            close, open=close * np.exp(rng.normal(0, 0.005, days)), first="1993-01-01"
        )
    return make_bars(rows)


def best(play: Callable[[], Any]) -> float:
    """Return the seconds of the fastest of some rounds."""
    seconds = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        play()
        seconds.append(time.perf_counter() - begun)
    return min(seconds)


def decision_path() -> None:
    """Print microseconds per decision: state, equal weight, one overlay, one trigger, ledger; and
    per basket.
    """
    bars = market(10, 3000)
    broker = build_broker(
        SimulatedConfig(commission={"bps": 1}), BuildContext(costs=None)
    )
    context = BuildContext(costs=broker.costs, limits=Limits())
    signal = VectorisedSignal("hold", lambda b: np.ones(b.close.shape))
    overlay = VolatilityTarget(VolatilityTargetConfig(annual=0.1), context)

    def play(due: np.ndarray[Any, np.dtype[np.bool_]], band: float) -> None:
        trigger = DriftBands(DriftBandsConfig(total=band), context)
        flow = Pipeline(
            strategy=Stage("strategy", "hold", signal.member),
            sizer=Stage(
                "sizer",
                "equal",
                EqualWeight(EqualWeightConfig(), context).target_weights,
            ),
            overlays=(Stage("overlays.0", "volatility_target", overlay.adjust),),
            triggers=(Stage("triggers.0", "drift_bands", trigger.check),),
            vectorised=(signal,),
        )
        run_panel(PanelRun(Market(bars, broker, 1.0, False), flow.on(bars), due))

    every, once = np.ones(len(bars), dtype=bool), np.zeros(len(bars), dtype=bool)
    once[0] = True
    count = len(bars) - 1
    idle, decided, traded = (
        best(lambda d=d, b=b: play(d, b))
        for d, b in ((once, 9.0), (every, 9.0), (every, 1e-9))
    )
    print("at 10 assets: state, equal weight, volatility target, drift bands, ledger")
    print(
        f"  {(decided - idle) / count * 1e6:.0f} microseconds a decision   (under 150 is the aim)"
    )
    print(
        f"  {(traded - decided) / count * 1e6:.0f} microseconds more for the basket that it "
        "orders and its fill\n"
    )


def look_back() -> None:
    """Print what a look-back costs for being a copy of the rows, beside a view of them."""
    bars, rounds = market(500, 1400), 20
    history = History(bars, len(bars) - 1)

    def copies() -> None:
        for _ in range(rounds):
            history.close(1260)

    def views() -> None:
        for _ in range(rounds):
            bars.close[len(bars) - 1260 :]

    more = (best(copies) - best(views)) / rounds
    print(
        f"a look-back of 1,260 bars at 500 assets: {more * 1e3:.1f} ms more for being a copy   "
        "(at most 2 is the aim)\n"
    )


class Cross(bt.Strategy):  # type: ignore[misc]
    """Trade the crossing of two averages of every asset."""

    def __init__(self) -> None:
        self.cross = [
            bt.indicators.CrossOver(
                bt.indicators.SMA(d, period=10), bt.indicators.SMA(d, period=30)
            )
            for d in self.datas
        ]

    def next(self) -> None:
        for data, cross in zip(self.datas, self.cross, strict=True):
            if cross > 0:
                self.buy(data, size=1)
            elif cross < 0 and self.getposition(data):
                self.close(data)


class Breakout(bt.Strategy):  # type: ignore[misc]
    """Stop orders above the highest high."""

    def __init__(self) -> None:
        self.highest = bt.indicators.Highest(self.data.high, period=20)

    def next(self) -> None:
        if not self.position and not self.broker.get_orders_open():
            self.buy(size=1, exectype=bt.Order.Stop, price=self.highest[0], valid=None)
        elif self.position and len(self) % 15 == 0:
            self.close()


class Reversion(bt.Strategy):  # type: ignore[misc]
    """Buy oversold, sell overbought."""

    def __init__(self) -> None:
        self.rsi = bt.indicators.RSI(period=14, safediv=True)

    def next(self) -> None:
        if self.rsi[0] < 35 and not self.position:
            self.buy(size=1)
        elif self.rsi[0] > 65 and self.position:
            self.close()


class Bands(bt.Strategy):  # type: ignore[misc]
    """Limit orders at the lower Bollinger band."""

    def __init__(self) -> None:
        self.bands = bt.indicators.BollingerBands(period=20)

    def next(self) -> None:
        for order in self.broker.get_orders_open():
            self.cancel(order)
        if not self.position:
            self.buy(size=1, exectype=bt.Order.Limit, price=self.bands.bot[0])
        elif self.data.close[0] > self.bands.mid[0]:
            self.close()


class Trailing(bt.Strategy):  # type: ignore[misc]
    """A trailing stop behind each entry."""

    def next(self) -> None:
        if not self.position and not self.broker.get_orders_open():
            self.buy(size=1)
        elif self.position and not self.broker.get_orders_open():
            self.sell(size=1, exectype=bt.Order.StopTrail, trailpercent=0.05)


class Brackets(bt.Strategy):  # type: ignore[misc]
    """Bracket orders."""

    def next(self) -> None:
        if not self.position and not self.broker.get_orders_open():
            close = self.data.close[0]
            self.buy_bracket(
                size=1, price=close, stopprice=close * 0.97, limitprice=close * 1.04
            )


class Rotation(bt.Strategy):  # type: ignore[misc]
    """Hold the asset with the best momentum."""

    def __init__(self) -> None:
        self.roc = {data: bt.indicators.ROC(data, period=20) for data in self.datas}

    def next(self) -> None:
        if len(self) % 21:
            return
        winner = max(self.datas, key=lambda data: self.roc[data][0])
        for data in self.datas:
            if data is not winner and self.getposition(data):
                self.close(data)
        self.order_target_percent(winner, 0.5)


class Idle(bt.Strategy):  # type: ignore[misc]
    """Do nothing: the cost of loading and of the loop."""


def plain(frames: dict[str, pd.DataFrame], strategy: type) -> None:
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.broker.setcash(1e6)
    for name, frame in frames.items():
        cerebro.adddata(bt.feeds.PandasData(dataname=frame), name=name)
    cerebro.addstrategy(strategy)
    cerebro.run()


def classic_mode() -> None:
    """Print classic mode beside PandasData for eight strategies, and for twenty feeds."""
    broker = build_broker(SimulatedConfig(cash=1e6), BuildContext(costs=None))
    print(
        "classic mode beside plain Backtrader with PandasData, both without observers, ours with "
        "its ledger"
    )
    ratios = []
    cases = [(s, 1) for s in (Idle, Breakout, Reversion, Bands, Trailing, Brackets)] + [
        (Cross, 3),
        (Rotation, 3),
    ]
    for strategy, count in [*cases, (Cross, 20)]:
        bars = market(count, 2520)
        naive = bars.index.tz_localize(None)
        fields = ("open", "high", "low", "close", "volume")
        frames = {
            name: pd.DataFrame({f: getattr(bars, f)[:, i] for f in fields}, index=naive)
            for i, name in enumerate(bars.assets)
        }
        run = ClassicRun(
            bars=bars, broker=broker, strategy=BacktraderStrategy(strategy, {})
        )
        mine, theirs = (
            best(lambda r=run: run_classic(r)),
            best(lambda f=frames, s=strategy: plain(f, s)),
        )
        ratios.append(theirs / mine)
        print(
            f"  {strategy.__name__:10s} {count:2d} feeds  {mine:7.3f} s  {theirs:7.3f} s  "
            f"{theirs / mine:5.2f} times"
        )
    print(
        f"  median of eight strategies {statistics.median(ratios[:-1]):.2f} times   (1.5 is the "
        "aim)"
    )
    print(f"  at 20 feeds                {ratios[-1]:.2f} times   (2 is the aim)")


if __name__ == "__main__":
    decision_path()
    look_back()
    classic_mode()
