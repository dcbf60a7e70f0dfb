"""The formulas of performance against empyrical, an implementation that others wrote."""

import math

import empyrical
import numpy as np
import pytest

from bt_run.results import formulas
from bt_run.results.metrics import RETURN_METRICS, return_metrics


def series(kind):
    draws = np.random.default_rng(5).normal(0.0004, 0.011, (2000, 2))
    kinds = {
        "a walk": draws[:, 0],
        "a short one": draws[:3, 0],
        "only gains": np.abs(draws[:50, 0]),
        "only losses": -np.abs(draws[:50, 0]),
        "to the ground": np.append(draws[:20, 0], -1.0),
    }
    return kinds[kind], draws[: len(kinds[kind]), 1]


KINDS = ("a walk", "a short one", "only gains", "only losses", "to the ground")


def agree(found, expected):
    assert found == pytest.approx(float(expected), rel=1e-12, abs=1e-12, nan_ok=True)


@pytest.mark.parametrize("rate", [0.0, 0.0001])
@pytest.mark.parametrize("kind", KINDS)
def test_numbers_of_one_series_are_those_of_empyrical(kind, rate):
    returns, _ = series(kind)
    agree(formulas.total_return(returns), empyrical.cum_returns_final(returns))
    agree(
        formulas.annual_volatility(returns, 252),
        empyrical.annual_volatility(returns, annualization=252),
    )
    agree(
        formulas.sharpe_ratio(returns, 252, rate),
        empyrical.sharpe_ratio(returns, risk_free=rate, annualization=252),
    )
    with np.errstate(divide="ignore"):
        found = formulas.sortino_ratio(returns, 252, rate)
    agree(
        found,
        empyrical.sortino_ratio(returns, required_return=rate, annualization=252),
    )
    agree(formulas.max_drawdown(returns), empyrical.max_drawdown(returns))


@pytest.mark.parametrize("kind", KINDS)
def test_numbers_beside_a_market_are_those_of_empyrical(kind):
    returns, market = series(kind)
    beta, alpha = formulas.beta_and_alpha(returns, market, 252, 0.0001)
    agree(beta, empyrical.beta_aligned(returns, market, risk_free=0.0001))
    expected = empyrical.alpha_aligned(
        returns, market, risk_free=0.0001, annualization=252
    )
    agree(alpha, expected)


def test_drawdown_of_four_returns_by_hand():
    # 1.1, 0.88, 0.968, 1.21: the fall from 1.1 to 0.88 is a fifth
    assert formulas.max_drawdown(np.array([0.1, -0.2, 0.1, 0.25])) == pytest.approx(
        -0.2
    )


def test_skewness_of_three_returns_by_hand():
    # centred -1, -1, 2: (-1 - 1 + 8) / 3 = 2 over ((1 + 1 + 4) / 3) ** 1.5 = 2 ** 1.5
    assert formulas.skewness(np.array([0.0, 0.0, 3.0])) == pytest.approx(2 / 2**1.5)


def test_one_return_has_no_deviation():
    one = np.array([0.01])
    assert math.isnan(formulas.annual_volatility(one, 252))
    assert math.isnan(formulas.sharpe_ratio(one, 252))


# -- all of a plain series of returns --------------------------------------------------------------


def test_a_year_of_returns_has_every_metric():
    returns, _ = series("a walk")
    found = return_metrics(returns[:252], per_year=252, years=1.0, risk_free=0.02)
    rate = 1.02 ** (1 / 252) - 1
    assert tuple(found) == RETURN_METRICS
    assert None not in found.values()
    assert found["cagr"] == pytest.approx(found["total_return"])
    assert found["calmar"] == pytest.approx(found["cagr"] / -found["max_drawdown"])
    assert found["sharpe"] == pytest.approx(
        empyrical.sharpe_ratio(returns[:252], risk_free=rate, annualization=252),
        rel=1e-12,
    )


def test_growth_is_not_extrapolated_from_less_than_a_year():
    returns, _ = series("a walk")
    for years in (0.5, None):
        found = return_metrics(returns[:126], per_year=252, years=years)
        assert found["cagr"] is None
        assert found["calmar"] is None
        assert found["volatility"] is not None


def test_returns_that_do_not_vary_have_no_ratios():
    found = return_metrics(np.full(300, 0.001), per_year=252, years=1.2)
    assert found["sharpe"] is None
    assert found["sortino"] is None
    assert found["skew"] is None
    assert found["calmar"] is None
    assert found["max_drawdown"] == 0.0


def test_no_return_has_no_metric():
    found = return_metrics(np.empty(0), per_year=252, years=None)
    assert found == dict.fromkeys(RETURN_METRICS)
