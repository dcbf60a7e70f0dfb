"""Plain Backtrader strategies: the same orders and fills as on plain Backtrader, in both of its
modes.
"""

import backtrader as bt
import numpy as np
import pandas as pd
import pytest

from bt_run import BuildContext, Component, PluginError
from bt_run.component import BacktraderStrategy
from bt_run.engine.classic import ClassicRun, run_classic
from bt_run.results.ledger import fills_table
from bt_run.testing import make_bars, make_rows
from bt_run_plugins.brokers.simulated import SimulatedConfig, build_broker


class SmaCross(bt.Strategy):
    """Market orders on a crossing of averages."""

    params = (("fast", 5), ("slow", 15))

    def __init__(self):
        self.cross = [
            bt.indicators.CrossOver(
                bt.indicators.SMA(d, period=self.p.fast),
                bt.indicators.SMA(d, period=self.p.slow),
            )
            for d in self.datas
        ]

    def next(self):
        for data, cross in zip(self.datas, self.cross, strict=True):
            if cross > 0:
                self.buy(data, size=20)
            elif cross < 0 and self.getposition(data):
                self.close(data)


class LimitDips(bt.Strategy):
    """Limit orders below the market, good for three days."""

    def next(self):
        if not self.position and not self.broker.get_orders_open():
            price = self.data.close[0] * 0.985
            self.buy(
                size=30,
                exectype=bt.Order.Limit,
                price=price,
                valid=self.data.datetime.datetime(0) + _DAYS,
            )
        elif self.position and self.data.close[0] > self.position.price * 1.005:
            self.sell(size=30, exectype=bt.Order.Close)


class StopBreakout(bt.Strategy):
    """Stop orders above the highest high."""

    def __init__(self):
        self.highest = bt.indicators.Highest(self.data.high, period=10)
        self.lowest = bt.indicators.Lowest(self.data.low, period=5)

    def next(self):
        for order in self.broker.get_orders_open():
            self.cancel(order)
        if not self.position:
            self.buy(size=25, exectype=bt.Order.Stop, price=self.highest[0])
        else:
            self.sell(size=25, exectype=bt.Order.Stop, price=self.lowest[0])


class StopLimitEntry(bt.Strategy):
    """Stop-limit orders."""

    def next(self):
        if len(self) % 5 == 0:
            for order in self.broker.get_orders_open():
                self.cancel(order)
        if not self.position and not self.broker.get_orders_open():
            level = self.data.close[0] * 1.005
            self.buy(
                size=10, exectype=bt.Order.StopLimit, price=level, plimit=level * 1.01
            )
        elif self.position and len(self) % 7 == 0:
            self.close()


class TrailingExit(bt.Strategy):
    """A trailing stop behind each entry."""

    def __init__(self):
        self.rsi = bt.indicators.RSI(period=7, safediv=True)

    def next(self):
        if not self.position and not self.broker.get_orders_open() and self.rsi[0] < 45:
            self.buy(size=15)
        elif self.position and not self.broker.get_orders_open():
            self.sell(size=15, exectype=bt.Order.StopTrail, trailpercent=0.03)


class Brackets(bt.Strategy):
    """Bracket orders: an entry, a stop and a target."""

    def next(self):
        if not self.position and not self.broker.get_orders_open():
            close = self.data.close[0]
            self.buy_bracket(
                size=12,
                price=close * 0.995,
                stopprice=close * 0.97,
                limitprice=close * 1.04,
            )


class OneCancelsOther(bt.Strategy):
    """Two orders of which one cancels the other."""

    def next(self):
        if not self.position and not self.broker.get_orders_open():
            close = self.data.close[0]
            first = self.buy(size=8, exectype=bt.Order.Limit, price=close * 0.98)
            self.buy(size=8, exectype=bt.Order.Stop, price=close * 1.02, oco=first)
        elif self.position and len(self) % 5 == 0:
            self.close()


class Rotation(bt.Strategy):
    """Percent targets among all assets, sales first."""

    def __init__(self):
        self.momentum = {
            data: bt.indicators.ROC(data, period=12) for data in self.datas
        }

    def next(self):
        if len(self) % 10:
            return
        best = max(self.datas, key=lambda data: self.momentum[data][0])
        for data in self.datas:
            if data is not best and self.getposition(data):
                self.order_target_percent(data, 0.0)
        self.order_target_percent(best, 0.6)


