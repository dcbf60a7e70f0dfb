"""The definitions of docs/policy.md, each with its example."""

from decimal import Decimal

import numpy as np
import pytest
from kit.proposals import PRICES, RATINGS, facts, pack, policy, portfolio, returns_with

from bt_run import DataError, InfeasibleError, SolverError
from bt_run_plugins.optimization.convex_answer import ConvexOutcome
from bt_run_plugins.policy import solution
from bt_run_plugins.policy.case import PolicyCase
from bt_run_plugins.policy.conflict import PolicyConflictError
from bt_run_plugins.policy.fees import NO_FEES, exact
from bt_run_plugins.policy.limits import kept_weights
from bt_run_plugins.policy.pack_prices import filled_returns
from bt_run_plugins.policy.portfolio_book import TradedBook
from bt_run_plugins.policy.rebalancing import propose
from bt_run_plugins.policy.solution import solve_policy

NAMES = ("AAPL", "JNJ", "XOM")


def book(**deltas):
    own = portfolio().shares
    return TradedBook(
        policy=policy(),
        shares=tuple(own[name] for name in NAMES),
        price=tuple(exact(PRICES[name]) for name in NAMES),
        cash=Decimal(0),
        deltas=tuple(Decimal(deltas.get(name, 0)) for name in NAMES),
    )


def case(weights=(0.5, 0.5), S=((0.04, 0.03), (0.03, 0.09)), **changes):
    limits = changes.pop("limits", {})
    n = len(weights)
    told = {
        "policy": policy(**limits),
        "names": tuple("ABCDEFGH"[:n]),
        "weights": np.array(weights),
        "returns": returns_with(np.array(S)),
        "holdable": np.ones(n, dtype=bool),
        "tradable": np.ones(n, dtype=bool),
    }
    return PolicyCase(**{**told, **changes})


def test_weights_and_turnover_of_the_example():
    held = book()
    assert held.nav == Decimal("70580")
    assert held.weights == pytest.approx([0.32941, 0.35237, 0.31822], abs=5e-6)
    trades = book(AAPL=50, XOM=-200, JNJ=30)
    assert sum(abs(value) for value in trades.values) == Decimal("39059")
    assert trades.traded == pytest.approx(0.5534, abs=5e-5)
    assert trades.traded / 2 == pytest.approx(0.2767, abs=5e-5)
    assert -sum(trades.values) == Decimal("5861")
    assert book(XOM=-200).traded == pytest.approx(0.3182, abs=5e-5)
    assert book().cost == NO_FEES


@pytest.mark.parametrize(
    ("convention", "allowed"), [("one_way", True), ("two_way", False)]
)
def test_the_convention_decides_whether_one_name_may_be_sold(convention, allowed):
    limits = {
        "min_quality_score": 6.0,
        "max_turnover_pct": 0.2,
        "turnover_convention": convention,
        "invested": (0.0, 1.0),
    }
    if allowed:
        result = propose(portfolio(), policy(**limits), pack(), facts())
        assert result.one_way_turnover_pct <= 0.2 + 1e-6
        assert result.after.below_quality == 0.0
    else:
        with pytest.raises(
            PolicyConflictError, match="two_way, more than max_turnover"
        ):
            propose(portfolio(), policy(**limits), pack(), facts())


def test_the_tracking_error_is_annualised_once():
    error = case(benchmark=np.array([0.45, 0.55])).tracking
    assert error.size(np.array([0.5, 0.5])) == pytest.approx(0.01323, abs=5e-6)


def test_without_the_benchmarks_weights_its_returns_are_compared():
    returns = returns_with(np.array([[0.04, 0.03], [0.03, 0.09]])) + 0.001
    own = returns @ np.array([0.3, 0.7]) - 0.0002
    error = case(returns=returns, benchmark_returns=own).tracking
    w = np.array([0.6, 0.4])
    expected = np.sqrt(252 * np.mean((returns @ w - own) ** 2))
    assert error.size(w) == pytest.approx(expected, rel=1e-9)
    # the mean is not taken off
    assert error.size(np.array([0.3, 0.7])) == pytest.approx(np.sqrt(252) * 0.0002)


def test_two_names_under_a_cap_of_ten_per_cent():
    limits = {"min_quality_score": 6.0, "max_single_position_pct": 0.1}
    with pytest.raises(PolicyConflictError, match=r"0\.5, or 10 names") as error:
        propose(portfolio(), policy(**limits), pack(), facts())
    assert error.value.conflict.single["max_single_position_pct"] == 0.5
    result = propose(portfolio(), policy(**limits, invested=(0, 1)), pack(), facts())
    assert result.after.invested <= 0.2
    assert result.inherited.keys() == {"min_quality_score", "max_single_position_pct"}
    names = case(weights=(0.32941, 0.35237, 0.31822), S=np.eye(3) * 0.04)
    moved = np.abs(np.array([0.1, 0.1, 0.0]) - names.weights).sum()
    assert moved == pytest.approx(0.8)


