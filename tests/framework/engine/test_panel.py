"""The engine: the pipeline on Backtrader's clock, and plain Backtrader strategies beside it."""

from dataclasses import replace

import backtrader as bt
import numpy as np
import pandas as pd
import pytest

from bt_run import BrokerTerms, Delisting, PluginError, RunConfig, run
from bt_run.account.account import Account
from bt_run.account.market import Market
from bt_run.checks.reproduction import reproduce
from bt_run.component import BacktraderStrategy
from bt_run.data.schedule import scheduled
from bt_run.decision.pipeline import Pipeline, Stage
from bt_run.engine.classic import ClassicRun, run_classic
from bt_run.engine.clock import backtrader_days
from bt_run.engine.listeners import Listeners
from bt_run.engine.panel import BasketBroker, PanelRun, run_panel
from bt_run.results.ledger import fills_table
from bt_run.terms import Limits
from bt_run.testing import MadeCosts, make_bars, make_rows

NAN = np.nan


def walk(seed, days=120, drift=0.0):
    rng = np.random.default_rng(seed)
    close = 50 * np.exp(np.cumsum(rng.normal(drift, 0.02, days)))
    return make_rows(close, open=close * np.exp(rng.normal(0, 0.005, days)))


def play(
    bars,
    weights,
    *,
    schedule="week",
    fill="next_open",
    costs=None,
    limits=None,
    overlays=(),
    **told,
):
    """Run the panel on given weights: a function of the state, or an array."""
    broker = BrokerTerms(
        cash=100_000.0, fill=fill, costs=costs or MadeCosts(), delisting=Delisting()
    )
    limits = limits or Limits()
    size = weights if callable(weights) else lambda s: np.array(weights, dtype=float)
    pipeline = Pipeline(
        strategy=Stage(
            "strategy", "all", lambda s: np.where(s.history.tradable, 1.0, NAN)
        ),
        sizer=Stage("sizer", "given", size),
        overlays=tuple(
            Stage(f"overlays.{i}", f"o{i}", call) for i, call in enumerate(overlays)
        ),
        limits=limits,
    )
    market = Market(bars, broker, limits.gross, False)
    return run_panel(
        PanelRun(market, pipeline, scheduled(bars, schedule), Listeners(**told))
    )


BROKER = BrokerTerms(cash=1e5, fill="next_open", costs=MadeCosts())


def test_backtrader_counts_days_as_it_does_itself():
    times = np.array(
        ["2001-02-03T00:00", "2020-02-29T15:59:30"], dtype="datetime64[ns]"
    )
    expected = [bt.date2num(pd.Timestamp(time).to_pydatetime()) for time in times]
    assert backtrader_days(times).tolist() == expected


def test_the_panel_plays_what_the_account_alone_would():
    bars = make_bars({"A": walk(1), "B": walk(2), "C": walk(3)})
    ledger = play(bars, [0.5, 0.3, 0.1], costs=MadeCosts(0.001, 0.001))
    broker = BrokerTerms(
        cash=100_000.0, fill="next_open", costs=MadeCosts(0.001, 0.001)
    )
    alone = Account(Market(bars, broker, 1.0, False), 0)
    for t in np.flatnonzero(scheduled(bars, "week")):
        alone.advance(int(t))
        alone.order(np.array([0.5, 0.3, 0.1]))
    alone.advance(len(bars) - 1)
    assert ledger.nav.tobytes() == alone.nav.tobytes()


class PlainRebalance(bt.Strategy):
    """Rebalance on plain Backtrader: sell first, then buy, from prenext on."""

    params = (("weights", None), ("due", None))

    def next(self):
        bar = len(self) - 1
        if not self.p.due[bar]:
            return
        value = self.broker.getvalue()
        orders = [
            (weight * value / data.close[0] - self.getposition(data).size, data)
            for data, weight in zip(self.datas, self.p.weights, strict=True)
        ]
        for size, data in sorted(orders, key=lambda order: order[0]):
            if size:
                self.buy(data, size) if size > 0 else self.sell(data, -size)


