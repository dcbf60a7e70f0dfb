"""Verdicts on runs that follow a benchmark."""

from __future__ import annotations

import math

import numpy as np
import pytest

from bt_run.errors import DataError
from bt_run.studies.rule import SignificanceConfig
from bt_run.studies.tracking import Pursuit, judge_tracking

RNG = np.random.default_rng(9)
MARKET = RNG.normal(0.0004, 0.01, 1260)
STRAYED = RNG.normal(0.0, 0.02 / math.sqrt(252), 1260)  # 2 % a year
CONFIG = SignificanceConfig()


def test_the_tracking_error_by_hand() -> None:
    # d = 0.01, -0.01, 0.01: not demeaned, sqrt(252 x 0.0001)
    pursuit = Pursuit(np.array([0.02, 0.0, 0.02]), np.full(3, 0.01))
    found = judge_tracking(pursuit, CONFIG, seed=1)
    assert found.tracking_error.value == pytest.approx(math.sqrt(252) * 0.01)
    assert found.excess.value == pytest.approx(252 * 0.01 / 3)
    assert found.years == 3 / 252


def test_the_interval_is_that_of_a_standard_deviation() -> None:
    """Of normal values s has the standard error s / sqrt(2 T): 2 % of it here."""
    found = judge_tracking(Pursuit(MARKET + STRAYED, MARKET), CONFIG, seed=1)
    width = found.tracking_error.high - found.tracking_error.low
    expected = 2 * 1.96 * found.tracking_error.value / math.sqrt(2 * 1260)
    assert width == pytest.approx(expected, rel=0.1)


@pytest.mark.parametrize(
    ("bound", "word"),
    [(0.03, "significant"), (0.0201, "some evidence"), (0.015, "harmful")],
)
def test_the_word_depends_on_the_bound(bound: float, word: str) -> None:
    exact = STRAYED * (0.02 / math.sqrt(252 * (STRAYED**2).mean()))
    found = judge_tracking(Pursuit(MARKET + exact, MARKET, bound), CONFIG, seed=1)
    assert found.tracking_error.value == pytest.approx(0.02)
    assert found.word == word
    just_missed = Pursuit(MARKET + exact, MARKET, 0.0199)
    assert judge_tracking(just_missed, CONFIG, seed=1).word == "inconclusive"


def test_without_a_bound_nothing_is_concluded() -> None:
    found = judge_tracking(Pursuit(MARKET, MARKET), CONFIG, seed=1)
    assert (found.word, found.conditions) == ("inconclusive", ())
    assert found.tracking_error.high == 0.0


def test_what_earns_more_is_no_better_tracker() -> None:
    ahead = Pursuit(MARKET + 0.002, MARKET, bound=0.02)
    found = judge_tracking(ahead, CONFIG, seed=1)
    assert found.word == "harmful"
    assert found.excess.value == pytest.approx(0.504)


def test_mistakes_are_refused() -> None:
    text = r"found 2 returns of the run and 3 of the benchmark; expected as many of"
    with pytest.raises(DataError, match=text):
        judge_tracking(Pursuit(np.zeros(2), np.zeros(3)), CONFIG, seed=1)
    with pytest.raises(DataError, match=r"found no returns; a tracking error needs"):
        judge_tracking(Pursuit(np.zeros(0), np.zeros(0)), CONFIG, seed=1)
    with pytest.raises(DataError, match=r"1 of 1 returns of the benchmark are miss"):
        judge_tracking(Pursuit(np.zeros(1), np.array([np.nan])), CONFIG, seed=1)
    text = r"the bound was -0\.02; expected a positive tracking error per year"
    with pytest.raises(ValueError, match=text):
        judge_tracking(Pursuit(MARKET, MARKET, -0.02), CONFIG, seed=1)
