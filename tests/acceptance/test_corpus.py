"""The check finds planted leaks and lets clean cases be: some of what `make evidence` scores."""

import importlib.util
import re
import sys

import pytest
from kit.places import ROOT


@pytest.fixture
def bench(monkeypatch):
    spec = importlib.util.spec_from_file_location(
        "lookahead_scores", ROOT / "benchmarks" / "lookahead.py"
    )
    bench = importlib.util.module_from_spec(spec)
    # its worker processes look it up there
    monkeypatch.setitem(sys.modules, spec.name, bench)
    spec.loader.exec_module(bench)
    return bench


@pytest.mark.slow
def test_the_check_finds_leaks_and_lets_clean_cases_be(bench):
    # the other sets are for scoring once, not for tuning at every change
    leaks, clean = bench.scores(bench.SETS[:1], every=4)
    assert (leaks.called, leaks.missed) == (leaks.cases, ())
    assert (clean.called, clean.missed) == (0, ())
    assert min(leaks.cases, clean.cases) >= 6


def test_the_documents_state_a_score_of_every_set(bench):
    stated = (ROOT / "docs" / "lookahead.md").read_text(encoding="utf-8")
    for title, leaks, clean in bench.SETS:
        for file, cases, words in (
            (leaks, "LEAKS", "leaks found"),
            (clean, "CLEAN", "clean cases called a leak"),
        ):
            count = len(getattr(bench.module(bench.CORPUS / file), cases))
            assert re.search(rf"{title}, {words}: \d+ of {count} ", stated)
