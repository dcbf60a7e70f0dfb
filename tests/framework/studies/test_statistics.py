"""Statistics of Sharpe ratios against published examples and second methods."""

from __future__ import annotations

import math
from itertools import combinations
from statistics import NormalDist

import numpy as np
import pytest

from bt_run.errors import DataError
from bt_run.studies.statistics import (
    Moments,
    clusters,
    deflate,
    deflated_sharpe,
    expected_best,
    measure_moments,
    measure_overfitting,
    min_backtest_years,
    min_track_record,
    probabilistic_sharpe,
    split_logits,
)

# Bailey and Lopez de Prado (2014): 2.5 a year of 250 days, five years
PAPER = Moments(periods=1250, sharpe=2.5 / math.sqrt(250), skew=-3.0, kurtosis=10.0)
# the worked example: four blocks of three configurations
BLOCKS = np.array(
    [[0.02, 0.01, 0.0], [-0.01, 0.02, 0.005], [0.03, -0.02, 0.0], [0.0, 0.01, 0.01]]
)


def normal(sharpe_year: float, periods: int = 2520) -> Moments:
    return Moments(periods, sharpe_year / math.sqrt(252), skew=0.0, kurtosis=3.0)


def noise(periods: int, number: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.0, 0.01, (periods, number))


# -- moments ---------------------------------------------------------------------------------------


def test_moments_by_hand() -> None:
    # deviations from 0.01: -0.02, -0.01, 0.03; sum of squares 0.0014
    found = measure_moments(np.array([-0.01, 0.0, 0.04]))
    assert found.periods == 3
    assert found.sharpe == pytest.approx(0.01 / math.sqrt(0.0014 / 2))
    assert found.skew == pytest.approx((18e-6 / 3) / (0.0014 / 3) ** 1.5)
    assert found.kurtosis == pytest.approx((98e-8 / 3) / (0.0014 / 3) ** 2)


def test_moments_are_those_of_scipy() -> None:
    from scipy import stats

    returns = np.random.default_rng(3).standard_t(5, 400) * 0.01
    found = measure_moments(returns)
    assert found.skew == pytest.approx(stats.skew(returns))
    assert found.kurtosis == pytest.approx(stats.kurtosis(returns, fisher=False))


def test_too_few_returns_have_no_moments() -> None:
    with pytest.raises(DataError, match=r"found 2 returns; .* need 3 at least"):
        measure_moments(np.array([0.01, 0.02]))


def test_returns_that_do_not_vary_have_no_moments() -> None:
    text = r"all 4 returns are 0\.001; a Sharpe ratio needs returns that vary"
    with pytest.raises(DataError, match=text):
        measure_moments(np.full(4, 0.001))


def test_missing_returns_have_no_moments() -> None:
    with pytest.raises(DataError, match=r"1 of 3 returns are missing; expected finite"):
        measure_moments(np.array([0.01, np.nan, 0.02]))


# -- one series ------------------------------------------------------------------------------------


def test_the_probabilistic_sharpe_ratio_of_normal_returns() -> None:
    # SR 1 a year over ten years: z = SR sqrt(T - 1) / sqrt(1 + SR^2 / 2)
    daily = 1.0 / math.sqrt(252)
    z = daily * math.sqrt(2519) / math.sqrt(1.0 + 0.5 * daily**2)
    assert probabilistic_sharpe(normal(1.0)) == pytest.approx(NormalDist().cdf(z))
    assert probabilistic_sharpe(normal(1.0), daily) == pytest.approx(0.5)


def test_the_probabilistic_sharpe_ratio_covers_as_often_as_it_says() -> None:
    """Of skewed returns too: it lies below 0.05 one time in twenty."""
    rng = np.random.default_rng(5)
    worlds = 1.0 - rng.exponential(1.0, (2000, 500))  # mean 0, sd 1, skew -2
    low = np.mean([probabilistic_sharpe(measure_moments(one)) < 0.05 for one in worlds])
    high = np.mean(
        [probabilistic_sharpe(measure_moments(one)) > 0.95 for one in worlds]
    )
    assert 0.03 < low < 0.07
    assert 0.03 < high < 0.07


