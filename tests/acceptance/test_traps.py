"""Twenty-eight traps of plain Backtrader: each shows what it does there, and what happens here."""

import importlib.metadata
import inspect
import pickle
import warnings
from dataclasses import dataclass
from pathlib import Path

import backtrader as bt
import numpy as np
import pandas as pd
import pytest

from bt_run import BuildContext, DataError, RunConfig, run
from bt_run.account.account import Account
from bt_run.account.market import Market
from bt_run.component import BacktraderStrategy
from bt_run.data.delisting import with_silent_assets
from bt_run.data.history import History
from bt_run.decision.limits import apply_limits
from bt_run.engine.classic import ClassicRun, run_classic
from bt_run.engine.clock import ArrayFeed, backtrader_days
from bt_run.results.ledger import fills_table
from bt_run.terms import Limits
from bt_run.testing import make_bars, make_rows
from bt_run_plugins.brokers.simulated import SimulatedConfig, build_broker

NAN = np.nan
FREE = SimulatedConfig()


# -- both sides, in a few lines each ---------------------------------------------------------------


def frame(close, first="2020-01-01", **columns):
    close = np.asarray(close, dtype=float)
    data = {
        "open": close,
        "high": close,
        "low": close,
        "close": close,
        "volume": 1e6,
    } | columns
    return pd.DataFrame(data, index=pd.bdate_range(first, periods=len(close)))


@dataclass
class Plain:
    """Run a function as the ``next`` of a plain Backtrader strategy."""

    feeds: dict
    cash: float = 10_000.0
    runonce: bool = True
    slip: float = 0.0

    def run(self, step, broker=None, analyzers=()):
        notes = []

        class Strategy(bt.Strategy):
            def next(self):
                step(self)

            def notify_order(self, order):
                if order.status not in (order.Submitted, order.Accepted):
                    notes.append(
                        (
                            len(self),
                            order.data._name,
                            order.getstatusname(),
                            order.executed.price,
                        )
                    )

        cerebro = bt.Cerebro(stdstats=False, runonce=self.runonce)
        if broker is not None:
            cerebro.broker = broker
        cerebro.broker.setcash(self.cash)
        for name, prices in self.feeds.items():
            cerebro.adddata(bt.feeds.PandasData(dataname=prices), name=name)
        cerebro.addstrategy(Strategy)
        for kind, options in analyzers:
            cerebro.addanalyzer(kind, **options)
        (strategy,) = cerebro.run()
        strategy.notes = notes
        return strategy


def account(bars, *, cash=10_000.0, gross=1.0, whole=False, **broker):
    built = build_broker(SimulatedConfig(cash=cash, **broker), BuildContext(costs=None))
    return Account(Market(bars, built, gross, whole), bars.start)


def shares(one):
    return {
        name: float(held)
        for name, held in zip(one.market.bars.assets, one.shares, strict=True)
    }


def at(bar, action):
    return lambda strategy: action(strategy) if len(strategy) == bar else None


FLAT = [100.0] * 6


# -- the traps -------------------------------------------------------------------------------------


