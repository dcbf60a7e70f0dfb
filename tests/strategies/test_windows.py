"""Windows against numpy's own figures of each slice, and to the last bit whatever stands around."""

import numpy as np
import pytest

from bt_run_strategies.windows import (
    last_side,
    rolling_deviation,
    rolling_max,
    rolling_mean,
    rolling_min,
    rolling_product,
    shifted,
)

NAN = np.nan
VALUES = np.random.default_rng(3).normal(0, 1, (40, 3)).cumsum(axis=0)


@pytest.mark.parametrize("n", [1, 2, 7, 40, 41])
def test_they_are_the_figures_of_each_slice(n):
    for rolling, figure in (
        (rolling_mean, np.mean),
        (rolling_max, np.max),
        (rolling_min, np.min),
        (rolling_deviation, np.std),
    ):
        got = rolling(VALUES, n)
        assert np.isnan(got[: n - 1]).all()
        for t in range(n - 1, len(VALUES)):
            want = figure(VALUES[t + 1 - n : t + 1], axis=0)
            np.testing.assert_allclose(got[t], want, rtol=1e-12, atol=1e-12)


def test_a_product_is_numpys_covariance():
    got = rolling_product(VALUES[:, :1], VALUES[:, 1:2], 12)[30, 0]
    want = np.cov(VALUES[19:31, 0], VALUES[19:31, 1], ddof=0)[0, 1]
    assert got == pytest.approx(want, rel=1e-12)


def test_a_row_has_the_same_bits_whatever_stands_around_it():
    for rolling in (rolling_mean, rolling_deviation, rolling_max):
        whole = rolling(VALUES, 9)[20]
        np.testing.assert_array_equal(rolling(VALUES[12:21], 9)[8], whole)
        np.testing.assert_array_equal(rolling(VALUES[:21], 9)[20], whole)


def test_a_sample_deviation_divides_by_one_less():
    got = rolling_deviation(VALUES, 5, ddof=1)[10]
    np.testing.assert_allclose(got, VALUES[6:11].std(axis=0, ddof=1), rtol=1e-12)


def test_rows_are_shifted_down_and_sides_are_kept():
    column = np.array([[1.0], [2.0], [3.0]])
    np.testing.assert_array_equal(shifted(column, 2), [[NAN], [NAN], [1]])
    assert np.isnan(shifted(column, 5)).all()
    np.testing.assert_array_equal(shifted(column, 0), column)
    side = np.array([[NAN], [1.0], [NAN], [-1.0], [NAN]])
    np.testing.assert_array_equal(last_side(side)[:, 0], [0, 1, 1, -1, -1])
