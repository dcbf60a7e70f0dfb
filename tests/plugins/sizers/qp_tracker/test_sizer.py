"""The sizer qp_tracker: who takes part, what happens to the rest, and what is written down."""

import numpy as np
import pytest
from pydantic import ValidationError

from bt_run import (
    BuildContext,
    ConfigError,
    DataError,
    InfeasibleError,
    Limits,
    LoadRequest,
    assemble_bars,
)
from bt_run.data.history import History
from bt_run.decision.state import PortfolioState
from bt_run.testing import make_rows
from bt_run_plugins.sizers.qp_tracker import solve as tracking
from bt_run_plugins.sizers.qp_tracker.problem import relative_returns
from bt_run_plugins.sizers.qp_tracker.sizer import QPTracker, QPTrackerConfig
from bt_run_plugins.sizers.qp_tracker.solve import Found

NAN = np.nan


def closes(seed=0, T=120, n=8):
    rng = np.random.default_rng(seed)
    common = rng.normal(0.0003, 0.01, (T, 1))
    return 50 * np.cumprod(1 + common + rng.normal(0, 0.008, (T, n)), axis=0)


def bars(prices, index=None):
    """Make bars of columns A, B, ... and of an index, equally weighted at each close where none is
    given.
    """
    names = [chr(65 + i) for i in range(prices.shape[1])]
    rows = {
        name: make_rows(column) for name, column in zip(names, prices.T, strict=True)
    }
    if index is None:
        moves = prices[1:] / prices[:-1] - 1
        index = np.cumprod(np.append(1.0, 1.0 + np.nanmean(moves, axis=1)))
    benchmark = make_rows(index)
    days = [
        time.astype("datetime64[D]").item()
        for time in (benchmark.times[0], benchmark.times[-1])
    ]
    request = LoadRequest(
        assets={n: n for n in names}, benchmark=("I", "I"), start=days[0], end=days[1]
    )
    return assemble_bars(request, rows, benchmark, prices="as_traded")


def state(made, *, t=None, signals=None, weights=None):
    n = len(made.assets)
    return PortfolioState(
        history=History(made, len(made) - 1 if t is None else t),
        signals=np.ones(n) if signals is None else np.array(signals, dtype=float),
        weights=np.zeros(n) if weights is None else np.array(weights, dtype=float),
        nav=1.0,
        cash=1.0,
        shares=np.zeros(n),
        nav_history=np.ones(1),
        costs=None,
    )


def tracker(**config):
    options = {"cap": 0.4, "lookback": 100} | config
    return QPTracker(
        QPTrackerConfig(**options), BuildContext(costs=None, limits=Limits())
    )


def test_an_index_of_feasible_weights_is_found_again():
    prices, held = closes(), np.array([0.3, 0.2, 0.1, 0.1, 0.1, 0.1, 0.05, 0.05])
    moves = prices[1:] / prices[:-1] - 1
    index = np.cumprod(np.append(1.0, 1.0 + moves @ held))
    got = tracker().target_weights(state(bars(prices, index)))
    np.testing.assert_allclose(got.values, held, atol=1e-7)
    assert got.notes["tracking error in the window"] < 1e-7
    assert got.notes["eligible"] == got.notes["held"] == 8
    assert "reason" not in got.notes
    assert got.notes["attempts"][0]["accepted"] is True
    assert got.notes["turnover"] == {
        "one way": pytest.approx(0.5),
        "two way": pytest.approx(1.0),
    }


def test_weights_sum_to_one_within_their_bounds():
    got = tracker(cap=0.15).target_weights(state(bars(closes()))).values
    assert got.sum() == pytest.approx(1.0, abs=1e-12)
    assert got.min() >= 0.0
    assert got.max() <= 0.15


@pytest.mark.parametrize("signal", [0.0, -1.0, NAN])
def test_what_has_no_signal_above_zero_is_not_held(signal):
    got = tracker().target_weights(
        state(bars(closes()), signals=[1, 1, 1, 1, 0.2, 1, 1, signal])
    )
    assert got.values[7] == 0.0
    assert got.values.sum() == pytest.approx(1.0)
    assert got.notes["left out"] == {"signal not above 0": 1}


def test_no_signal_at_all_is_cash():
    got = tracker().target_weights(state(bars(closes()), signals=np.zeros(8)))
    assert got.values.tolist() == [0.0] * 8
    assert got.notes == {"held": 0, "reason": "cash: no signal is above 0"}


def test_a_name_joins_when_it_has_had_enough_bars():
    prices = closes(T=120)
    prices[:80, 0] = NAN  # 40 bars at the end
    made = bars(prices)
    sizer = tracker(min_history=30, lookback=60)
    assert sizer.target_weights(state(made, t=108)).values[0] == 0.0
    assert sizer.target_weights(state(made, t=108)).notes["left out"] == {
        "too little history": 1
    }
    assert sizer.target_weights(state(made, t=109)).values[0] > 0.0
    assert tracker(lookback=60).target_weights(state(made)).values[0] == 0.0


