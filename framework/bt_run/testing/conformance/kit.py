"""The conformance kit: numbered promises that a component of each role keeps, put to the test.

    for outcome in conformance.check("my_strategy"):
        assert outcome.mark != "failed", outcome.failure

or, on the command line, ``pytest --bt-plugin my_package``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from bt_run.testing.conformance.cases import Bench, Case, CaseOutcome
from bt_run.testing.conformance.cases_broker import CASES as BROKER_CASES
from bt_run.testing.conformance.cases_executor import CASES as EXECUTOR_CASES
from bt_run.testing.conformance.cases_exit import CASES as EXIT_CASES
from bt_run.testing.conformance.cases_output import ANALYZER_CASES, REPORT_CASES
from bt_run.testing.conformance.cases_source import CASES as SOURCE_CASES
from bt_run.testing.conformance.cases_strategy import CASES as STRATEGY_CASES
from bt_run.testing.conformance.cases_trigger import CASES as TRIGGER_CASES
from bt_run.testing.conformance.cases_weights import OVERLAY_CASES, SIZER_CASES
from bt_run.testing.conformance.subjects import Subject, find_subjects

__all__ = [
    "CASES",
    "Bench",
    "Case",
    "CaseOutcome",
    "Subject",
    "badge",
    "benches",
    "check",
    "find_subjects",
    "table",
]

CASES: Mapping[str, tuple[Case, ...]] = MappingProxyType(
    {
        "source": SOURCE_CASES,
        "strategy": STRATEGY_CASES,
        "sizer": SIZER_CASES,
        "overlay": OVERLAY_CASES,
        "trigger": TRIGGER_CASES,
        "exit": EXIT_CASES,
        "broker": BROKER_CASES,
        "analyzer": ANALYZER_CASES,
        "report": REPORT_CASES,
        "executor": EXECUTOR_CASES,
    }
)
SIGNS = MappingProxyType({"passed": ".", "failed": "F", "skipped": "s"})


def benches(names: Iterable[str], role: str | None = None) -> tuple[Bench, ...]:
    """Return a bench for each component that ``names`` name: components, modules, distributions or
    local files; of one ``role`` where that is given.

    Raises:
        ConfigError: a name fits nothing.
        PluginError: a plugin cannot be imported.
    """
    return tuple(
        Bench(subject, CASES[subject.role]) for subject in find_subjects(names, role)
    )


def check(
    name: str, role: str | None = None, options: Mapping[str, Any] | None = None
) -> tuple[CaseOutcome, ...]:
    """Put all components that ``name`` names, of one ``role`` where that is given, to all their
    cases; ``options`` take the place of their example keys.

    Raises:
        ConfigError: the name fits nothing.
        PluginError: a plugin cannot be imported.
    """
    out: list[CaseOutcome] = []
    for bench in benches([name], role):
        if options is not None:
            bench = Bench(replace(bench.subject, options=options), bench.cases)
        out += [bench.outcome(case.number) for case in bench.cases]
    return tuple(out)


def table(outcomes: Sequence[CaseOutcome]) -> str:
    """Return a line for each component of the ``outcomes`` with a mark for each case, then what was
    skipped and why.
    """
    lines = []
    labels = list(dict.fromkeys(outcome.subject for outcome in outcomes))
    width = max([len("component"), *map(len, labels)])
    lines.append(
        f"{'component':{width}}  passed  failed  skipped  cases, in order of their numbers"
    )
    for label in labels:
        mine = sorted(
            (o for o in outcomes if o.subject == label), key=lambda o: o.case.number
        )
        counts = Counter(outcome.mark for outcome in mine)
        signs = "".join(SIGNS[outcome.mark] for outcome in mine)
        lines.append(
            f"{label:{width}}  {counts['passed']:6d}  {counts['failed']:6d}  "
            f"{counts['skipped']:7d}  "
            f"{signs}  {mine[0].case.number} to {mine[-1].case.number}"
        )
    return "\n".join([*lines, *_remarks(outcomes)])


def badge(outcomes: Sequence[CaseOutcome]) -> str:
    """Return a line of Markdown: a badge with how many of the ``outcomes`` that apply were passed.

    It is grey where most could not be put to the test.
    """
    counts = Counter(outcome.mark for outcome in outcomes)
    applied = counts["passed"] + counts["failed"]
    tested = "brightgreen" if applied > counts["skipped"] else "lightgrey"
    colour = "red" if counts["failed"] or not applied else tested
    words = f"{counts['passed']} of {applied}"
    shown = words.replace(" ", "%20")
    return f"![bt-run conformance: {words}](https://img.shields.io/badge/bt--run%20conformance-{shown}-{colour})"


def _remarks(outcomes: Sequence[CaseOutcome]) -> list[str]:
    """Return a line for each reason for which cases were skipped, and each remark of a case that
    passed.
    """
    why: dict[tuple[str, str, str], list[str]] = {}
    for outcome in outcomes:
        if outcome.text and outcome.mark != "failed":
            why.setdefault((outcome.subject, outcome.mark, outcome.text), []).append(
                outcome.case.number
            )
    return [
        f"{label}: {mark} {', '.join(numbers)}: {text}"
        for (label, mark, text), numbers in why.items()
    ]
