"""Count how often luck is taken for skill, and skill for luck, in simulated worlds.

python benchmarks/luck.py            some minutes
python benchmarks/luck.py --small    some seconds, and rougher figures

Returns are independent from day to day and normal, where nothing else is said; all draws come from
fixed seeds, so that the figures repeat.
"""

from __future__ import annotations

import argparse
import math
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from bt_run.arrays import Array
from bt_run.studies.rotation import Timing
from bt_run.studies.rule import SignificanceConfig
from bt_run.studies.significance import (
    Evidence,
    Significance,
    TrialCount,
    exposure_matched,
    judge,
)
from bt_run.studies.statistics import (
    deflate,
    deflated_sharpe,
    measure_moments,
    measure_overfitting,
)

YEAR = 252
DAILY = 0.01  # standard deviation of a day
CALLED = 0.95  # a deflated Sharpe ratio above it is called significant
CORRELATIONS = (0.0, 0.3, 0.55, 0.8, 0.95)
SKILLS = (1.0, 1.25, 1.5, 1.75, 2.0, 2.25, 2.5)  # Sharpe ratios per year
DOMINANT = 3.0
ASKED = {0.0: 0.05} | dict.fromkeys(CORRELATIONS[1:], 0.08)


@dataclass(frozen=True)
class Size:
    """How much is simulated: worlds, strategies in each, years of each; worlds for the probability
    of overfitting; runs of each kind that are judged; histories whose intervals are looked at.
    """

    worlds: int
    strategies: int
    years: int
    splits: int
    runs: int
    histories: int


FULL = Size(worlds=200, strategies=500, years=10, splits=60, runs=400, histories=500)
SMALL = Size(worlds=20, strategies=60, years=5, splits=6, runs=20, histories=20)


# -- the best of many ------------------------------------------------------------------------------


def noise(rng: np.random.Generator, size: Size, correlation: float) -> Array:
    """Return returns (N, T) without skill, each pair of them correlated alike."""
    shape = (size.strategies, size.years * YEAR)
    own = rng.standard_normal(shape, dtype=np.float32)
    if correlation == 0.0:
        return own
    common = rng.standard_normal(shape[1], dtype=np.float32)
    return math.sqrt(correlation) * common + math.sqrt(1.0 - correlation) * own


def sharpes_of(returns: Array) -> Array:
    """Return Sharpe ratios per day (N,)."""
    means = returns.mean(axis=1, dtype=np.float64)
    return means / returns.std(axis=1, ddof=1, dtype=np.float64)


def is_called(chosen: Array, sharpes: Array) -> bool:
    """Tell whether the best of all, with returns ``chosen`` (T,), is called significant."""
    found = deflated_sharpe(measure_moments(chosen.astype(np.float64)), sharpes)
    return found.probability > CALLED


def is_called_reduced(chosen: Array, sharpes: Array, correlation: float) -> bool:
    """Tell the same of a number of trials that is reduced by their ``correlation``: a mistake."""
    reduced = max(1, round(len(sharpes) / (1.0 + (len(sharpes) - 1) * correlation)))
    variance = float(sharpes.var(ddof=1))
    found = deflate(measure_moments(chosen.astype(np.float64)), reduced, variance)
    return found.probability > CALLED


def false_calls(size: Size, correlation: float) -> tuple[int, int]:
    """Count the worlds without skill whose best strategy is called significant, and those where it
    would be by a reduced number of trials.
    """
    rng = np.random.default_rng([1, round(100 * correlation)])
    called = reduced = 0
    for _ in range(size.worlds):
        returns = noise(rng, size, correlation)
        sharpes = sharpes_of(returns)
        best = returns[sharpes.argmax()]
        called += is_called(best, sharpes)
        reduced += is_called_reduced(best, sharpes, correlation)
    return called, reduced


def skill_found(size: Size, number: int) -> dict[float, int]:
    """Count, for each true Sharpe ratio, the worlds in which the only one of ``number`` strategies
    that has it is the best and is called significant.
    """
    rng = np.random.default_rng([2, number])
    counts = dict.fromkeys(SKILLS, 0)
    shape = Size(0, number, size.years, 0, 0, 0)
    for _ in range(size.worlds):
        returns = noise(rng, shape, 0.0)
        sharpes = sharpes_of(returns)
        luck = returns[0].copy()
        for skill in SKILLS:
            skilled = luck + np.float32(skill / math.sqrt(YEAR))
            sharpes[0] = sharpes_of(skilled[None])[0]
            if sharpes.argmax() == 0:
                counts[skill] += is_called(skilled, sharpes)
    return counts