def test_two_values_alone_leave_no_doubt_of_their_sharpe_ratio() -> None:
    # skew s, kurtosis 1 + s^2 and SR = 2 / s make the spread of the estimate 0
    coin = Moments(periods=100, sharpe=1.0, skew=2.0, kurtosis=5.0)
    assert probabilistic_sharpe(coin, 0.9) == 1.0
    assert probabilistic_sharpe(coin, 1.1) == 0.0


@pytest.mark.parametrize(
    ("one", "days", "years"),
    [
        (normal(0.5), 2730, 10.8),
        (Moments(2520, 1.0 / math.sqrt(252), skew=-0.5, kurtosis=6.0), 708, 2.8),
    ],
)
def test_the_shortest_track_record(one: Moments, days: int, years: float) -> None:
    # 1 + (1 + 0.5 x 0.0630 + 1.25 x 0.0630^2)(1.645 / 0.0630)^2 = 707.7 of the second
    periods = min_track_record(one, 0.95)
    assert math.ceil(periods) == days
    assert round(periods / 252, 1) == years
    # what it means: so many periods, and the probability is 95 %
    proven = Moments(math.ceil(periods), one.sharpe, one.skew, one.kurtosis)
    assert probabilistic_sharpe(proven) == pytest.approx(0.95, abs=2e-4)


def test_a_loss_never_has_a_track_record() -> None:
    assert min_track_record(normal(0.0)) == math.inf
    assert min_track_record(normal(-1.0)) == math.inf


def test_a_confidence_lies_between_a_half_and_one() -> None:
    with pytest.raises(ValueError, match=r"the confidence was 95; expected one betw"):
        min_track_record(normal(1.0), 95.0)


# -- the best of many ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "best", "years"),
    [(10, 1.575, 2.48), (45, 2.236, 5.00), (100, 2.531, 6.40), (500, 3.053, 9.32)],
)
def test_the_best_of_noise(number: int, best: float, years: float) -> None:
    assert round(expected_best(number), 3) == best
    assert round(min_backtest_years(number, 1.0), 2) == years
    assert min_backtest_years(number, 2.0) == pytest.approx(years / 4.0, abs=2e-3)


@pytest.mark.parametrize(
    ("number", "exact"), [(10, 1.539), (45, 2.208), (100, 2.508), (500, 3.037)]
)
def test_the_formula_is_a_little_above_the_exact_expectation(
    number: int, exact: float
) -> None:
    # E[max] = integral of x d Phi(x)^N, by sums over a fine grid
    grid = np.linspace(-8.0, 8.0, 40_001)
    below = np.array([NormalDist().cdf(x) for x in grid]) ** number
    mean = float((0.5 * (grid[1:] + grid[:-1]) * np.diff(below)).sum())
    assert round(mean, 3) == exact
    assert 0.0 < expected_best(number) - mean < 0.04


def test_the_best_of_one_is_no_choice() -> None:
    assert expected_best(1) == 0.0
    with pytest.raises(ValueError, match=r"number of trials was 0; expected 1 or more"):
        expected_best(0)


def test_a_backtest_is_never_long_enough_for_no_skill() -> None:
    text = r"Sharpe ratio per year was 0; expected a positive one"
    with pytest.raises(ValueError, match=text):
        min_backtest_years(10, 0.0)


def test_the_example_of_the_paper() -> None:
    found = deflate(PAPER, number=100, variance=0.5 / 250)
    assert found.threshold == pytest.approx(0.1132, abs=5e-5)
    assert found.probability == pytest.approx(0.9004, abs=5e-5)


def test_yearly_ratios_beside_daily_counts_make_everything_certain() -> None:
    """The trap: the same trial with its Sharpe ratio per year, T still in days."""
    trap = Moments(PAPER.periods, 2.5, PAPER.skew, PAPER.kurtosis)
    assert round(deflate(trap, 100, 0.5).probability, 4) == 1.0


