"""Baselines trade when the run's triggers say so, asked with the baseline's own account."""

import numpy as np
import pytest

from bt_run import RunConfig, Verdict, run
from bt_run.account.market import Market
from bt_run.backtest.baselines import BaselineRules, equal_weight
from bt_run.decision.pipeline import Stage
from bt_run.terms import BrokerTerms, Delisting, Limits
from bt_run.testing import MadeCosts, make_bars
from bt_run_plugins.reports.html.summary import headline


def market(**closes):
    bars = make_bars(closes or {"A": [10.0] * 7, "B": [10.0, 10, 20, 20, 20, 20, 20]})
    terms = BrokerTerms(
        cash=1000.0, fill="next_close", costs=MadeCosts(), delisting=Delisting()
    )
    return Market(bars, terms, 1.0, False)


def played(*triggers, stages=("sizer",)):
    own = market()
    rules = BaselineRules(
        due=np.ones(len(own.bars), dtype=bool),
        limits=Limits(),
        triggers=tuple(
            Stage(f"triggers.{place}", one.__name__, one)
            for place, one in enumerate(triggers)
        ),
        stages=stages,
    )
    return equal_weight(own, rules)


def fill_bars(baseline):
    return [record.bar for record in baseline.account.fills if record.filled.any()]


def test_without_triggers_it_trades_whenever_it_decides():
    # B doubles at bar 2: sold down to a half at bar 3
    baseline = played()
    assert fill_bars(baseline) == [1, 3]
    assert baseline.facts == {"triggers": [], "left_out": {}}


def test_a_trigger_sees_the_baselines_own_weights():
    seen = []

    def drifted(state, target):
        seen.append(state.weights.tolist())
        return Verdict(bool(np.abs(target - state.weights).max() > 0.2))

    baseline = played(drifted)
    assert fill_bars(baseline) == [1]
    # 50 shares of each: after B has doubled they are worth 500 and 1000 of 1500
    assert seen[2] == pytest.approx([1 / 3, 2 / 3])
    assert baseline.facts["triggers"] == ["drifted"]


def test_a_trigger_finds_its_memo_and_when_the_baseline_last_traded():
    traded = []

    def every_third(state, target):
        count = state.memo.get("count", 0)
        traded.append(None if state.last_trade is None else str(state.last_trade))
        return Verdict(count % 3 == 0, memo={"count": count + 1})

    played(every_third)
    assert traded == [None, *["2020-01-01"] * 3, *["2020-01-06"] * 3]


def test_names_of_a_trigger_are_traded_alone():
    def only_b(state, target):
        return Verdict(True, names=np.array([False, True]))

    baseline = played(only_b)
    assert (baseline.account.shares > 0).tolist() == [False, True]


@pytest.mark.parametrize(
    ("read", "why"),
    [
        (lambda state: state.signals, "it reads the run's signals"),
        (lambda state: state.seen(memo={}).signals, "it reads the run's signals"),
        (lambda state: state.tracks["sizer"], "it reads tracks of the run's stages"),
        (lambda state: 1 / 0, "it failed with ZeroDivisionError: division by zero"),
    ],
)
def test_a_trigger_that_cannot_be_asked_is_left_out_from_the_start_and_named(read, why):
    def later(state, target):
        if len(state.history) > 3:
            read(state)
        return Verdict(len(state.history) == 1)

    baseline = played(later)
    assert baseline.facts == {"triggers": [], "left_out": {"later": why}}
    assert fill_bars(baseline) == fill_bars(played())


def test_a_nested_component_is_given_signals_of_its_own():
    def asks(state, target):
        given = state.seen(signals=np.array([1.0, 0.0]))
        return Verdict(bool(given.signals[0] == 1.0))

    assert played(asks).facts["triggers"] == ["asks"]


# -- whole runs ------------------------------------------------------------------------------------


def config_of(triggers, **more):
    return RunConfig(
        name="fair",
        data={
            "source": {"use": "sample", "set": "stocks"},
            "assets": ["AAPL", "MSFT", "IBM"],
            "benchmark": "IBM",
            "start": "2005-01-03",
            "end": "2007-12-31",
        },
        strategy="buy_and_hold",
        sizer="equal_weight",
        schedule="session",
        triggers=triggers,
        broker={"use": "simulated", "commission": {"bps": 3}},
        **more,
    )


@pytest.mark.parametrize(
    "triggers",
    [
        [],
        [{"use": "drift_bands", "total": 0.1}],
        [{"use": "drift_bands", "name": 0.03}],
        [{"use": "calendar", "every": "quarter"}],
        [{"use": "calendar", "every": "year"}, {"use": "drift_bands", "name": 0.08}],
    ],
)
def test_equal_weight_is_the_run_of_the_same_weights(triggers):
    result = run(config_of(triggers))
    np.testing.assert_array_equal(result.nav["equal_weight"], result.nav["nav"])
    names = [one["use"] for one in triggers]
    for name in ("equal_weight", "constant_mix"):
        assert result.manifest["baselines"][name] == {"triggers": names, "left_out": {}}


def test_triggers_can_be_kept_from_baselines():
    bands = [{"use": "drift_bands", "total": 0.1}]
    asked = run(config_of(bands))
    free = run(config_of(bands, baselines={"triggers": False}))
    assert free.manifest["baselines"]["equal_weight"]["triggers"] == []
    assert free.nav["nav"].equals(asked.nav["nav"])
    turnover = {
        name: result.metrics["turnover_one_way"]["equal_weight"]
        for name, result in (("asked", asked), ("free", free))
    }
    assert turnover["asked"] < turnover["free"] / 2
    assert asked.run_id != free.run_id


def test_the_page_says_when_baselines_trade():
    words = headline(run(config_of([{"use": "drift_bands", "total": 0.1}]))).note
    assert (
        "for which drift_bands fires, asked with its own account, with the run's"
        in words
    )
    assert (
        "own mean weights, at each scheduled decision for which drift_bands fires"
        in words
    )