def test_a_name_that_cannot_be_traded_and_is_not_held_is_left_out():
    prices = closes()
    prices[-1, 2] = NAN
    got = tracker(min_history=50).target_weights(state(bars(prices)))
    assert got.values[2] == 0.0
    assert got.notes["left out"] == {"not tradable": 1}


def test_a_holding_without_a_bar_keeps_its_weight_and_the_others_are_chosen_around_it():
    prices = closes()
    prices[-1, 2] = NAN
    drifted = np.full(8, 0.1)
    drifted[2] = 0.3
    made = bars(prices)
    got = tracker(min_history=50).target_weights(state(made, weights=drifted))
    assert got.values[2] == 0.3
    assert got.values.sum() == pytest.approx(1.0, abs=1e-12)
    assert got.notes["kept, not tradable"] == 1
    free = tracker(min_history=50).target_weights(state(made)).values
    assert (
        np.abs(got.values[[0, 1, 3]] - 0.7 * free[[0, 1, 3]]).max() > 1e-4
    )  # not merely scaled


def test_cash_stays_cash():
    got = tracker(cash=0.25).target_weights(state(bars(closes()), signals=np.ones(8)))
    assert got.values.sum() == pytest.approx(0.75, abs=1e-12)


# -- missing days


def test_relative_returns_of_full_histories_are_the_differences():
    rng = np.random.default_rng(1)
    r, b = rng.normal(0, 0.01, (50, 3)), rng.normal(0, 0.01, 50)
    X, counts = relative_returns(np.ones((51, 3)), r, b)
    np.testing.assert_array_equal(X, r - b[:, None])
    assert counts.tolist() == [50, 50, 50]


def test_a_return_across_a_gap_is_compared_with_the_benchmark_over_the_same_days():
    close = np.array([[10.0], [11.0], [NAN], [12.1]])
    returns = np.array([[0.1], [NAN], [0.1]])
    X, counts = relative_returns(close, returns, np.array([0.05, 0.02, 0.03]))
    # two days of the benchmark: 1.02 x 1.03 - 1; two of three days known: times sqrt(3 / 2)
    expected = np.array([0.1 - 0.05, 0.0, 0.1 - (1.02 * 1.03 - 1.0)]) * np.sqrt(1.5)
    np.testing.assert_allclose(X[:, 0], expected, rtol=1e-12)
    assert counts.tolist() == [2]


def test_a_return_from_before_the_window_has_nothing_to_be_compared_with():
    X, counts = relative_returns(
        np.array([[NAN], [NAN], [12.0]]),
        np.array([[NAN], [0.2]]),
        np.array([0.01, 0.01]),
    )
    assert X.tolist() == [[0.0], [0.0]]
    assert counts.tolist() == [0]


def test_days_without_a_return_of_the_benchmark_are_left_out():
    r = np.array([[0.01], [0.02], [0.03]])
    X, _ = relative_returns(np.ones((4, 1)), r, np.array([0.0, NAN, 0.0]))
    np.testing.assert_allclose(X[:, 0], [0.01, 0.03])


def test_a_young_name_is_not_preferred_for_the_days_it_did_not_live_through():
    """Two names deviate alike and independently; one has a quarter of the days.

    Its squared difference is the mean over its own days, so both get some half. With zeros and no
    scaling its variance would be a quarter, and its weight 0.8.
    """
    rng = np.random.default_rng(3)
    T, b = 1000, rng.normal(0, 0.01, 1000)
    returns = b[:, None] + rng.normal(0, 0.01, (T, 2))
    prices = np.vstack([np.full((1, 2), 50.0), 50 * np.cumprod(1 + returns, axis=0)])
    prices[:750, 1] = NAN
    made = bars(prices, np.cumprod(np.append(1.0, 1 + b)))
    got = (
        tracker(cap=1.0, lookback=1000, min_history=200)
        .target_weights(state(made))
        .values
    )
    assert got[1] == pytest.approx(0.5, abs=0.04)
    own = returns[750:, 1] - b[750:]
    expected = np.mean((returns[:, 0] - b) ** 2) / (
        np.mean((returns[:, 0] - b) ** 2) + np.mean(own**2)
    )
    assert got[1] == pytest.approx(expected, abs=0.03)


# -- turnover and sectors


def test_the_first_build_up_is_exempt_from_the_turnover_limit_and_says_so():
    got = tracker(turnover=0.05).target_weights(state(bars(closes())))
    assert got.values.sum() == pytest.approx(1.0)
    assert got.notes["turnover"]["limit"] == "not applied: first build-up"


