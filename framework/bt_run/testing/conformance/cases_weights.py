"""Cases of sizers and overlays: what they answer are weights."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bt_run.arrays import Array
from bt_run.decision.state import PortfolioState
from bt_run.testing.conformance.answers import all_answers
from bt_run.testing.conformance.cases import Bench, Broken, Case, NotApplicable
from bt_run.testing.conformance.cases_stage import stage_cases
from bt_run.testing.conformance.cases_strategy import children_case
from bt_run.testing.conformance.markets import market
from bt_run.testing.conformance.plays import CallAnswer, answer_of

__all__ = ["OVERLAY_CASES", "SIZER_CASES"]

KINDS = frozenset({"exposure", "score"})


def _finite(bench: Bench) -> None:
    for name, answer in all_answers(bench):
        values = answer.values if answer.values is not None else np.zeros(0)
        bad = ~np.isfinite(values)
        if bad.any():
            asset = market(name).assets[int(np.flatnonzero(bad)[0])]
            raise Broken(
                f"{values[bad][0]} for {asset} on the {name} market at bar {answer.bar}",
                "a finite weight",
            )


def _accepts(bench: Bench) -> None:
    accepts = getattr(bench.subject.build().thing, "accepts", KINDS - {"score"})
    if isinstance(accepts, str) or not set(accepts) <= KINDS:
        raise Broken(
            f"accepts = {accepts!r}",
            "a set with 'exposure', 'score' or both, or an empty one: it brings its own strategies",
        )


def _nothing_wanted(bench: Bench) -> None:
    accepts = getattr(bench.subject.build().thing, "accepts", KINDS - {"score"})
    if not accepts:
        raise NotApplicable("brings its own strategies")
    nothing = [(np.nan, "not eligible")]
    if "exposure" in accepts:
        # a score of 0 is a score like others
        nothing.append((0.0, "at a signal of 0"))
    for signal, words in nothing:
        for answer in _some(bench):
            assert answer.state is not None
            state = replace(
                answer.state, signals=np.full(len(answer.state.weights), signal)
            )
            found = _asked(bench, state)
            if found is None or not np.array_equal(found, np.zeros(len(found))):
                raise Broken(
                    f"weights {found} with all assets {words}, at bar {answer.bar}",
                    "zeros: the rest is cash",
                )


def _nothing_held(bench: Bench) -> None:
    for answer in _some(bench):
        assert answer.state is not None
        zeros = np.zeros(len(answer.state.weights))
        found = _asked(bench, answer.state, zeros)
        if found is None or not np.isfinite(found).all():
            was = f"{found} from weights of 0, at bar {answer.bar}"
            raise Broken(was, "finite weights; all cash is a portfolio too")


def _some(bench: Bench) -> tuple[CallAnswer, ...]:
    answers = bench.play("calm").answers
    return answers[:: max(1, len(answers) // 5)]


def _asked(bench: Bench, state: PortfolioState, *rest: Array) -> Array | None:
    """Ask a fresh object; None where it gave no weights."""
    built = bench.subject.build()
    assert built.call is not None
    try:
        raw = built.call(state, *rest)
    except Exception as error:
        raise Broken(
            f"at bar {len(state.history) - 1}: {error!r}", "weights"
        ) from error
    return answer_of(bench.subject.role, raw, state, rest).values


def _role_cases(letter: str) -> tuple[Case, ...]:
    why = "a weight that is NaN or infinite stops the run at the bar where it shows up"
    return (
        *stage_cases(letter),
        Case(f"{letter}20", "weights_are_finite", why, _finite, (f"{letter}08",)),
        children_case(f"{letter}21", (f"{letter}08",)),
    )


SIZER_CASES = (
    *_role_cases("Z"),
    Case(
        "Z22",
        "says_what_it_accepts",
        "a strategy of scores under a sizer of exposures is refused before the run, if the sizer "
        "says so",
        _accepts,
        ("Z01",),
    ),
    Case(
        "Z23",
        "nothing_wanted_is_cash",
        "a day on which no asset is eligible comes in every long run",
        _nothing_wanted,
        ("Z20",),
    ),
)
OVERLAY_CASES = (
    *_role_cases("O"),
    Case(
        "O22",
        "takes_an_empty_portfolio",
        "a strategy may hold nothing for months",
        _nothing_held,
        ("O08",),
    ),
)