def plain_backtrader(bars, weights, due, fee):
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.broker.setcash(100_000.0)
    cerebro.broker.setcommission(commission=fee)
    for column, name in enumerate(bars.assets):
        fields = ("open", "high", "low", "close", "volume")
        frame = pd.DataFrame(
            {f: getattr(bars, f)[:, column] for f in fields},
            index=bars.index.tz_localize(None),
        )
        cerebro.adddata(bt.feeds.PandasData(dataname=frame), name=name)
    cerebro.addstrategy(PlainRebalance, weights=weights, due=due)
    cerebro.addanalyzer(bt.analyzers.TimeReturn, timeframe=bt.TimeFrame.Days)
    (strategy,) = cerebro.run()
    returns = np.array(list(strategy.analyzers.timereturn.get_analysis().values()))
    return 100_000.0 * np.cumprod(1 + returns)


def test_where_cash_does_not_bind_plain_backtrader_earns_the_same_to_the_cent():
    bars = make_bars({"A": walk(1), "B": walk(2), "C": walk(3)})
    weights = [0.4, 0.3, 0.2]
    ledger = play(bars, weights, costs=MadeCosts(0.0005))
    plain = plain_backtrader(bars, weights, scheduled(bars, "week"), 0.0005)
    np.testing.assert_allclose(ledger.nav, plain, atol=0.005)


def test_assets_that_start_late_or_miss_sessions_never_delay_the_others():
    late = make_rows(np.where(np.arange(30) < 20, NAN, 10.0))
    gappy = np.full(30, 10.0)
    gappy[5:8] = NAN
    bars = make_bars({"A": np.full(30, 10.0), "B": late, "C": gappy})
    ledger = play(bars, lambda s: s.history.tradable / 3, schedule="bar")
    table = fills_table(bars, ledger.fills)
    assert table[table["asset"] == "A"]["time"].iloc[0] == bars.index[1]
    assert table[table["asset"] == "B"]["time"].iloc[0] == bars.index[21]


def test_data_before_the_start_are_warm_up_only():
    bars = make_bars({"A": walk(1)}, start=50)
    seen = []
    ledger = play(
        bars, lambda s: seen.append(len(s.history)) or np.array([1.0]), schedule="month"
    )
    assert seen[0] == 51
    assert np.isnan(ledger.nav[:50]).all()
    assert ledger.nav[50] == 100_000.0


def test_the_state_shows_the_account_as_it_is():
    states = []
    bars = make_bars({"A": walk(1), "B": walk(2)})
    play(
        bars,
        lambda s: states.append(s) or np.array([0.5, 0.25]),
        costs=MadeCosts(0.001, 0.001),
    )
    later = states[3]
    assert later.nav == pytest.approx(
        later.cash + (later.shares * later.history.price()[0]).sum()
    )
    np.testing.assert_allclose(
        later.weights, later.shares * later.history.price()[0] / later.nav
    )
    assert later.nav_history[-1] == later.nav
    assert len(later.nav_history) == len(later.history)
    assert later.last_decision == states[2].history.session
    with pytest.raises(ValueError, match="read-only"):
        later.nav_history[0] = 1.0


def test_tracks_are_the_accounts_of_earlier_stages():
    seen = []

    def halve(state, weights):
        seen.append({name: nav[-1] for name, nav in state.tracks.items()})
        return weights / 2

    bars = make_bars({"A": walk(1), "B": walk(2)})
    ledger = play(bars, [0.6, 0.4], costs=MadeCosts(0.001), overlays=[halve])
    unhalved = play(bars, [0.6, 0.4], costs=MadeCosts(0.001))
    for decision, tracks in zip(ledger.decisions, seen, strict=True):
        assert tracks == {"sizer": unhalved.nav[decision.bar]}


