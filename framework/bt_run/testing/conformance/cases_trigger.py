"""Cases of triggers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bt_run.decision.state import Verdict
from bt_run.testing.conformance.answers import all_answers
from bt_run.testing.conformance.cases import Bench, Broken, Case, NotApplicable
from bt_run.testing.conformance.cases_stage import stage_cases
from bt_run.testing.conformance.cases_strategy import children_case
from bt_run.testing.conformance.markets import market

__all__ = ["CASES"]


def _verdict(bench: Bench) -> None:
    for name, answer in all_answers(bench):
        verdict, at = answer.raw, f"on the {name} market at bar {answer.bar}"
        if not isinstance(verdict, Verdict):
            raise Broken(
                f"{type(verdict).__name__} {at}",
                "a Verdict(fire=..., veto=..., names=..., reason=...)",
            )
        for word in ("fire", "veto"):
            value = getattr(verdict, word)
            if type(value) is not bool:
                raise Broken(
                    f"{word} was {value!r} of type {type(value).__name__}, {at}",
                    "True or False",
                )
        names, count = verdict.names, len(market(name).assets)
        if names is not None and (
            np.shape(names) != (count,) or np.asarray(names).dtype != np.bool_
        ):
            found = f"names of shape {np.shape(names)} and type {np.asarray(names).dtype}, {at}"
            raise Broken(found, f"({count},) of bool, or None for all")


def _reasons(bench: Bench) -> None:
    acted = [
        answer.raw
        for _, answer in all_answers(bench)
        if answer.raw.fire or answer.raw.veto
    ]
    if not acted:
        raise NotApplicable("neither fired nor vetoed on the made markets")
    if not all(
        isinstance(verdict.reason, str) and verdict.reason.strip() for verdict in acted
    ):
        raise Broken(
            "a verdict without a reason",
            "a few words; they stand in decisions.parquet and in the report",
        )


_VERDICT = Case(
    "T20",
    "gives_a_verdict",
    "the pipeline joins the verdicts of all triggers, and a bare True says neither which names "
    "nor why",
    _verdict,
    ("T01",),
)
CASES = (
    # a play of answers that are no verdicts would tell the same again
    *(
        replace(case, given=(_VERDICT.number,)) if case.number == "T08" else case
        for case in stage_cases("T")
    ),
    _VERDICT,
    children_case("T21", ("T08",)),
    Case(
        "T22",
        "says_why",
        "a reader asks why it was traded on that day and not on another",
        _reasons,
        ("T08",),
    ),
)
