"""What is missing is refused."""

import numpy as np
import pytest

from bt_run.errors import DataError
from bt_run.studies.numbers import require_numbers, sharpes_of


def test_finite_numbers_pass() -> None:
    require_numbers(np.array([0.0, -1.0]), "returns")


def test_missing_and_infinite_numbers_are_counted_and_named() -> None:
    text = r"^2 of 4 losses are missing; expected finite numbers$"
    with pytest.raises(DataError, match=text):
        require_numbers(np.array([[0.0, np.nan], [np.inf, 1.0]]), "losses")


def test_sharpe_ratios_from_means_are_those_of_the_returns() -> None:
    returns = np.random.default_rng(1).normal(0.001, 0.01, (60, 3))
    expected = returns.mean(axis=0) / returns.std(axis=0, ddof=1)
    found = sharpes_of(returns.mean(axis=0), (returns**2).mean(axis=0), 60.0)
    assert found == pytest.approx(expected)


def test_what_does_not_vary_has_a_sharpe_ratio_of_nothing() -> None:
    returns = np.column_stack([np.zeros(99), np.full(99, 1e-4), np.full(99, 0.1)])
    found = sharpes_of(returns.mean(axis=0), (returns**2).mean(axis=0), 99.0)
    assert found.tolist() == [0.0, 0.0, 0.0]
