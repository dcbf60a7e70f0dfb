"""Verdicts against closed forms, and on runs whose answer is known."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from bt_run.errors import DataError
from bt_run.studies.rotation import Timing
from bt_run.studies.rule import SignificanceConfig
from bt_run.studies.significance import (
    Evidence,
    Significance,
    TrialCount,
    Unjudged,
    exposure_matched,
    judge,
    volatility_matched,
)
from bt_run.studies.statistics import measure_moments, probabilistic_sharpe

CONFIG = SignificanceConfig()
YEAR = math.sqrt(252)
COUNTED = TrialCount(number=3, deflated=0.99)


def normal(seed: int, periods: int = 2520) -> np.ndarray:
    """Return normal values whose mean is 0 and whose deviation is 1 (ddof 1), exactly."""
    values = np.random.default_rng(seed).standard_normal(periods)
    values -= values.mean()
    return values / values.std(ddof=1)


def returns_of(sharpe_year: float, shocks: np.ndarray) -> np.ndarray:
    return 0.01 * (shocks + sharpe_year / YEAR)


MARKET = returns_of(0.4, normal(1))


def judged(
    returns: np.ndarray, baseline: np.ndarray = MARKET, **more: object
) -> Significance:
    evidence = replace(Evidence(returns, baseline, MARKET), **more)
    found = judge(evidence, CONFIG, seed=7)
    assert isinstance(found, Significance)
    return found


# -- numbers ---------------------------------------------------------------------------------------


def test_estimates_are_those_of_the_series() -> None:
    run = returns_of(0.9, normal(2))
    found = judged(run, baseline=0.5 * MARKET)
    assert found.sharpe.value == pytest.approx(0.9)
    assert found.baseline.sharpe_difference.value == pytest.approx(0.5)
    assert found.benchmark.sharpe_difference.value == pytest.approx(0.5)
    excess = 252 * (run.mean() - 0.5 * MARKET.mean())
    assert found.baseline.excess.value == pytest.approx(excess)
    assert found.benchmark.excess.value == pytest.approx(0.01 * YEAR * 0.5)
    assert found.years == 10.0


def test_the_interval_of_a_sharpe_ratio_is_the_normal_one() -> None:
    """Standard error sqrt((1 + SR^2 / 2) / T), Lo (2002)."""
    found = judged(returns_of(1.0, normal(2)))
    error = math.sqrt((1.0 + 0.5 / 252) / 2520) * YEAR
    assert found.sharpe.low == pytest.approx(1.0 - 1.96 * error, abs=0.05)
    assert found.sharpe.high == pytest.approx(1.0 + 1.96 * error, abs=0.05)


def test_the_interval_of_a_difference_is_the_normal_one() -> None:
    """Variance 2 (1 - rho) / T to first order of the Sharpe ratios, Jobson and Korkie (1981)."""
    shocks = 0.9 * normal(1) + math.sqrt(1.0 - 0.81) * normal(2)
    shocks = (shocks - shocks.mean()) / shocks.std(ddof=1)
    found = judged(returns_of(0.6, shocks))
    rho = np.corrcoef(shocks, MARKET)[0, 1]
    error = math.sqrt(2.0 * (1.0 - rho) / 2520) * YEAR
    difference = found.baseline.sharpe_difference
    assert difference.value == pytest.approx(0.2)
    assert difference.low == pytest.approx(0.2 - 1.96 * error, abs=0.03)
    assert difference.high == pytest.approx(0.2 + 1.96 * error, abs=0.03)
    # 2.80 standard errors are found with 80 % power
    assert found.detectable == pytest.approx(2.802 * error, rel=0.08)
    needed = 10.0 * (found.detectable / 0.2) ** 2
    assert found.years_needed == pytest.approx(needed)


def test_the_intervals_are_those_of_arch() -> None:
    from arch.bootstrap import StationaryBootstrap

    def estimates(rows: np.ndarray) -> np.ndarray:
        sharpes = YEAR * rows.mean(axis=0) / rows.std(axis=0, ddof=1)
        return np.array([sharpes[0], sharpes[0] - sharpes[1]])

    run = returns_of(0.9, normal(2))
    found = judged(run)
    series = np.column_stack([run, MARKET])
    theirs = StationaryBootstrap(found.block, series, seed=7)
    low, high = theirs.conf_int(estimates, CONFIG.resamples, method="percentile")
    difference = found.baseline.sharpe_difference
    assert (found.sharpe.low, difference.low) == pytest.approx(tuple(low))
    assert (found.sharpe.high, difference.high) == pytest.approx(tuple(high))


def test_the_interval_of_an_excess_is_the_textbooks() -> None:
    run = returns_of(0.9, normal(2))
    found = judged(run).benchmark.excess
    error = 252 * (run - MARKET).std(ddof=1) / math.sqrt(2520)
    assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.08)


def test_the_probability_above_zero_is_that_of_its_moments() -> None:
    run = returns_of(0.5, normal(2))
    assert judged(run).positive == probabilistic_sharpe(measure_moments(run))


def test_what_remembers_has_longer_blocks_and_wider_intervals() -> None:
    smooth = np.convolve(normal(2, 2529), np.ones(10), mode="valid")
    smooth = (smooth - smooth.mean()) / smooth.std(ddof=1)
    plain, slow = judged(returns_of(0.5, normal(2))), judged(returns_of(0.5, smooth))
    assert plain.block <= 3
    assert slow.block > 10
    assert slow.sharpe.high - slow.sharpe.low > 2 * (
        plain.sharpe.high - plain.sharpe.low
    )


def test_the_seed_repeats_the_answer() -> None:
    evidence = Evidence(returns_of(0.9, normal(2)), MARKET, MARKET)
    first = judge(evidence, CONFIG, seed=5)
    assert judge(evidence, CONFIG, seed=5) == first
    assert judge(evidence, CONFIG, seed=6) != first


def test_years_better_are_counted_at_equal_volatility() -> None:
    """Four years, and four months that belong to the last."""
    ahead = np.concatenate([[1.0] * 252, [-1.0] * 252, [1.0] * 252, [0.5] * 336])
    run = 0.01 * (normal(2, 1092) + 0.1 * ahead)
    benchmark = 0.005 * normal(2, 1092)
    found = judge(Evidence(run, benchmark, benchmark), CONFIG, seed=1)
    assert isinstance(found, Significance)
    assert (found.better_folds, found.folds) == (3, 4)


def test_a_record_of_months_is_one_fold() -> None:
    run = returns_of(0.5, normal(2, 63))
    found = judge(Evidence(run, run, run), CONFIG, seed=1)
    assert isinstance(found, Significance)
    assert found.folds == 1


# -- words -----------------------------------------------------------------------------------------


def test_a_run_equal_to_its_baseline_is_inconclusive() -> None:
    found = judged(MARKET, trials=COUNTED)
    assert found.word == "inconclusive"
    assert found.baseline.sharpe_difference.high == 0.0
    assert found.years_needed is None
    # so is one that only holds less of the same
    assert judged(0.3 * MARKET, trials=COUNTED).word == "inconclusive"


def test_a_run_that_loses_is_harmful() -> None:
    assert judged(returns_of(-0.8, normal(2))).word == "harmful"
    # against its baseline too, where it earns something
    close = 0.95 * normal(1) + 0.05 * normal(2)
    assert judged(returns_of(0.1, close / close.std(ddof=1))).word == "harmful"


def test_a_run_that_is_far_better_is_significant_once_its_trials_are_counted() -> None:
    run = returns_of(2.0, normal(2))
    assert judged(run, trials=COUNTED).word == "significant"
    assert judged(run).word == "some evidence"
    unlucky = replace(COUNTED, deflated=0.6)
    assert judged(run, trials=unlucky).word == "some evidence"
    overfitted = replace(COUNTED, overfitting=0.5)
    found = judged(run, trials=overfitted)
    assert found.word == "some evidence"
    assert judged(run, trials=replace(COUNTED, overfitting=0.2)).word == "significant"


def test_luck_of_ten_years_is_rarely_significant() -> None:
    """Random timing of a market at equal exposure, as if its trials had been passed."""
    rng = np.random.default_rng(5)
    words = []
    for seed in range(60):
        market = returns_of(0.4, normal(seed + 500))
        path = np.repeat(rng.integers(0, 2, 120), 21).astype(float)
        run = path * market
        evidence = Evidence(run, exposure_matched(market, path.mean()), market)
        evidence = replace(evidence, timing=Timing(path, market), trials=COUNTED)
        found = judge(evidence, SignificanceConfig(resamples=200), seed)
        assert isinstance(found, Significance)
        words.append(found.word)
    assert words.count("significant") <= 4
    # to be out half the time costs 0.12 of the Sharpe ratio, which some worlds show
    assert words.count("harmful") <= 9
    assert words.count("inconclusive") >= 45


def test_every_line_of_the_rule_keeps_its_figure() -> None:
    path = np.repeat([0.0, 1.0], 1260)
    found = judged(path * MARKET, timing=Timing(path, MARKET), trials=COUNTED)
    figures = {line.measure: line.figure for line in found.conditions}
    assert figures["rotation"] == found.rotation
    assert figures["deflated"] == 0.99
    assert figures["better_folds"] == found.better_folds / 10
    assert figures["overfitting"] is None
    assert figures["surely_better"] == found.baseline.sharpe_difference.low
    assert figures["difference_high"] == found.baseline.sharpe_difference.high
    assert figures["sharpe_high"] == found.sharpe.high
    # 90 % lie inside 95 %
    low = figures["difference_low"]
    assert low is not None
    assert low > found.baseline.sharpe_difference.low


# -- baselines -------------------------------------------------------------------------------------


def test_a_baseline_at_equal_exposure_is_a_multiple() -> None:
    assert exposure_matched(np.array([0.02, -0.01]), 0.5).tolist() == [0.01, -0.005]


def test_a_baseline_at_equal_volatility_has_it() -> None:
    run = returns_of(0.5, normal(2)) * 0.37
    assert volatility_matched(MARKET, run).std() == pytest.approx(run.std())
    assert not volatility_matched(np.full(2520, 0.001), run).any()


def test_a_market_that_stands_still_is_no_hurdle() -> None:
    flat = np.zeros(2520)
    found = judge(Evidence(returns_of(0.9, normal(2)), flat, flat), CONFIG, seed=1)
    assert isinstance(found, Significance)
    assert found.baseline.sharpe_difference.value == pytest.approx(0.9)


# -- what cannot be judged -------------------------------------------------------------------------


def test_a_run_of_days_is_not_judged() -> None:
    found = judge(Evidence(MARKET[:19], MARKET[:19], MARKET[:19]), CONFIG, seed=1)
    assert found == Unjudged("19 returns, and 20 are needed")


def test_cash_is_not_judged() -> None:
    found = judge(Evidence(np.zeros(2520), MARKET, MARKET), CONFIG, seed=1)
    assert found == Unjudged("all 2520 returns are 0: nothing was at stake")


def test_series_have_the_same_rows() -> None:
    text = (
        r"found 2 returns of the run, 3 of its baseline and 3 of the benchmark; "
        r"expected as many of each"
    )
    with pytest.raises(DataError, match=text):
        judge(Evidence(np.zeros(2), np.zeros(3), np.zeros(3)), CONFIG, seed=1)


def test_missing_returns_are_refused() -> None:
    broken = np.where(np.arange(2520) == 5, np.nan, MARKET)
    with pytest.raises(DataError, match=r"1 of 2520 returns of the baseline are miss"):
        judge(Evidence(MARKET, broken, MARKET), CONFIG, seed=1)
