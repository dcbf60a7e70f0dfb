"""A tracker is judged by how close it stayed, not by how much it earned."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from bt_run.arrays import Array
from bt_run.data.years import SESSIONS
from bt_run.errors import DataError
from bt_run.studies.bootstrap import (
    Interval,
    block_length,
    percentile_interval,
    resampled_means,
)
from bt_run.studies.numbers import require_numbers
from bt_run.studies.rule import (
    Condition,
    Measure,
    SignificanceConfig,
    Word,
    tracking_rule,
    word_of,
)

__all__ = ["Pursuit", "TrackingSignificance", "judge_tracking"]


@dataclass(frozen=True)
class Pursuit:
    """A run that follows a benchmark; both series (T,) have the same rows.

    Attributes:
        returns: (T,), of the run, after costs.
        benchmark: (T,), of what it follows.
        bound: the tracking error per year that it was asked to stay within, a fraction; None where
            none was asked.
        per_year: how many periods a year has.
    """

    returns: Array
    benchmark: Array
    bound: float | None = None
    per_year: int = SESSIONS


@dataclass(frozen=True)
class TrackingSignificance:
    """What can be said of a run that follows a benchmark.

    Attributes:
        word: harmful where it surely strayed beyond the bound, significant where it surely stayed
            within, some evidence where it stayed within as measured, else inconclusive.
        conditions: each line of the rule with its figure; none where no bound was asked.
        confidence: of the intervals.
        tracking_error: per year, a fraction.
        excess: mean return less the benchmark's, per year, a fraction.
        bound: as it was given.
        years: length of the record.
        block: mean length of the bootstrap's blocks, in periods.
    """

    word: Word
    conditions: tuple[Condition, ...]
    confidence: float
    tracking_error: Interval
    excess: Interval
    bound: float | None
    years: float
    block: int


def judge_tracking(
    pursuit: Pursuit, config: SignificanceConfig, seed: int
) -> TrackingSignificance:
    """Judge a ``pursuit`` by its tracking error sqrt(periods a year x mean(d^2)), d = return less
    the benchmark's, not demeaned, with resamples drawn from ``seed``; ``config`` says how many, and
    how wide the intervals are.

    The bootstrap's blocks are those that suit d^2, or d where those are longer. Without a bound the
    word is inconclusive: how close is close enough, the one who asked must say.

    Raises:
        DataError: some returns are missing, there are none, or the series differ in length.
        ValueError: the bound is not positive.
    """
    _require_pursuit(pursuit)
    ahead = pursuit.returns - pursuit.benchmark
    both = np.column_stack([ahead**2, ahead])
    block = max(block_length(values) for values in both.T)
    drawn = resampled_means(both, block, config.resamples, seed)
    errors = np.sqrt(pursuit.per_year * drawn[:, 0])
    error = math.sqrt(pursuit.per_year * float((ahead**2).mean()))
    tracking_error = percentile_interval(error, errors, config.confidence)
    excess = pursuit.per_year * drawn[:, 1]
    conditions = _conditions(tracking_error, pursuit.bound, config)
    return TrackingSignificance(
        word=word_of(conditions) if conditions else "inconclusive",
        conditions=conditions,
        confidence=config.confidence,
        tracking_error=tracking_error,
        excess=percentile_interval(
            pursuit.per_year * float(ahead.mean()), excess, config.confidence
        ),
        bound=pursuit.bound,
        years=len(ahead) / pursuit.per_year,
        block=block,
    )


def _conditions(
    error: Interval, bound: float | None, config: SignificanceConfig
) -> tuple[Condition, ...]:
    if bound is None:
        return ()
    figures: dict[Measure, float] = {
        "tracking_low": error.low,
        "tracking": error.value,
        "tracking_high": error.high,
    }
    return tuple(
        line.filled(figures[line.measure]) for line in tracking_rule(config, bound)
    )


def _require_pursuit(pursuit: Pursuit) -> None:
    count = len(pursuit.returns)
    if count != len(pursuit.benchmark):
        raise DataError(
            f"found {count} returns of the run and {len(pursuit.benchmark)} of the benchmark; "
            "expected as many of each"
        )
    if count == 0:
        raise DataError("found no returns; a tracking error needs one at least")
    require_numbers(pursuit.returns, "returns of the run")
    require_numbers(pursuit.benchmark, "returns of the benchmark")
    if pursuit.bound is not None and not pursuit.bound > 0.0:
        raise ValueError(
            f"the bound was {pursuit.bound:g}; expected a positive tracking error per year, "
            "such as 0.02"
        )
