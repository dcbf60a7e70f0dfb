"""What a Sharpe ratio is worth when many were tried.

All ratios here are per period, such as a day, never per year: a yearly one beside the number of
days makes everything certain. Kurtosis is 3 for a normal distribution.

Sources: Bailey and Lopez de Prado, "The Sharpe ratio efficient frontier" (2012) and "The deflated
Sharpe ratio" (2014); Bailey, Borwein, Lopez de Prado and Zhu, "Pseudo-mathematics and financial
charlatanism" (2014) and "The probability of backtest overfitting" (2017).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from statistics import NormalDist

import numpy as np

from bt_run.arrays import Array
from bt_run.errors import DataError
from bt_run.studies.numbers import FLAT, require_numbers, sharpes_of
from bt_run.text import counted

__all__ = [
    "Deflated",
    "Moments",
    "Overfitting",
    "clusters",
    "deflate",
    "deflated_sharpe",
    "expected_best",
    "measure_moments",
    "measure_overfitting",
    "min_backtest_years",
    "min_track_record",
    "probabilistic_sharpe",
    "split_logits",
]

FEWEST_RETURNS = 3
FEW_TRIALS = 10  # fewer say little of how trials scatter
FEWEST_CONFIGURATIONS = 12  # below, one configuration more or less turns the answer
SHORTEST_BLOCK = 5  # returns in a block of the overfitting test
SPLITS_AT_ONCE = 2_000_000  # scores held in memory at a time
ALIKE = 0.5  # mean correlation from which trials count as one cluster

NORMAL = NormalDist()


# -- one series ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Moments:
    """What the statistics need to know of a series of returns, all per period.

    Attributes:
        periods: how many returns there are, T.
        sharpe: mean over standard deviation (ddof 1), not annualised.
        skew: third central moment over the cube of the deviation (ddof 0).
        kurtosis: fourth central moment over the fourth power of the deviation (ddof 0); 3 for a
            normal distribution, so not in excess of it.
    """

    periods: int
    sharpe: float
    skew: float
    kurtosis: float


def measure_moments(returns: Array) -> Moments:
    """Return the moments of ``returns`` (T,), one a period, less the risk-free rate where it
    counts.

    Raises:
        DataError: there are fewer than three, some are missing, or they do not vary.
    """
    require_numbers(returns, "returns")
    if len(returns) < FEWEST_RETURNS:
        raise DataError(
            f"found {len(returns)} returns; a Sharpe ratio and its moments need "
            f"{FEWEST_RETURNS} at least"
        )
    if np.ptp(returns) <= FLAT:
        raise DataError(
            f"all {len(returns)} returns are {returns[0]:g}; a Sharpe ratio needs returns that vary"
        )
    centred = returns - returns.mean()
    second = (centred**2).mean()
    return Moments(
        periods=len(returns),
        sharpe=float(returns.mean() / returns.std(ddof=1)),
        skew=float((centred**3).mean() / second**1.5),
        kurtosis=float((centred**4).mean() / second**2),
    )


def probabilistic_sharpe(moments: Moments, against: float = 0.0) -> float:
    """Return the probability that the true Sharpe ratio lies above ``against``, per period.

    PSR = Phi((SR - SR*) sqrt(T - 1) / sqrt(1 - skew SR + (kurtosis - 1) / 4 SR^2)), Bailey and
    Lopez de Prado (2012).
    """
    scale = math.sqrt((moments.periods - 1) / _spread(moments))
    return NORMAL.cdf((moments.sharpe - against) * scale)


def min_track_record(moments: Moments, confidence: float = 0.95) -> float:
    """Return how many periods make the Sharpe ratio of ``moments`` differ from 0 with
    ``confidence``; infinity where it is not positive.

    minTRL = 1 + (1 - skew SR + (kurtosis - 1) / 4 SR^2) (z / SR)^2, Bailey and Lopez de Prado
    (2012).

    Raises:
        ValueError: the confidence does not lie between 0.5 and 1.
    """
    if not 0.5 < confidence < 1.0:
        raise ValueError(
            f"the confidence was {confidence:g}; expected one between 0.5 and 1, such as 0.95"
        )
    if moments.sharpe <= 0.0:
        return math.inf
    return 1.0 + _spread(moments) * (NORMAL.inv_cdf(confidence) / moments.sharpe) ** 2


def _spread(moments: Moments) -> float:
    """Return T - 1 times the variance of the estimated Sharpe ratio."""
    sharpe = moments.sharpe
    spread = 1.0 - moments.skew * sharpe + 0.25 * (moments.kurtosis - 1.0) * sharpe**2
    # it is never negative, and 0 only where the returns take two values
    return max(spread, FLAT)


# -- the best of many ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Deflated:
    """A Sharpe ratio beside what the best of as many skill-less trials would have reached.

    Attributes:
        number: how many distinct trials were counted, the judged one among them.
        variance: variance of their Sharpe ratios, per period.
        threshold: SR0, the Sharpe ratio per period expected of the best without skill.
        probability: DSR, that the true Sharpe ratio lies above the threshold.
    """

    number: int
    variance: float
    threshold: float
    probability: float


def expected_best(number: int) -> float:
    """Return the expected largest of ``number`` independent standard normal variables; 0 of one.

    (1 - g) z(1 - 1/N) + g z(1 - 1/(N e)) with Euler's constant g, Bailey and Lopez de Prado (2014).
    The approximation is a little high: 1.575 of ten, where 1.539 is exact.

    Raises:
        ValueError: the number is below 1.
    """
    if number < 1:
        raise ValueError(f"the number of trials was {number}; expected 1 or more")
    if number == 1:
        return 0.0
    euler = float(np.euler_gamma)
    nearer = NORMAL.inv_cdf(1.0 - 1.0 / number)
    farther = NORMAL.inv_cdf(1.0 - 1.0 / (number * math.e))
    return (1.0 - euler) * nearer + euler * farther


def deflate(moments: Moments, number: int, variance: float) -> Deflated:
    """Judge the Sharpe ratio of ``moments`` as the best of ``number`` trials whose Sharpe ratios,
    per period, have this ``variance``.

    SR0 = sqrt(variance) x ``expected_best``, and DSR = PSR against SR0: Bailey and Lopez de Prado
    (2014).

    Raises:
        ValueError: the number is below 1, or the variance negative or missing.
    """
    if not variance >= 0.0:
        raise ValueError(f"the variance was {variance:g}; expected 0 or more")
    threshold = math.sqrt(variance) * expected_best(number)
    probability = probabilistic_sharpe(moments, threshold)
    return Deflated(number, variance, threshold, probability)


def deflated_sharpe(moments: Moments, sharpes: Array) -> Deflated:
    """Judge the Sharpe ratio of ``moments`` beside the ``sharpes`` (N,), per period, of all
    distinct trials that count together, its own among them.

    The variance is theirs (ddof 1), their number is the raw one: trials that resemble each other
    scatter less already, and a number reduced for it would count it twice. Under ten trials the
    variance is at least that of an estimated Sharpe ratio, (1 + SR^2 / 2) / T. One trial is judged
    against 0.

    Raises:
        DataError: some Sharpe ratio is missing, or there is none.
    """
    require_numbers(sharpes, "Sharpe ratios")
    if len(sharpes) == 0:
        raise DataError("found no Sharpe ratios; expected at least that of the trial")
    variance = float(sharpes.var(ddof=1)) if len(sharpes) > 1 else 0.0
    if len(sharpes) < FEW_TRIALS:
        alone = (1.0 + 0.5 * moments.sharpe**2) / moments.periods
        variance = max(variance, alone)
    return deflate(moments, len(sharpes), variance)


def min_backtest_years(number: int, sharpe_year: float = 1.0) -> float:
    """Return how many years a backtest must have so that the best of ``number`` independent trials
    without skill is not expected to reach ``sharpe_year``, a Sharpe ratio per year.

    MinBTL = (``expected_best`` / SR)^2, Bailey, Borwein, Lopez de Prado and Zhu (2014).

    Raises:
        ValueError: the number is below 1, or the Sharpe ratio not positive.
    """
    if not sharpe_year > 0.0:
        raise ValueError(
            f"the Sharpe ratio per year was {sharpe_year:g}; expected a positive one"
        )
    return (expected_best(number) / sharpe_year) ** 2


# -- overfitting -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Overfitting:
    """How often the best of one half of the time was below the median in the other.

    Attributes:
        probability: share of splits with a logit of 0 or less (PBO); None where it says nothing.
        reason: why it says nothing; empty where there is a probability.
        configurations: how many were compared, N.
        logits: of each split, log(w / (1 - w)) with w = rank out of sample / (N + 1).
    """

    probability: float | None
    reason: str
    configurations: int
    logits: tuple[float, ...]


def measure_overfitting(returns: Array, blocks: int = 16) -> Overfitting:
    """Return the probability of backtest overfitting of configurations with ``returns`` (T, N),
    columns in the order of their keys, by combinatorially symmetric cross-validation.

    Time is cut into ``blocks`` of equal length (longer by one return where T does not divide), and
    each half of them is once in sample, the rest out of sample, scored by the Sharpe ratio of the
    joined blocks: Bailey, Borwein, Lopez de Prado and Zhu (2017). A half in which a configuration's
    returns do not vary scores 0.

    Raises:
        DataError: some returns are missing.
        ValueError: the number of blocks is odd or below 2.
    """
    _require_even(blocks)
    require_numbers(returns, "returns")
    number = returns.shape[1]
    reason = _silence(returns, blocks)
    if reason:
        return Overfitting(None, reason, number, ())
    parts = np.array_split(returns, blocks)
    counts = np.array([len(part) for part in parts], dtype=np.float64)
    sums = np.array([part.sum(axis=0) for part in parts])
    squares = np.array([(part**2).sum(axis=0) for part in parts])
    logits = np.concatenate(
        [
            _logits(
                _joined_sharpes(chosen @ counts, chosen @ sums, chosen @ squares),
                _joined_sharpes(rest @ counts, rest @ sums, rest @ squares),
            )
            for chosen, rest in _halves(blocks, number)
        ]
    )
    return Overfitting(
        float((logits <= 0.0).mean()), "", number, tuple(logits.tolist())
    )


def split_logits(blocks: Array) -> Array:
    """Return the logit of each split (C,) of ``blocks`` (S, N), the mean return of each block and
    configuration; a half scores the mean of its blocks.

    The splits stand in lexicographic order of the blocks in sample; C = S! / (S/2)!^2. Of those
    that are best in sample alike, the first column is taken; out of sample equals share the mean
    rank.

    Raises:
        DataError: some values are missing.
        ValueError: the number of blocks is odd or below 2.
    """
    _require_even(len(blocks))
    require_numbers(blocks, "block means")
    half = len(blocks) // 2
    return np.concatenate(
        [
            _logits(chosen @ blocks / half, rest @ blocks / half)
            for chosen, rest in _halves(*blocks.shape)
        ]
    )


def _silence(returns: Array, blocks: int) -> str:
    """Return why ``measure_overfitting`` would say nothing of returns (T, N), or nothing."""
    periods, number = returns.shape
    if number < FEWEST_CONFIGURATIONS:
        found = counted(number, "configuration")
        return f"{found}, and {FEWEST_CONFIGURATIONS} are needed"
    if periods < blocks * SHORTEST_BLOCK:
        return (
            f"{periods} returns, and {blocks} blocks of {SHORTEST_BLOCK} need "
            f"{blocks * SHORTEST_BLOCK}"
        )
    different = np.unique(np.round(returns, 12), axis=1).shape[1]
    if different < FEWEST_CONFIGURATIONS:
        return (
            f"{number} configurations with {different} different series of returns, and "
            f"{FEWEST_CONFIGURATIONS} are needed"
        )
    return ""


def _halves(blocks: int, columns: int) -> Iterator[tuple[Array, Array]]:
    """Yield which blocks (c, S) are in sample and which are not, as 1 and 0, some splits at a
    time.
    """
    picks = np.array(list(combinations(range(blocks), blocks // 2)))
    chosen = np.zeros((len(picks), blocks))
    np.put_along_axis(chosen, picks, 1.0, axis=1)
    step = max(1, SPLITS_AT_ONCE // columns)
    for first in range(0, len(chosen), step):
        some = chosen[first : first + step]
        yield some, 1.0 - some


def _joined_sharpes(count: Array, total: Array, squares: Array) -> Array:
    """Return the Sharpe ratios (c, N) of joined blocks from how many returns (c,) they have, their
    sums and sums of squares (c, N).
    """
    size = count[:, None]
    return sharpes_of(total / size, squares / size, size)


def _logits(inside: Array, outside: Array) -> Array:
    """Return the logits (c,) of the relative rank outside of what is best inside, both (c, N)."""
    # scores that rounding alone tells apart are equal
    best = np.argmax(inside >= inside.max(axis=1, keepdims=True) - FLAT, axis=1)
    reached = np.take_along_axis(outside, best[:, None], axis=1)
    below = (outside < reached - FLAT).sum(axis=1)
    equal = (np.abs(outside - reached) <= FLAT).sum(axis=1)
    relative = (below + 0.5 * (equal + 1)) / (inside.shape[1] + 1)
    logits: Array = np.log(relative / (1.0 - relative))
    return logits


# -- trials together -------------------------------------------------------------------------------


def clusters(returns: Array) -> int:
    """Count the groups of trials with ``returns`` (T, N) that do about the same: information, which
    enters no other number.

    Average linkage on 1 - correlation, cut at one half: groups whose members' mean correlation is
    0.5 or more are joined. Trials whose returns do not vary are a group of their own.

    Raises:
        DataError: some returns are missing.
    """
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    require_numbers(returns, "returns")
    varies = np.ptp(returns, axis=0) > FLAT
    moving = returns[:, varies]
    still = int(not varies.all())
    if moving.shape[1] < 2:
        return int(moving.shape[1]) + still
    distance = np.clip(1.0 - np.corrcoef(moving, rowvar=False), 0.0, 2.0)
    np.fill_diagonal(distance, 0.0)
    tree = linkage(squareform(distance, checks=False), method="average")
    return int(fcluster(tree, 1.0 - ALIKE, criterion="distance").max()) + still


def _require_even(blocks: int) -> None:
    if blocks < 2 or blocks % 2:
        raise ValueError(
            f"the number of blocks was {blocks}; expected an even one, 2 or more"
        )
