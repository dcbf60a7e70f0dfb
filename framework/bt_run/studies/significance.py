"""Is it luck? A run beside a baseline at equal exposure and beside the benchmark, and one word for
it by a rule of which every line is kept with its figure.

All returns are simple, one a period, less the risk-free rate where that counts. Sharpe ratios and
excess returns are per year here: means x periods a year, deviations x its square root.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from bt_run.arrays import Array, Mask
from bt_run.data.years import SESSIONS
from bt_run.errors import DataError
from bt_run.studies.bootstrap import (
    Interval,
    block_length,
    percentile_interval,
    resampled_means,
)
from bt_run.studies.numbers import FLAT, require_numbers, sharpes_of
from bt_run.studies.rotation import Timing, rotation_test
from bt_run.studies.rule import (
    Condition,
    Measure,
    SignificanceConfig,
    Word,
    verdict_rule,
    word_of,
)
from bt_run.studies.statistics import measure_moments, probabilistic_sharpe

__all__ = [
    "Beside",
    "Evidence",
    "Significance",
    "TrialCount",
    "Unjudged",
    "exposure_matched",
    "judge",
    "volatility_matched",
]

FEWEST = 20  # returns; an interval from fewer means nothing
NORMAL = NormalDist()
SHARPE, DIFFERENCE, TO_BENCHMARK = 0, 1, 3  # columns of what is estimated


# -- what is judged --------------------------------------------------------------------------------


@dataclass(frozen=True)
class TrialCount:
    """What the trials beside a run leave of it.

    Attributes:
        number: how many count together, its own among them.
        deflated: its deflated Sharpe ratio, a probability; None where there is none.
        overfitting: probability of overfitting of them all; None where it says nothing.
    """

    number: int
    deflated: float | None
    overfitting: float | None = None


@dataclass(frozen=True)
class Evidence:
    """What a verdict rests on; all series (T,) have the same rows.

    Attributes:
        returns: (T,), of the run, after costs.
        baseline: (T,), at equal exposure: see ``exposure_matched`` and ``volatility_matched``.
        benchmark: (T,).
        timing: where the run is a path of multipliers on something; None where it is not.
        trials: of its family; None where nobody counted them.
        per_year: how many periods a year has.
    """

    returns: Array
    baseline: Array
    benchmark: Array
    timing: Timing | None = None
    trials: TrialCount | None = None
    per_year: int = SESSIONS


@dataclass(frozen=True)
class Beside:
    """A run beside something else, per year.

    Attributes:
        sharpe_difference: Sharpe ratio of the run less the other's.
        excess: mean return of the run less the other's, a fraction.
    """

    sharpe_difference: Interval
    excess: Interval


@dataclass(frozen=True)
class Significance:
    """What can be said of a run.

    Attributes:
        word: harmful, inconclusive, some evidence or significant.
        conditions: each line of the rule with its figure.
        confidence: of the intervals.
        sharpe: Sharpe ratio per year.
        positive: probability that the true Sharpe ratio is above 0 (PSR).
        baseline: beside the baseline at equal exposure.
        benchmark: beside the benchmark.
        chance: share of resamples in which the run is no better than its baseline.
        rotation: share of rotations of the multipliers that do as well; None without such.
        better_folds: in how many years the run was better than its baseline at equal volatility.
        folds: how many years there are, the last with half a year at least.
        years: length of the record.
        years_needed: after how many years such a difference would be found with the power that is
            asked for; None where there is none.
        power: that power.
        detectable: the Sharpe difference that a record of this length would find so.
        block: mean length of the bootstrap's blocks, in periods.
        trials: as they were given.
    """

    word: Word
    conditions: tuple[Condition, ...]
    confidence: float
    sharpe: Interval
    positive: float
    baseline: Beside
    benchmark: Beside
    chance: float
    rotation: float | None
    better_folds: int
    folds: int
    years: float
    years_needed: float | None
    power: float
    detectable: float
    block: int
    trials: TrialCount | None


@dataclass(frozen=True)
class Unjudged:
    """A run of which nothing can be said.

    Attributes:
        reason: why.
    """

    reason: str


# -- baselines -------------------------------------------------------------------------------------


def exposure_matched(market: Array, gross: float) -> Array:
    """Return the returns (T,) of holding ``gross`` of NAV, the run's mean, in what earns ``market``
    (T,): the baseline of a run that is never short.
    """
    return gross * market


def volatility_matched(market: Array, returns: Array) -> Array:
    """Return the returns (T,) of as much of ``market`` (T,) as has the volatility of ``returns``
    (T,): the baseline of a run that is long and short. A market that does not move gives 0.
    """
    return market * _ratio(returns, market)


def _ratio(returns: Array, other: Array) -> float:
    """Return the volatility of returns over that of the other, 0 where the other has none."""
    moves = float(other.std())
    return float(returns.std()) / moves if moves > FLAT else 0.0


# -- the verdict -----------------------------------------------------------------------------------


def judge(
    evidence: Evidence, config: SignificanceConfig, seed: int
) -> Significance | Unjudged:
    """Judge the ``evidence`` by the thresholds of ``config``, with resamples drawn from ``seed``.

    The intervals are percentiles of a stationary bootstrap of all three series together. Its blocks
    have the largest of the lengths that are optimal for the run's Sharpe ratio and for its
    differences to the other two.

    Raises:
        DataError: some returns are missing, or the series differ in length.
    """
    _require_alike(evidence)
    reason = _silence(evidence.returns)
    if reason:
        return Unjudged(reason)
    drawn = _draw(evidence, config, seed)
    timing = evidence.timing
    rotation = None if timing is None else rotation_test(timing)
    better = _better_folds(evidence)
    figures = _figures(drawn, config) | _shares(evidence, better, rotation)
    rule = verdict_rule(config, timed=timing is not None)
    conditions = tuple(line.filled(figures[line.measure]) for line in rule)
    shown = [drawn.interval_of(column, config.confidence) for column in range(5)]
    years = len(evidence.returns) / evidence.per_year
    detectable = _detectable(drawn, config)
    return Significance(
        word=word_of(conditions),
        conditions=conditions,
        confidence=config.confidence,
        sharpe=shown[SHARPE],
        positive=probabilistic_sharpe(measure_moments(evidence.returns)),
        baseline=Beside(shown[DIFFERENCE], shown[DIFFERENCE + 1]),
        benchmark=Beside(shown[TO_BENCHMARK], shown[TO_BENCHMARK + 1]),
        chance=drawn.share_not_better(),
        rotation=rotation,
        better_folds=int(better.sum()),
        folds=len(better),
        years=years,
        years_needed=_years_needed(drawn, detectable, years),
        power=config.power,
        detectable=detectable,
        block=drawn.block,
        trials=evidence.trials,
    )


@dataclass(frozen=True)
class _Drawn:
    """Estimates (5,), the same in each resample (R, 5), and the mean length of its blocks.

    Columns: the run's Sharpe ratio, then its difference to the baseline and the excess over it,
    then those of the benchmark.
    """

    found: Array
    resampled: Array
    block: int

    def interval_of(self, column: int, confidence: float) -> Interval:
        value = float(self.found[column])
        return percentile_interval(value, self.resampled[:, column], confidence)

    def share_not_better(self) -> float:
        # plus one in both, so that no share is 0
        no_better = self.resampled[:, DIFFERENCE] <= FLAT
        return float((no_better.sum() + 1) / (len(no_better) + 1))


def _draw(evidence: Evidence, config: SignificanceConfig, seed: int) -> _Drawn:
    columns = np.column_stack([evidence.returns, evidence.baseline, evidence.benchmark])
    both = np.hstack([columns, columns**2])
    block = _longest_block(columns)
    means = resampled_means(both, block, config.resamples, seed)
    size, per_year = float(len(columns)), evidence.per_year
    found = _estimates(both.mean(axis=0), size, per_year)
    return _Drawn(found, _estimates(means, size, per_year), block)


def _estimates(means: Array, size: float, per_year: int) -> Array:
    """Return the estimates (..., 5) from the means of returns and of their squares (..., 6)."""
    mean, square = means[..., :3], means[..., 3:]
    sharpes = math.sqrt(per_year) * sharpes_of(mean, square, size)
    ahead = sharpes[..., :1] - sharpes
    excess = per_year * (mean[..., :1] - mean)
    beside = [part[..., other] for other in (1, 2) for part in (ahead, excess)]
    return np.stack([sharpes[..., 0], *beside], axis=-1)


def _longest_block(columns: Array) -> int:
    """Return the largest of the lengths of blocks that suit each judged number.

    A Sharpe ratio moves with a row as z - SR (z^2 - 1) / 2, z the standardised return: its variance
    is that of the mean of these, and so is the block.
    """
    moves = np.zeros_like(columns)
    for column, values in enumerate(columns.T):
        deviation = float(values.std())
        if deviation > FLAT:
            z = (values - values.mean()) / deviation
            ratio = values.mean() / deviation
            moves[:, column] = z - 0.5 * ratio * (z**2 - 1.0)
    judged = (moves[:, 0], moves[:, 0] - moves[:, 1], moves[:, 0] - moves[:, 2])
    return max(block_length(values) for values in judged)


def _better_folds(evidence: Evidence) -> Mask:
    """Return for each year (F,) whether the run's mean return was above that of the baseline scaled
    to the run's volatility; over all years their difference is that of the Sharpe ratios.
    """
    returns, per_year = evidence.returns, evidence.per_year
    ahead = returns - volatility_matched(evidence.baseline, returns)
    # a last piece of less than half a year belongs to the year before
    count = max(1, int(len(ahead) / per_year + 0.5))
    bounds = per_year * np.arange(1, count)
    means = np.array([part.mean() for part in np.split(ahead, bounds)])
    return means > FLAT


def _figures(drawn: _Drawn, config: SignificanceConfig) -> dict[Measure, float | None]:
    """Return the figures that come from the resamples."""
    sure = drawn.interval_of(DIFFERENCE, config.confidence)
    return {
        "difference": sure.value,
        "difference_low": drawn.interval_of(DIFFERENCE, config.doubt).low,
        "difference_high": sure.high,
        "sharpe_high": drawn.interval_of(SHARPE, config.confidence).high,
        "surely_better": sure.low,
        "chance": drawn.share_not_better(),
    }


def _shares(
    evidence: Evidence, better: Mask, rotation: float | None
) -> dict[Measure, float | None]:
    """Return the figures that come from elsewhere."""
    trials = evidence.trials
    return {
        "better_folds": float(better.mean()),
        "rotation": rotation,
        "deflated": None if trials is None else trials.deflated,
        "overfitting": None if trials is None else trials.overfitting,
    }


def _detectable(drawn: _Drawn, config: SignificanceConfig) -> float:
    """Return (z of the confidence, two-sided, + z of the power) x standard error of the Sharpe
    difference.
    """
    error = float(drawn.resampled[:, DIFFERENCE].std(ddof=1))
    asked = NORMAL.inv_cdf(0.5 + 0.5 * config.confidence)
    return (asked + NORMAL.inv_cdf(config.power)) * error


def _years_needed(drawn: _Drawn, detectable: float, years: float) -> float | None:
    """Return after how many years the standard error, which falls with their root, is small enough
    for the difference that was found.
    """
    difference = float(drawn.found[DIFFERENCE])
    return years * (detectable / difference) ** 2 if difference > FLAT else None


def _silence(returns: Array) -> str:
    """Return why nothing can be said of ``returns`` (T,), or nothing."""
    if len(returns) < FEWEST:
        return f"{len(returns)} returns, and {FEWEST} are needed"
    if np.ptp(returns) <= FLAT:
        return f"all {len(returns)} returns are {returns[0]:g}: nothing was at stake"
    return ""


def _require_alike(evidence: Evidence) -> None:
    series = {
        "returns of the run": evidence.returns,
        "returns of the baseline": evidence.baseline,
        "returns of the benchmark": evidence.benchmark,
    }
    lengths = [len(values) for values in series.values()]
    if len(set(lengths)) > 1:
        raise DataError(
            f"found {lengths[0]} returns of the run, {lengths[1]} of its baseline and {lengths[2]} "
            "of the benchmark; expected as many of each"
        )
    for what, values in series.items():
        require_numbers(values, what)
