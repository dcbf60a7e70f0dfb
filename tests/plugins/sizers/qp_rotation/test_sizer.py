"""The sizer `qp_rotation`: who takes part, what gives way, what the notes say."""

from dataclasses import replace

import numpy as np
import pytest

from bt_run import BuildContext, ConfigError, Limits
from bt_run.testing import make_bars, make_state
from bt_run.testing.conformance.markets import market
from bt_run_plugins.optimization import convex_answer
from bt_run_plugins.sizers.qp_rotation.sizer import (
    QPRotation,
    QPRotationConfig,
    bt_sizers,
)
from bt_run_plugins.sizers.rotation.sizer import Rotation

NAN = np.nan
FREE = {"max_turnover": None, "max_turnover_per_name": None, "lookback": 20}


def asked(state, limits=None, **config):
    context = BuildContext(costs=None, limits=limits or Limits())
    return QPRotation(QPRotationConfig(**FREE | config), context).target_weights(state)


def calm(signals, weights=(0.0, 0.0, 0.0), **fields):
    return make_state(market("calm"), signals=signals, weights=weights, **fields)


def test_the_best_scores_get_what_their_caps_allow():
    found = asked(calm([1.0, 0.5, -1.0]), per_name_cap=0.4)
    np.testing.assert_allclose(found.values, [0.4, 0.4, 0.0], atol=1e-9)
    notes = found.notes
    assert notes["status"] == "solved"
    assert notes["reason_codes"] == {"AAA": "entry", "BBB": "entry"}
    assert set(notes["changes"]) == {"AAA", "BBB"}
    assert notes["turnover"] == pytest.approx(0.8)
    assert notes["attempts"][0]["solver"] == "clarabel"


def test_a_name_without_a_score_is_sold_as_far_as_its_turnover_allows():
    found = asked(
        calm([NAN, 1.0, 0.9], [0.3, 0.0, 0.0]),
        per_name_cap=0.4,
        max_turnover_per_name=0.05,
    )
    assert found.values[0] == pytest.approx(0.25)
    assert found.notes["reason_codes"]["AAA"] == "not eligible"


def test_a_name_with_too_little_history_is_not_bought():
    bars = make_bars({"A": np.arange(1.0, 41.0), "B": [NAN] * 30 + [1.0, 2.0] * 5})
    found = asked(make_state(bars, signals=[1.0, 2.0]), per_name_cap=0.5)
    assert found.values.tolist() == [0.5, 0.0]
    assert found.notes["too little history"] == ["B"]


def test_what_has_no_bar_keeps_its_weight():
    bars = make_bars(
        {"A": [*np.arange(1.0, 30.0), NAN], "B": [1.0, 2.0] * 15, "C": [2.0, 1.0] * 15}
    )
    state = make_state(bars, signals=[NAN, 2.0, 1.0], weights=[0.0, 0.0, 0.0])
    state = replace(
        state, weights=np.array([0.3, 0.0, 0.0]), shares=np.array([1.0, 0.0, 0.0])
    )
    found = asked(state, per_name_cap=0.5)
    assert found.values[0] == 0.3
    assert found.values.sum() <= 1.0 + 1e-9
    assert found.notes["reason_codes"]["A"] == "not tradable"


def test_turnover_gives_way_first_where_limits_contradict_each_other():
    # 60 % must come under a cap of 10 %, and a turnover of 20 % does not do it
    found = asked(
        calm([1.0, 0.5, 0.2], [0.6, 0.1, 0.1]), per_name_cap=0.1, max_turnover=0.2
    )
    assert found.notes["status"] == "relaxed"
    assert list(found.notes["relaxed"]) == ["max_turnover"]
    assert found.notes["relaxed"]["max_turnover"] == pytest.approx(0.3, abs=1e-3)
    np.testing.assert_allclose(found.values, 0.1, atol=1e-4)


def test_without_an_accurate_answer_the_portfolio_stays_as_it_is(monkeypatch):
    refuse = {
        name: replace(one, rows=-1.0) for name, one in convex_answer.CONTRACTS.items()
    }
    monkeypatch.setattr(convex_answer, "CONTRACTS", refuse)
    weights = [0.2, 0.3, 0.1]
    found = asked(calm([1.0, 0.5, 0.2], weights), per_name_cap=0.5)
    assert found.values.tolist() == weights
    assert found.notes["status"] == "held: no accurate answer"
    assert found.notes["changes"] == {}
    assert not any(one.get("accepted") for one in found.notes["attempts"])


def test_risk_as_covariance_is_mean_and_variance():
    # 2 lambda S w = sigma z, where no limit binds
    state = calm([0.05, 0.04, 0.03])
    found = asked(
        state,
        risk="covariance",
        covariance="sample",
        lambda_risk=2.0,
        gamma_cost=0.0,
        per_name_cap=1.0,
    )
    returns = state.history.returns(20)
    S = np.cov(returns.T) * state.history.bars_per_year
    expected = np.linalg.solve(4.0 * S, np.sqrt(np.diag(S)) * state.signals)
    assert (expected > 0.0).all()
    assert expected.sum() < 1.0
    np.testing.assert_allclose(found.values, expected, atol=1e-7)


def test_neutral_is_within_net_gross_and_beta():
    limits = Limits(short=True, gross=1.5)
    found = asked(
        calm([2.0, 0.0, -2.0]), limits, preset="neutral", per_name_cap=0.5, K=2, K_buy=1
    )
    w = found.values
    assert w[0] > 0.0 > w[2]
    assert abs(w.sum()) <= 0.3 + 1e-7
    assert np.abs(w).sum() <= 1.5 + 1e-7


def test_neutral_needs_limits_that_allow_it():
    with pytest.raises(ConfigError, match="preset: neutral needs more than the run's"):
        asked(calm([1.0, 0.0, 0.0]), preset="neutral")


def test_nobody_to_hold_is_cash():
    found = asked(calm([NAN, NAN, NAN]))
    assert found.values.tolist() == [0.0, 0.0, 0.0]
    assert found.notes["status"] == "cash: no score"


def test_one_word_switches_the_engines():
    keys = {"K": 2, "K_buy": 1, "K_sell": 3, "per_name_cap": 0.4, "max_turnover": 0.5}
    state = calm([2.0, 1.0, 0.0])
    context = BuildContext(costs=None)
    greedy = Rotation(QPRotationConfig.__base__(**keys), context)
    best = QPRotation(QPRotationConfig(**keys, lookback=20), context)
    assert greedy.target_weights(state).values[0] == 0.4
    assert best.target_weights(state).values[0] == pytest.approx(0.4)


@pytest.mark.parametrize("solver", ["clarabel", "osqp", "cvxpy"])
def test_the_solver_that_is_asked_for_comes_first(solver):
    found = asked(calm([1.0, 0.5, 0.2]), solver=solver, per_name_cap=0.4)
    assert found.notes["attempts"][0]["solver"] == solver
    np.testing.assert_allclose(found.values, [0.4, 0.4, 0.2], atol=1e-5)
    (offer,) = bt_sizers()
    assert solver in offer.libraries(QPRotationConfig(solver=solver))
