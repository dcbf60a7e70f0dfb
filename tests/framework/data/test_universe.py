"""Universes: who may be held when, and what the prices cover."""

from dataclasses import replace
from datetime import date
from types import SimpleNamespace

import numpy as np
import pytest

from bt_run import BrokerTerms, ConfigError, DataError, Delisting, RunConfig
from bt_run.account.market import Market
from bt_run.backtest.baselines import BaselineRules, equal_weight
from bt_run.backtest.loading import with_assets
from bt_run.data.data_config import UniverseConfig
from bt_run.data.schedule import scheduled
from bt_run.data.universe import (
    coverage,
    members,
    members_between,
    read_memberships,
    unread_columns,
)
from bt_run.decision.pipeline import Pipeline, Stage
from bt_run.engine.panel import PanelRun, run_panel
from bt_run.terms import Limits
from bt_run.testing import MadeCosts, make_bars

NAN = np.nan
# make_bars counts weekdays from Wednesday 1 January 2020: bar 0 is the 1st, bar 5 the 8th
MEMBERSHIPS = """\
ticker,start,end
A,2019-01-01,2020-01-03
A,2020-01-07,
B,2020-01-02,2020-01-08
GONE,2019-01-01,
"""


def memberships(tmp_path, text=MEMBERSHIPS):
    (tmp_path / "members.csv").write_text(text)
    config = UniverseConfig(file=tmp_path / "members.csv")
    return config, read_memberships(config)


def six_bars():
    return make_bars({"A": [10.0] * 6, "B": [10.0] * 6, "C": [10.0] * 6})


def test_a_member_is_one_from_its_start_until_the_day_it_leaves(tmp_path):
    _, frame = memberships(tmp_path)
    mask = members(frame, {"A": "A", "B": "B", "C": "C"}, six_bars())
    np.testing.assert_array_equal(mask[:, 0], [1, 1, 0, 0, 1, 1])
    np.testing.assert_array_equal(mask[:, 1], [0, 1, 1, 1, 1, 0])
    assert not mask[:, 2].any()


def test_members_are_found_by_their_symbol_at_the_source(tmp_path):
    _, frame = memberships(tmp_path)
    mask = members(frame, {"A": "B", "B": "NONE", "C": "C"}, six_bars())
    assert mask[:, 0].tolist() == [False, True, True, True, True, False]
    assert not mask[:, 1].any()


def test_the_universe_of_a_window_is_who_was_a_member_in_it(tmp_path):
    _, frame = memberships(tmp_path)
    assert members_between(frame, date(2020, 1, 3), date(2020, 1, 6)) == ("B", "GONE")
    assert members_between(frame, date(2020, 1, 8), date(2020, 1, 9)) == ("A", "GONE")


def test_the_coverage_is_reported_year_by_year(tmp_path):
    config, frame = memberships(tmp_path)
    bars = six_bars()
    mask = members(frame, {"A": "A", "B": "B", "C": "C"}, bars)
    # members by the file on the six days: 2, 3, 2, 2, 3, 2; with prices: all of them but GONE
    assert coverage(frame, config, mask, bars) == (
        "universe: share of its members with prices, by year: 2020 57% (1 of 2)"
    )


def play(bars, weights):
    broker = BrokerTerms(
        cash=1000.0, fill="next_close", costs=MadeCosts(), delisting=Delisting()
    )
    pipeline = Pipeline(
        strategy=Stage("strategy", "all", lambda s: np.ones(len(s.weights))),
        sizer=Stage("sizer", "given", weights),
    )
    market = Market(bars, broker, 1.0, False)
    return market, run_panel(PanelRun(market, pipeline, scheduled(bars, "bar")))


def test_what_leaves_the_universe_is_sold_at_the_next_bar_and_not_bought_again():
    member = np.ones((6, 2), dtype=bool)
    member[3:, 0] = False
    bars = replace(make_bars({"A": [10.0] * 6, "B": [10.0] * 6}), members=member)
    _, ledger = play(bars, lambda s: np.array([0.5, 0.5]))
    shares = np.zeros((6, 2))
    for rows, held in ledger.spans():
        shares[rows] = held
    np.testing.assert_allclose(shares[:, 0], [0, 50, 50, 50, 0, 0])
    np.testing.assert_allclose(shares[:, 1], [0, 50, 50, 50, 50, 50])
    table = ledger.decisions_table()
    reasons = table[table["asset"] == "A"]["reason"].tolist()
    assert reasons == ["scheduled"] * 3 + ["not in the universe"] * 3