def test_kept_weights_are_pro_rata_beside_what_cannot_be_traded():
    rated = case(
        weights=(0.32941, 0.35237, 0.31822),
        S=np.eye(3) * 0.04,
        ratings=np.array([9.2, 9.0, 4.5]),
        limits={"min_quality_score": 6.0},
    )
    assert kept_weights(rated) == pytest.approx([0.48317, 0.51683, 0.0], abs=2e-5)
    halted = case(
        weights=(0.5, 0.3, 0.1), S=np.eye(3), tradable=np.array([True, True, False])
    )
    assert kept_weights(halted) == pytest.approx([0.9 * 5 / 8, 0.9 * 3 / 8, 0.1])
    first = case(weights=(0.0, 0.0))
    assert kept_weights(first).tolist() == [0.5, 0.5]


def test_unrated_names_are_refused_excluded_or_allowed():
    ratings = {name: score for name, score in RATINGS.items() if name != "JNJ"}
    found = {}
    for unrated in ("exclude", "allow"):
        limits = policy(min_quality_score=4.0, unrated=unrated)
        result = propose(portfolio(), limits, pack(), facts(ratings=ratings))
        found[unrated] = {trade.symbol: trade for trade in result.trades}
    assert found["exclude"]["JNJ"].target_shares == 0
    assert (
        found["exclude"]["JNJ"].reason == "quality: not rated, and `unrated: exclude`"
    )
    assert "JNJ" not in found["allow"]


def test_an_untradable_holding_is_outside_the_limits():
    halted = case(
        weights=(0.6, 0.4),
        tradable=np.array([False, True]),
        limits={"max_single_position_pct": 0.5},
    )
    solution = solve_policy(halted)
    assert solution.weights.tolist() == pytest.approx([0.6, 0.4])
    assert solution.weights[0] == 0.6
    assert not solution.inherited


def test_every_objective_finds_its_optimum():
    S = np.array([[0.04, 0.03], [0.03, 0.09]])
    views = np.array([0.07, 0.08])
    limits = {"expected_returns": "views", "risk_free_rate": 0.02}

    def weights(objective, **more):
        told = {**limits, "objective": objective, **more}
        return solve_policy(case(S=S, views=views, limits=told)).weights

    assert weights("min_variance") == pytest.approx([6 / 7, 1 / 7], abs=1e-6)
    assert weights("max_sharpe") == pytest.approx([0.75, 0.25], abs=1e-6)
    # mu'w - lambda/2 w'Sw on w = (1 - x, x): .01 - lambda (-.01 + .07 x) = 0
    assert weights("max_utility", risk_aversion=1.0) == pytest.approx(
        [1 - 2 / 7, 2 / 7], abs=1e-6
    )


def test_no_hope_of_more_than_the_risk_free_rate_is_refused_with_the_most():
    limits = {
        "objective": "max_sharpe",
        "expected_returns": "views",
        "risk_free_rate": 0.05,
    }
    with pytest.raises(InfeasibleError, match=r"the most is -1\.0000% a year above it"):
        solve_policy(case(views=np.array([0.03, 0.04]), limits=limits))


def test_sector_floors_caps_and_shorts():
    sectors = ("Tech", "Tech", "Oil")
    S = np.diag([0.04, 0.04, 0.09])
    limits = {"objective": "min_variance", "sector_caps": {"Tech": 0.4}}
    found = solve_policy(case((0.4, 0.3, 0.3), S, sectors=sectors, limits=limits))
    assert found.weights == pytest.approx([0.2, 0.2, 0.6], abs=1e-6)
    limits = {"objective": "min_variance", "sector_floors": {"Oil": 0.7}}
    found = solve_policy(case((0.4, 0.3, 0.3), S, sectors=sectors, limits=limits))
    assert found.weights == pytest.approx([0.15, 0.15, 0.7], abs=1e-6)
    limits = {
        "objective": "max_utility",
        "expected_returns": "views",
        "long_only": False,
        "max_gross_pct": 1.6,
        "max_single_position_pct": 1.0,
        "risk_aversion": 0.01,
    }
    views = np.array([0.1, 0.05, -0.1])
    found = solve_policy(case((0.4, 0.3, 0.3), S, views=views, limits=limits))
    # 130 % long in the best two, 30 % short in the worst
    assert found.weights == pytest.approx([1.0, 0.3, -0.3], abs=1e-4)


