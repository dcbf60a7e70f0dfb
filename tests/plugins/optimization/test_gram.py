"""Exact sums: the Gram matrix and the Cholesky solve, to the bit."""

from fractions import Fraction
from math import ceil

import numpy as np
import pytest

from bt_run_plugins.optimization.gram import gram_matrix, solve_positive_definite


def returns(seed=0, T=250, n=12):
    rng = np.random.default_rng(seed)
    common = rng.standard_t(4, (T, 2)) * [0.01, 0.004]
    return (
        common @ rng.normal([[1.0], [0.0]], 0.5, (2, n))
        + rng.standard_t(4, (T, n)) * 0.01
    )


def test_the_gram_matrix_is_exact_for_rounded_returns():
    X = returns(T=60, n=4)
    k = (53 - ceil(np.log2(60))) // 2 - 1
    unit = np.ldexp(1.0, np.frexp(np.abs(X).max(axis=0))[1] - 2 * k)
    rounded = [
        [Fraction(int(v)) * Fraction(float(u)) for v, u in zip(row, unit, strict=True)]
        for row in np.rint(X / unit)
    ]
    for i in range(4):
        for j in range(4):
            exact = sum(row[i] * row[j] for row in rounded)
            assert gram_matrix(X)[i, j] == pytest.approx(
                float(exact), rel=4e-16, abs=1e-21
            )
    np.testing.assert_allclose(gram_matrix(X), X.T @ X, rtol=1e-9, atol=1e-13)


def test_the_gram_matrix_of_shuffled_names_is_the_shuffled_gram_matrix_to_the_bit():
    X = returns(T=200, n=40)
    order = np.random.default_rng(2).permutation(40)
    np.testing.assert_array_equal(
        gram_matrix(X[:, order]), gram_matrix(X)[np.ix_(order, order)]
    )


def test_a_column_of_zeros_has_a_gram_of_zero():
    X = returns(n=3)
    X[:, 1] = 0.0
    assert (gram_matrix(X)[1] == 0.0).all()


@pytest.mark.parametrize("n", [1, 31, 32, 33, 200])
def test_cholesky_solves_like_lapack(n):
    A = gram_matrix(returns(T=400, n=n)) * 1e3 + np.eye(n) * 1e-3
    B = np.random.default_rng(1).normal(size=(n, 2))
    np.testing.assert_allclose(
        solve_positive_definite(A, B), np.linalg.solve(A, B), rtol=1e-9, atol=1e-12
    )


@pytest.mark.parametrize("bad", [-1.0, 0.0, np.nan])
def test_cholesky_refuses_what_is_not_positive_definite(bad):
    with pytest.raises(
        np.linalg.LinAlgError, match=f"not positive definite: pivot 1 is {bad}"
    ):
        solve_positive_definite(np.diag([1.0, bad]), np.ones((2, 1)))