def test_a_track_read_late_or_seldom_is_the_same():
    bars = make_bars({"A": walk(1), "B": walk(2)})
    states = []
    play(bars, [0.6, 0.4], overlays=[lambda s, w: states.append(s) or w])
    unread = states[-1].tracks["sizer"]
    assert unread.tobytes() == play(bars, [0.6, 0.4]).nav[: len(unread)].tobytes()
    assert (
        states[5].tracks["sizer"].tobytes()
        == unread[: len(states[5].history)].tobytes()
    )


def test_leverage_is_bounded_by_the_gross_limit():
    bars = make_bars({"A": walk(1), "B": walk(2)})
    limits = Limits(gross=1.5, net=1.5, name=1.5)
    ledger = play(bars, [1.0, 1.0], limits=limits)
    gross, net = ledger.exposure()
    assert gross[1] == pytest.approx(1.5, abs=0.02)
    assert ledger.cash[1] < 0
    np.testing.assert_allclose(gross, net)


@pytest.mark.parametrize("schedule", ["bar", "once"])
def test_the_first_close_without_worth_is_the_last_row_of_the_ledger(schedule):
    bars = make_bars({"A": [10, 10, 10, 10, 40, 5, 5]})
    ledger = play(bars, [-1.0], schedule=schedule, limits=Limits(short=True))
    assert ledger.ruined
    assert len(ledger.bars) == 5
    assert ledger.nav.tolist() == [1e5, 1e5, 1e5, 1e5, -2e5]
    assert max(record.bar for record in ledger.fills) <= 4
    assert max(decision.bar for decision in ledger.decisions) <= 3


def test_a_ruined_account_gets_no_order_filled_and_says_why():
    # the short of bar 1 ruins at the close of bar 2, where the order for the next bar waits
    bars = make_bars({"A": [10, 10, 40, 5, 5], "B": [1, 1, 1, 1, 1]})
    account = Account(Market(bars, BROKER, 1.0, False), 0)
    account.order(np.array([-1.0, 0.0]))
    account.advance(2)
    assert account.ruined == 2
    account.order(np.array([0.0, 1.0]))
    account.advance(4)
    account.finish()
    assert len(account.fills) == 1
    assert account.nav.tolist() == [1e5, 1e5, -2e5, -2e5, -2e5]


def test_an_order_that_waits_when_the_account_is_ruined_is_recorded():
    nan = float("nan")
    bars = make_bars({"A": [10, 10, 40, 5], "B": [1, nan, nan, 1]})
    broker = BrokerTerms(cash=1e5, fill="next_open", costs=MadeCosts(), unfilled="wait")
    account = Account(Market(bars, broker, 1.0, False), 0)
    account.order(np.array([-1.0, 0.0]))
    account.waiting.put(np.array([False, True]), np.array([nan, 10.0]), 0)
    account.advance(3)
    last = account.fills[-1]
    assert (last.bar, last.reason[0]) == (-1, "the account was ruined before the fill")


def test_an_order_for_one_asset_is_refused_by_the_panels_broker():
    order = type("Order", (), {"size": 5})()
    with pytest.raises(
        PluginError, match="an order for 5 shares was sent to the panel's broker"
    ):
        BasketBroker(account=None).submit(order)


# -- classic mode ----------------------------------------------------------------------------------


class Cross(bt.Strategy):
    """Buy 10 above the average, sell below."""

    params = (("period", 10),)

    def __init__(self):
        self.average = {
            data: bt.indicators.SMA(data, period=self.p.period) for data in self.datas
        }

    def next(self):
        for data in self.datas:
            held = self.getposition(data).size
            if data.close[0] > self.average[data][0] and not held:
                self.buy(data, size=10)
            elif data.close[0] < self.average[data][0] and held:
                self.close(data)


def classic(
    bars, strategy=Cross, *, costs=None, fill="next_open", cash=100_000.0, **params
):
    broker = BrokerTerms(cash=cash, fill=fill, costs=costs or MadeCosts())
    return run_classic(
        ClassicRun(
            bars=bars, broker=broker, strategy=BacktraderStrategy(strategy, params)
        )
    )


