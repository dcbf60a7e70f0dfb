"""Scores and the variance ratio against plain loops."""

import numpy as np
import pytest

from bt_run_strategies.selection import recent_scores, variance_ratio

NAN = np.nan


def test_a_score_is_the_weighted_mean_over_the_weighted_root_mean_square():
    returns = np.array([[[0.01], [NAN], [-0.02], [0.03]]])
    # of own bars: ages 2, 1, 0 with a halflife of one bar
    weights = np.array([0.25, 0.5, 1.0]) / 1.75
    own = np.array([0.01, -0.02, 0.03])
    want = (weights * own).sum() / np.sqrt((weights * own**2).sum())
    assert recent_scores(returns, 1.0, 3)[0, 0] == pytest.approx(want, rel=1e-12)
    assert np.isnan(recent_scores(returns, 1.0, 4)[0, 0])


def test_nothing_earned_and_nothing_lost_scores_nothing():
    assert recent_scores(np.zeros((2, 5, 1)), 3.0, 2).tolist() == [[0.0], [0.0]]


def test_the_variance_ratio_is_that_of_longer_moves_to_short_ones():
    moves = np.random.default_rng(2).normal(0, 0.01, 60)
    price = np.concatenate([[0.0], moves.cumsum()])
    got = variance_ratio(np.exp(price)[:, None], 5, 1e12, 10)[0]
    long = np.array([price[t] - price[t - 5] for t in range(5, 61)])
    assert got == pytest.approx((long**2).mean() / (5 * (moves**2).mean()), rel=1e-9)


def test_prices_that_go_on_have_a_ratio_above_one_and_those_that_turn_below():
    up = np.exp(0.01 * np.arange(100.0))
    zigzag = np.exp(0.01 * (np.arange(100) % 2))
    still = np.ones(100)
    got = variance_ratio(np.column_stack([up, zigzag, still]), 4, 20.0, 10)
    assert got[0] == pytest.approx(4.0)
    assert got[1] == pytest.approx(0.0, abs=1e-12)
    assert np.isnan(got[2])


def test_a_missing_bar_is_no_bar():
    price = np.exp(np.random.default_rng(6).normal(0, 0.01, 50).cumsum())
    whole = variance_ratio(price[:, None], 3, 10.0, 10)
    gap = np.insert(price, 30, NAN)
    np.testing.assert_allclose(
        variance_ratio(gap[:, None], 3, 10.0, 10), whole, rtol=1e-12
    )
