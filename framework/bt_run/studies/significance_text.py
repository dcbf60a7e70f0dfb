"""What a verdict says to a reader: the sentence, the rule, and what was missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from bt_run.results.trial_facts import trial_sentence
from bt_run.studies.bootstrap import Interval
from bt_run.studies.rule import Condition, Measure, Word
from bt_run.studies.significance import Significance, Unjudged
from bt_run.studies.tracking import TrackingSignificance
from bt_run.text import counted

__all__ = [
    "condition_text",
    "rule_lines",
    "significance_sentence",
    "unmet_conditions",
]

MEASURES: Mapping[Measure, str] = MappingProxyType(
    {
        "sharpe_high": "upper end of the Sharpe ratio",
        "difference_high": "upper end of the Sharpe difference to the baseline",
        "difference_low": "lower end of the Sharpe difference to the baseline",
        "difference": "Sharpe difference to the baseline",
        "chance": "share of resamples no better than the baseline",
        "rotation": "share of rotations that do as well",
        "better_folds": "share of years better than the baseline",
        "surely_better": "lower end of the Sharpe difference to the baseline",
        "deflated": "deflated Sharpe ratio",
        "overfitting": "probability of overfitting",
        "tracking_low": "lower end of the tracking error",
        "tracking": "tracking error",
        "tracking_high": "upper end of the tracking error",
    }
)
# fractions of NAV a year; all else is a ratio or a probability
PER_CENT = ("tracking_low", "tracking", "tracking_high")
SAME = 0.005  # Sharpe difference that reads as 0.00
NEXT: Mapping[Word, Word] = MappingProxyType(
    {"inconclusive": "some evidence", "some evidence": "significant"}
)


def significance_sentence(found: Significance | TrackingSignificance | Unjudged) -> str:
    """Return in one sentence what was ``found``, its word first."""
    match found:
        case Unjudged():
            return f"Not judged: {found.reason}."
        case TrackingSignificance():
            return f"{found.word.capitalize()}: {'; '.join(_tracking_parts(found))}."
        case _:
            return f"{found.word.capitalize()}: {'; '.join(_parts(found))}."


def rule_lines(conditions: Sequence[Condition]) -> tuple[str, ...]:
    """Return the rule that ``conditions`` are, a line for each word and a last one for the rest."""
    starts: Mapping[Word, str] = {
        "harmful": "harmful, if any holds: ",
        "some evidence": "some evidence, if all hold: ",
        "significant": "significant, if these hold as well: ",
    }
    lines = []
    for word, start in starts.items():
        texts = [condition_text(line) for line in conditions if line.word == word]
        if texts:
            lines.append(start + "; ".join(texts))
    return (*lines, "inconclusive, if none of these words fits")


def condition_text(condition: Condition) -> str:
    """Return a ``condition`` in words, with its figure where it has one."""
    text = MEASURES[condition.measure]
    if condition.confidence is not None:
        text += f" ({condition.confidence:.0%} interval)"
    text += f" {condition.relation} {_number(condition, condition.bound)}"
    if not condition.required:
        text += ", where there is one"
    if condition.figure is not None:
        text += f": {_number(condition, condition.figure)}"
    return text


def unmet_conditions(
    found: Significance | TrackingSignificance,
) -> tuple[Condition, ...]:
    """Return the lines that keep what was ``found`` from the next better word; none where there is
    no better one, and the lines that hold where it is harmful.
    """
    if found.word == "harmful":
        lines = [line for line in found.conditions if line.word == "harmful"]
        return tuple(line for line in lines if line.met)
    wanted = NEXT.get(found.word)
    lines = [line for line in found.conditions if line.word == wanted]
    return tuple(line for line in lines if not line.met)


def _number(condition: Condition, value: float) -> str:
    return f"{value:.2%}" if condition.measure in PER_CENT else f"{value:z.2f}"


def _parts(found: Significance) -> list[str]:
    sharpe, ahead = found.sharpe, found.baseline.sharpe_difference
    excess = found.benchmark.excess
    parts = [
        f"Sharpe {sharpe.value:z.2f} ({found.confidence:.0%} interval {_ends(sharpe)}), "
        f"{ahead.value:+z.2f} against the baseline at equal exposure ({_ends(ahead)})",
        f"{excess.value:+z.1%} a year against the benchmark "
        f"({excess.low:z.1%} to {excess.high:z.1%})",
    ]
    if found.rotation is not None:
        parts.append(f"{found.rotation:.0%} of rotations of its timing do as well")
    return [*parts, _trials_text(found), _years_text(found)]


def _trials_text(found: Significance) -> str:
    if found.trials is None:
        return trial_sentence(None)
    trials = counted(found.trials.number, "trial")
    if found.trials.deflated is None:
        return f"no deflated Sharpe ratio after {trials}"
    text = f"deflated Sharpe {found.trials.deflated:.2f} after {trials}"
    if found.trials.overfitting is not None:
        text += f", probability of overfitting {found.trials.overfitting:.2f}"
    return text


def _years_text(found: Significance) -> str:
    have = f"the {found.years:.0f} years of this record"
    if found.years < 1.5:
        have = "this record"
    if found.detectable < SAME:
        return "it moves as that baseline does"
    if found.years_needed is None:
        return (
            f"in {have} a difference of {found.detectable:z.2f} would be found "
            f"with {found.power:.0%} power"
        )
    # a tiny difference takes a length of time that nobody counts
    years = min(found.years_needed, 1000.0)
    more = "over " if found.years_needed > 1000.0 else ""
    return (
        f"such a difference needs {more}{years:,.0f} years to be found with "
        f"{found.power:.0%} power, and there are {found.years:.1f}"
    )


def _tracking_parts(found: TrackingSignificance) -> list[str]:
    error = found.tracking_error
    bound = (
        "no bound was asked"
        if found.bound is None
        else f"at most {found.bound:.2%} was asked"
    )
    return [
        f"tracking error {error.value:.2%} a year ({found.confidence:.0%} interval "
        f"{error.low:.2%} to {error.high:.2%}), {bound}",
        f"{found.excess.value:+z.2%} a year against the benchmark "
        f"({found.excess.low:z.2%} to {found.excess.high:z.2%})",
    ]


def _ends(shown: Interval) -> str:
    return f"{shown.low:z.2f} to {shown.high:z.2f}"
