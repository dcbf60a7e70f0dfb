"""Which code a run used: what is reached counts, and what only tells, writes or checks does not."""

import sys
from pathlib import Path
from types import ModuleType

import pytest
from kit.libraries import another_version, without_distribution
from kit.places import EXAMPLES

import bt_run
from bt_run import load_config, run
from bt_run.results.sources import (
    file_tree_hash,
    local_file_hash,
    used_code,
)
from bt_run_plugins.sizers.qp_tracker import sizer as qp_tracker
from bt_run_strategies import trend


def lone_module(folder, name, text):
    path = folder / f"{name}.py"
    path.write_text(text)
    found = ModuleType(name)
    found.__file__ = str(path)
    return found


@pytest.fixture
def house(tmp_path, monkeypatch):
    """Lay a copy of the core where hashes are taken, so that a test can change its text."""
    import shutil

    copy = tmp_path / "bt_run"
    keep = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(bt_run.__file__).parent, copy, ignore=keep)
    monkeypatch.setattr(bt_run.__spec__, "origin", str(copy / "__init__.py"))
    return copy


def add_comment(path):
    path.write_text(
        path.read_text(encoding="utf-8") + "\n# a comment\n", encoding="utf-8"
    )


@pytest.mark.parametrize(
    "file",
    [
        "cli/console.py",
        "cli/scaffolding.py",
        "testing/made_bars.py",
        "testing/conformance/kit.py",
        "checks/lookahead.py",
        "causality/futures.py",
        "results/explanation.py",
        "results/bundle.py",
        "results/comparison.py",
        "backtest/reporting.py",
    ],
)
def test_what_only_tells_or_checks_is_no_part_of_a_result(house, file):
    before = used_code([])
    add_comment(house / file)
    assert used_code([]) == before


@pytest.mark.parametrize(
    "file",
    [
        "account/account.py",
        "account/basket.py",
        "decision/pipeline.py",
        "engine/panel.py",
        "data/bars.py",
        "results/metrics.py",
        "backtest/baselines.py",
        "config/run_config.py",
    ],
)
def test_what_can_change_a_number_counts(house, file):
    before = used_code([])
    add_comment(house / file)
    assert used_code([]).sources["bt_run"] != before.sources["bt_run"]
    assert used_code([]).versions == before.versions


def test_a_lone_file_counts_by_its_content(tmp_path):
    mine = lone_module(tmp_path, "my_strategy", "a = 1\n")
    first = used_code([mine]).sources
    assert list(first) == ["bt_run", "my_strategy.py"]
    assert used_code([mine]).sources == first
    lone_module(tmp_path, "my_strategy", "a = 2\n")
    second = used_code([mine]).sources
    assert second["my_strategy.py"] != first["my_strategy.py"]
    assert second["bt_run"] == first["bt_run"]


def test_a_lone_file_counts_with_what_it_imports_from_beside_it(tmp_path):
    (tmp_path / "near.py").write_text("x = 1\n")
    (tmp_path / "other.py").write_text("x = 1\n")
    mine = tmp_path / "mine.py"
    mine.write_text("def late():\n    from near import x\n")
    before = local_file_hash(mine)
    add_comment(tmp_path / "other.py")
    assert local_file_hash(mine) == before
    add_comment(tmp_path / "near.py")
    assert local_file_hash(mine) != before


