"""Processes killed while they write: readers find whole things, and the next writer tidies up."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import pytest
from kit.configured import folder_of_files
from kit.kills import (
    check_runs,
    check_store,
    commits_in,
    kill_writers,
    leftovers_of_runs,
    leftovers_of_store,
    write_a_commit,
    write_a_run,
)

import bt_run

pytestmark = pytest.mark.skipif(os.name != "posix", reason="kills processes by signal")
KILLS = 20


def test_a_killed_run_leaves_whole_runs_and_the_next_one_no_leftovers(
    tmp_path: Path,
) -> None:
    config = bt_run.load_config(folder_of_files(tmp_path) / "run.yaml")
    result = bt_run.run(config)
    root = tmp_path / "runs"
    write = partial(write_a_run, result)
    assert not list(kill_writers(root, write, check_runs, seed=3, times=KILLS))
    assert not leftovers_of_runs(result, root)


def test_a_killed_writer_leaves_a_store_that_reads_and_the_next_one_no_leftovers(
    tmp_path: Path,
) -> None:
    store = tmp_path / "store"
    found = kill_writers(store, write_a_commit, check_store, seed=7, times=KILLS)
    assert not list(found)
    assert commits_in(store) > 4
    assert not leftovers_of_store(store)


def test_what_a_check_finds_is_told(tmp_path: Path) -> None:
    def write(folder: Path, number: int) -> None:
        (folder / "half.txt").write_text(str(number))

    def check(folder: Path) -> None:
        assert (folder / "half.txt").read_text() == "whole"

    (told,) = kill_writers(tmp_path, write, check, seed=1, times=1)
    assert told.startswith("kill 0: AssertionError")
