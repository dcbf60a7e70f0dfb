"""The engine against an independent ledger and against plain Backtrader, on random and on real
panels.
"""

import datetime as dt
import os
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path

import backtrader as bt
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kit.documented_ledger import DocumentedLedger, DocumentedTerms

from bt_run import BrokerTerms, Delisting, LoadRequest, assemble_bars
from bt_run.account.market import Market
from bt_run.data.delisting import with_silent_assets
from bt_run.data.schedule import scheduled
from bt_run.decision.pipeline import Pipeline, Stage
from bt_run.engine.panel import PanelRun, run_panel
from bt_run.results.ledger import fills_table
from bt_run.terms import Limits
from bt_run.testing import MadeCosts, make_bars, make_rows

SHARED = os.environ.get("BT_RUN_SHARED_DATA")
DUST = 1e-9  # shares: what rounding leaves of a full account
needs_real_prices = pytest.mark.skipif(
    not SHARED, reason="BT_RUN_SHARED_DATA names no folder of real prices"
)


@dataclass(frozen=True)
class Rules:
    cash: float = 10_000.0
    at_open: bool = True
    fee: float = 0.0
    slip: float = 0.0
    gross: float = 1.0
    whole: bool = False
    wait: bool = False
    silent: int = 3
    haircut: float = 0.0


def engine(bars, weights, due, rules):
    """Play weights (T, N) on the panel engine; return its ledger."""
    broker = BrokerTerms(
        cash=rules.cash,
        fill="next_open" if rules.at_open else "next_close",
        costs=MadeCosts(rules.fee, rules.slip),
        unfilled="wait" if rules.wait else "cancel",
        delisting=Delisting(after=rules.silent, haircut=rules.haircut),
    )
    limits = Limits(gross=rules.gross, net=rules.gross, name=rules.gross, short=True)
    pipeline = Pipeline(
        strategy=Stage("strategy", "given", lambda s: np.zeros(len(bars.assets))),
        sizer=Stage("sizer", "given", lambda s: weights[len(s.history) - 1]),
        limits=limits,
    )
    market = Market(bars, broker, rules.gross, rules.whole)
    return run_panel(PanelRun(market, pipeline, due))


def independent(bars, ledger, rules):
    """Replay the engine's decided targets on the independent ledger."""
    targets = {
        d.bar: {bars.assets[i]: float(d.target[i]) for i in np.flatnonzero(d.traded)}
        for d in ledger.decisions
        if d.fired
    }
    terms = DocumentedTerms(
        cash=rules.cash,
        at_open=rules.at_open,
        commission_bps=rules.fee * 1e4,
        slippage_bps=rules.slip * 1e4,
        gross=rules.gross,
        whole=rules.whole,
        wait=rules.wait,
        haircut=rules.haircut,
    )
    return DocumentedLedger(bars, terms).play(targets)


def assert_equal_to_the_cent(bars, ledger, other, whole):
    start = bars.start
    cents = {"atol": 0.005, "rtol": 1e-12}
    assert ledger.ruined == (other.ruined is not None)
    np.testing.assert_allclose(ledger.nav[start:], other.nav, **cents)
    np.testing.assert_allclose(ledger.cash[start:], other.cash_history, **cents)
    mine, theirs = defaultdict(float), defaultdict(float)
    for record in ledger.fills:
        for asset, filled in zip(record.assets, record.filled, strict=True):
            if abs(filled) > DUST:
                mine[record.bar, int(asset)] += float(filled)
    for fill in other.fills:
        if fill.filled:
            theirs[fill.bar, bars.assets.index(fill.asset)] += fill.filled
    assert mine.keys() == {
        key for key, shares in theirs.items() if abs(shares) > DUST
    } | (mine.keys() & theirs.keys())
    for key, shares in mine.items():
        if whole:
            assert shares == pytest.approx(theirs[key], abs=1e-9)
        else:
            assert shares == pytest.approx(theirs[key], rel=1e-9, abs=1e-9)