class WeeklyTrend(bt.Strategy):
    """Daily orders on a weekly average of completed weeks."""

    def __init__(self):
        weekly = self.datas[len(self.datas) // 2]
        self.weekly = weekly
        self.average = bt.indicators.SMA(weekly, period=4)

    def next(self):
        if self.weekly.close[0] > self.average[0] and not self.position:
            self.buy(size=10)
        elif self.weekly.close[0] < self.average[0] and self.position:
            self.close()


class Prenext(bt.Strategy):
    """Trade what has begun while another asset has not."""

    def prenext(self):
        self.next()

    def next(self):
        started = [
            data
            for data in self.datas
            if len(data) and data.datetime[0] == self.datetime[0]
        ]
        for place, data in enumerate(started):
            if len(self) % (6 + place) == 0:
                self.order_target_size(data, 5 if not self.getposition(data) else 0)


_DAYS = pd.Timedelta(days=3).to_pytimedelta()
STRATEGIES = (
    SmaCross,
    LimitDips,
    StopBreakout,
    StopLimitEntry,
    TrailingExit,
    Brackets,
    OneCancelsOther,
    Rotation,
    WeeklyTrend,
    Prenext,
)


def market(count, days=260, seed=7, late=False):
    rng = np.random.default_rng(seed)
    rows = {}
    for place in range(count):
        close = 60 * np.exp(np.cumsum(rng.normal(0.0002, 0.017, days)))
        if late and place:
            close[: 40 * place] = np.nan
        rows["ABCD"[place]] = make_rows(
            close,
            open=close * np.exp(rng.normal(0, 0.006, days)),
            high=close * (1 + rng.uniform(0, 0.015, days)),
            low=close * (1 - rng.uniform(0, 0.015, days)),
        )
    return make_bars(rows)


def on_plain_backtrader(bars, strategy, runonce, fee, resample=()):
    fills = []

    class Logged(strategy):
        def notify_order(self, order):
            super().notify_order(order)
            for bit in order.executed.iterpending():
                name = order.data._name
                fills.append(
                    (
                        bt.num2date(bit.dt),
                        name.removesuffix("_week"),
                        bit.size,
                        bit.price,
                        bit.comm,
                    )
                )

    cerebro = bt.Cerebro(stdstats=False, runonce=runonce)
    cerebro.broker.setcash(50_000.0)
    cerebro.broker.setcommission(commission=fee)
    for column, name in enumerate(bars.assets):
        rows = bars.tradable[:, column]
        fields = ("open", "high", "low", "close", "volume")
        columns = {f: getattr(bars, f)[rows, column] for f in fields}
        frame = pd.DataFrame(columns, index=bars.index.tz_localize(None)[rows])
        cerebro.adddata(bt.feeds.PandasData(dataname=frame), name=name)
    for _ in resample:
        for name in bars.assets:
            cerebro.resampledata(
                cerebro.datasbyname[name],
                name=f"{name}_week",
                timeframe=bt.TimeFrame.Weeks,
            )
    cerebro.addstrategy(Logged)
    cerebro.run()
    return fills, cerebro.broker.getvalue()


def here(bars, strategy, runonce, fee, resample=()):
    broker = build_broker(
        SimulatedConfig(cash=50_000.0, commission={"bps": fee * 1e4}),
        BuildContext(costs=None),
    )
    classic = BacktraderStrategy(strategy, {}, resample)
    return run_classic(
        ClassicRun(bars=bars, broker=broker, strategy=classic, runonce=runonce)
    )


@pytest.mark.parametrize("runonce", [True, False], ids=["runonce", "next"])
@pytest.mark.parametrize("strategy", STRATEGIES, ids=lambda strategy: strategy.__name__)
def test_a_strategy_fills_as_on_plain_backtrader(strategy, runonce):
    several = strategy in (SmaCross, Rotation, Prenext)
    bars = market(3 if several else 1, late=strategy is Prenext)
    resample = ("week",) if strategy is WeeklyTrend else ()
    expected, value = on_plain_backtrader(bars, strategy, runonce, 0.001, resample)
    ledger = here(bars, strategy, runonce, 0.001, resample)
    table = fills_table(bars, ledger.fills)
    got = table[table["filled"] != 0]
    assert len(expected) >= 5
    assert got["time"].dt.tz_localize(None).tolist() == [row[0] for row in expected]
    assert got["asset"].tolist() == [row[1] for row in expected]
    assert got["filled"].tolist() == [row[2] for row in expected]
    assert got["price"].tolist() == [row[3] for row in expected]
    assert got["commission"].tolist() == pytest.approx(
        [row[4] for row in expected], rel=1e-12
    )
    assert ledger.nav[-1] == pytest.approx(value, rel=1e-12)


def test_resampled_bars_are_completed_before_they_are_seen():
    seen = []

    class Look(bt.Strategy):
        def next(self):
            seen.append(
                (
                    self.data.datetime.date(0),
                    self.datas[1].datetime.date(0),
                    self.datas[1].close[0],
                )
            )

    bars = market(1, days=30)
    run_classic(
        ClassicRun(
            bars=bars,
            broker=build_broker(SimulatedConfig(), None),
            strategy=BacktraderStrategy(Look, {}, ("week",)),
        )
    )
    closes = dict(zip(bars.index.date, bars.close[:, 0], strict=True))
    assert len(seen) > 20
    for day, week, close in seen:
        assert week <= day
        assert close == closes[week]
        assert week.weekday() == 4 or week == max(d for d in closes if d <= day)


def test_analyzers_and_observers_run_along():
    component = Component.from_backtrader(
        SmaCross,
        analyzers=(bt.analyzers.TradeAnalyzer,),
        observers=(bt.observers.DrawDown,),
    )
    built = component.build(component.config(fast=4), BuildContext(costs=None))
    bars = market(2)
    ledger = run_classic(
        ClassicRun(
            bars=bars, broker=build_broker(SimulatedConfig(), None), strategy=built
        )
    )
    assert ledger.analyses["TradeAnalyzer"]["total.total"] > 3


def test_params_become_the_config():
    component = Component.from_backtrader(SmaCross)
    assert (component.name, component.summary) == (
        "SmaCross",
        "Market orders on a crossing of averages.",
    )
    assert component.config(slow=30).model_dump() == {
        "resample": (),
        "fast": 5,
        "slow": 30,
    }
    with pytest.raises(ValueError, match="Extra inputs are not permitted"):
        component.config(quick=3)


def test_a_param_that_is_a_key_of_ours_is_refused():
    class Taken(bt.Strategy):
        params = (("resample", 1),)

    with pytest.raises(
        PluginError, match="Taken: the param 'resample' is a key of bt-run; rename it"
    ):
        Component.from_backtrader(Taken)
