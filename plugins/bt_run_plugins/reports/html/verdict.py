"""The verdict of the page: a sentence, and in a fold its evidence, what was missing, the rule."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from bt_run import BacktestResult
from bt_run.studies.bootstrap import Interval
from bt_run.studies.judging import baseline_text, judge_run
from bt_run.studies.rule import SignificanceConfig, verdict_rule
from bt_run.studies.significance import Significance, Unjudged
from bt_run.studies.significance_text import (
    condition_text,
    rule_lines,
    significance_sentence,
    unmet_conditions,
)
from bt_run.studies.tracking import TrackingSignificance
from bt_run_plugins.page.parts import Cell, PageTable, Row

COLUMNS = (
    ("Number", "text"),
    ("Value", "ratio"),
    ("From", "ratio"),
    ("To", "ratio"),
)


@dataclass(frozen=True)
class VerdictPart:
    """What the page says first.

    Attributes:
        word: the word of the rule; ``not judged`` where there is none.
        sentence: the verdict, its word first.
        about: what the run was judged by, in a sentence.
        evidence: the numbers with their intervals; None where there are none.
        missing: what kept the run from a better word, a line each.
        rule: the rule with its thresholds, a line each.
    """

    word: str
    sentence: str
    about: str
    evidence: PageTable | None
    missing: tuple[str, ...]
    rule: tuple[str, ...]


def verdict_part(result: BacktestResult) -> VerdictPart:
    """Return the verdict on a run with all that it rests on."""
    found = judge_run(result)
    sentence = significance_sentence(found)
    if isinstance(found, Unjudged):
        rule = rule_lines(verdict_rule(SignificanceConfig(), timed=False))
        return VerdictPart("not judged", sentence, "", None, (), rule)
    if isinstance(found, TrackingSignificance):
        about = _about_tracking(result, found)
        rows = list(_tracking_rows(found))
    else:
        about = _about(result, found)
        rows = list(_rows(found))
    caption = f"The evidence, with {found.confidence:.0%} intervals"
    return VerdictPart(
        word=found.word,
        sentence=sentence,
        about=about,
        evidence=PageTable("evidence", caption, COLUMNS, rows),
        missing=tuple(condition_text(line) for line in unmet_conditions(found)),
        rule=rule_lines(found.conditions) if found.conditions else (),
    )


def _about(result: BacktestResult, found: Significance) -> str:
    return (
        f"The baseline at equal exposure is {baseline_text(result)}. Intervals are percentiles of "
        f"resamples of daily returns in blocks of {found.block} sessions in the mean."
    )


def _about_tracking(result: BacktestResult, found: TrackingSignificance) -> str:
    benchmark = result.config.data.benchmark
    about = (
        f"The run follows {benchmark}, and is judged by how closely. Intervals are percentiles of "
        f"resamples of daily differences in blocks of {found.block} sessions in the mean."
    )
    if found.bound is None:
        about += " How close is close enough, `research: {tracking_error: ...}` says."
    return about


def _rows(found: Significance) -> Iterator[Row]:
    yield _row("Sharpe ratio per year", found.sharpe)
    yield _row("Sharpe less the baseline's", found.baseline.sharpe_difference)
    yield _row("Sharpe less the benchmark's", found.benchmark.sharpe_difference)
    yield _row(
        "Return per year less the baseline's, mean", found.baseline.excess, "pct"
    )
    yield _row(
        "Return per year less the benchmark's, mean", found.benchmark.excess, "pct"
    )
    yield _single("Probability that the true Sharpe is above 0 (PSR)", found.positive)
    yield _single("Share of resamples no better than the baseline", found.chance)
    if found.rotation is not None:
        yield _single("Share of rotations of its timing as good", found.rotation)
    yield _single("Years better than the baseline", found.better_folds, "count")
    yield _single("Years judged", found.folds, "count")
    yield from _trial_rows(found)
    power = f"{found.power:.0%} power"
    yield _single(
        f"Years needed to find such a difference with {power}",
        found.years_needed,
        "years",
    )
    yield _single(
        f"Sharpe difference that this record finds with {power}", found.detectable
    )


def _trial_rows(found: Significance) -> Iterator[Row]:
    trials = found.trials
    if trials is None:
        return
    yield _single("Trials counted together", trials.number, "count")
    yield _single("Deflated Sharpe ratio, a probability", trials.deflated)
    yield _single("Probability of overfitting (PBO)", trials.overfitting)


def _tracking_rows(found: TrackingSignificance) -> Iterator[Row]:
    yield _row("Tracking error per year", found.tracking_error, "pct")
    yield _row("Return per year less the benchmark's, mean", found.excess, "pct")
    if found.bound is not None:
        yield _single("Tracking error that was asked at most", found.bound, "pct")
    yield _single("Years of the record", found.years, "years")


def _row(label: str, shown: Interval, unit: str = "ratio") -> Row:
    values = (shown.value, shown.low, shown.high)
    return [label, *(Cell(value, unit) for value in values)]


def _single(label: str, value: float | None, unit: str = "ratio") -> Row:
    return [label, Cell(value, unit), Cell(""), Cell("")]