def plain_classic(bars, strategy, fee):
    fills = []

    class Logged(strategy):
        def notify_order(self, order):
            if order.status == order.Completed:
                fills.append(
                    (
                        self.datetime.datetime(),
                        order.data._name,
                        order.executed.size,
                        order.executed.price,
                    )
                )

    cerebro = bt.Cerebro(stdstats=False)
    cerebro.broker.setcash(100_000.0)
    cerebro.broker.setcommission(commission=fee)
    for column, name in enumerate(bars.assets):
        rows = bars.tradable[:, column]
        fields = ("open", "high", "low", "close", "volume")
        frame = pd.DataFrame(
            {f: getattr(bars, f)[rows, column] for f in fields},
            index=bars.index.tz_localize(None)[rows],
        )
        cerebro.adddata(bt.feeds.PandasData(dataname=frame), name=name)
    cerebro.addstrategy(Logged)
    cerebro.run()
    return fills, cerebro.broker.getvalue()


def test_a_plain_strategy_fills_as_on_plain_backtrader():
    bars = make_bars({"A": walk(1), "B": walk(2)})
    ledger = classic(bars, costs=MadeCosts(0.001))
    expected, value = plain_classic(bars, Cross, 0.001)
    table = fills_table(bars, ledger.fills)
    times, names, sizes, prices = zip(*expected, strict=True)
    assert table["time"].dt.tz_localize(None).tolist() == list(times)
    assert table["asset"].tolist() == list(names)
    assert table["filled"].tolist() == list(sizes)
    # an order of one part: its average price is the part's, but for the last digit of a division
    assert table["price"].tolist() == pytest.approx(list(prices), rel=1e-14)
    assert len(times) > 10
    assert ledger.nav[-1] == pytest.approx(value)
    assert (table["decided_at"] < table["time"]).all()


def test_a_plain_strategy_pays_the_runs_costs():
    bars = make_bars({"A": walk(1)})
    table = fills_table(bars, classic(bars, costs=MadeCosts(0.001, 0.002)).fills)
    buy = table[table["filled"] > 0].iloc[0]
    open_ = bars.open[bars.index.get_loc(buy["time"]), 0]
    assert buy["price"] == pytest.approx(open_ * 1.002)
    assert buy["commission"] == pytest.approx(10 * open_ * 1.002 * 0.001)
    assert buy["slippage"] == pytest.approx(10 * open_ * 0.002)


def test_a_market_order_may_fill_at_the_next_close():
    bars = make_bars({"A": walk(1)})
    table = fills_table(bars, classic(bars, fill="next_close").fills)
    row = table.iloc[0]
    assert row["price"] == bars.close[bars.index.get_loc(row["time"]), 0]


def test_a_plain_strategy_sleeps_until_the_start():
    bars = make_bars({"A": walk(1)}, start=60)
    called = []

    class Eager(bt.Strategy):
        def prenext(self):
            self.next()

        def nextstart(self):
            called.append("nextstart")
            self.next()

        def next(self):
            called.append(len(self))
            if not self.position:
                self.buy(size=1)

    ledger = classic(bars, Eager)
    assert called[:2] == ["nextstart", 61]
    assert ledger.nav[60] == 100_000.0
    assert fills_table(bars, ledger.fills)["time"].iloc[0] == bars.index[61]


def test_an_order_that_fails_is_in_the_ledger():
    bars = make_bars({"A": walk(1)})

    class Greedy(bt.Strategy):
        def next(self):
            if len(self) == 5:
                self.buy(size=1e9)

    table = fills_table(bars, classic(bars, Greedy).fills)
    assert table["asked"].tolist() == [1e9]
    assert table["filled"].tolist() == [0.0]
    assert table["reason"].tolist() == ["margin: not enough cash"]


