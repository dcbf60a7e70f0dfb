"""The check keeps the recall and the false alarms that the documents state."""

import importlib.util
import sys

import pytest
from kit.places import ROOT


@pytest.mark.slow
def test_the_check_is_as_good_as_the_documents_say(monkeypatch):
    spec = importlib.util.spec_from_file_location(
        "lookahead_scores", ROOT / "benchmarks" / "lookahead.py"
    )
    bench = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(
        sys.modules, spec.name, bench
    )  # its worker processes look it up there
    spec.loader.exec_module(bench)
    stated = (ROOT / "docs" / "lookahead.md").read_text(encoding="utf-8")
    leaks, clean = bench.scores(
        bench.SETS[:1]
    )  # the blind set is for scoring once, not for tuning at every change
    assert leaks.called >= leaks.cases - 1
    assert leaks.cases >= 25
    assert clean.called <= 1
    assert clean.cases >= 25
    assert leaks.line() in stated
    assert clean.line() in stated
