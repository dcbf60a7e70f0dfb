"""Correlations and betas of a history."""

import numpy as np

from bt_run.testing import make_bars, make_state
from bt_run.testing.conformance.markets import market
from bt_run_plugins.optimization.market_risk import (
    betas,
    complete_returns,
    correlation,
    covariance_of,
)


def test_correlations_are_those_of_numpy():
    state = make_state(market("calm"))
    everyone = np.ones(3, dtype=bool)
    returns = complete_returns(state.history, 60, everyone)
    assert returns.shape == (60, 3)
    found = correlation(covariance_of(returns, "sample", 252.0, 20.0))
    np.testing.assert_allclose(found, np.corrcoef(returns.T), atol=1e-12)
    shrunk = correlation(covariance_of(returns, "ledoit_wolf", 252.0, 20.0))
    apart = ~np.eye(3, dtype=bool)
    assert (np.abs(shrunk[apart]) < np.abs(found[apart])).all()
    recent = correlation(covariance_of(returns, "ewma", 252.0, 20.0))
    assert not np.allclose(recent, found)


def test_a_name_that_does_not_vary_correlates_with_itself_alone():
    found = correlation(np.array([[0.04, 0.0], [0.0, 0.0]]))
    np.testing.assert_array_equal(found, np.eye(2))


def test_betas_are_slopes_on_the_benchmark():
    history = make_state(market("ugly"), at=170).history
    found = betas(history, 100)
    returns, market_returns = history.returns(100), history.benchmark_returns(100)
    for i in range(5):
        both = np.isfinite(returns[:, i]) & np.isfinite(market_returns)
        slope = np.polyfit(market_returns[both], returns[both, i], 1)[0]
        np.testing.assert_allclose(found[i], slope, rtol=1e-9)


def test_there_is_no_beta_to_a_benchmark_that_never_moves():
    history = make_state(make_bars({"A": [1.0, 2.0, 1.0, 2.0]})).history
    assert np.isnan(betas(history, 4)).all()