def test_classic_money_is_conserved():
    bars = make_bars({"A": walk(1), "B": walk(2)})
    ledger = classic(bars, costs=MadeCosts(0.001, 0.002))
    table = ledger.positions_table().groupby("time")["value"].sum()
    nav = ledger.nav_table({})
    np.testing.assert_allclose(
        nav["cash"] + table.reindex(nav.index, fill_value=0.0), nav["nav"]
    )


# -- what a panel tells ----------------------------------------------------------------------------


def test_a_run_tells_every_64th_bar_and_each_decision():
    reached, decided = [], []
    bars = make_bars({"A": walk(1, days=130)})
    ledger = play(
        bars, [1.0], schedule="month", progress=reached.append, decided=decided.append
    )
    assert reached == [0, 64, 128]
    assert decided == list(ledger.decisions)
    assert len(decided) > 3


def test_the_clock_ticks_at_decisions_at_every_64th_bar_and_at_both_ends():
    bars = replace(make_bars({"A": walk(1, days=130)}), start=3)
    due = np.zeros(130, dtype=bool)
    due[[2, 10, 64, 100]] = True
    assert PanelRun(Market(bars, BROKER, 1.0, False), None, due).steps.tolist() == [
        *(3, 10, 64, 100),
        *(128, 129),
    ]


def test_the_state_shows_the_last_trade_and_the_ledger_names_the_stages():
    states = []
    bars = make_bars({"A": walk(1)})
    ledger = play(bars, [0.5], overlays=[lambda s, w: states.append(s) or w])
    assert states[0].last_trade is None
    assert states[1].last_trade == states[0].history.session
    assert ledger.decisions[0].stage_names == ("sized", "overlay_1_o0")


def test_the_value_that_backtrader_shows_is_the_accounts_at_every_bar():
    bars = make_bars({"A": [10, 10, 20, 30, 30]})
    account = Account(
        Market(
            bars,
            BrokerTerms(cash=100.0, fill="next_open", costs=MadeCosts()),
            1.0,
            False,
        ),
        0,
    )
    account.order(np.array([1.0]))
    broker = BasketBroker(account=account)
    broker.start()
    values = []
    for _ in range(4):
        broker.next()
        values.append((broker.getvalue(), broker.cash))
    assert values == [(100.0, 100.0), (100.0, 0.0), (200.0, 0.0), (300.0, 0.0)]


@pytest.mark.parametrize(("price", "stops"), [(20.0, True), (19.99995, False)])
def test_an_account_stops_at_nothing_and_not_before(price, stops):
    # short 10,000 shares at 10 beside 200,000 of cash
    bars = make_bars({"A": [10, 10, price, price]})
    limits = Limits(short=True)
    ledger = play(bars, [-1.0], schedule="bar", limits=limits)
    assert ledger.ruined == stops
    assert ledger.nav[2] == pytest.approx(0.0 if stops else 0.5)
    assert len(ledger.bars) == (3 if stops else 4)


@pytest.mark.parametrize("resample", [(), ("week",)])
def test_a_plain_strategy_sees_every_bar_of_each_asset_from_the_first_on(resample):
    bars = make_bars({"A": walk(1, days=12), "B": walk(2, days=12)})
    seen = []

    class Look(bt.Strategy):
        def prenext(self):
            self.next()

        def next(self):
            fields = ("open", "high", "low", "close", "volume")
            seen.append(
                [
                    [getattr(data, field)[0] for field in fields]
                    for data in self.datas[:2]
                ]
            )

    broker = BrokerTerms(cash=1.0, fill="next_open", costs=MadeCosts())
    run_classic(
        ClassicRun(
            bars=bars, broker=broker, strategy=BacktraderStrategy(Look, {}, resample)
        )
    )
    expected = np.stack(
        [bars.open, bars.high, bars.low, bars.close, bars.volume], axis=2
    )
    np.testing.assert_array_equal(seen, expected)