def test_a_variance_is_not_negative() -> None:
    with pytest.raises(ValueError, match=r"the variance was nan; expected 0 or more"):
        deflate(PAPER, 100, math.nan)


def test_one_trial_is_judged_against_nothing() -> None:
    one = normal(0.8)
    found = deflated_sharpe(one, np.array([one.sharpe]))
    assert found.number == 1
    assert found.threshold == 0.0
    assert found.probability == probabilistic_sharpe(one)


def test_few_trials_scatter_at_least_as_an_estimate_does() -> None:
    one = normal(1.0)
    alike = np.full(9, one.sharpe)
    found = deflated_sharpe(one, alike)
    assert found.variance == pytest.approx((1.0 + 0.5 * one.sharpe**2) / 2520)
    # ten of them say themselves how they scatter
    assert deflated_sharpe(one, np.append(alike, one.sharpe)).variance == 0.0


def test_many_trials_bring_their_own_variance_and_their_raw_number() -> None:
    one = normal(1.0)
    sharpes = np.linspace(-0.04, one.sharpe, 20)
    found = deflated_sharpe(one, sharpes)
    assert found == deflate(one, 20, float(np.var(sharpes, ddof=1)))


def test_more_trials_deflate_more() -> None:
    sharpes = noise(1, 50)[0] * 2.0
    few = deflated_sharpe(normal(1.0), sharpes)
    many = deflated_sharpe(normal(1.0), np.tile(sharpes, 10))
    assert many.threshold > few.threshold
    assert many.probability < few.probability


def test_sharpe_ratios_of_all_trials_are_needed() -> None:
    with pytest.raises(DataError, match=r"1 of 2 Sharpe ratios are missing"):
        deflated_sharpe(normal(1.0), np.array([0.05, np.nan]))
    with pytest.raises(DataError, match=r"found no Sharpe ratios; expected at least"):
        deflated_sharpe(normal(1.0), np.array([]))


# -- overfitting -----------------------------------------------------------------------------------


def test_the_worked_example_of_splits() -> None:
    logits = split_logits(BLOCKS)
    assert np.round(logits, 2).tolist() == [-1.10, -1.10, 1.10, 0.51, -1.10, 0.0]
    assert (logits <= 0.0).mean() == pytest.approx(4 / 6)


def test_equals_in_sample_are_the_first_column() -> None:
    # in sample a tie in both splits; the first column is worst of the rest, then best
    blocks = np.array([[0.02, 0.02], [0.01, 0.03]])
    # block 0 in sample: column 0, rank 1 of 2 outside; block 1 in sample: column 1, a tie outside
    expected = [math.log((1 / 3) / (2 / 3)), 0.0]
    assert split_logits(blocks) == pytest.approx(expected)


def test_rounding_makes_no_winner() -> None:
    """0.1 + 0.2 is more than 0.3 for a computer only."""
    blocks = np.array([[0.3, 0.1], [0.0, 0.2], [0.0, 0.0], [0.5, 0.0]])
    # blocks 0 and 1 in sample are equal: the first column, which is best outside
    assert split_logits(blocks)[0] == pytest.approx(math.log(2.0))