# -- overfitting -----------------------------------------------------------------------------------


def overfitting_of(size: Size, skill: float) -> Array:
    """Return the probability of overfitting (worlds,) of 100 configurations, of which one has this
    yearly Sharpe ratio and the others none.
    """
    rng = np.random.default_rng([3, round(100 * skill)])
    found = []
    for _ in range(size.splits):
        returns = DAILY * rng.standard_normal((size.years * YEAR, 100))
        returns[:, 50] += DAILY * skill / math.sqrt(YEAR)
        probability = measure_overfitting(returns).probability
        assert probability is not None
        found.append(probability)
    return np.array(found)


# -- the verdict -----------------------------------------------------------------------------------


def judged(rng: np.random.Generator, skill: float, seed: int) -> Significance:
    """Judge a run of 20 years that is in or out of a market by the month, at random, beside as much
    of the market all the time; it is the only trial of its family.

    The market's Sharpe ratio is 0.4. Where there is ``skill``, the market earns more while the run
    is in, so that its Sharpe ratio is expected to be higher than the baseline's by this much.
    """
    months = rng.integers(0, 2, 20 * 12)
    path = np.repeat(months, 21).astype(np.float64)
    share = path.mean()
    drift, gain = 0.4, 0.0
    if skill:
        # being out by the share 1 - p costs a factor sqrt(p) of the Sharpe ratio
        lost = drift * (1.0 - math.sqrt(share))
        gain = (skill + lost) / (math.sqrt(share) * (1.0 - share))
    expected = (drift + gain * (path - share)) / math.sqrt(YEAR)
    market = DAILY * (rng.standard_normal(len(path)) + expected)
    run = path * market
    one = measure_moments(run)
    alone = deflated_sharpe(one, np.array([one.sharpe]))
    evidence = Evidence(
        returns=run,
        baseline=exposure_matched(market, float(share)),
        benchmark=market,
        timing=Timing(path, market),
        trials=TrialCount(1, alone.probability),
    )
    found = judge(evidence, SignificanceConfig(), seed)
    assert isinstance(found, Significance)
    return found


def words(runs: int, skill: float) -> Counter[str]:
    """Count the words for ``runs`` with this ``skill``."""
    rng = np.random.default_rng([4, round(100 * skill)])
    return Counter(judged(rng, skill, seed).word for seed in range(runs))


def history(rng: np.random.Generator, days: int) -> Array:
    """Return values (T,) of mean 0 that remember: AR(1) of 0.1 with GARCH(1, 1) of 0.08 and 0.90,
    about as daily returns of an index do.
    """
    warm_up = 500
    shocks = rng.standard_normal(days + warm_up)
    values = np.empty(days + warm_up)
    variance, value = 1.0, 0.0
    for day, shock in enumerate(shocks):
        innovation = math.sqrt(variance) * shock
        value = 0.1 * value + innovation
        values[day] = value
        variance = 0.02 + 0.08 * innovation**2 + 0.90 * variance
    return values[warm_up:]


def coverage(size: Size) -> tuple[int, int]:
    """Count the histories of 10 years whose 95 % intervals hold the true Sharpe ratio, and the true
    difference of Sharpe ratios to a benchmark correlated by 0.7.
    """
    rng = np.random.default_rng(5)
    # variance of an innovation is 1, that of the AR(1) 1 / (1 - 0.1^2)
    deviation = math.sqrt(1.0 / (1.0 - 0.1**2))
    alone = beside = 0
    for seed in range(size.histories):
        first, second = history(rng, 10 * YEAR), history(rng, 10 * YEAR)
        benchmark = first / deviation + 0.4 / math.sqrt(YEAR)
        mixed = 0.7 * first + math.sqrt(1.0 - 0.49) * second
        run = mixed / deviation + 0.6 / math.sqrt(YEAR)
        evidence = Evidence(DAILY * run, DAILY * benchmark, DAILY * benchmark)
        found = judge(evidence, SignificanceConfig(), seed)
        assert isinstance(found, Significance)
        difference = found.baseline.sharpe_difference
        alone += found.sharpe.low <= 0.6 <= found.sharpe.high
        beside += difference.low <= 0.2 <= difference.high
    return alone, beside


# -- what is printed -------------------------------------------------------------------------------


