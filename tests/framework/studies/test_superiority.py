"""Tests of many configurations against a baseline."""

from __future__ import annotations

import numpy as np
import pytest

from bt_run.errors import DataError
from bt_run.studies.superiority import superior

RNG = np.random.default_rng(11)
MARKET = RNG.normal(0.0003, 0.01, 1000)
NOISE = RNG.normal(0.0, 0.004, (1000, 8))


def test_what_is_better_is_found_and_named() -> None:
    returns = MARKET[:, None] + NOISE
    returns[:, 3] += 0.001  # 25 % a year against a deviation of 6 %
    found = superior(returns, MARKET, seed=1)
    assert found.pvalue < 0.01
    assert found.better == (3,)


def test_noise_is_not_better() -> None:
    found = superior(MARKET[:, None] + NOISE - NOISE.mean(axis=0), MARKET, seed=1)
    assert found.pvalue > 0.3
    assert found.better == ()


def test_the_seed_repeats_the_answer() -> None:
    returns = MARKET[:, None] + NOISE
    first = superior(returns, MARKET, seed=5)
    assert superior(returns, MARKET, seed=5) == first
    assert superior(returns, MARKET, seed=6).pvalue != first.pvalue


def test_copies_of_the_baseline_are_left_out() -> None:
    assert superior(MARKET[:, None], MARKET, seed=1).pvalue == 1.0
    returns = np.column_stack([MARKET, MARKET + NOISE[:, 0] + 0.001, MARKET])
    assert superior(returns, MARKET, seed=1).better == (1,)


def test_missing_returns_are_refused() -> None:
    with pytest.raises(DataError, match=r"1 of 2 returns of the baseline are missing"):
        superior(np.zeros((2, 1)), np.array([0.0, np.nan]), seed=1)
    with pytest.raises(DataError, match=r"1 of 2 returns are missing"):
        superior(np.array([[np.nan], [0.0]]), np.zeros(2), seed=1)
