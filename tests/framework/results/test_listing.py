"""The runs in a folder: which are listed, and which one a word means."""

import os

import pytest
from kit.made_results import make_result

from bt_run import ConfigError
from bt_run.results.listing import find_run, listed_runs
from bt_run.results.run_folder import write_run


@pytest.fixture
def root(tmp_path):
    """Return a folder with two runs of one name and one of another."""
    for name, run_id in (
        ("demo", "aaaa11111111"),
        ("demo", "aabb22222222"),
        ("other", "c" * 12),
    ):
        write_run(make_result(name, run_id), tmp_path)
    os.utime(tmp_path / "demo" / "aaaa11111111" / "manifest.json", (1, 1))
    return tmp_path


def test_runs_are_listed_by_name_the_newest_first(root):
    found = listed_runs(root)
    told = [(run.name, run.run_id, run.latest) for run in found]
    assert told == [
        ("demo", "aabb22222222", True),
        ("demo", "aaaa11111111", False),
        ("other", "c" * 12, True),
    ]
    files = [path for path in (root / "other" / ("c" * 12)).iterdir() if path.is_file()]
    assert found[2].size == sum(path.stat().st_size for path in files)
    assert found[2].metrics["total_return"]["run"] == pytest.approx(0.01)


def test_what_is_no_run_is_not_listed(root):
    (root / "demo" / ".aaaa11111111.999").mkdir()
    (root / "demo" / "notes").mkdir()
    (root / "loose.txt").write_text("x")
    assert len(listed_runs(root)) == 3


def test_a_damaged_run_is_listed_as_such(root):
    (root / "other" / ("c" * 12) / "manifest.json").write_text("{")
    damaged = listed_runs(root)[2]
    assert damaged.manifest is None
    assert "manifest.json: not JSON" in damaged.damage


@pytest.mark.parametrize(
    ("word", "name"),
    [
        ("demo", "aabb22222222"),
        ("demo/aaaa11111111", "aaaa11111111"),
        ("aaaa", "aaaa11111111"),
        ("demo/aab", "aabb22222222"),
        ("c", "c" * 12),
    ],
)
def test_a_run_is_found_by_name_id_or_first_letters(root, word, name):
    assert find_run(root, word).name == name


def test_a_path_is_a_run_too(root, monkeypatch):
    monkeypatch.chdir(root / "demo")
    assert find_run(root / "nowhere", "latest").name == "aabb22222222"
    assert find_run(root, str(root / "other" / "latest")).name == "c" * 12


def test_a_name_without_a_newest_run_means_the_newest_by_its_files(root):
    (root / "demo" / "latest").unlink()
    assert find_run(root, "demo").name == "aabb22222222"


def test_what_no_run_or_several_are_called_is_refused(root):
    with pytest.raises(
        ConfigError, match=r"aa: several runs begin so: demo/aa.*; expected one"
    ):
        find_run(root, "aa")
    with pytest.raises(ConfigError, match=r"zz: no such run in .*; found demo, other"):
        find_run(root, "zz")
    with pytest.raises(
        ConfigError, match=r"nowhere: no such folder; runs are in the one of"
    ):
        listed_runs(root / "nowhere")