def share_text(count: int, of: int) -> str:
    """Write a share with its standard error."""
    share = count / of
    return f"{share:6.1%} +- {math.sqrt(share * (1.0 - share) / of):.1%}"


def asked_text(size: Size, asked: str, holds: bool) -> str:
    """Write what was asked of the full size, and whether it holds."""
    if size != FULL:
        return ""
    return f"   asked {asked}: {'reached' if holds else 'NOT REACHED'}"


def false_call_lines(size: Size) -> Iterator[str]:
    yield (
        f"The best of {size.strategies} strategies without skill, {size.years} years, "
        f"{size.worlds} worlds: called significant (deflated Sharpe ratio above {CALLED})"
    )
    for correlation in CORRELATIONS:
        (count, reduced), most = false_calls(size, correlation), ASKED[correlation]
        asked = asked_text(size, f"at most {most:.0%}", count / size.worlds <= most)
        share = share_text(count, size.worlds)
        wrong = f"{reduced / size.worlds:.0%} by a number reduced for it"
        yield f"  correlation {correlation:4.2f}   {share}{asked}; {wrong}"


def skill_lines(size: Size) -> Iterator[str]:
    yield "One with skill among them, independent: found, which is best and called significant"
    by_number = {number: skill_found(size, number) for number in (45, size.strategies)}
    few, many = by_number.values()
    yield f"  Sharpe a year   among 45           among {size.strategies}"
    for skill in SKILLS:
        line = f"  {skill:13.2f}   {share_text(few[skill], size.worlds)}   "
        line += share_text(many[skill], size.worlds)
        if skill == 2.0:
            line += asked_text(size, "at least 85%", many[skill] / size.worlds >= 0.85)
        yield line


def overfitting_lines(size: Size) -> Iterator[str]:
    yield (
        f"Probability of overfitting of 100 configurations, {size.years} years, 16 blocks, "
        f"{size.splits} worlds"
    )
    none, one = overfitting_of(size, 0.0), overfitting_of(size, DOMINANT)
    asked = asked_text(size, "a mean of 0.4 to 0.6", 0.4 <= none.mean() <= 0.6)
    yield (
        f"  all noise                  mean {none.mean():.3f} +- "
        f"{none.std(ddof=1) / math.sqrt(len(none)):.3f}, of a world {none.std(ddof=1):.3f}{asked}"
    )
    asked = asked_text(size, "below 0.05", one.mean() < 0.05)
    yield (
        f"  one with a Sharpe of {DOMINANT:.1f}   mean {one.mean():.3f}, "
        f"at most {one.max():.3f}{asked}"
    )


def word_lines(size: Size) -> Iterator[str]:
    few = size.runs // 4
    yield (
        "Words for runs of 20 years that are in or out of a market by the month, at equal "
        f"exposure: {size.runs} without skill, {few} of each other kind"
    )
    kinds = ("harmful", "inconclusive", "some evidence", "significant")
    for skill, runs in ((0.0, size.runs), (0.4, few), (0.8, few)):
        found = words(runs, skill)
        shares = ", ".join(f"{kind} {found[kind] / runs:.1%}" for kind in kinds)
        share = found["significant"] / runs
        line = f"  Sharpe difference {skill:.1f}   {shares}"
        if skill == 0.0:
            line += asked_text(size, "significant at most 5%", share <= 0.05)
        if skill == 0.8:
            line += asked_text(size, "significant at least 80%", share >= 0.80)
        yield line


def coverage_lines(size: Size) -> Iterator[str]:
    yield (
        f"95% intervals that hold the truth, of {size.histories} histories of 10 years with "
        "AR(1) and GARCH(1, 1)"
    )
    for what, count in zip(("alone", "difference"), coverage(size), strict=True):
        share = count / size.histories
        asked = asked_text(size, "92% to 97%", 0.92 <= share <= 0.97)
        yield f"  Sharpe ratio, {what:10}   {share_text(count, size.histories)}{asked}"


PARTS = (false_call_lines, skill_lines, overfitting_lines, word_lines, coverage_lines)


def main() -> None:
    told = argparse.ArgumentParser(description=__doc__)
    told.add_argument("--small", action="store_true", help="fewer worlds, in seconds")
    size = SMALL if told.parse_args().small else FULL
    for part in PARTS:
        began = time.process_time()
        for line in part(size):
            print(line, flush=True)
        print(f"  ({time.process_time() - began:.0f} CPU seconds)\n", flush=True)


if __name__ == "__main__":
    main()