def test_t01_the_pyfolio_analyzer_exports_the_last_asset_only(tmp_path):
    def hold(strategy):
        for data in strategy.datas:
            strategy.order_target_percent(data, 0.3)

    plain = Plain({name: frame(FLAT) for name in "ABC"}).run(
        at(1, hold), analyzers=[(bt.analyzers.PyFolio, {})]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it still calls what pandas has renamed
        _, positions, _, _ = plain.analyzers.pyfolio.get_pf_items()
    assert [str(column) for column in positions.columns] == ["C", "cash"]

    from bt_run_plugins.reports.tear_sheet.inputs import pyfolio_input

    _, positions, _ = pyfolio_input(
        _run(tmp_path, {name: frame(FLAT) for name in "ABC"})
    )
    assert {"A", "B", "C"} <= set(positions.columns)
    np.testing.assert_allclose(positions.sum(axis=1), 1_000_000)


def test_t02_one_order_that_is_too_large_does_not_poison_the_others():
    def orders(strategy):
        if len(strategy) == 1:
            strategy.buy(strategy.getdatabyname("C"), size=5)
        if len(strategy) == 3:
            strategy.buy(strategy.getdatabyname("A"), size=1000)
            strategy.sell(strategy.getdatabyname("C"), size=5)
            strategy.buy(strategy.getdatabyname("B"), size=1)

    plain = Plain({name: frame(FLAT) for name in "ABC"}).run(orders)
    assert [status for _, _, status, _ in plain.notes] == [
        "Completed",
        "Margin",
        "Margin",
        "Margin",
    ]

    one = account(make_bars(dict.fromkeys("ABC", FLAT)))
    one.order(np.array([0.0, 0.0, 0.05]))
    one.advance(2)
    one.order(np.array([10.0, 0.0001, 0.0]))
    one.advance(3)
    assert shares(one)["C"] == 0.0
    assert shares(one)["A"] == pytest.approx(100, rel=1e-4)
    assert shares(one)["B"] > 0


def test_t03_the_order_of_the_feeds_changes_nothing():
    def switch(weights):
        def orders(strategy):
            if len(strategy) in (1, 3):
                first = weights if len(strategy) == 1 else weights[::-1]
                for data in strategy.datas:
                    strategy.order_target_percent(data, first[data._name != "SPY"])

        return orders

    found = set()
    for names in (("SPY", "QQQ"), ("QQQ", "SPY")):
        plain = Plain({name: frame(FLAT) for name in names}).run(switch([0.89, 0.1]))
        found.add(round(plain.broker.getcash()))
    assert len(found) == 2

    for names in (("A", "B"), ("B", "A")):
        one = account(make_bars(dict.fromkeys(names, FLAT)))
        one.order(np.array([0.89, 0.1]))
        one.advance(2)
        one.order(np.array([0.1, 0.89]))
        one.advance(3)
        assert shares(one) == pytest.approx({"A": 10.0, "B": 89.0})


def test_t04_a_gap_at_the_open_scales_the_basket_instead_of_rejecting_it():
    gap = frame(FLAT, open=[100, 100, 101, 100, 100, 100])
    plain = Plain({"A": gap}).run(at(2, lambda s: s.order_target_percent(target=1.0)))
    assert [status for _, _, status, _ in plain.notes] == ["Margin"]
    assert plain.position.size == 0

    one = account(
        make_bars({"A": make_rows(FLAT, open=[100, 100, 101, 100, 100, 100])})
    )
    one.advance(1)
    one.order(np.array([1.0]))
    one.advance(2)
    assert shares(one)["A"] == pytest.approx(10_000 / 101)
    assert one.fills[-1].reason[0] == "buying power"


def test_t05_an_asset_that_is_not_listed_yet_shows_nothing():
    seen = []

    class Early(bt.Strategy):
        def prenext(self):
            seen.append(self.datas[1].close[0])

    cerebro = bt.Cerebro(stdstats=False)
    for prices in (
        frame(np.arange(1.0, 11.0)),
        frame([105, 106, 107, 108, 109], "2020-01-08"),
    ):
        cerebro.adddata(bt.feeds.PandasData(dataname=prices))
    cerebro.addstrategy(Early)
    cerebro.run()
    assert seen[0] == 109  # its last close, a week ahead

    bars = make_bars(
        {"A": np.arange(1.0, 11.0), "B": [NAN] * 5 + [105, 106, 107, 108, 109]}
    )
    assert np.isnan(History(bars, 0).close()[0, 1])


def test_t06_the_youngest_asset_does_not_hold_up_the_others():
    calls = []
    feeds = {"A": frame(np.arange(1.0, 11.0)), "B": frame([1.0] * 5, "2020-01-08")}
    Plain(feeds).run(lambda s: calls.append(len(s)))
    assert calls[0] == 6

    one = account(make_bars({"A": np.arange(1.0, 11.0), "B": [NAN] * 5 + [1.0] * 5}))
    one.order(np.array([0.5, 0.0]))
    one.advance(1)
    assert shares(one)["A"] > 0


def test_t07_an_order_for_the_open_is_not_sized_with_that_days_close():
    class AtOpen(bt.Strategy):
        def next_open(self):
            if len(self) == 2:
                self.order_target_percent(target=0.5)

    cerebro = bt.Cerebro(stdstats=False, cheat_on_open=True)
    cerebro.broker.setcash(10_000.0)
    cerebro.adddata(
        bt.feeds.PandasData(dataname=frame([100, 200, 200], open=[100, 100, 200]))
    )
    cerebro.addstrategy(AtOpen)
    (plain,) = cerebro.run()
    assert (
        plain.position.size == 25
    )  # half of 10,000 at the close of 200, which nobody knew at the open

    for close in (200.0, 50.0):
        one = account(
            make_bars({"A": make_rows([100, close, close], open=[100, 100, close])})
        )
        one.order(np.array([0.5]))
        one.advance(1)
        assert shares(one)["A"] == 50.0


def test_t08_nothing_fills_at_the_close_that_its_signal_read():
    broker = bt.brokers.BackBroker(coc=True)
    plain = Plain({"A": frame([100, 110, 120, 130])}).run(
        at(2, lambda s: s.buy(size=1)), broker=broker
    )
    assert plain.notes[0][3] == 110

    one = account(make_bars({"A": [100, 110, 120, 130]}), fill="next_close")
    one.advance(1)
    one.order(np.array([0.5]))
    one.advance(2)
    assert one.fills[0].price[0] == 120
    assert one.fills[0].bar > one.fills[0].decided


def test_t09_a_bar_of_nan_does_not_kill_the_account(tmp_path):
    holes = [100, 100, NAN, 100, 100]
    plain = Plain({"A": frame(holes)}).run(at(2, lambda s: s.buy(size=1)))
    assert np.isnan(plain.broker.getcash())

    with pytest.raises(DataError, match="was nan"):
        _run(tmp_path, {"A": frame(holes)})
    one = account(make_bars({"A": holes, "B": FLAT[:5]}))
    one.order(np.array([0.5, 0.5]))
    one.advance(4)
    assert np.isfinite(one.nav).all()


def test_t10_a_missing_bar_is_absent_and_its_order_does_not_fill_days_later():
    gappy = frame(FLAT).drop(index=frame(FLAT).index[2:4])
    closes = []
    plain = Plain({"B": frame(FLAT), "A": gappy}).run(
        lambda s: (
            closes.append(len(s.datas[1])),
            s.buy(s.datas[1], size=1) if len(s) == 2 else None,
        )
    )
    assert closes == [1, 2, 2, 2, 3, 4]  # stands still, and says nothing
    assert [bar for bar, _, status, _ in plain.notes if status == "Completed"] == [5]

    one = account(make_bars({"A": [100, 100, NAN, NAN, 100, 100], "B": FLAT}))
    one.advance(1)
    one.order(np.array([0.5, 0.0]))
    one.advance(5)
    assert shares(one)["A"] == 0.0
    assert one.fills[0].reason[0] == "not tradable at the fill"


def test_t11_a_dead_asset_is_closed():
    short = frame(FLAT).iloc[:3]
    plain = Plain({"B": frame(FLAT), "A": short}).run(
        lambda s: (
            s.buy(s.datas[1], size=10)
            if len(s) == 1
            else s.close(s.datas[1])
            if len(s) == 4
            else None
        )
    )
    assert plain.getposition(plain.datas[1]).size == 10

    ended = make_bars({"A": FLAT[:3] + [NAN] * 3, "B": FLAT})
    one = account(with_silent_assets(ended, 2, "close"))
    one.order(np.array([0.5, 0.0]))
    one.advance(5)
    assert shares(one)["A"] == 0.0
    assert one.fills[-1].reason[0] == "delisted"


def test_t12_a_short_is_bounded_by_the_account():
    plain = Plain({"A": frame(FLAT)}).run(at(1, lambda s: s.sell(size=100_000)))
    assert plain.position.size == -100_000
    assert plain.broker.getcash() == 10_010_000

    one = account(make_bars({"A": FLAT}))
    one.order(np.array([-1000.0]))
    one.advance(1)
    assert shares(one)["A"] == pytest.approx(-100.0)
    assert apply_limits(np.array([-1.0]), Limits())[0][0] == 0.0


def test_t13_a_sizer_may_go_short_and_sees_all_assets():
    class Short(bt.Sizer):
        def _getsizing(self, comminfo, cash, data, isbuy):
            return -3

    class Buys(bt.Strategy):
        def next(self):
            if len(self) == 1:
                self.buy()

    cerebro = bt.Cerebro(stdstats=False)
    cerebro.adddata(bt.feeds.PandasData(dataname=frame(FLAT)))
    cerebro.addsizer(Short)
    cerebro.addstrategy(Buys)
    (plain,) = cerebro.run()
    assert plain.position.size == 3  # the sign was dropped

    one = account(make_bars({"A": FLAT, "B": FLAT}))
    one.order(np.array([-0.3, 0.7]))
    one.advance(1)
    assert shares(one) == pytest.approx({"A": -30.0, "B": 70.0})


def test_t14_asking_twice_does_not_buy_twice():
    def twice(strategy):
        strategy.order_target_percent(target=0.4)
        strategy.order_target_percent(target=0.4)

    plain = Plain({"A": frame(FLAT)}).run(at(1, twice))
    assert plain.position.size == 80

    one = account(make_bars({"A": FLAT}))
    one.order(np.array([0.4]))
    one.order(np.array([0.4]))
    one.advance(1)
    assert shares(one)["A"] == 40.0


def test_t15_leverage_means_what_it_says():
    broker = bt.brokers.BackBroker()
    broker.setcommission(leverage=2.0)
    plain = Plain({"A": frame(FLAT)}).run(
        at(1, lambda s: s.order_target_percent(target=0.5)), broker=broker
    )
    assert plain.position.size * 100 == 10_000  # 100 % where 50 % were asked

    one = account(make_bars({"A": FLAT}), gross=2.0)
    one.order(np.array([0.5]))
    one.advance(1)
    assert one.weights()[0] == 0.5


def test_t16_slippage_is_there_also_on_a_flat_bar():
    broker = bt.brokers.BackBroker(slip_perc=0.01)
    plain = Plain({"A": frame(FLAT)}).run(at(1, lambda s: s.buy(size=1)), broker=broker)
    assert plain.notes[0][3] == 100.0

    one = account(make_bars({"A": FLAT}), slippage={"bps": 100})
    one.order(np.array([0.5]))
    one.advance(1)
    assert one.fills[0].price[0] == pytest.approx(101.0)


def test_t17_whole_shares_leave_no_more_cash_than_they_must():
    prices = [33.5] * 4

    def thirds(strategy):
        for data in strategy.datas:
            strategy.order_target_percent(data, 1 / 3)

    plain = Plain({name: frame(prices) for name in "ABC"}).run(at(1, thirds))
    assert [plain.getposition(data).size for data in plain.datas] == [
        99,
        99,
        99,
    ]  # a share and a half stays cash, unsaid

    fractional = account(make_bars(dict.fromkeys("ABC", prices)))
    fractional.order(np.full(3, 1 / 3))
    fractional.advance(1)
    assert fractional.cash == pytest.approx(0.0, abs=1e-9)
    rows = {name: make_rows(prices, open=[33.5, 34, 33.5, 33.5]) for name in "ABC"}
    whole = account(make_bars(rows, adjust="none"), whole=True)
    whole.order(np.full(3, 1 / 3))
    whole.advance(1)
    assert sorted(shares(whole).values()) == [98, 98, 98]
    assert whole.cash < 34


def test_t18_daily_rows_with_different_clocks_are_refused(tmp_path):
    calls = []
    midnight, four = frame(FLAT), frame(FLAT)
    four.index = four.index + pd.Timedelta(hours=16)
    Plain({"A": midnight, "B": four}).run(lambda s: calls.append(len(s)))
    assert len(calls) > 6

    with pytest.raises(DataError, match="have one row a day at different times of day"):
        _run(tmp_path, {"A": midnight, "B": four}, source={"timezone": "UTC"})


def test_t19_both_sides_of_a_bar_are_recorded():
    def both(strategy):
        strategy.buy(size=10)
        strategy.sell(size=4)

    plain = Plain({"A": frame(FLAT)}).run(
        at(2, both), analyzers=[(bt.analyzers.Transactions, {})]
    )
    (rows,) = plain.analyzers.transactions.get_analysis().values()
    assert [row[0] for row in rows] == [6]

    bars = make_bars({"A": FLAT})

    class Both(bt.Strategy):
        def next(self):
            at(2, both)(self)

    ledger = run_classic(
        ClassicRun(
            bars=bars,
            broker=build_broker(FREE, None),
            strategy=BacktraderStrategy(Both, {}),
        )
    )
    assert fills_table(bars, ledger.fills)["filled"].tolist() == [10, -4]


def test_t20_money_from_outside_is_no_return():
    class Gift(bt.Strategy):
        def next(self):
            if len(self) == 3:
                self.broker.add_cash(10_000)

    cerebro = bt.Cerebro(stdstats=False)
    cerebro.adddata(bt.feeds.PandasData(dataname=frame(FLAT)))
    cerebro.addstrategy(Gift)
    cerebro.addanalyzer(bt.analyzers.TimeReturn, timeframe=bt.TimeFrame.Days)
    (plain,) = cerebro.run()
    assert max(plain.analyzers.timereturn.get_analysis().values()) == 1.0

    # the only money that comes without a trade is what the holdings pay; it leaves the NAV where it
    # was
    bars = make_bars(
        {"A": make_rows([100, 100, 90], dividend=[0, 0, 10])}, adjust="none"
    )
    one = account(bars, whole=True)
    one.order(np.array([1.0]))
    one.advance(2)
    assert one.nav.tolist() == [10_000, 10_000, 10_000]


def test_t21_the_sharpe_ratio_is_of_daily_returns():
    defaults = dict(bt.analyzers.SharpeRatio.params._getitems())
    assert (defaults["timeframe"], defaults["riskfreerate"]) == (
        bt.TimeFrame.Years,
        0.01,
    )

    from bt_run.results.metrics import compute_metrics

    rng = np.random.default_rng(1)
    nav = pd.DataFrame(
        {"nav": 1e6 * np.cumprod(np.append(1, 1 + rng.normal(0.001, 0.01, 99)))},
        index=pd.DatetimeIndex(
            pd.bdate_range("2020-01-01", periods=100), tz="UTC", name="time"
        ),
    )
    nav = nav.assign(
        session=nav.index,
        cash=0.0,
        gross=1.0,
        net=1.0,
        benchmark=nav.nav,
        equal_weight=nav.nav,
        constant_mix=nav.nav,
    )
    daily = nav["nav"].pct_change().dropna()
    empty = fills_table(make_bars({"A": [1, 1]}), ())
    metrics = compute_metrics(
        nav, {"run": empty, "equal_weight": empty, "constant_mix": empty}, 0.0
    )
    assert metrics["sharpe"]["run"] == pytest.approx(
        daily.mean() / daily.std(ddof=1) * np.sqrt(252)
    )


def test_t22_a_feed_is_filled_in_one_copy_and_equals_the_slow_one():
    assert "_load" in vars(bt.feeds.PandasData)  # a call for each row
    prices = frame(np.arange(1.0, 9.0))
    days = backtrader_days(prices.index.to_numpy())
    columns = {
        name: prices[name].to_numpy()
        for name in ("open", "high", "low", "close", "volume")
    }
    fast = ArrayFeed(columns=columns | {"datetime": days, "openinterest": np.zeros(8)})
    feeds = []
    for feed in (fast, bt.feeds.PandasData(dataname=prices)):
        cerebro = bt.Cerebro(stdstats=False)
        cerebro.adddata(feed)
        cerebro.addstrategy(bt.Strategy)
        cerebro.run()
        feeds.append(
            {
                name: list(getattr(feed.lines, name).array)
                for name in (*columns, "datetime")
            }
        )
    assert feeds[0] == feeds[1]


def test_t23_a_configuration_travels_to_another_process_without_its_data(tmp_path):
    assert "self" in inspect.getsource(bt.Cerebro.run)
    import bt_run.engine.classic
    import bt_run.engine.panel

    for module in (bt_run.engine.classic, bt_run.engine.panel):
        assert "optstrategy" not in inspect.getsource(module)
    config = _config(tmp_path, {"A": frame(FLAT)})
    assert len(pickle.dumps(config)) < 10_000
    assert pickle.loads(pickle.dumps(config)) == config


def test_t24_both_of_backtraders_modes_give_the_same_fills():
    class Cross(bt.Strategy):
        def __init__(self):
            self.cross = bt.indicators.CrossOver(
                bt.indicators.EMA(period=3), bt.indicators.SMA(period=8)
            )

        def next(self):
            if self.cross > 0:
                self.buy(size=10)
            elif self.cross < 0 and self.position:
                self.close()

    rng = np.random.default_rng(3)
    bars = make_bars({"A": 50 * np.exp(np.cumsum(rng.normal(0, 0.02, 200)))})
    tables = [
        fills_table(
            bars,
            run_classic(
                ClassicRun(
                    bars=bars,
                    broker=build_broker(FREE, None),
                    strategy=BacktraderStrategy(Cross, {}),
                    runonce=runonce,
                )
            ).fills,
        )
        for runonce in (True, False)
    ]
    assert len(tables[0]) > 10
    pd.testing.assert_frame_equal(*tables)


def test_t25_dividends_and_splits_are_booked():
    assert not hasattr(bt.brokers.BackBroker, "dividend")
    bars = make_bars(
        {"A": make_rows([100, 100, 45], dividend=[0, 0, 5], split=[1, 1, 2])},
        adjust="none",
    )
    one = account(bars, whole=True)
    one.order(np.array([1.0]))
    one.advance(2)
    assert (one.shares[0], one.cash, one.nav[2]) == (200.0, 1000.0, 10_000.0)


def test_t26_the_version_is_pinned_and_its_plotting_is_never_called():
    assert importlib.metadata.version("backtrader") == "1.9.78.123"
    import bt_run.engine

    for path in Path(bt_run.engine.__file__).parent.glob("*.py"):
        assert ".plot(" not in path.read_text()


def test_t27_the_command_is_ours_and_the_licence_follows_backtrader():
    installed = importlib.metadata.distribution("bt-run")
    scripts = {
        entry.name: entry.value
        for entry in installed.entry_points
        if entry.group == "console_scripts"
    }
    assert scripts == {"bt-run": "bt_run.cli.entry:main"}
    theirs = {str(file.name) for file in importlib.metadata.files("backtrader") or ()}
    assert "bt-run" not in theirs
    assert "GPL-3.0-or-later" in str(
        installed.metadata.get("License-Expression")
        or installed.metadata.get("License")
    )


def test_t28_what_cannot_be_bought_is_known_at_the_fill_and_not_a_bar_late():
    plain = Plain({"A": frame(FLAT)}).run(at(1, lambda s: s.buy(size=1000)))
    assert plain.notes[0][:3] == (2, "A", "Margin")  # asked at bar 1, told at bar 2

    one = account(make_bars({"A": FLAT}))
    one.order(np.array([10.0]))
    one.advance(1)
    (record,) = one.fills
    assert (record.asked[0], record.filled[0], record.reason[0]) == (
        1000.0,
        100.0,
        "buying power",
    )


# -- runs from a configuration ---------------------------------------------------------------------


def _config(folder, frames, source=None):
    for name, prices in frames.items():
        prices.rename_axis("date").reset_index().to_csv(
            folder / f"{name}.csv", index=False, na_rep="nan"
        )
    data = {
        "source": {"use": "csv", "path": str(folder), **(source or {})},
        "assets": list(frames),
        "benchmark": next(iter(frames)),
        "calendar": "24/5",
        "start": "2020-01-01",
        "end": "2020-12-31",
    }
    return RunConfig(
        name="trap", data=data, strategy="buy_and_hold", sizer="equal_weight"
    )


def _run(folder, frames, source=None):
    return run(_config(folder, frames, source))
