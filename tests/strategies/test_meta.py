"""The choice among strategies: by hand, on planted regimes, and never with what came later."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from bt_run import BuildContext, ConfigError, RunConfig, play, prepare
from bt_run.data.slices import until
from bt_run.testing import MadeCosts, make_bars, make_state
from bt_run_strategies.meta import Meta, MetaConfig

NAMES = ({"use": "trend"}, {"use": "mean_reversion"})
TREND = {"use": "trend", "fast": 10, "slow": 40, "short": True}
REVERSION = {
    "use": "mean_reversion",
    "lookback": 10,
    "entry": 1.0,
    "exit": 0.0,
    "short": True,
}


class Always:
    """A member that says the same at every bar."""

    def __init__(self, value):
        self.value = value

    def past(self, state, n):
        rows = min(n, len(state.history))
        return np.full((rows, len(state.history.assets)), self.value)


def made(*values, **config):
    keys = {"halflife": 5, "least": 5, "dwell": 0} | config
    members = tuple(Always(value) for value in values)
    context = BuildContext(costs=None, fill="next_close", children={"members": members})
    return Meta(MetaConfig(members=list(NAMES), **keys), context)


UP = make_bars({"A": 1.01 ** np.arange(30.0), "B": 0.99 ** np.arange(30.0)})


def test_each_asset_gets_the_member_that_earned_on_it():
    got = made(0.0, 1.0, margin=0.05).signal(make_state(UP))
    # A rose, so what was long leads what was flat; on B it lost
    assert got.memo["member"] == {"A": "mean_reversion", "B": "trend"}
    np.testing.assert_array_equal(got.values, [1.0, 0.0])
    (switch,) = got.notes["switches"]
    assert (switch["asset"], switch["from"], switch["to"], switch["rule"]) == (
        "A",
        "trend",
        "mean_reversion",
        "performance",
    )
    assert switch["lead"] == pytest.approx(1.0, abs=0.1)


def test_the_cost_of_a_switch_is_that_of_the_exposure_that_changes():
    costs = MadeCosts(fee=0.001, slip=0.002)
    got = made(-0.25, 1.0).signal(make_state(UP, nav=100.0, costs=costs))
    (switch,) = got.notes["switches"]
    assert switch["cost"] == pytest.approx(1.25 * (0.002 + 0.001 * 1.002), rel=1e-9)


def test_how_much_is_held_is_no_skill():
    # a quarter of an exposure earns a quarter at a quarter of the risk: nobody leads
    got = made(0.25, 1.0).signal(make_state(UP))
    assert got.memo["member"] == {"A": "trend", "B": "trend"}


def test_a_member_stays_for_its_dwell():
    meta = made(0.0, 1.0, dwell=3)
    memo = {"member": {"A": "trend", "B": "trend"}, "since": {"A": 1, "B": 1}}
    members = []
    for _ in range(4):
        got = meta.signal(make_state(UP, memo=memo))
        memo = got.memo
        members.append(memo["member"]["A"])
    assert members == ["trend", "trend", "mean_reversion", "mean_reversion"]
    assert memo["since"] == {"A": 2, "B": 5}


def test_without_a_lead_the_member_stays_or_nothing_is_held():
    memo = {"member": {"A": "mean_reversion", "B": "trend"}}
    kept = made(0.5, 0.5).signal(make_state(UP, memo=memo))
    assert kept.memo["member"] == memo["member"]
    np.testing.assert_array_equal(kept.values, [0.5, 0.5])
    cash = made(0.5, 0.5, no_opinion="cash").signal(make_state(UP, memo=memo))
    np.testing.assert_array_equal(cash.values, [0.0, 0.0])


def test_too_short_a_history_is_no_opinion():
    got = made(0.0, 1.0, least=29).signal(make_state(UP, at=20))
    assert got.memo["member"] == {"A": "trend", "B": "trend"}


def test_a_blend_is_by_what_was_earned():
    got = made(0.0, 1.0, how="blend").signal(make_state(UP))
    # on A the flat member scores 0 and the long one 1; on B nothing is above 0: equal parts
    np.testing.assert_allclose(got.values, [1.0, 0.5])
    cash = made(0.0, 1.0, how="blend", no_opinion="cash").signal(make_state(UP))
    np.testing.assert_allclose(cash.values, [1.0, 0.0])
    equal = made(0.0, 1.0, how="equal").signal(make_state(UP))
    np.testing.assert_allclose(equal.values, [0.5, 0.5])


def test_the_regime_is_asked_first():
    regime = {"above": 1, "below": 0, "lag": 3, "halflife": 5}
    zigzag = 10 + np.arange(30) % 2
    bars = make_bars({"A": 1.01 ** np.arange(30.0), "B": zigzag})
    got = made(0.0, 1.0, regime=regime).signal(make_state(bars))
    assert got.memo["member"] == {"A": "mean_reversion", "B": "trend"}
    assert got.notes["switches"][0]["rule"] == "variance ratio"


def test_what_cannot_be_judged_or_is_no_member_is_refused():
    context = BuildContext(
        costs=None, children={"members": (Always(1), SimpleNamespace())}
    )
    with pytest.raises(
        ConfigError, match=r"members\.1: strategy 'mean_reversion' decides event by"
    ):
        Meta(MetaConfig(members=list(NAMES)), context)
    with pytest.raises(ValueError, match=r"regime\.below was 2; expected the place of"):
        MetaConfig(members=list(NAMES), regime={"below": 2})


def test_two_members_of_one_name_are_numbered():
    context = BuildContext(
        costs=None, children={"members": (Always(1), Always(0), Always(0))}
    )
    config = MetaConfig(members=["trend", "trend", "breakout"])
    assert Meta(config, context).labels == ["trend 0", "trend 1", "breakout"]


# -- on planted regimes ----------------------------------------------------------------------------


def planted(seed, rows=1500, phase=120, drift=0.0015, deviation=0.012):
    """Return log returns (T,) of phases with a drift and phases that turn back, and which (T,)."""
    random = np.random.default_rng(seed)
    pull = np.log(2) / 5
    moves, trends = np.zeros(rows), np.zeros(rows, dtype=bool)
    for begin in range(0, rows, phase):
        trend = (begin // phase) % 2 == 0
        side, place = random.choice([-1, 1]), 0.0
        for t in range(begin, min(rows, begin + phase)):
            trends[t] = trend
            noise = random.normal(0, deviation)
            moves[t] = side * drift + noise if trend else -pull * place + noise
            place += moves[t]
    return moves, trends


def config(assets):
    return RunConfig.model_validate(
        {
            "name": "planted",
            "data": {
                "source": "frames",
                "assets": assets,
                "benchmark": assets[0],
                "calendar": "24/5",
                "start": "2000-01-03",
                "end": "2005-09-30",
            },
            "strategy": {
                "use": "meta",
                "members": [TREND, REVERSION],
                "dwell": 20,
            },
            "sizer": "equal_weight",
            "schedule": "session",
            "limits": {"short": True},
            "broker": {"use": "simulated", "fill": "next_close"},
        }
    )


def prices(worlds):
    import pandas as pd

    moves = np.array([moves for moves, _ in worlds]).T
    days = pd.bdate_range("2000-01-03", periods=len(moves))
    names = [f"A{i:02d}" for i in range(len(worlds))]
    return pd.DataFrame(100 * np.exp(moves.cumsum(axis=0)), index=days, columns=names)


@pytest.fixture(scope="module")
def worlds():
    return [planted(seed, drift=0.0045) for seed in range(4)]


@pytest.fixture(scope="module")
def prepared(worlds):
    frame = prices(worlds)
    return prepare(config(list(frame.columns)), bars=frame)


def chosen(ledger):
    """Return which member each asset had at each decision: bars (n,), (n, N) True for trend."""
    bars = np.array([decision.bar for decision in ledger.decisions])
    members = [
        [name == "trend" for name in decision.memos["strategy"]["member"].values()]
        for decision in ledger.decisions
    ]
    return bars, np.array(members)


def test_a_strong_regime_is_told_apart_past_its_first_month(worlds, prepared):
    bars, members = chosen(play(prepared))
    truth = np.array([trends for _, trends in worlds]).T[bars]
    late = (bars >= 240) & (bars % 120 >= 20)
    right = (members == truth)[late].mean(axis=0)
    assert np.median(right) >= 0.75


def test_nothing_that_came_later_changes_a_choice(prepared):
    monthly = prepared.changed({"schedule": "month"})
    whole = {decision.bar: decision for decision in play(monthly).decisions}
    random = np.random.default_rng(1)
    for cut in random.choice(np.arange(300, 1500), 20, replace=False):
        part = play(replace(monthly, bars=until(monthly.bars, int(cut))))
        for decision in part.decisions:
            same = whole[decision.bar]
            np.testing.assert_array_equal(decision.signal, same.signal)
            assert decision.memos == same.memos
            assert decision.notes == same.notes
