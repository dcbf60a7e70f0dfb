"""Rotations of a path of multipliers."""

from __future__ import annotations

import numpy as np
import pytest

from bt_run.errors import DataError
from bt_run.studies.rotation import Timing, rotation_test

RNG = np.random.default_rng(4)


def slow_share(multiplier: np.ndarray, returns: np.ndarray) -> float:
    """Rotate for real, one by one."""
    sharpes = []
    for shift in range(len(returns)):
        earned = np.roll(multiplier, shift) * returns
        sharpes.append(earned.mean() / earned.std(ddof=1))
    return float(np.mean(np.array(sharpes) >= sharpes[0]))


@pytest.mark.parametrize("rows", [150, 151])
def test_the_share_is_that_of_real_rotations(rows: int) -> None:
    multiplier = RNG.uniform(0.0, 1.0, rows)
    returns = RNG.normal(0.0, 0.01, rows)
    found = rotation_test(Timing(multiplier, returns))
    assert found == pytest.approx(slow_share(multiplier, returns))


def test_perfect_timing_is_matched_by_no_other_rotation() -> None:
    returns = RNG.normal(0.0, 0.01, 500)
    found = rotation_test(Timing((returns > 0.0).astype(float), returns))
    assert found == 1 / 500


def test_the_worst_timing_is_matched_by_all() -> None:
    returns = RNG.normal(0.0, 0.01, 500)
    assert rotation_test(Timing((returns < 0.0).astype(float), returns)) == 1.0


def test_a_path_that_never_changes_has_no_timing() -> None:
    returns = RNG.normal(0.001, 0.01, 500)
    assert rotation_test(Timing(np.full(500, 0.7), returns)) == 1.0


def test_being_long_of_what_rises_is_no_timing() -> None:
    """Slow random paths on a market that rises: 5 % have a share of 5 % or less."""
    shares = []
    for _ in range(400):
        returns = RNG.normal(0.001, 0.01, 750)
        path = np.repeat(RNG.integers(0, 2, 25), 30).astype(float)
        shares.append(rotation_test(Timing(path, returns)))
    assert 0.02 < np.mean(np.array(shares) <= 0.05) < 0.085


def test_there_is_a_multiplier_for_each_return() -> None:
    text = r"found 2 multipliers of 3 returns; expected one for each"
    with pytest.raises(DataError, match=text):
        rotation_test(Timing(np.ones(2), np.zeros(3)))


def test_missing_numbers_are_refused() -> None:
    with pytest.raises(DataError, match=r"1 of 2 multipliers are missing"):
        rotation_test(Timing(np.array([1.0, np.nan]), np.zeros(2)))
    with pytest.raises(DataError, match=r"2 of 2 returns are missing"):
        rotation_test(Timing(np.ones(2), np.full(2, np.nan)))
