"""How components are named, and what the pytest plugin collects and prints."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from kit.libraries import hide
from kit.places import ROOT

from bt_run import ConfigError, PluginError
from bt_run.testing import conformance
from bt_run.testing.conformance.markets import MARKETS, market, reversed_assets
from bt_run.testing.conformance.subjects import find_subjects

HERE = Path(__file__).parent


def labels(*names, role=None):
    return {subject.label for subject in find_subjects(names, role)}


def pytest_in(folder, *words):
    environment = {
        key: value for key, value in os.environ.items() if not key.startswith("PYTEST")
    }
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_component_is_named_by_its_name_its_module_its_package_or_its_file():
    assert labels("trend") == labels("bt_run_strategies.trend") == {"strategy:trend"}
    package = labels("bt_run_strategies")
    assert {"strategy:trend", "strategy:buy_and_hold"} < package
    assert all(label.startswith("strategy:") for label in package)
    assert labels(str(HERE / "sound.py"), role="trigger") == {"trigger:patient"}
    assert labels("equal_weight", "trend", "trend") == {
        "sizer:equal_weight",
        "strategy:trend",
    }


@pytest.mark.parametrize(
    ("names", "role", "error", "text"),
    [
        (
            ["trnd"],
            None,
            ConfigError,
            "no component, module or distribution 'trnd' is installed (did you mean 'trend'?)",
        ),
        (
            ["trend"],
            "sizer",
            ConfigError,
            "'trend' offers no sizer; it offers strategy",
        ),
        (
            ["trend"],
            "sizers",
            ConfigError,
            "no role 'sizers'; the roles are source, strategy",
        ),
        (["nowhere.py"], None, PluginError, "nowhere.py does not exist"),
    ],
)
def test_a_name_that_fits_nothing_is_refused(names, role, error, text):
    with pytest.raises(error, match=re.escape(text)):
        find_subjects(names, role)


def test_the_made_markets_are_what_they_are_called():
    ugly = market("ugly")
    assert [len(market(name)) for name in MARKETS] == [300, 300, 300, 300, 300, 40]
    assert ugly.assets == ("AAA", "BBB", "CCC", "DDD", "EEE")
    assert not ugly.present[ugly.start, 1]
    assert not ugly.present[149, 2]
    assert ugly.present[150, 2]
    assert ugly.present[199, 3]
    assert not ugly.present[200:, 3].any()
    extreme = market("extreme").close
    assert extreme.min() < 2e-6
    assert extreme.max() > 9e8
    assert (market("constant").returns[1:] == 0).all()
    assert (reversed_assets(ugly).close[:, 0] == ugly.close[:, -1]).all()
    assert MARKETS["calm"]().fingerprint == MARKETS["calm"]().fingerprint


def test_a_component_that_never_acts_is_not_called_tested():
    outcomes = conformance.check("trend", options={"fast": 250, "slow": 400})
    assert [o.case.number for o in outcomes if o.mark == "passed"] == [
        "S01",
        "S02",
        "S03",
        "S04",
        "S05",
    ]
    reason = (
        "gave nothing but 0 or NaN on the calm market of 300 bars; "
        "give shorter keys by `example`"
    )
    assert {o.text for o in outcomes if o.mark == "skipped"} == {reason}


def test_a_lookback_that_is_too_long_for_the_market_is_reported_as_such():
    outcomes = conformance.check("trend", options={"fast": 50, "slow": 260})
    (outcome,) = (outcome for outcome in outcomes if outcome.case.number == "S15")
    assert outcome.mark == "skipped"
    assert outcome.text == "gives nothing in 240 bars; give shorter keys by `example`"


def test_pytest_collects_the_cases_and_prints_a_table_and_a_badge(tmp_path):
    (tmp_path / "test_own.py").write_text("def test_own():\n    pass\n")
    done = pytest_in(tmp_path, "-v", "--bt-plugin", "bt_run_strategies.trend")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "strategy:trend::S11 missing_bars PASSED" in done.stdout
    assert "test_own" not in done.stdout
    assert "strategy:trend      21       0        3" in done.stdout
    assert (
        "https://img.shields.io/badge/bt--run%20conformance-21%20of%2021-brightgreen"
        in done.stdout
    )


def test_pytest_says_what_was_found_and_runs_named_tests_too(tmp_path):
    (tmp_path / "test_own.py").write_text("def test_own():\n    pass\n")
    plugin = str(HERE / "mutants.py")
    done = pytest_in(
        tmp_path,
        "test_own.py",
        "--bt-plugin",
        plugin,
        "--bt-role",
        "trigger",
        "-k",
        "test_own or T22",
    )
    assert done.returncode == 1
    assert "trigger:NoReason breaks T22 says_why" in done.stdout
    assert "why:   a reader asks why it was traded on that day" in done.stdout
    assert "right: a few words; they stand in decisions.parquet" in done.stdout
    assert "Traceback" not in done.stdout
    assert "1 failed, 1 passed, 2 skipped" in done.stdout


def test_pytest_refuses_a_name_that_fits_nothing(tmp_path):
    done = pytest_in(tmp_path, "--bt-plugin", "trnd")
    assert done.returncode == pytest.ExitCode.USAGE_ERROR
    assert "did you mean 'trend'?" in done.stderr + done.stdout


def test_the_pytest_plugin_is_light():
    code = (
        "import sys, bt_run.testing.pytest_plugin; "
        "heavy = {'pandas', 'pyarrow', 'matplotlib', 'backtrader', 'scipy'} & sys.modules.keys(); "
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize(
    "name",
    ["local_plugin.py", "credit_spread.py", "plugin_package/bt_run_example_plugin.py"],
)
def test_the_examples_keep_their_promises(name: str) -> None:
    for bench in conformance.benches([str(ROOT / "examples" / name)]):
        outcomes = [bench.outcome(case.number) for case in bench.cases]
        assert not [outcome.failure for outcome in outcomes if outcome.mark == "failed"]
        assert sum(outcome.mark == "passed" for outcome in outcomes) >= 15


READER = """
import numpy as np
from bt_run import Component, Config, hookimpl

