"""The rule by which a run is called harmful, inconclusive, promising or significant: its lines, and
the word that follows when each has its figure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from pydantic import Field

from bt_run.model import Config
from bt_run.studies.numbers import FLAT

__all__ = [
    "Condition",
    "Measure",
    "SignificanceConfig",
    "Word",
    "tracking_rule",
    "verdict_rule",
    "word_of",
]

Word = Literal["harmful", "inconclusive", "some evidence", "significant"]
Measure = Literal[
    "sharpe_high",
    "difference_high",
    "difference_low",
    "difference",
    "chance",
    "rotation",
    "better_folds",
    "surely_better",
    "deflated",
    "overfitting",
    "tracking_low",
    "tracking",
    "tracking_high",
]


class SignificanceConfig(Config):
    """Where the words of a verdict begin; to be fixed before a result is seen."""

    confidence: float = Field(
        0.95, gt=0.5, lt=1.0, description="of the intervals that are shown"
    )
    doubt: float = Field(
        0.90, gt=0.5, lt=1.0, description="of the interval whose lower end is harmless"
    )
    harmless: float = Field(
        -0.2, description="Sharpe difference per year above which the lower end lies"
    )
    chance: float = Field(
        0.10, gt=0.0, lt=1.0, description="probability of as good a result by luck"
    )
    folds: float = Field(
        0.60, ge=0.0, le=1.0, description="share of years that are better"
    )
    deflated: float = Field(
        0.95, gt=0.0, lt=1.0, description="deflated Sharpe ratio, a probability"
    )
    overfitting: float = Field(
        0.30, gt=0.0, le=1.0, description="probability of overfitting"
    )
    power: float = Field(
        0.80, gt=0.5, lt=1.0, description="with which a difference would be found"
    )
    resamples: int = Field(1_000, ge=100, description="of the bootstrap")


@dataclass(frozen=True)
class Condition:
    """A line of the rule.

    Attributes:
        word: the word that it belongs to. Any line of ``harmful`` makes a run that; ``some
            evidence`` needs all its lines, and ``significant`` all of both.
        measure: what is measured.
        relation: how the figure must stand to the bound.
        bound: the threshold.
        confidence: of the interval whose end is measured; None where it is none.
        required: whether a line without a figure is unmet.
        figure: what was measured; None where it was not.
    """

    word: Word
    measure: Measure
    relation: Literal["above", "at least", "below", "at most"]
    bound: float
    confidence: float | None = None
    required: bool = True
    figure: float | None = None

    @property
    def met(self) -> bool:
        """Whether the line holds; what rounding alone tells apart is equal."""
        if self.figure is None:
            return not self.required
        match self.relation:
            case "above":
                return self.figure > self.bound + FLAT
            case "at least":
                return self.figure >= self.bound - FLAT
            case "below":
                return self.figure < self.bound - FLAT
            case "at most":
                return self.figure <= self.bound + FLAT

    def filled(self, figure: float | None) -> Condition:
        """Return the line with its ``figure``."""
        return replace(self, figure=figure)


def verdict_rule(config: SignificanceConfig, timed: bool) -> tuple[Condition, ...]:
    """Return the lines of the rule with the thresholds of ``config``, without figures.

    Where a run is a path of multipliers, ``timed``, luck is measured by rotating it; else by the
    bootstrap.
    """
    sure = config.confidence
    luck: Measure = "rotation" if timed else "chance"
    return (
        Condition("harmful", "difference_high", "below", 0.0, sure),
        Condition("harmful", "sharpe_high", "below", 0.0, sure),
        Condition("some evidence", "difference", "above", 0.0),
        Condition(
            "some evidence", "difference_low", "above", config.harmless, config.doubt
        ),
        Condition("some evidence", luck, "below", config.chance),
        Condition("some evidence", "better_folds", "at least", config.folds),
        Condition("significant", "surely_better", "above", 0.0, sure),
        Condition("significant", "deflated", "above", config.deflated),
        Condition(
            "significant", "overfitting", "below", config.overfitting, required=False
        ),
    )


def tracking_rule(
    config: SignificanceConfig, bound: float
) -> tuple[Condition, Condition, Condition]:
    """Return the lines by which a tracker is judged that is asked to stay within ``bound``, a
    tracking error per year, without figures; ``config`` says how wide the interval is.
    """
    confidence = config.confidence
    return (
        Condition("harmful", "tracking_low", "above", bound, confidence),
        Condition("some evidence", "tracking", "at most", bound),
        Condition("significant", "tracking_high", "at most", bound, confidence),
    )


def word_of(conditions: Sequence[Condition]) -> Word:
    """Return the word that follows from ``conditions`` with their figures."""
    met = {
        word: [line.met for line in conditions if line.word == word]
        for word in ("harmful", "some evidence", "significant")
    }
    if any(met["harmful"]):
        return "harmful"
    if not all(met["some evidence"]):
        return "inconclusive"
    return "significant" if all(met["significant"]) else "some evidence"