@st.composite
def panels(draw, whole=False):
    """A random market of a few assets with gaps, late listings, dividends and splits, and random
    weights.
    """
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    days, count = draw(st.integers(8, 40)), draw(st.integers(1, 5))
    rows = {}
    for name in "ABCDE"[:count]:
        close = draw(st.sampled_from([3.0, 40.0, 700.0])) * np.exp(
            np.cumsum(rng.normal(0, 0.05, days))
        )
        missing = rng.random(days) < draw(st.sampled_from([0.0, 0.1, 0.3]))
        missing[: draw(st.integers(0, 3))] = True
        split = np.where(
            rng.random(days) < 0.05, rng.choice([2.0, 1.5, 0.1], days), 1.0
        )
        close = np.where(missing, np.nan, close)
        rows[name] = make_rows(
            close,
            open=close * np.exp(rng.normal(0, 0.03, days)),
            dividend=np.where(
                rng.random(days) < 0.08, 0.02 * np.nan_to_num(close, nan=1.0), 0.0
            ),
            split=split,
        )
        if not len(rows[name].times):
            rows[name] = make_rows(np.full(days, 10.0))
    rows["Z"] = make_rows(np.full(days, 5.0))
    made = make_bars(rows, adjust=draw(st.sampled_from(["none", "total_return"])))
    bars = with_silent_assets(made, 3, draw(st.sampled_from(["keep", "close"])))
    short = draw(st.booleans())
    weights = rng.dirichlet(np.ones(len(rows)), days) * draw(
        st.sampled_from([0.5, 1.0, 1.4])
    )
    if short:
        weights *= rng.choice([1.0, -0.5], weights.shape)
    rules = Rules(
        cash=draw(st.sampled_from([500.0, 10_000.0, 1e7])),
        at_open=draw(st.booleans()),
        fee=draw(st.sampled_from([0.0, 0.001])),
        slip=draw(st.sampled_from([0.0, 0.002])),
        gross=draw(st.sampled_from([1.0, 1.5])),
        whole=draw(st.booleans()) and bars.traded is not bars.adjusted,
        wait=draw(st.booleans()),
        haircut=draw(st.sampled_from([0.0, 0.3])),
    )
    due = rng.random(len(bars)) < draw(st.sampled_from([0.2, 1.0]))
    due[0] = True
    return bars, weights, due, rules


@settings(max_examples=250)
@given(panels())
def test_the_engine_and_the_independent_ledger_agree_to_the_cent(panel):
    bars, weights, due, rules = panel
    ledger = engine(bars, weights, due, rules)
    other = independent(bars, ledger, rules)
    assert_equal_to_the_cent(bars, ledger, other, rules.whole)


# -- plain Backtrader, where cash does not bind ----------------------------------------------------


class Replay(bt.Strategy):
    """Order given weights on plain Backtrader, sales first."""

    params = (("weights", None), ("due", None), ("index", None))

    def prenext(self):
        self.next()

    def next(self):
        bar = self.p.index[self.datetime.datetime(0)]
        if not self.p.due[bar]:
            return
        value = self.broker.getvalue()
        orders = []
        for i, data in enumerate(self.datas):
            if len(data) and data.datetime[0] == self.datetime[0]:
                orders.append(
                    (
                        self.p.weights[bar, i] * value / data.close[0]
                        - self.getposition(data).size,
                        data,
                    )
                )
        for size, data in sorted(orders, key=lambda order: order[0]):
            if abs(size) > 1e-9:
                self.buy(data, size) if size > 0 else self.sell(data, -size)


class Values(bt.Analyzer):
    """Record the value at each bar, from the first on."""

    def start(self):
        self.values = []

    def next(self):
        self.values.append(self.strategy.broker.getvalue())

    prenext = next


def plain_backtrader(bars, weights, due, cash, fee):
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.broker.setcash(cash)
    cerebro.broker.setcommission(commission=fee)
    cerebro.broker.set_checksubmit(False)
    naive = bars.index.tz_localize(None)
    for column, name in enumerate(bars.assets):
        rows = bars.tradable[:, column]
        fields = ("open", "high", "low", "close", "volume")
        frame = pd.DataFrame(
            {f: getattr(bars, f)[rows, column] for f in fields}, index=naive[rows]
        )
        cerebro.adddata(bt.feeds.PandasData(dataname=frame), name=name)
    index = {time.to_pydatetime(): place for place, time in enumerate(naive)}
    cerebro.addstrategy(Replay, weights=weights, due=due, index=index)
    cerebro.addanalyzer(Values)
    (strategy,) = cerebro.run()
    return np.array(strategy.analyzers.values.values)