def test_every_local_plugin_file_counts_whether_it_is_used_or_not(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text("x = 1\n")
    assert used_code([], [path]).sources["mine.py"] == local_file_hash(path)


def test_lone_files_are_named_after_themselves_and_both_count_when_they_share_a_name(
    tmp_path,
):
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()
    one, two = [
        lone_module(folder, "mine", f"x = '{folder.name}'\n") for folder in folders
    ]
    one.__name__, two.__name__ = "bt_run_local_mine_1", "bt_run_local_mine_2"
    both = used_code([one, two]).sources
    assert list(both) == ["bt_run", "mine.py"]
    assert both == used_code([two, one]).sources
    single = [used_code([module]).sources["mine.py"] for module in (one, two)]
    assert both["mine.py"] == "+".join(sorted(single))


@pytest.fixture
def stranger(tmp_path, monkeypatch):
    """Offer a package of four modules, of which ``plugin`` reaches ``deep.used`` only."""
    folder = tmp_path / "stranger"
    (folder / "deep").mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "plugin.py").write_text("from .deep import used\nimport numpy\n")
    (folder / "report.py").write_text("x = 1\n")
    (folder / "deep" / "__init__.py").write_text("")
    (folder / "deep" / "used.py").write_text("x = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    yield folder
    for name in [name for name in sys.modules if name.partition(".")[0] == "stranger"]:
        del sys.modules[
            name
        ]  # for good: the next test has a package of this name elsewhere


def hash_of_the_stranger():
    import stranger.plugin

    return used_code([stranger.plugin]).sources["stranger"]


@pytest.mark.parametrize(
    "file", ["__init__.py", "plugin.py", "deep/__init__.py", "deep/used.py"]
)
def test_of_a_package_counts_what_the_components_module_reaches(stranger, file):
    before = hash_of_the_stranger()
    add_comment(stranger / file)
    assert hash_of_the_stranger() != before


def test_of_a_package_what_is_not_reached_does_not_count(stranger):
    before = hash_of_the_stranger()
    add_comment(stranger / "report.py")
    assert hash_of_the_stranger() == before


def test_a_package_that_imports_by_name_counts_whole(stranger):
    plugin = stranger / "plugin.py"
    late = "def late():\n    import_module('stranger.report')\n"
    text = f"from importlib import import_module\n\n\n{late}"
    plugin.write_text(text)
    before = hash_of_the_stranger()
    add_comment(stranger / "report.py")
    assert hash_of_the_stranger() != before


def test_a_component_in_the_init_of_a_package_counts_with_all_of_it(stranger):
    import stranger as package

    before = used_code([package]).sources["stranger"]
    add_comment(stranger_folder(package) / "report.py")
    assert used_code([package]).sources["stranger"] != before


def stranger_folder(package):
    return Path(package.__file__).parent


def test_a_module_without_a_file_says_that_it_has_no_source():
    assert used_code([ModuleType("notebook")]).sources["notebook"] == "no source file"


def test_versions_are_those_of_what_is_imported_and_of_what_is_behind_every_number(
    tmp_path,
):
    import cvxpy
    import numpy

    mine = lone_module(
        tmp_path,
        "mine",
        "def late():\n    import cvxpy\n    import nothing_of_the_kind\n",
    )
    plain, versions = used_code([]).versions, used_code([mine]).versions
    assert "cvxpy" not in plain
    assert versions["cvxpy"] == cvxpy.__version__
    assert versions["numpy"] == numpy.__version__
    assert {
        "backtrader",
        "pandas",
        "pydantic",
        "ruamel-yaml",
        "exchange-calendars",
    } <= plain.keys()
    assert "nothing-of-the-kind" not in versions
    assert list(versions) == sorted(versions)


def ids_of_two_runs(folder):
    """Return the ids of a short run that tracks, and of one that does not."""
    short = ["data.end=2000-03-31", "overlays=[]", "reports=[]"]
    tracks = [*short, "sizer={use: qp_tracker, cap: 1.0, lookback: 60}"]
    example = EXAMPLES / "spy_qqq.yaml"
    return tuple(
        run(load_config(example, changes), folder).run_id for changes in (tracks, short)
    )


@pytest.mark.parametrize("name", ["osqp", "clarabel", "scipy"])
def test_another_solver_gives_a_run_that_tracks_another_id_and_no_other_run(
    name, tmp_path, monkeypatch
):
    before = ids_of_two_runs(tmp_path)
    another_version(monkeypatch, name)
    after = ids_of_two_runs(tmp_path)
    assert after[0] != before[0]
    assert after[1] == before[1]


def test_another_version_counts_for_whoever_imports_the_library(tmp_path, monkeypatch):
    mine = lone_module(tmp_path, "mine", "def late():\n    import cvxpy\n")
    before = used_code([mine]).versions
    another_version(monkeypatch, "cvxpy")
    assert used_code([mine]).versions == {**before, "cvxpy": "999.0"}
    assert "cvxpy" not in used_code([]).versions


@pytest.mark.parametrize(
    "name", ["osqp", "clarabel", "cvxpy", "yfinance", "skfolio", "lightgbm", "xgboost"]
)
def test_a_library_that_is_not_installed_is_no_part_of_a_run_without_it(
    name, monkeypatch
):
    plain = used_code([trend])
    without_distribution(monkeypatch, name)
    assert used_code([trend]) == plain
    assert name not in used_code([qp_tracker]).versions


def test_a_folder_is_hashed_by_its_names_and_contents(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name / "deep").mkdir(parents=True)
        (tmp_path / name / "deep" / "a.csv").write_text("1")
    assert file_tree_hash(tmp_path / "one") == file_tree_hash(tmp_path / "two")
    (tmp_path / "two" / "deep" / "a.csv").rename(tmp_path / "two" / "deep" / "b.csv")
    assert file_tree_hash(tmp_path / "one") != file_tree_hash(tmp_path / "two")


# -- local plugin files ----------------------------------------------------------------------------


def test_a_package_on_the_path_that_a_plugin_file_imports_counts(stranger, tmp_path):
    mine = tmp_path / "beside_nothing" / "mine.py"
    mine.parent.mkdir()
    mine.write_text("import stranger.report\n")
    before = used_code([], [mine]).sources
    assert list(before) == ["bt_run", "mine.py", "stranger"]
    add_comment(stranger / "report.py")
    after = used_code([], [mine]).sources
    assert after["stranger"] != before["stranger"]
    assert after["mine.py"] == before["mine.py"]


def test_a_plugin_that_is_an_init_file_counts_wherever_it_lies(tmp_path):
    found = []
    for name in ("a", "b"):
        init = tmp_path / name / "__init__.py"
        init.parent.mkdir()
        init.write_text("x = 1\n")
        module = ModuleType(f"bt_run_local___init___{name}")
        module.__file__ = str(init)
        found.append(used_code([module], [init]))
    assert found[0] == found[1]
    assert list(found[0].sources) == ["__init__.py", "bt_run"]


def test_plugin_files_count_in_their_order(tmp_path):
    files = [tmp_path / "a.py", tmp_path / "b.py"]
    for file in files:
        file.write_text(f"x = '{file.stem}'\n")
    one, other = used_code([], files), used_code([], files[::-1])
    assert one.sources == other.sources
    assert one.plugins == other.plugins[::-1]
    assert one.plugins == tuple(map(local_file_hash, files))
