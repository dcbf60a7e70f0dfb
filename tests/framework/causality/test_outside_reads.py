"""What plugins read from outside while a run decides is named, with file and line."""

import sqlite3
import sys
from pathlib import Path

import pytest
from kit.places import EXAMPLES

from bt_run import BacktestResult, load_config, run
from bt_run.causality.outside_reads import watched_reads
from bt_run.checks.lookahead import check_lookahead

PLUGIN = """
import json
import os
import sqlite3
from pathlib import Path

import numpy as np
from bt_run import Component, Config, hookimpl

HERE = Path(__file__).parent


class Reader:
    def __init__(self, config, context):
        (HERE / "built.json").read_text()      # while it is built: no decision yet

    def signals(self, bars):
        json.loads((HERE / "view.json").read_text())
        return np.where(bars.tradable, 1.0, np.nan)


class Base:
    def __init__(self, config, context):
        pass

    def signal(self, state):
        state.history.clock                     # the system's zones are no data
        with open(HERE / "log.txt", "a") as file:   # writing is no reading
            file.write("x")
        handle = os.open(HERE / "view.json", os.O_RDONLY)
        os.close(handle)
        with sqlite3.connect(HERE / "facts.db"):
            pass
        return np.where(state.history.tradable, 1.0, np.nan)


@hookimpl
def bt_strategies():
    return [
        Component(name="reader", config=Config, build=Reader, summary="Reads a file."),
        Component(name="base", config=Config, build=Base, summary="Asks a database."),
    ]
"""
SHORT = ["data.end=2001-12-31", "overlays=[]"]


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    (tmp_path / "reading.py").write_text(PLUGIN)
    for name in ("view.json", "built.json"):
        (tmp_path / name).write_text("{}")
    sqlite3.connect(tmp_path / "facts.db").close()
    return tmp_path / "reading.py"


def words(plugin: Path, strategy: str) -> list[str]:
    return [*SHORT, f"plugins=[{plugin}]", f"strategy={strategy}"]


def told(result: BacktestResult) -> list[str]:
    return [text for text in result.warnings if "while the run decides" in text]


def test_a_file_that_is_read_beside_the_data_is_named(plugin: Path) -> None:
    result = run(load_config(EXAMPLES / "spy_qqq.yaml", words(plugin, "reader")))
    (text,) = told(result)
    line = PLUGIN.splitlines().index(
        '        json.loads((HERE / "view.json").read_text())'
    )
    assert text.startswith(
        f"reading.py, line {line + 1}: reads view.json while the run decides"
    )


def test_so_are_handles_and_databases_once_each(plugin: Path) -> None:
    result = run(load_config(EXAMPLES / "spy_qqq.yaml", words(plugin, "base")))
    what = [text.split("reads ")[1].split(" while")[0] for text in told(result)]
    assert what == ["view.json", "the database facts.db"]


def test_the_check_names_it_and_is_clean_unless_it_is_strict(plugin: Path) -> None:
    config = load_config(EXAMPLES / "spy_qqq.yaml", words(plugin, "reader"))
    found = check_lookahead(config, dates=2)
    assert [one.what for one in found.outside] == ["view.json"]
    assert (found.verdict, found.exit_code, found.strict_exit_code) == ("clean", 0, 6)


def test_a_run_of_built_in_components_reads_nothing() -> None:
    assert not told(run(load_config(EXAMPLES / "spy_qqq.yaml", SHORT)))


def test_nothing_is_told_once_the_watch_is_over(tmp_path: Path) -> None:
    here = sys.modules[__name__]  # this very module stands for a plugin
    (tmp_path / "a.txt").write_text("")
    with watched_reads([here]) as reads:
        (tmp_path / "a.txt").read_text()
    (tmp_path / "b.txt").write_text("")
    (tmp_path / "b.txt").read_text()
    assert [one.what for one in reads] == ["a.txt"]
