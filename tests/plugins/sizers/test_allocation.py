"""Sizers that allocate by covariances: against closed forms, cvxpy and skfolio."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bt_run import BuildContext, SolverError
from bt_run.testing import make_bars, make_rows, make_state
from bt_run_plugins.optimization.covariance import ledoit_wolf_covariance
from bt_run_plugins.sizers.allocation import Allocation, AllocationConfig, GroupCaps
from bt_run_plugins.sizers.hierarchical_risk_parity import (
    HierarchicalRiskParity,
    HierarchicalRiskParityConfig,
    tree_shares,
)
from bt_run_plugins.sizers.mean_variance import (
    MeanVariance,
    MeanVarianceConfig,
    shrunk_means,
)
from bt_run_plugins.sizers.minimum_variance import (
    MinimumVariance,
    MinimumVarianceConfig,
)
from bt_run_plugins.sizers.risk_parity import RiskParity, RiskParityConfig, equal_risk

NAN = np.nan
CONTEXT = BuildContext(costs=None)
SIZERS = [
    (RiskParity, RiskParityConfig),
    (MinimumVariance, MinimumVarianceConfig),
    (MeanVariance, MeanVarianceConfig),
    (HierarchicalRiskParity, HierarchicalRiskParityConfig),
]


def prices(n, rows=90, seed=0):
    random = np.random.default_rng(seed)
    common = random.normal(0.0004, 0.01, (rows, 1))
    own = random.normal(0.0, 0.004, (rows, n)) * np.arange(1, n + 1)
    return 50 * np.exp((common + own).cumsum(axis=0))


def bars_of(close):
    names = [f"A{i:02d}" for i in range(close.shape[1])]
    return make_bars({name: close[:, i] for i, name in enumerate(names)})


def covariance(n, seed, rows=200):
    random = np.random.default_rng(seed)
    X = random.normal(size=(rows, n)) @ random.normal(size=(n, n))
    return X.T @ X / rows


# -- risk parity -----------------------------------------------------------------------------------


@settings(max_examples=200)
@given(st.integers(1, 30), st.integers(0, 2**32 - 1))
def test_every_name_contributes_the_same_risk(n, seed):
    S = covariance(n, seed)
    w = equal_risk(S)
    parts = w * (S @ w)
    assert np.abs(parts * n / parts.sum() - 1).max() <= 1e-6
    assert w.sum() == pytest.approx(1, abs=1e-12)
    assert (w > 0).all()


def test_two_names_share_by_the_inverse_of_their_deviation():
    S = np.array([[0.04, 0.012], [0.012, 0.01]])
    np.testing.assert_allclose(equal_risk(S), [1 / 3, 2 / 3], rtol=1e-9)


def test_a_name_that_does_not_vary_has_no_share():
    S = np.diag([0.04, 0.0, 0.04])
    np.testing.assert_allclose(equal_risk(S), [0.5, 0, 0.5])
    np.testing.assert_allclose(equal_risk(np.zeros((2, 2))), [0.5, 0.5])


def test_what_cannot_be_made_equal_is_said():
    S = np.array([[1.0, -1.0], [-1.0, 1.0]])
    with pytest.raises(
        SolverError, match="risk_parity: the contributions of 2 names cann"
    ):
        equal_risk(S)


# -- least variance and mean and variance ----------------------------------------------------------


def by_cvxpy(S, mu=None, aversion=1.0, cap=1.0):
    cp = pytest.importorskip("cvxpy")
    w = cp.Variable(len(S))
    risk = cp.sum_squares(np.linalg.cholesky(S).T @ w)
    gain = 0 if mu is None else mu @ w
    asked = cp.Problem(
        cp.Minimize(0.5 * aversion * risk - gain), [cp.sum(w) == 1, w >= 0, w <= cap]
    )
    asked.solve(solver=cp.CLARABEL, tol_gap_abs=1e-13, tol_gap_rel=1e-12)
    return w.value


@pytest.mark.parametrize(("n", "cap"), [(3, 1.0), (12, 0.2), (30, 0.1)])
def test_the_least_variance_is_that_of_another_solver(n, cap):
    close = prices(n, rows=160, seed=n)
    config = MinimumVarianceConfig(lookback=120, cap=cap)
    got = MinimumVariance(config, CONTEXT).target_weights(make_state(bars_of(close)))
    returns = close[1:] / close[:-1] - 1
    S = ledoit_wolf_covariance(returns[-120:], 252.0)
    np.testing.assert_allclose(got.values, by_cvxpy(S, cap=cap), atol=1e-7)
    assert got.notes["gross volatility"] == pytest.approx(
        np.sqrt(got.values @ S @ got.values)
    )


def test_mean_and_variance_are_weighed_as_another_solver_does():
    close = prices(8, rows=160, seed=3)
    config = MeanVarianceConfig(lookback=120, risk_aversion=4.0, shrink=False)
    got = MeanVariance(config, CONTEXT).target_weights(make_state(bars_of(close)))
    returns = (close[1:] / close[:-1] - 1)[-120:]
    S = ledoit_wolf_covariance(returns, 252.0)
    want = by_cvxpy(S, returns.mean(axis=0) * 252, aversion=4.0)
    np.testing.assert_allclose(got.values, want, atol=1e-7)


def allocation(returns, **config):
    n = returns.shape[1]
    options = AllocationConfig(lookback=len(returns), **config)
    return Allocation(options, np.ones(n, dtype=bool), returns, 252.0)


def test_means_are_shrunk_toward_that_of_the_least_variance():
    returns = np.random.default_rng(5).normal(0.0005, 0.01, (252, 4))
    one = allocation(returns, covariance="sample")
    mu = returns.mean(axis=0) * 252
    inverse = np.linalg.inv(np.cov(returns, rowvar=False) * 252)
    least = inverse.sum(axis=1) / inverse.sum()
    middle = least @ mu
    distance = (mu - middle) @ inverse @ (mu - middle)
    share = 6 / (6 + distance)
    want = (1 - share) * mu + share * middle
    np.testing.assert_allclose(shrunk_means(one, mu), want, rtol=1e-6)


def test_groups_keep_their_caps():
    close = prices(4, rows=90)
    names = ["A00", "A01", "A02", "A03"]
    sectors = ["oil", "oil", "tech", None]
    bars = bars_of(close)
    config = MinimumVarianceConfig(
        lookback=60, groups="sector", group_caps={"oil": 0.1}, group_cap=0.5
    )
    state = make_state(bars)

    class Known:
        """The history with a table."""

        def __getattr__(self, name):
            return getattr(state.history, name)

        def table(self, name):
            assert name == "sector"
            return np.array(sectors, dtype=object)

    from bt_run.decision.state import changed

    sizer = MinimumVariance(config, CONTEXT)
    assert sizer.reads == {"sector": "text"}
    got = sizer.target_weights(changed(state, {"history": Known()}))
    held = dict(zip(names, got.values, strict=True))
    assert held["A00"] + held["A01"] == pytest.approx(0.1, abs=1e-8)
    assert held["A02"] <= 0.5 + 1e-8
    assert sum(held.values()) == pytest.approx(1, abs=1e-9)


def test_caps_that_leave_less_than_all_are_filled_and_told():
    config = MinimumVarianceConfig(lookback=60, cap=0.2)
    state = make_state(bars_of(prices(3)))
    got = MinimumVariance(config, CONTEXT).target_weights(state)
    np.testing.assert_allclose(got.values, [0.2, 0.2, 0.2], atol=1e-9)
    assert got.notes["shared"] == pytest.approx(0.6)


# -- the tree --------------------------------------------------------------------------------------


def test_the_tree_is_skfolios():
    skfolio = pytest.importorskip("skfolio.optimization")
    moments = pytest.importorskip("skfolio.moments")
    prior = pytest.importorskip("skfolio.prior")
    close = prices(10, rows=200, seed=9)
    returns = close[1:] / close[:-1] - 1
    own = tree_shares(allocation(returns, covariance="sample"), "ward")
    sample = prior.EmpiricalPrior(covariance_estimator=moments.EmpiricalCovariance())
    want = skfolio.HierarchicalRiskParity(prior_estimator=sample).fit(returns).weights_
    np.testing.assert_allclose(own, want, atol=1e-9)


def test_one_name_that_varies_has_all():
    returns = np.column_stack([np.zeros(50), np.random.default_rng(1).normal(size=50)])
    np.testing.assert_array_equal(tree_shares(allocation(returns), "ward"), [0, 1])
    still = allocation(np.zeros((50, 2)))
    np.testing.assert_array_equal(tree_shares(still, "ward"), [0.5, 0.5])


# -- who takes part, for all of them ---------------------------------------------------------------


@pytest.mark.parametrize(("build", "config"), SIZERS)
def test_flat_names_leave_cash_and_young_ones_have_no_share(build, config):
    close = prices(4, rows=90)
    close[:60, 3] = NAN
    bars = make_bars({name: make_rows(close[:, i]) for i, name in enumerate("ABCD")})
    state = make_state(bars, signals=[1.0, 0.0, 0.5, 1.0])
    sizer = build(config(lookback=60), CONTEXT)
    got = sizer.target_weights(state)
    all_in = sizer.target_weights(make_state(bars, signals=[1.0, 1.0, 1.0, 1.0]))
    np.testing.assert_allclose(got.values, all_in.values * [1, 0, 0.5, 1], atol=1e-12)
    assert got.values[3] == 0.0
    assert got.notes["too little history"] == ["D"]
    assert all_in.values.sum() == pytest.approx(1, abs=1e-9)
    shared = build(config(lookback=60, redistribute=True), CONTEXT)
    values = shared.target_weights(state).values
    assert values[1] == 0.0
    assert values[0] + 2 * values[2] == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize(("build", "config"), SIZERS)
def test_without_history_nothing_is_held(build, config):
    got = build(config(lookback=80), CONTEXT).target_weights(
        make_state(bars_of(prices(3, rows=40)))
    )
    np.testing.assert_array_equal(got.values, np.zeros(3))
    assert got.notes["reason"] == "cash: no covariance yet"


@pytest.mark.parametrize("estimator", ["sample", "ledoit_wolf", "ewma", "factor"])
def test_every_estimator_gives_a_volatility(estimator):
    returns = np.random.default_rng(2).normal(0, 0.01, (300, 3))
    one = allocation(returns, covariance=estimator, factors=2)
    assert one.volatility(np.array([1.0, 0, 0])) == pytest.approx(0.16, rel=0.2)


def test_group_caps_need_groups():
    with pytest.raises(
        ValueError, match="group caps without groups; expected `groups: "
    ):
        GroupCaps(group_cap=0.3)
    with pytest.raises(
        ValueError, match=r"group_caps\.oil was 2; expected a fraction fro"
    ):
        GroupCaps(groups="sector", group_caps={"oil": 2.0})