def test_a_policy_that_may_be_relaxed_says_what_gave_way():
    limits = {
        "min_quality_score": 6.0,
        "max_turnover_pct": 0.3,
        "turnover_convention": "two_way",
        "on_infeasible": {"relax": ["turnover"]},
    }
    result = propose(portfolio(), policy(**limits), pack(), facts())
    assert result.status == "relaxed"
    # selling XOM and buying as much of the others
    assert result.relaxed["max_turnover_pct"] == pytest.approx(2 * 0.318220, abs=1e-5)
    assert "max_turnover_pct" in result.conflict
    kept = propose(
        portfolio(), policy(**{**limits, "on_infeasible": "hold"}), pack(), facts()
    )
    assert (kept.status, kept.trades) == ("held", ())
    assert {one.reason for one in kept.left_alone} == {
        "the limits contradict each other: held"
    }
    useless = {**limits, "on_infeasible": {"relax": ["tracking_error"]}}
    with pytest.raises(
        PolicyConflictError, match="tracking_error give way, which does"
    ):
        propose(portfolio(), policy(**useless), pack(), facts())


def test_small_trades_are_dropped_and_say_so_but_closing_ones_are_not():
    own = portfolio({"AAPL": 100, "JNJ": 140, "XOM": 1})
    limits = policy(min_quality_score=6.0, min_trade_value=500.0)
    result = propose(own, limits, pack(), facts())
    assert [(trade.symbol, trade.delta_shares) for trade in result.trades] == [
        ("XOM", Decimal(-1))
    ]
    reasons = {one.symbol: one.reason for one in result.left_alone}
    assert reasons == dict.fromkeys(("AAPL", "JNJ"), "within min_trade_value 500")
    (line,) = [line for line in result.limits if line.limit == "invested"]
    assert line.cause == "rounding"
    assert line.missed > 1e-4


def test_lots_and_fractions():
    lots = propose(
        portfolio(), policy(min_quality_score=6.0, lot_size=10), pack(), facts()
    )
    assert {trade.delta_shares % 10 for trade in lots.trades} == {0}
    limits = policy(min_quality_score=6.0, fractional=True)
    parts = propose(portfolio(), limits, pack(), facts())
    deltas = {trade.symbol: trade.delta_shares for trade in parts.trades}
    assert 46 < deltas["AAPL"] < 47
    assert parts.cash_after >= 0
    assert parts.after.invested > 0.9988


@pytest.mark.parametrize("price", [0.0, -1.0, float("nan"), float("inf")])
def test_a_price_that_is_none_is_refused(price):
    with pytest.raises(
        DataError, match=r"the price of XOM is .*; expected more than 0"
    ):
        propose(portfolio(), policy(), pack(price={**PRICES, "XOM": price}), facts())


def test_the_order_of_holdings_changes_nothing():
    limits = policy(min_quality_score=6.0)
    turned = dict(reversed(portfolio().shares.items()))
    one = propose(portfolio(), limits, pack(), facts())
    other = propose(portfolio(turned), limits, pack(), facts())
    assert one == other


def test_days_without_a_close_keep_mean_and_variance():
    closes = np.array([[1.0, 1.0], [1.1, np.nan], [1.21, 1.2], [1.0, 1.5], [1.1, 1.2]])
    returns, few = filled_returns(closes)
    own = np.array([0.2, 0.25, -0.2])
    assert returns[0, 1] == pytest.approx(own.mean())
    assert returns[:, 1].mean() == pytest.approx(own.mean())
    assert returns[:, 1].var(ddof=1) == pytest.approx(own.var(ddof=1))
    assert not few.any()
    assert filled_returns(closes[[0, 1, 1, 1, 2]])[1].tolist() == [False, True]


def test_what_is_invested_gives_way_downwards_only():
    """Cash may be left where a cap is tight, and money is never borrowed."""
    limits = {
        "objective": "max_utility",
        "expected_returns": "views",
        "risk_aversion": 0.01,
        "max_single_position_pct": 0.4,
        "on_infeasible": {"relax": ["invested"]},
    }
    found = solve_policy(case(views=np.array([0.1, 0.2]), limits=limits))
    assert found.status == "relaxed"
    assert found.relaxed["invested"] == pytest.approx((0.8, 1.0), abs=1e-4)
    assert found.weights == pytest.approx([0.4, 0.4], abs=1e-6)


def test_without_an_accurate_answer_a_backtest_holds_and_a_proposal_ends(monkeypatch):
    def nothing(problem):
        tried = ({"solver": "clarabel", "status": "NumericalError"},)
        return ConvexOutcome(answer=None, infeasible=False, attempts=tried)

    monkeypatch.setattr(solution, "solve_convex", nothing)
    held = solve_policy(case(weights=(0.7, 0.3)))
    assert held.status == "failed"
    assert held.weights.tolist() == [0.7, 0.3]
    assert held.conflict is None
    with pytest.raises(SolverError, match=r"clarabel: NumericalError.*nothing is"):
        propose(portfolio(), policy(min_quality_score=6.0), pack(), facts())


def test_nobody_calls_impossible_what_nobody_could_compute(monkeypatch):
    def unknown(case, problem):
        raise SolverError("how far limits must give way could not be computed")

    monkeypatch.setattr(solution, "conflict_of", unknown)
    limits = {"max_single_position_pct": 0.1}
    found = solve_policy(case(limits=limits))
    assert found.status == "failed"
    assert found.attempts[-1]["solver"] == "elastic problem"
