"""A run on disk: what its files hold, and that writing them is safe."""

import errno
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from kit.made_results import make_result, make_tables

from bt_run.errors import DataError
from bt_run.results import run_folder
from bt_run.results.result import TABLES
from bt_run.results.run_folder import (
    make_parent,
    read_places,
    read_run,
    write_run,
)


def files(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_written_run_reads_back_the_same(tmp_path):
    texts = make_tables()["memos"].astype({"component": object, "memo": object})
    result = write_run(replace(make_result(), memos=texts), tmp_path)
    assert result.folder == tmp_path / "demo" / "0123456789ab"
    found = read_run(result.folder)
    for name, table in result.tables.items():
        pd.testing.assert_frame_equal(found[name], table)
        pd.testing.assert_frame_equal(
            pd.read_parquet(result.folder / f"{name}.parquet"), table
        )
    assert found["metrics"] == result.metrics
    assert found["manifest"] == result.manifest
    assert sorted(files(result.folder)) == sorted(
        [*(f"{t}.parquet" for t in TABLES), "metrics.json", "manifest.json"]
    )


def test_same_content_gives_the_same_bytes_whatever_the_clock_says(tmp_path):
    one = write_run(make_result(timings={"engine": 1.0}), tmp_path / "one")
    other = write_run(make_result(timings={"engine": 2.0}), tmp_path / "other")
    assert files(one.folder) == files(other.folder)


def test_json_files_are_sorted_and_end_with_a_newline(tmp_path):
    text = (write_run(make_result(), tmp_path).folder / "manifest.json").read_text()
    assert text == json.dumps(json.loads(text), sort_keys=True, indent=2) + "\n"


def test_latest_points_to_the_newest_run(tmp_path):
    write_run(make_result(), tmp_path)
    write_run(make_result(run_id="ffffffffffff"), tmp_path)
    latest = tmp_path / "demo" / "latest"
    assert latest.is_symlink()
    assert str(latest.readlink()) == "ffffffffffff"
    assert sorted(path.name for path in (tmp_path / "demo").iterdir()) == [
        "0123456789ab",
        "ffffffffffff",
        "latest",
    ]


def test_equal_run_keeps_the_folder_and_its_reports(tmp_path):
    folder = write_run(make_result(), tmp_path).folder
    (folder / "tear_sheet.pdf").write_bytes(b"pdf")
    write_run(make_result(), tmp_path)
    assert (folder / "tear_sheet.pdf").read_bytes() == b"pdf"


def test_different_run_of_the_same_id_replaces_the_folder(tmp_path):
    folder = write_run(make_result(), tmp_path).folder
    (folder / "tear_sheet.pdf").write_bytes(b"of the old run")
    write_run(replace(make_result(), metrics={}), tmp_path)
    assert read_run(folder)["metrics"] == {}
    assert not (folder / "tear_sheet.pdf").exists()
    assert sorted(path.name for path in folder.parent.iterdir()) == [
        "0123456789ab",
        "latest",
    ]


@pytest.mark.parametrize("step", range(4))
def test_death_between_any_two_renames_leaves_a_whole_run(tmp_path, monkeypatch, step):
    folder = write_run(make_result(), tmp_path).folder
    steps = []

    def dying(rename):
        def call(*args):
            steps.append(args)
            if len(steps) > step:
                raise KeyboardInterrupt
            return rename(*args)

        return call

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", dying(Path.rename))
        patch.setattr(Path, "replace", dying(Path.replace))
        if step < 3:
            with pytest.raises(KeyboardInterrupt):
                write_run(replace(make_result(), metrics={}), tmp_path)
        else:
            write_run(replace(make_result(), metrics={}), tmp_path)
    found = read_run(folder)
    assert found["metrics"] == (make_result().metrics if step < 2 else {})
    assert len(found["positions"]) == 3
    write_run(replace(make_result(), metrics={}), tmp_path)
    assert read_run(folder)["metrics"] == {}


def test_failure_while_writing_leaves_the_old_run_and_no_litter(tmp_path, monkeypatch):
    folder = write_run(make_result(), tmp_path).folder
    before = files(folder)
    monkeypatch.setattr("bt_run.results.run_folder.json.dumps", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_run(replace(make_result(), metrics={}), tmp_path)
    assert files(folder) == before
    assert sorted(path.name for path in folder.parent.iterdir()) == [
        "0123456789ab",
        "latest",
    ]


def test_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(
        DataError, match=r"it holds no manifest\.json; expected runs/NAME/RUN_ID"
    ):
        read_run(tmp_path / "nothing")


def test_a_damaged_run_is_reported(tmp_path):
    (tmp_path / "manifest.json").write_text("{broken")
    with pytest.raises(
        DataError, match="the run is damaged, a file is missing or cannot be read"
    ):
        read_run(tmp_path)


# -- what dead runs leave --------------------------------------------------------------------------

KILLED = """
import os, signal, sys
from pathlib import Path
from kit.made_results import make_result
from bt_run.results import run_folder

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

setattr(run_folder, sys.argv[2], die)
run_folder.write_run(make_result(), Path(sys.argv[1]))
"""


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def killed_run(root, step):
    """Kill a process of its own in the midst of writing a run."""
    paths = os.pathsep.join([str(Path(__file__).parents[2]), *sys.path])
    done = subprocess.run(
        [sys.executable, "-c", KILLED, str(root), step],
        env=os.environ | {"PYTHONPATH": paths},
        check=False,
    )
    assert done.returncode == -signal.SIGKILL


@pytest.mark.parametrize("step", ["_put_json", "_move", "_sync_folder"])
def test_what_a_killed_run_left_is_removed_by_the_next(tmp_path, step):
    killed_run(tmp_path, step)
    left = names(tmp_path / "demo")
    assert any(name.startswith(".0123456789ab.") for name in left)
    write_run(make_result(run_id="ffffffffffff"), tmp_path)
    assert names(tmp_path / "demo") == ["ffffffffffff", "latest"]


def test_what_a_living_run_is_writing_stays(tmp_path):
    with _workplace_of(tmp_path / "demo", "aaaaaaaaaaaa") as made:
        # a process of this number may have died and another one have its number now
        other = made.rename(made.with_name(".aaaaaaaaaaaa.999999999"))
        lock = made.with_name(f"{made.name}.lock")
        held = lock.rename(other.with_name(f"{other.name}.lock"))
        write_run(make_result(), tmp_path)
        assert other.is_dir()
        assert held.is_file()


def _workplace_of(parent, run_id):
    parent.mkdir(exist_ok=True)
    return run_folder._workplace(parent, run_id)


def left_by(parent, pid, owner=None):
    """Leave the folder of a run that was not finished, and what its lock says."""
    made = parent / f".aaaaaaaaaaaa.{pid}"
    made.mkdir(parents=True)
    (made / "nav.parquet").write_bytes(b"")
    if owner is not None:
        made.with_name(f"{made.name}.lock").write_text(json.dumps(owner))
    return made


def test_a_folder_without_a_lock_is_removed_where_its_process_is_gone(tmp_path):
    """As earlier versions left them."""
    gone = left_by(tmp_path / "demo", 999999999)
    alive = left_by(tmp_path / "demo", os.getppid())
    write_run(make_result(), tmp_path)
    assert not gone.exists()
    assert alive.exists()


def test_what_another_host_left_is_left_to_it(tmp_path):
    there = left_by(tmp_path / "demo", 999999999, {"pid": 1, "host": "far away"})
    write_run(make_result(), tmp_path)
    assert there.exists()


def test_a_dead_process_whose_number_another_has_is_dead(tmp_path):
    owner = {"pid": os.getppid(), "host": socket.gethostname()}
    dead = left_by(tmp_path / "demo", os.getppid(), owner)
    write_run(make_result(), tmp_path)
    assert names(dead.parent) == ["0123456789ab", "latest"]


def test_a_replaced_run_that_was_not_removed_goes_with_the_next(tmp_path):
    write_run(make_result(), tmp_path)
    parent = tmp_path / "demo"
    shutil.copytree(parent / "0123456789ab", parent / ".0123456789ab.old")
    shutil.copytree(parent / "0123456789ab", parent / ".bbbbbbbbbbbb.old")
    write_run(make_result(run_id="ffffffffffff"), tmp_path)
    # of the other one it is all that there is
    kept = [".bbbbbbbbbbbb.old", "0123456789ab", "ffffffffffff", "latest"]
    assert names(parent) == kept


def test_other_hidden_files_stay(tmp_path):
    kept = [".cache", ".0123456789ab.note", ".DS_Store"]
    (tmp_path / "demo").mkdir()
    for name in kept:
        (tmp_path / "demo" / name).write_text("")
    write_run(make_result(), tmp_path)
    assert set(kept) < set(names(tmp_path / "demo"))


def test_a_file_system_without_locks_is_no_obstacle(tmp_path, monkeypatch):
    def without(*_):
        raise DataError("files cannot be locked there")

    monkeypatch.setattr("bt_run.atomic._take", without)
    write_run(make_result(), tmp_path)
    assert names(tmp_path / "demo") == ["0123456789ab", "latest"]


# -- full disks ------------------------------------------------------------------------------------


def steps(monkeypatch, root, at=None):
    """Count the calls that touch the disk, and let call number ``at`` fail as on a full disk."""
    count = 0

    def counted(real):
        def call(*args, **kwargs):
            nonlocal count
            if real.__name__ == "open" and "wb" not in args:
                return real(*args, **kwargs)
            count += 1
            if count == at:
                raise OSError(errno.ENOSPC, "No space left on device")
            return real(*args, **kwargs)

        return call

    with monkeypatch.context() as patch:
        for module, name in (
            (os, "fsync"),
            (Path, "open"),
            (Path, "mkdir"),
            (Path, "rename"),
            (Path, "symlink_to"),
        ):
            patch.setattr(module, name, counted(getattr(module, name)))
        write_run(replace(make_result(), metrics={}, places={"./": "/x"}), root)
    return count


def test_a_disk_that_fills_at_any_step_is_named_and_leaves_a_whole_run(
    tmp_path, monkeypatch
):
    write_run(make_result(), tmp_path / "count")
    total = steps(monkeypatch, tmp_path / "count")
    assert total > 15
    for at in range(1, total + 1):
        root = tmp_path / str(at)
        folder = write_run(make_result(), root).folder
        with pytest.raises(DataError, match="No space left on device") as told:
            steps(monkeypatch, root, at)
        assert told.value.exit_code == 3
        assert str(told.value).startswith(str(root / "demo"))
        assert "make room or choose another folder with --out" in str(told.value)
        assert read_run(folder)["metrics"] in ({}, make_result().metrics)
        write_run(replace(make_result(), metrics={}), root)
        assert {"0123456789ab", "latest"} == set(names(root / "demo"))


def test_the_file_for_which_there_was_no_room_is_named(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(run_folder, "_put_table", full)
    file = tmp_path / "demo" / "0123456789ab" / "nav.parquet"
    with pytest.raises(DataError, match=f"^{file}: cannot be written: No space left"):
        write_run(make_result(), tmp_path)
    assert names(tmp_path / "demo") == []


def test_a_disk_that_is_full_before_the_run_is_named(tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.EDQUOT, "Disk quota exceeded")

    monkeypatch.setattr(Path, "mkdir", full)
    with pytest.raises(DataError, match="demo: cannot be written: Disk quota exceeded"):
        make_parent(tmp_path, "demo")


def test_a_place_that_is_no_folder_is_no_full_disk(tmp_path):
    (tmp_path / "runs").write_text("")
    with pytest.raises(NotADirectoryError):
        make_parent(tmp_path / "runs", "demo")


# -- places ----------------------------------------------------------------------------------------


def test_places_lie_beside_the_run_and_are_no_part_of_it(tmp_path):
    one = write_run(replace(make_result(), places={"./a.csv": "/here/a.csv"}), tmp_path)
    (one.folder / "tear_sheet.pdf").write_bytes(b"pdf")
    moved = {"./a.csv": "/there/a.csv"}
    two = write_run(replace(make_result(), places=moved), tmp_path)
    assert read_places(two.folder) == moved
    # the same run, so that its folder was kept
    assert (two.folder / "tear_sheet.pdf").exists()
    assert "there" not in (two.folder / "manifest.json").read_text()
    assert read_places(tmp_path) == {}
