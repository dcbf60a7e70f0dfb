"""Scores in units of risk, standardised and merged, by hand."""

import numpy as np
import pytest

from bt_run.testing import make_bars
from bt_run_strategies.horizons import (
    merged,
    own_deviation,
    risk_scaled,
    standardised,
)

NAN = np.nan
ALL = np.ones((1, 4), dtype=bool)


def row(*values):
    return np.array([values], dtype=float)


def test_a_score_is_divided_by_the_risk_of_its_horizon():
    # 6 % in 9 bars of 1 % each is 2 standard deviations
    found = risk_scaled(row(0.06, 0.06, 0.06), row(0.01, 0.0, NAN), 9)
    np.testing.assert_allclose(found, row(2.0, NAN, NAN))


def test_the_deviation_is_that_of_own_returns():
    bars = make_bars({"A": [1.0, 1.1, 1.21, 1.21], "B": [1.0, NAN, 1.1, 1.21]})
    found = own_deviation(bars, 2)
    np.testing.assert_allclose(found[3], [0.1 / np.sqrt(2), 0.0], atol=1e-15)
    assert np.isnan(found[:2]).all()


def test_zscores_are_over_the_eligible_names_of_a_row():
    found = standardised(
        row(1.0, 3.0, 100.0, NAN), np.array([[1, 1, 0, 1]]) > 0, "zscore"
    )
    np.testing.assert_allclose(found, row(-1.0, 1.0, NAN, NAN))


def test_ranks_share_among_equals():
    found = standardised(row(5.0, 1.0, 5.0, 900.0), ALL, "rank")
    ranks = np.array([1.5, 0.0, 1.5, 3.0])
    np.testing.assert_allclose(found[0], (ranks - 1.5) / np.std(ranks))


def test_ranks_are_those_of_scipy():
    rankdata = pytest.importorskip("scipy.stats").rankdata
    z = np.random.default_rng(4).integers(0, 6, (50, 9)).astype(float)
    ranks = rankdata(z, axis=1)
    expected = ranks - ranks.mean(axis=1, keepdims=True)
    expected /= ranks.std(axis=1, keepdims=True)
    found = standardised(z, np.ones(z.shape, dtype=bool), "rank")
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("standard", ["zscore", "rank"])
def test_equal_scores_are_all_0(standard):
    found = standardised(row(0.1, 0.1, 0.1, NAN), ALL, standard)
    np.testing.assert_array_equal(found, row(0.0, 0.0, 0.0, NAN))


def test_raw_scores_are_left_as_they_are():
    np.testing.assert_array_equal(
        standardised(row(1.0, 7.0, NAN, 2.0), ALL, "raw"), row(1.0, 7.0, NAN, 2.0)
    )


def test_a_horizon_that_is_nan_is_left_out_and_the_others_count_more():
    near, far = row(2.0, 2.0, NAN, NAN), row(-1.0, NAN, 5.0, NAN)
    np.testing.assert_allclose(merged([near, far], [2.0, 1.0]), row(1.0, 2.0, 5.0, NAN))