def test_a_component_sees_what_may_be_held_and_the_account_sees_every_bar():
    bars = replace(
        make_bars({"A": [1.0, 2.0], "B": [1.0, NAN]}),
        members=np.array([[0, 1], [0, 1]], dtype=bool),
    )
    np.testing.assert_array_equal(bars.tradable, [[False, True], [False, False]])
    np.testing.assert_array_equal(bars.present, [[True, True], [True, False]])
    np.testing.assert_array_equal(bars.counts[:, 0], [1, 2])


def test_equal_weight_is_over_the_members():
    member = np.array([[1, 0], [1, 0], [1, 1], [1, 1], [1, 1]], dtype=bool)
    bars = replace(make_bars({"A": [10.0] * 5, "B": [10.0] * 5}), members=member)
    market, _ = play(bars, lambda s: np.zeros(2))
    rules = BaselineRules(due=scheduled(bars, "bar"), limits=Limits())
    account = equal_weight(market, rules).account
    np.testing.assert_allclose(account.weights(), [0.5, 0.5])
    first = account.fills[0]
    assert first.bar == 1
    np.testing.assert_allclose(first.filled, [100.0])


def test_the_fingerprint_holds_the_members():
    bars = six_bars()
    other = replace(bars, members=np.ones((6, 3), dtype=bool))
    assert bars.fingerprint != other.fingerprint


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "date,A\n2020-01-03,1\n",
            "found columns date, A; expected ticker, start and end",
        ),
        (
            "ticker,start,end\nA,2020-01-03,2019-01-01\n",
            "the membership of A ends on 2019-01-01, before it starts on 2020-01-03; expected an "
            "end "
            "on or after the start",
        ),
        (
            "ticker,start,end\nA,2020-01-03,2020-02-01\nA,2020-01-10,\n",
            "two memberships of A overlap at 2020-01-10; expected each to end before the next "
            "starts",
        ),
        (
            "ticker,start,end\nA,2020-01-03,\nA,2020-01-10,\n",
            "two memberships of A overlap at 2020-01-10",
        ),
        (
            "ticker,start,end\nA,,2020-01-10\n",
            "column start: row 1 has no date; expected a date such as 2000-01-31",
        ),
    ],
)
def test_spells_that_cannot_be_true_are_refused(tmp_path, text, message):
    with pytest.raises(DataError) as caught:
        memberships(tmp_path, text)
    assert message in str(caught.value)


def config(tmp_path, **data):
    memberships(tmp_path)
    parts = {
        "source": "made",
        "benchmark": "SPY",
        "start": "2020-01-02",
        "end": "2020-01-08",
        "universe": {"file": str(tmp_path / "members.csv")},
    } | data
    return RunConfig(name="u", data=parts, strategy="s", sizer="s")


def test_without_assets_a_run_holds_the_members_that_the_source_has(tmp_path):
    source = SimpleNamespace(symbols=lambda: ("A", "B", "OTHER"))
    assert with_assets(config(tmp_path).data, source).assets == {"A": "A", "B": "B"}
    named = config(tmp_path, assets=["A"])
    assert with_assets(named.data, source) is named.data


def test_a_source_that_cannot_tell_its_symbols_is_reported(tmp_path):
    with pytest.raises(
        ConfigError,
        match=r"data.assets: was empty, and source 'made' cannot list its symbols",
    ):
        with_assets(config(tmp_path).data, SimpleNamespace())
    nothing = SimpleNamespace(symbols=lambda: ("X",))
    with pytest.raises(
        ConfigError,
        match=r"3 tickers are members between 2020-01-02 and 2020-01-08, such as A, B, GO",
    ):
        with_assets(config(tmp_path).data, nothing)


def test_neither_assets_nor_a_universe_is_refused():
    with pytest.raises(
        ConfigError,
        match=r"found no `assets`; expected at least one, or a `universe` that lists them",
    ):
        RunConfig(
            name="u",
            data={
                "source": "s",
                "benchmark": "B",
                "start": "2020-01-02",
                "end": "2020-01-08",
            },
            strategy="s",
        )


def test_columns_of_a_universe_that_are_not_read_are_told(tmp_path):
    file = tmp_path / "members.csv"
    file.write_text("ticker,start,end,weight\nA,2020-01-02,,0.5\n")
    config = UniverseConfig(file=file, name="S&P 500")
    assert unread_columns(config) == ("S&P 500: columns that are not read: weight",)