def slow_overfitting(returns: np.ndarray, blocks: int) -> list[float]:
    """Compute the logits split by split from the joined returns themselves."""
    parts = np.array_split(np.arange(len(returns)), blocks)
    number = returns.shape[1]
    found = []
    for chosen in combinations(range(blocks), blocks // 2):
        inside = np.concatenate([parts[i] for i in chosen])
        outside = np.setdiff1d(np.arange(len(returns)), inside)
        first, second = (
            returns[rows].mean(axis=0) / returns[rows].std(axis=0, ddof=1)
            for rows in (inside, outside)
        )
        best = int(first.argmax())
        rank = int((second < second[best]).sum()) + 1
        found.append(math.log(rank / (number + 1 - rank)))
    return found


def test_sharpe_ratios_of_joined_blocks_are_those_of_the_joined_returns() -> None:
    returns = noise(203, 13) + 0.0003  # 203 returns do not divide into 6 blocks
    found = measure_overfitting(returns, blocks=6)
    assert len(found.logits) == 20
    assert found.logits == pytest.approx(slow_overfitting(returns, 6))
    assert found.probability == np.mean(np.array(found.logits) <= 0.0)
    assert (found.reason, found.configurations) == ("", 13)


def test_splits_in_portions_are_the_same_splits(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    returns = noise(200, 12)
    whole = measure_overfitting(returns, blocks=8).logits
    monkeypatch.setattr("bt_run.studies.statistics.SPLITS_AT_ONCE", 12 * 9)
    assert measure_overfitting(returns, blocks=8).logits == whole


def test_one_that_is_truly_better_is_not_overfitted() -> None:
    returns = noise(2520, 20)
    returns[:, 7] += 0.01 * 2.0 / math.sqrt(252)
    found = measure_overfitting(returns)
    assert len(found.logits) == 12_870
    assert found.probability is not None
    assert found.probability < 0.05


def test_few_configurations_say_nothing() -> None:
    found = measure_overfitting(noise(500, 11))
    assert found.probability is None
    assert found.reason == "11 configurations, and 12 are needed"
    assert found.logits == ()


def test_few_returns_say_nothing() -> None:
    found = measure_overfitting(noise(79, 12))
    assert found.probability is None
    assert found.reason == "79 returns, and 16 blocks of 5 need 80"


def test_copies_say_nothing() -> None:
    found = measure_overfitting(np.repeat(noise(500, 2), 10, axis=1))
    assert found.probability is None
    assert found.reason == (
        "20 configurations with 2 different series of returns, and 12 are needed"
    )


def test_a_configuration_that_does_nothing_scores_nothing() -> None:
    returns = noise(500, 12)
    returns[:, 0] = 0.0001  # interest alone; its Sharpe ratio would be endless
    returns[:, 1:] += 0.0005
    found = measure_overfitting(returns, blocks=4)
    without = measure_overfitting(
        np.column_stack([returns[:, 1:], returns[:, 1] - 0.01]), blocks=4
    )
    assert found.probability == without.probability


def test_blocks_come_in_pairs() -> None:
    text = r"the number of blocks was 15; expected an even one, 2 or more"
    with pytest.raises(ValueError, match=text):
        measure_overfitting(noise(500, 12), blocks=15)
    with pytest.raises(ValueError, match=r"the number of blocks was 3;"):
        split_logits(BLOCKS[:3])


def test_missing_returns_are_not_compared() -> None:
    returns = noise(500, 12)
    returns[3, 4] = np.nan
    with pytest.raises(DataError, match=r"1 of 6000 returns are missing"):
        measure_overfitting(returns)
    with pytest.raises(DataError, match=r"1 of 4 block means are missing"):
        split_logits(np.array([[0.01, np.nan], [0.0, 0.0]]))


# -- trials together -------------------------------------------------------------------------------


def test_trials_that_go_together_are_one_cluster() -> None:
    themes = noise(1000, 3)
    returns = np.repeat(themes, [4, 3, 1], axis=1) + 0.3 * noise(1000, 8, seed=2)
    assert clusters(returns) == 3
    assert clusters(returns[:, :4]) == 1
    # as many as there are where they have nothing in common, or do the opposite
    assert clusters(noise(1000, 6)) == 6
    assert clusters(themes[:, [0, 0]] * [1.0, -1.0]) == 2


def test_trials_that_do_nothing_are_one_cluster() -> None:
    still = np.full((1000, 2), 0.0001)
    assert clusters(still) == 1
    assert clusters(np.column_stack([noise(1000, 1), still])) == 2
    assert clusters(np.column_stack([noise(1000, 2), still])) == 3
    assert clusters(noise(1000, 1)) == 1


def test_clusters_need_all_returns() -> None:
    with pytest.raises(DataError, match=r"1 of 2 returns are missing"):
        clusters(np.array([[0.01, np.inf]]))