@pytest.mark.parametrize(("period", "complete"), [("week", 2), ("month", 0)])
def test_an_unfinished_period_is_no_bar(period, complete):
    """Twelve weekdays from Wednesday 2020-01-01 on: two weeks are over before the last bar."""
    bars = make_bars({"A": walk(1, days=12)})
    seen = []

    class Look(bt.Strategy):
        def prenext(self):
            self.next()

        def next(self):
            seen.append((len(self.datas[0]), len(self.datas[1])))

    broker = BrokerTerms(cash=1.0, fill="next_open", costs=MadeCosts())
    strategy = BacktraderStrategy(Look, {}, (period,))
    run_classic(ClassicRun(bars=bars, broker=broker, strategy=strategy))
    assert [day for day, _ in seen] == list(range(1, 13))  # next() once a bar
    assert seen[-1] == (12, complete)


def test_market_orders_slip_on_both_sides_and_limit_orders_do_not():
    bars = make_bars({"A": make_rows([10.0] * 8, high=[11.0] * 8, low=[9.0] * 8)})

    class Four(bt.Strategy):
        def next(self):
            match len(self):
                case 1:
                    self.buy(size=5)
                case 2:
                    self.sell(size=5)
                case 3:
                    self.buy(size=5, exectype=bt.Order.Limit, price=9.5)
                case 4:
                    self.sell(size=5, exectype=bt.Order.Limit, price=10.5)

    table = fills_table(bars, classic(bars, Four, costs=MadeCosts(slip=0.01)).fills)
    assert table["price"].tolist() == pytest.approx([10.1, 9.9, 9.5, 10.5])
    assert table["slippage"].tolist() == pytest.approx([0.5, 0.5, 0.0, 0.0])
    assert table["asked"].tolist() == table["filled"].tolist() == [5.0, -5.0, 5.0, -5.0]


def test_classic_holdings_and_progress_are_reported_bar_by_bar():
    bars = make_bars({"A": walk(1, days=130), "B": walk(2, days=130)})
    reached = []

    class Twice(bt.Strategy):
        def next(self):
            if len(self) in (1, 3):
                self.buy(self.datas[1], size=2)

    broker = BrokerTerms(cash=1e4, fill="next_open", costs=MadeCosts())
    strategy = BacktraderStrategy(Twice, {})
    ledger = run_classic(
        ClassicRun(bars=bars, broker=broker, strategy=strategy, progress=reached.append)
    )
    assert [(bar, shares.tolist()) for bar, shares in ledger.holdings] == [
        (0, [0, 0]),
        (1, [0, 2]),
        (3, [0, 4]),
    ]
    assert reached == [63, 127]
    assert ledger.cash[-1] == pytest.approx(
        1e4 - 2 * bars.open[1, 1] - 2 * bars.open[3, 1]
    )


def test_a_plain_strategy_that_trades_in_prenext_does_so_from_the_start_on_under_its_own_name():
    bars = make_bars({"A": walk(1, days=40)}, start=5)
    called = []

    class Early(bt.Strategy):
        def __init__(self):
            self.average = bt.indicators.SMA(period=20)

        def prenext(self):
            called.append((type(self).__name__, len(self)))

    classic(bars, Early)
    assert called == [("Early", length) for length in range(6, 20)]


def test_an_order_that_fails_costs_nothing():
    bars = make_bars({"A": walk(1, days=10)})

    class Greedy(bt.Strategy):
        def next(self):
            if len(self) == 5:
                self.buy(size=1e9)

    table = fills_table(bars, classic(bars, Greedy, costs=MadeCosts(0.01, 0.01)).fills)
    assert table[["commission", "slippage"]].to_numpy().tolist() == [[0.0, 0.0]]


def test_observers_run_along():
    seen = []

    class Lengths(bt.Observer):
        lines = ("length",)

        def next(self):
            seen.append(len(self))

    strategy = BacktraderStrategy(Cross, {}, observers=(Lengths,))
    broker = BrokerTerms(cash=1e4, fill="next_open", costs=MadeCosts())
    run_classic(
        ClassicRun(
            bars=make_bars({"A": walk(1, days=15)}), broker=broker, strategy=strategy
        )
    )
    assert seen[-1] == 15


