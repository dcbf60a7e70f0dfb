"""Files in one step, and one writer at a time."""

import json
import os
from pathlib import Path

import pytest

from bt_run import DataError
from bt_run.atomic import TEMPORARY, locked, replace_file


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    file = tmp_path / "a.txt"
    replace_file(file, b"old")
    replace_file(file, b"new")
    assert file.read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_what_fails_leaves_the_old_file_and_nothing_beside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "a.txt"
    replace_file(file, b"old")

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        replace_file(file, b"new")
    assert file.read_bytes() == b"old"
    assert not list(tmp_path.glob(f"{TEMPORARY}*"))


def test_a_second_writer_learns_who_the_first_is(tmp_path: Path) -> None:
    lock = tmp_path / ".lock"
    with locked(lock) as before:
        assert before is None
        taken = f"another writer is at work there, process {os.getpid()}"
        with pytest.raises(DataError, match=taken), locked(lock):
            pass
    with locked(lock):
        pass


def test_the_lock_of_a_writer_that_died_is_taken_over_and_said(tmp_path: Path) -> None:
    lock = tmp_path / ".lock"
    lock.write_text(json.dumps({"pid": 7, "host": "h", "command": "c", "since": "s"}))
    with locked(lock) as before:
        assert (
            before
            == "the writer before, process 7 on h (`c`), since s, died; its lock is taken over"
        )


def test_a_place_that_cannot_be_written_is_reported(tmp_path: Path) -> None:
    refused = "cannot be written: No such file or directory; choose"
    with pytest.raises(DataError, match=refused), locked(tmp_path / "gone" / ".lock"):
        pass