@settings(max_examples=25)
@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.0005]))
def test_the_engine_and_plain_backtrader_agree_where_cash_does_not_bind(seed, fee):
    rng = np.random.default_rng(seed)
    days, count = 60, 4
    closes = 50 * np.exp(np.cumsum(rng.normal(0, 0.015, (days, count)), axis=0))
    rows = {
        name: make_rows(
            closes[:, i], open=closes[:, i] * np.exp(rng.normal(0, 0.004, days))
        )
        for i, name in enumerate("ABCD")
    }
    bars = make_bars(rows)
    weights = rng.dirichlet(np.ones(count), days) * 0.9
    due = rng.random(days) < 0.3
    due[0] = True
    rules = Rules(cash=100_000.0, fee=fee)
    np.testing.assert_allclose(
        engine(bars, weights, due, rules).nav,
        plain_backtrader(bars, weights, due, 100_000.0, fee),
        atol=0.005,
    )


# -- real prices -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def real_rows():
    return read_real_rows()


def read_real_rows():
    """Read all 462 stocks, one impossible dividend of one of them left out."""
    from bt_run_plugins.sources.price_tables import read_rows

    file = Path(SHARED) / "us_stocks_1999_2012.parquet"
    rows = dict(read_rows(file, "parquet").rows)
    # one dividend of 181 on a share of 93.75 is refused, and rightly so
    dividend = np.where(rows["KSU"].dividend > 100, 0.0, rows["KSU"].dividend)
    return rows | {"KSU": replace(rows["KSU"], dividend=dividend)}


def real_bars(rows, adjust, planted=False):
    names = sorted(rows)
    if planted:
        rng = np.random.default_rng(5)
        rows = dict(rows)
        for name in rng.choice(
            [n for n in names if len(rows[n].times) > 3000], 20, replace=False
        ):
            cut = int(rng.integers(500, 2500))
            rows[name] = replace(
                rows[name],
                **{k: v[:cut] for k, v in vars(rows[name]).items() if v is not None},
            )
    request = LoadRequest(
        assets={name: name for name in names},
        benchmark=("IBM", "IBM"),
        start=dt.date(1999, 11, 1),
        end=dt.date(2012, 12, 31),
        adjust=adjust,
    )
    return assemble_bars(request, rows, rows["IBM"], prices="as_traded")


@needs_real_prices
@pytest.mark.parametrize("adjust", ["none", "total_return"])
def test_real_stocks_with_planted_delistings_agree_to_the_cent(real_rows, adjust):
    bars = real_bars(real_rows, adjust, planted=True)
    weights = bars.tradable / np.maximum(1, bars.tradable.sum(axis=1, keepdims=True))
    rules = Rules(
        cash=1e7, fee=0.0001, slip=0.0002, whole=adjust == "none", silent=5, haircut=0.2
    )
    bars = with_silent_assets(bars, rules.silent, "close")
    ledger = engine(bars, weights, scheduled(bars, "month"), rules)
    other = independent(bars, ledger, rules)
    assert_equal_to_the_cent(bars, ledger, other, rules.whole)
    table = fills_table(bars, ledger.fills)
    assert (table["reason"] == "delisted").sum() == 20
    assert len(table) > 50_000


@needs_real_prices
def test_real_stocks_agree_with_plain_backtrader_where_cash_does_not_bind(real_rows):
    bars = real_bars(
        {name: rows for name, rows in real_rows.items() if len(rows.times) == 3312},
        "total_return",
    )
    bars_count = len(bars.assets)
    assert bars.tradable.all()
    chosen = np.arange(0, bars_count, 6)
    rows = {name: real_rows[name] for name in (*np.array(bars.assets)[chosen], "IBM")}
    bars = real_bars(rows, "total_return")
    weights = np.full((len(bars), len(bars.assets)), 0.9 / len(bars.assets))
    due = scheduled(bars, "month")
    nav = engine(bars, weights, due, Rules(cash=1e7, fee=0.0001)).nav
    np.testing.assert_allclose(
        nav, plain_backtrader(bars, weights, due, 1e7, 0.0001), atol=0.005, rtol=1e-12
    )
