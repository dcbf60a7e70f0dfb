"""The kit can fail: each component of mutants.py breaks one promise, and exactly that case
says so.
"""

from pathlib import Path

import pytest

from bt_run.testing.conformance import kit as conformance

FILE = str(Path(__file__).with_name("mutants.py"))
BENCHES = {bench.subject.label: bench for bench in conformance.benches([FILE])}
BREAKS = next(iter(BENCHES.values())).subject.offer.module.BREAKS


def test_every_mutant_is_offered():
    assert BENCHES.keys() == BREAKS.keys()


@pytest.mark.parametrize("label", sorted(BREAKS))
def test_a_broken_promise_is_reported_by_its_own_case_and_by_no_other(label):
    bench = BENCHES[label]
    outcomes = [bench.outcome(case.number) for case in bench.cases]
    assert [
        outcome.case.number for outcome in outcomes if outcome.mark == "failed"
    ] == [BREAKS[label]]


def test_each_mutation_names_a_case_of_its_role():
    for label, number in BREAKS.items():
        assert number in {case.number for case in BENCHES[label].cases}


@pytest.mark.parametrize(
    ("label", "found", "right"),
    [
        (
            "strategy:ReadsTheLastClose",
            "with other prices after bar 75, at bar ",
            "the same answers up to bar 75",
        ),
        (
            "sizer:WrongShape",
            "on the calm market at bar 60: ndarray of shape (2,)",
            "numbers of shape (3,), one an asset",
        ),
        (
            "overlay:NumpyMemo",
            "Object of type int64 is not JSON serializable",
            "of Python's own",
        ),
        ("broker:Minimum", "a commission of 1 on 0 shares", "0: it is no order"),
        (
            "source:AdjustsFromTheEnd",
            "is another one when the data end there",
            "adjust forward from the first bar",
        ),
        ("strategy:Lax", "Lax takes any key", "a subclass of bt_run.Config"),
    ],
)
def test_a_failure_says_why_it_matters_what_was_found_and_what_would_be_right(
    label, found, right
):
    outcome = BENCHES[label].outcome(BREAKS[label])
    assert outcome.failure.splitlines()[0] == f"{label} breaks {outcome.case.title}"
    assert f"why:   {outcome.case.why}" in outcome.failure
    assert found in outcome.text.partition("right:")[0]
    assert right in outcome.text.partition("right:")[2]


def test_what_follows_from_a_failure_is_skipped_with_its_name():
    outcome = BENCHES["sizer:WrongShape"].outcome("Z16")
    assert (outcome.mark, outcome.text) == ("skipped", "Z08 answers failed")


def test_the_table_and_the_badge_count_the_failures():
    bench = BENCHES["trigger:NoReason"]
    outcomes = [bench.outcome(case.number) for case in bench.cases]
    lines = conformance.table(outcomes).splitlines()
    assert lines[1].split()[:4] == ["trigger:NoReason", "20", "1", "2"]
    assert "trigger:NoReason: skipped T19: returns no memo" in lines
    assert conformance.badge(outcomes) == (
        "![bt-run conformance: 20 of "
        "21](https://img.shields.io/badge/bt--run%20conformance-20%20of%2021-red)"
    )