def test_a_feed_shows_the_close_for_a_missing_field_and_no_volume():
    rows = replace(make_rows([10, 11, 12]), open=None, high=None, low=None, volume=None)
    seen = []

    class Look(bt.Strategy):
        def next(self):
            seen.append(
                [
                    getattr(self.data, field)[0]
                    for field in ("open", "high", "low", "close", "volume")
                ]
            )

    classic(make_bars({"A": rows}), Look)
    assert seen == [[10, 10, 10, 10, 0], [11, 11, 11, 11, 0], [12, 12, 12, 12, 0]]


def test_an_order_that_is_open_when_the_data_end_is_reported():
    bars = make_bars({"A": [10, 10, 10, 10]})

    class Low(bt.Strategy):
        def next(self):
            if len(self) == 2:
                self.buy(size=5, exectype=bt.Order.Limit, price=1.0)

    (record,) = classic(bars, Low).fills
    assert (record.decided, record.bar, record.asked[0], record.filled[0]) == (
        1,
        -1,
        5.0,
        0.0,
    )
    assert record.reason[0] == "the data end before the fill"


# -- the order of feeds ----------------------------------------------------------------------------

RATIO = """
import backtrader as bt
from bt_run import Component, hookimpl

class Ratio(bt.Strategy):
    def next(self):
        first, second = self.datas[0], self.datas[1]
        if len(self) == 1:
            self.buy(first, size=10)
            self.sell(second, size=5)

@hookimpl
def bt_strategies():
    return [Component.from_backtrader(Ratio, name="ratio")]
"""


def ratio(folder, assets):
    """Play a strategy that knows its feeds by their number."""
    days = pd.bdate_range("2020-02-03", periods=6).strftime("%Y-%m-%d")
    (folder / "prices").mkdir(exist_ok=True, parents=True)
    for name, step in (("GLD", 1.0), ("SPY", 3.0)):
        close = 100 + step * np.arange(6)
        frame = pd.DataFrame({"date": days, "open": close, "close": close})
        frame.to_csv(folder / "prices" / f"{name}.csv", index=False)
    (folder / "ratio.py").write_text(RATIO)
    config = RunConfig.model_validate(
        {
            "name": "ratio",
            "plugins": [str(folder / "ratio.py")],
            "data": {
                "source": {"use": "csv", "path": str(folder / "prices")},
                "assets": assets,
                "benchmark": "SPY",
                "start": days[0],
                "end": days[-1],
            },
            "strategy": "ratio",
            "broker": {"use": "simulated", "cash": 10_000},
        }
    )
    return run(config, folder / "runs")


def shares_of(result):
    done = result.fills[result.fills["filled"] != 0]
    return dict(zip(done["asset"], done["filled"], strict=True))


def test_a_backtrader_strategy_gets_its_feeds_in_the_order_of_the_file(tmp_path):
    assert shares_of(ratio(tmp_path, ["SPY", "GLD"])) == {"SPY": 10, "GLD": -5}
    assert shares_of(ratio(tmp_path, ["GLD", "SPY"])) == {"GLD": 10, "SPY": -5}
    named = {"spy": "SPY", "GLD": "GLD"}  # capital letters come first in the alphabet
    assert shares_of(ratio(tmp_path, named)) == {"spy": 10, "GLD": -5}


def test_the_order_of_feeds_is_part_of_a_classic_runs_id(tmp_path):
    one, other = ratio(tmp_path, ["SPY", "GLD"]), ratio(tmp_path, ["GLD", "SPY"])
    assert one.run_id != other.run_id
    assert one.manifest["config"]["data"]["assets"] == [["SPY", "SPY"], ["GLD", "GLD"]]


def test_a_classic_run_whose_assets_are_not_in_alphabetical_order_repeats(tmp_path):
    result = ratio(tmp_path, ["SPY", "GLD"])
    assert not reproduce(result.folder).differences
