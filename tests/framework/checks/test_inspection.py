"""What a run would run, told without importing any of it."""

import json

import pytest
from kit.places import EXAMPLES
from kit.small_project import agreed, make_project, members_of, zip_of

from bt_run import load_config, run
from bt_run.checks.inspection import changed_entries, inspect_run, value_at
from bt_run.checks.reproduction import reproduce
from bt_run.errors import DataError
from bt_run.results.bundle import pack_run


@pytest.fixture(scope="module")
def done(tmp_path_factory):
    """Return the folder of a finished run, which is not changed."""
    place = make_project(tmp_path_factory.mktemp("inspected") / "project")
    return run(load_config(place / "small.yaml"), place / "runs", reports=False).folder


def with_manifest(done, place, **keys):
    """Write a bundle of a run whose manifest has other keys."""
    pack_run(done, place, with_data=True)
    members = members_of(place)
    manifest = json.loads(members["run/manifest.json"]) | keys
    members["run/manifest.json"] = json.dumps(manifest).encode()
    return zip_of(members, place)


def test_a_run_made_here_differs_in_nothing(done, tmp_path):
    pack_run(done, tmp_path / "small.zip", with_data=True)
    for place, name in (
        (tmp_path / "small.zip", "plugins/0/local.py"),
        (done, str(done.parents[2] / "local.py")),
    ):
        found = inspect_run(place)
        assert found.differences == ()
        assert found.altered == ()
        assert [file.name for file in found.code] == [name]
        assert found.text.endswith("all else is installed here as it was there")


@pytest.mark.parametrize("example", ["spy_qqq.yaml", "local_plugin.yaml"])
def test_examples_differ_in_nothing_from_what_is_installed(tmp_path, example):
    config = load_config(EXAMPLES / example, ["data.start=2017-01-03"])
    folder = run(config, tmp_path, reports=False).folder
    assert inspect_run(folder).differences == ()


def test_another_number_of_plugins_than_recorded_is_told(done, tmp_path):
    bundle = with_manifest(done, tmp_path / "two.zip", plugins=["0" * 64, "1" * 64])
    found = inspect_run(bundle)
    assert found.altered == ("2 plugin files were recorded, there are 1",)
    assert not reproduce(bundle, agree=agreed).ran


@pytest.mark.parametrize("key", ["plugins", "sources"])
def test_each_of_two_records_of_a_plugin_counts(done, tmp_path, key):
    manifest = json.loads((done / "manifest.json").read_text())
    other = {
        "plugins": ["0" * 64],
        "sources": manifest["sources"] | {"local.py": "0" * 64},
    }
    bundle = with_manifest(done, tmp_path / "edited.zip", **{key: other[key]})
    (told,) = inspect_run(bundle).altered
    assert told.startswith("local.py was 0000000000000000, is ")


def test_a_file_that_is_recorded_and_not_there_is_told(done, tmp_path):
    files = {"strategy.policy": "0" * 64}
    bundle = with_manifest(done, tmp_path / "files.zip", files=files)
    told = "strategy.policy was 0000000000000000, is not there"
    assert inspect_run(bundle).altered == (told,)


def test_a_plugin_file_that_is_gone_is_named(tmp_path):
    place = make_project(tmp_path / "project")
    folder = run(load_config(place / "small.yaml"), place / "runs").folder
    (place / "local.py").unlink()
    with pytest.raises(
        DataError, match=r"the plugin file .*local\.py of the run is gone"
    ):
        inspect_run(folder)


def test_changed_entries_are_those_of_both_sides():
    was, now = {"a": "1", "b": "2", "c": "3"}, {"b": "2", "c": "4", "d": "5"}
    assert list(changed_entries(was, now)) == [
        "a was 1, is not there",
        "c was 3, is 4",
        "d was not there, is 5",
    ]


@pytest.mark.parametrize(
    ("key", "value"),
    [("a.0.b", 1), ("a.1", None), ("a.x", None), ("b.c", None), ("c", "d")],
)
def test_a_value_is_found_where_it_stands_or_not_at_all(key, value):
    assert value_at({"a": [{"b": 1}], "b": 2, "c": "d"}, key) == value
