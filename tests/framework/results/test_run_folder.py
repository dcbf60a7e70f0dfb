"""A run on disk: what its files hold, and that writing them is safe."""

import json
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from kit.made_results import make_result, make_tables

from bt_run.errors import DataError
from bt_run.results.result import TABLES
from bt_run.results.run_folder import read_run, write_run


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
