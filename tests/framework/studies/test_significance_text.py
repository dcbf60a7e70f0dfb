"""What a verdict says."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bt_run.studies.bootstrap import Interval
from bt_run.studies.rule import SignificanceConfig, tracking_rule, verdict_rule
from bt_run.studies.significance import Beside, Significance, TrialCount, Unjudged
from bt_run.studies.significance_text import (
    MEASURES,
    rule_lines,
    significance_sentence,
    unmet_conditions,
)
from bt_run.studies.tracking import TrackingSignificance

FIGURES = {
    "difference_high": 0.54,
    "sharpe_high": 0.80,
    "difference": 0.25,
    "difference_low": -0.04,
    "chance": 0.08,
    "better_folds": 0.5,
    "surely_better": -0.09,
    "deflated": 0.81,
}
RULE = verdict_rule(SignificanceConfig(), timed=False)
FOUND = Significance(
    word="inconclusive",
    conditions=tuple(line.filled(FIGURES.get(line.measure)) for line in RULE),
    confidence=0.95,
    sharpe=Interval(0.5, 0.14, 0.87),
    positive=0.98,
    baseline=Beside(Interval(0.25, -0.09, 0.60), Interval(0.021, -0.01, 0.05)),
    benchmark=Beside(Interval(0.25, -0.09, 0.60), Interval(-0.004, -0.06, 0.05)),
    chance=0.08,
    rotation=None,
    better_folds=9,
    folds=18,
    years=18.9,
    years_needed=58.3,
    power=0.8,
    detectable=0.44,
    block=3,
    trials=TrialCount(41, deflated=0.81, overfitting=0.22),
)
TRACKED = TrackingSignificance(
    word="some evidence",
    conditions=tuple(
        line.filled(figure)
        for line, figure in zip(
            tracking_rule(SignificanceConfig(), 0.02),
            (0.017, 0.019, 0.0215),
            strict=True,
        )
    ),
    confidence=0.95,
    tracking_error=Interval(0.019, 0.017, 0.0215),
    excess=Interval(-0.001, -0.013, 0.011),
    bound=0.02,
    years=5.0,
    block=2,
)


def test_the_sentence_begins_with_the_word() -> None:
    assert significance_sentence(FOUND) == (
        "Inconclusive: Sharpe 0.50 (95% interval 0.14 to 0.87), +0.25 against the baseline at "
        "equal exposure (-0.09 to 0.60); -0.4% a year against the benchmark (-6.0% to 5.0%); "
        "deflated Sharpe 0.81 after 41 trials, probability of overfitting 0.22; such a difference "
        "needs 58 years to be found with 80% power, and there are 18.9."
    )


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"trials": None}, "; no ledger was kept: this number has no trial count; "),
        ({"trials": TrialCount(1, 0.9)}, "; deflated Sharpe 0.90 after 1 trial; "),
        (
            {"trials": TrialCount(41, None)},
            "; no deflated Sharpe ratio after 41 trials",
        ),
        ({"rotation": 0.23}, "; 23% of rotations of its timing do as well; "),
        (
            {"years_needed": None},
            "; in the 19 years of this record a difference of 0.44 would be found with 80% power.",
        ),
        (
            {"years_needed": None, "years": 0.25},
            "; in this record a difference of 0.44 would be found with 80% power.",
        ),
        ({"years_needed": 5e6}, "; such a difference needs over 1,000 years to be "),
    ],
)
def test_what_is_missing_is_said(changed: dict[str, object], said: str) -> None:
    assert said in significance_sentence(replace(FOUND, **changed))


def test_a_tracker_is_told_by_its_tracking_error() -> None:
    assert significance_sentence(TRACKED) == (
        "Some evidence: tracking error 1.90% a year (95% interval 1.70% to 2.15%), at most 2.00% "
        "was asked; -0.10% a year against the benchmark (-1.30% to 1.10%)."
    )
    unasked = replace(TRACKED, word="inconclusive", bound=None, conditions=())
    assert ", no bound was asked; " in significance_sentence(unasked)


def test_what_cannot_be_judged_says_why() -> None:
    found = Unjudged("19 returns, and 20 are needed")
    assert significance_sentence(found) == (
        "Not judged: 19 returns, and 20 are needed."
    )


def test_the_rule_is_printed_from_its_thresholds() -> None:
    rule = verdict_rule(SignificanceConfig(chance=0.07), timed=True)
    assert rule_lines(rule) == (
        "harmful, if any holds: upper end of the Sharpe difference to the baseline (95% interval) "
        "below 0.00; upper end of the Sharpe ratio (95% interval) below 0.00",
        "some evidence, if all hold: Sharpe difference to the baseline above 0.00; lower end of "
        "the Sharpe difference to the baseline (90% interval) above -0.20; share of rotations that "
        "do as well below 0.07; share of years better than the baseline at least 0.60",
        "significant, if these hold as well: lower end of the Sharpe difference to the baseline "
        "(95% interval) above 0.00; deflated Sharpe ratio above 0.95; probability of overfitting "
        "below 0.30, where there is one",
        "inconclusive, if none of these words fits",
    )


def test_with_figures_the_rule_shows_them() -> None:
    lines = rule_lines(TRACKED.conditions)
    assert lines[1] == (
        "some evidence, if all hold: tracking error at most 2.00%: 1.90%"
    )


def test_every_measure_has_words() -> None:
    lines = (*RULE, *verdict_rule(SignificanceConfig(), timed=True))
    lines += tracking_rule(SignificanceConfig(), 0.02)
    assert {line.measure for line in lines} == set(MEASURES)


def test_what_keeps_a_run_from_the_next_word() -> None:
    assert [line.measure for line in unmet_conditions(FOUND)] == ["better_folds"]
    better = replace(FOUND, word="some evidence")
    missing = [line.measure for line in unmet_conditions(better)]
    assert missing == ["surely_better", "deflated"]
    assert unmet_conditions(replace(FOUND, word="significant")) == ()
    assert [line.measure for line in unmet_conditions(TRACKED)] == ["tracking_high"]


def test_what_makes_a_run_harmful() -> None:
    lines = tuple(
        line.filled(-0.1) if line.measure == "sharpe_high" else line
        for line in FOUND.conditions
    )
    harmful = replace(FOUND, word="harmful", conditions=lines)
    assert [line.measure for line in unmet_conditions(harmful)] == ["sharpe_high"]