def test_the_turnover_limit_counts_names_that_leave():
    drifted = np.full(8, 0.125)
    got = tracker(turnover=0.2).target_weights(
        state(bars(closes()), weights=drifted, signals=[1] * 7 + [0])
    )
    one_way = 0.5 * np.abs(got.values - drifted).sum()
    assert one_way <= 0.2 + 1e-8
    assert got.values[7] == 0.0
    assert got.notes["turnover"]["one way"] == pytest.approx(one_way)
    with pytest.raises(
        InfeasibleError,
        match=r"turnover 0.1 one way; any one of these would do: turnover >= 0.125",
    ):
        tracker(turnover=0.1).target_weights(
            state(bars(closes()), weights=drifted, signals=[1] * 7 + [0])
        )


def test_a_penalty_trades_less():
    made, drifted = bars(closes(2)), np.random.default_rng(1).dirichlet(np.ones(8) * 4)
    drifted_state = state(made, weights=drifted)
    free = tracker().target_weights(drifted_state)
    priced = tracker(turnover_penalty=1e-3).target_weights(drifted_state)
    assert priced.notes["turnover"]["two way"] < 0.9 * free.notes["turnover"]["two way"]


def test_a_sector_keeps_its_cap():
    sectors = {"A": "tech", "B": "tech", "C": "oil"}
    got = (
        tracker(sectors=sectors, sector_caps={"tech": 0.1})
        .target_weights(state(bars(closes())))
        .values
    )
    assert got[:2].sum() == pytest.approx(0.1, abs=1e-8)
    assert got.sum() == pytest.approx(1.0, abs=1e-9)


# -- refusals


def test_too_few_names_for_the_cap_say_what_helps():
    with pytest.raises(
        InfeasibleError,
        match=r"5 eligible names with cap 0.15 .* cap >= 0.2, or 7 names",
    ):
        tracker(cap=0.15).target_weights(state(bars(closes(n=5))))


def test_a_start_before_there_is_history_is_refused():
    with pytest.raises(
        InfeasibleError,
        match=r"none of the 8 names wanted can be held: 8 have fewer than 100 own bars",
    ):
        tracker().target_weights(state(bars(closes()), t=50))


def test_a_benchmark_without_returns_is_refused():
    with pytest.raises(
        DataError, match="the benchmark has no return in the 1 bars up to 2020-01-01"
    ):
        tracker().target_weights(state(bars(closes()), t=0))


def test_a_sector_of_an_unknown_name_is_refused():
    sizer = tracker(sectors={"ZZZ": "tech"}, sector_caps={"tech": 0.3})
    with pytest.raises(
        ConfigError,
        match=r"sizer.sectors names 'ZZZ', which is not an asset; the assets are A, B",
    ):
        sizer.target_weights(state(bars(closes())))


@pytest.mark.parametrize(
    ("config", "text"),
    [
        (
            {"sector_caps": {"tech": 0.3}},
            "sector_caps names 'tech', but no name is in it; sectors has none",
        ),
        ({"sectors": {"A": "oil"}, "sector_caps": {"tech": 0.3}}, "sectors has oil"),
        (
            {"sectors": {"A": "oil"}, "sector_caps": {"oil": 1.3}},
            "sector_caps.oil was 1.3; expected a fraction",
        ),
        ({"cap": 0.0}, "greater than or equal to 0.000001"),
        ({"caps": 0.1}, "Extra inputs"),
    ],
)
def test_a_configuration_that_makes_no_sense_is_refused(config, text):
    with pytest.raises(ValidationError, match=text):
        QPTrackerConfig(**config)


# -- when nothing works


def test_without_an_accurate_answer_the_portfolio_stays(monkeypatch):
    failed = {
        name: lambda _: Found("failed", 3, None)
        for name in ("exact", "osqp", "clarabel")
    }
    monkeypatch.setattr(tracking, "SOLVERS", failed)
    drifted = np.full(8, 0.125)
    got = tracker().target_weights(
        state(bars(closes()), weights=drifted, signals=[1] * 7 + [0])
    )
    assert got.values.tolist() == [0.125] * 7 + [0.0]
    assert got.notes["held"] == 7
    assert got.notes["reason"] == "the drifted weights: no answer was accurate enough"
    assert got.notes["turnover"] == {}
    assert [a["status"] for a in got.notes["attempts"]] == ["failed"] * 3


# -- degenerate series


def test_a_price_that_never_moves_is_like_cash():
    prices = closes()
    prices[:, 0] = 50.0
    moves = prices[1:, 1:] / prices[:-1, 1:] - 1
    index = np.cumprod(np.append(1.0, 1.0 + 0.8 * moves.mean(axis=1)))
    got = tracker().target_weights(state(bars(prices, index)))
    assert got.values[0] == pytest.approx(0.2, abs=1e-6)


def test_one_name_takes_all():
    assert tracker(cap=1.0).target_weights(
        state(bars(closes(n=1)))
    ).values.tolist() == [1.0]


def test_twins_get_the_same():
    prices = closes()
    prices[:, 1] = 3 * prices[:, 0]
    got = tracker().target_weights(state(bars(prices))).values
    assert got[0] == pytest.approx(got[1], abs=1e-6)