class Reader:
    reads = {"quality": "number", "sector": "text", "rate": "series"}

    def __init__(self, config, context):
        pass

    def signal(self, state):
        better = state.history.table("quality") > state.history.series("rate")[-1]
        better = better & (state.history.table("sector") != "wild")
        return np.where(state.history.tradable, better.astype(float), np.nan)

@hookimpl
def bt_strategies():
    return [Component(name="reader", config=Config, build=Reader, summary="reads tables")]
"""


def test_a_component_that_says_what_it_reads_is_tried_on_made_tables(tmp_path):
    file = tmp_path / "reader.py"
    file.write_text(READER)
    marks = {one.case.number: one.mark for one in conformance.check(str(file))}
    assert not [number for number, mark in marks.items() if mark == "failed"]
    assert [number for number, mark in marks.items() if mark == "skipped"] == [
        *("S19", "S21", "S22", "S23")
    ]


def test_a_table_that_a_component_does_not_name_is_not_made(tmp_path):
    file = tmp_path / "reader.py"
    file.write_text(READER.replace('"rate": "series"', '"other": "series"'))
    (bench,) = conformance.benches([str(file)])
    outcome = bench.outcome("S08")
    assert outcome.mark == "skipped"
    assert outcome.text == (
        "needs what the made markets do not have: ConfigError: no series 'rate'; data.tables has "
        "quality, sector, other"
    )
    marks = [bench.outcome(case.number) for case in bench.cases]
    assert conformance.badge(marks).endswith("-lightgrey)")


def test_a_component_whose_library_is_missing_is_skipped_with_the_command(monkeypatch):
    hide(monkeypatch, "osqp")
    outcomes = conformance.check("qp_tracker")
    assert {outcome.mark for outcome in outcomes} == {"skipped"}
    assert {outcome.text for outcome in outcomes} == {
        "'qp_tracker' needs osqp, not installed: pip install 'bt-run[tracker]'"
    }
    assert not conformance.badge(outcomes).endswith("green)")
