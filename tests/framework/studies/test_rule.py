"""The rule of the verdict: which figures make which word."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from bt_run.studies.rule import (
    Condition,
    SignificanceConfig,
    tracking_rule,
    verdict_rule,
    word_of,
)

# of a run that passes everything
GOOD = {
    "difference_high": 0.9,
    "sharpe_high": 1.2,
    "difference": 0.5,
    "difference_low": 0.2,
    "chance": 0.01,
    "rotation": 0.01,
    "better_folds": 0.8,
    "surely_better": 0.1,
    "deflated": 0.97,
    "overfitting": 0.1,
}


def word_for(timed: bool = False, **changed: float | None) -> str:
    figures = GOOD | changed
    rule = verdict_rule(SignificanceConfig(), timed=timed)
    return word_of([line.filled(figures[line.measure]) for line in rule])


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({}, "significant"),
        ({"overfitting": None}, "significant"),  # too few configurations to say
        ({"overfitting": 0.3}, "some evidence"),
        ({"deflated": 0.95}, "some evidence"),
        ({"deflated": None}, "some evidence"),  # nobody counted the trials
        ({"surely_better": 0.0}, "some evidence"),
        ({"better_folds": 0.6}, "significant"),  # six of ten are enough
        ({"better_folds": 0.59}, "inconclusive"),
        ({"chance": 0.10}, "inconclusive"),
        ({"difference": 0.0}, "inconclusive"),
        ({"difference_low": -0.2}, "inconclusive"),
        ({"difference_high": -0.01}, "harmful"),
        ({"sharpe_high": -0.01}, "harmful"),
        ({"difference_high": 0.0}, "significant"),  # nothing is not below nothing
    ],
)
def test_a_figure_at_its_bound(changed: dict[str, float | None], word: str) -> None:
    assert word_for(**changed) == word


def test_a_timing_is_judged_by_its_rotations() -> None:
    assert word_for(timed=True, rotation=0.2) == "inconclusive"
    assert word_for(timed=True, chance=0.2) == "significant"
    assert word_for(timed=False, rotation=0.2) == "significant"


def test_thresholds_come_from_the_configuration() -> None:
    config = SignificanceConfig(deflated=0.99, folds=0.9, confidence=0.99)
    bounds = {line.measure: line.bound for line in verdict_rule(config, timed=False)}
    assert (bounds["deflated"], bounds["better_folds"]) == (0.99, 0.9)
    (surely,) = [
        line
        for line in verdict_rule(config, timed=False)
        if line.measure == "surely_better"
    ]
    assert surely.confidence == 0.99


def test_a_confidence_in_per_cent_is_refused() -> None:
    with pytest.raises(ValidationError, match="confidence"):
        SignificanceConfig(confidence=95.0)


def test_rounding_decides_nothing() -> None:
    at_most = Condition("some evidence", "tracking", "at most", 0.3)
    assert at_most.filled(0.1 + 0.2).met
    below = Condition("harmful", "sharpe_high", "below", 0.0)
    assert not below.filled(-1e-16).met


@pytest.mark.parametrize(
    ("low", "error", "high", "word"),
    [
        (0.010, 0.014, 0.019, "significant"),
        (0.015, 0.019, 0.024, "some evidence"),
        (0.017, 0.021, 0.026, "inconclusive"),
        (0.021, 0.025, 0.030, "harmful"),
    ],
)
def test_a_tracker_within_two_per_cent(
    low: float, error: float, high: float, word: str
) -> None:
    figures = {"tracking_low": low, "tracking": error, "tracking_high": high}
    rule = tracking_rule(SignificanceConfig(), 0.02)
    assert word_of([line.filled(figures[line.measure]) for line in rule]) == word
