"""Covariances, their roots, and expected returns."""

import numpy as np
import pytest
from sklearn.covariance import ledoit_wolf

from bt_run_plugins.optimization.covariance import (
    covariance_root,
    ewma_covariance,
    factor_root,
    ledoit_wolf_covariance,
    sample_covariance,
)
from bt_run_plugins.optimization.expected_returns import (
    capm_returns,
    historical_returns,
)
from bt_run_plugins.optimization.matrix_root import square_root


@pytest.fixture
def returns():
    rng = np.random.default_rng(3)
    return 0.01 * (rng.normal(size=(80, 6)) + rng.normal(size=(80, 1)))


def test_the_sample_covariance_is_numpys_times_the_year(returns):
    expected = 252 * np.cov(returns.T)
    assert sample_covariance(returns, 252) == pytest.approx(expected, rel=1e-9)


def test_ledoit_and_wolf_is_that_of_scikit_learn(returns):
    expected = 252 * ledoit_wolf(returns)[0]
    assert ledoit_wolf_covariance(returns, 252) == pytest.approx(expected, rel=1e-9)


def test_returns_that_are_all_alike_shrink_to_nothing():
    assert ledoit_wolf_covariance(np.zeros((5, 2)), 252).tolist() == [[0, 0], [0, 0]]


def test_exponential_weights_halve(returns):
    two = np.array([[0.01], [0.03]])
    # weights 1/3 and 2/3: mean .07/3, variance 1/3 x 2/3 x .02^2
    assert ewma_covariance(two, 1.0, 1.0)[0, 0] == pytest.approx(0.0004 * 2 / 9)
    even = ewma_covariance(returns, 252, 1e9)
    assert even == pytest.approx(252 * np.cov(returns.T, ddof=0), rel=1e-6)


def test_a_factor_model_keeps_the_variances(returns):
    S = sample_covariance(returns, 252)
    B, d = factor_root(S, 2)
    made = B.T @ B + np.diag(d**2)
    assert np.diag(made) == pytest.approx(np.diag(S))
    whole, rest = factor_root(S, 6)
    assert whole.T @ whole == pytest.approx(S, abs=1e-12)
    assert rest == pytest.approx(0.0, abs=1e-7)


@pytest.mark.parametrize("estimator", ["sample", "ledoit_wolf", "ewma", "factor"])
def test_every_estimator_gives_a_root(returns, estimator):
    F = covariance_root(returns, estimator, 252, factors=2)
    made = (F.T @ F).toarray()
    assert np.diag(made) == pytest.approx(252 * returns.var(axis=0), rel=0.5)
    assert np.linalg.eigvalsh(made).min() >= -1e-12


def test_a_root_of_a_singular_matrix_has_its_rank():
    X = np.random.default_rng(4).normal(size=(9, 4))
    X = X[:, [0, 1, 2, 3, 0, 0]]
    S = X.T @ X
    F = square_root(S)
    assert F.shape == (4, 6)
    assert pytest.approx(S, abs=1e-12) == F.T @ F
    assert square_root(np.zeros((3, 3))).shape == (0, 3)


def test_expected_returns_by_hand():
    returns = np.array([[0.01, 0.02], [0.03, 0.06]])
    assert historical_returns(returns, 252) == pytest.approx([5.04, 10.08])
    market = np.array([0.01, 0.03])
    # the second moves twice as much as the market
    assert capm_returns(returns, market, 0.02, 0.05) == pytest.approx([0.07, 0.12])


def test_a_market_that_stands_still_gives_no_beta():
    with pytest.raises(ValueError, match="no name has a beta"):
        capm_returns(np.zeros((3, 2)), np.ones(3), 0.02, 0.05)
