"""Names of paths that say nothing of the machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from bt_run import load_config
from bt_run.config.portable_paths import PortablePaths, is_path_name, with_places


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(Path, "home", lambda: Path("/home/anna"))
    return Path("/home/anna")


@pytest.mark.parametrize(
    ("folder", "path", "name"),
    [
        ("/home/anna/tests", "/home/anna/tests/prices", "./prices"),
        ("/home/anna/tests", "prices/a.csv", "./prices/a.csv"),
        ("/home/anna/tests", "/home/anna/tests", "./"),
        ("/home/anna/tests", "/home/anna/data/a.csv", "../data/a.csv"),
        ("/home/anna/tests", "/home/anna/tests/../data", "../data"),
        ("/home/anna/tests", "/data/a.csv", "elsewhere:1/a.csv"),
        ("/home/anna/tests", "/home/bob/a.csv", "elsewhere:1/a.csv"),
        ("/data/tests", "/home/anna/a.csv", "elsewhere:1/a.csv"),
        ("/data/tests", "/home/anna", "elsewhere:1/"),
        ("/data/tests", "/home", "elsewhere:1/"),
        ("/data/tests", "/data/shared/a.csv", "../shared/a.csv"),
        ("/", "/data/a.csv", "./data/a.csv"),
    ],
)
def test_a_path_is_named_from_the_folder_of_the_file_and_never_names_the_user(
    home: Path, folder: str, path: str, name: str
) -> None:
    names = PortablePaths(Path(folder))
    assert names.name(Path(path)) == name
    assert "anna" not in name
    assert is_path_name(name)


def test_equal_paths_have_one_name_and_different_ones_two(home: Path) -> None:
    names = PortablePaths(Path("/home/anna/tests"))
    given = ["/one/a.csv", "/other/a.csv", "/one/a.csv"]
    found = [names.name(Path(path)) for path in given]
    assert found == ["elsewhere:1/a.csv", "elsewhere:2/a.csv", "elsewhere:1/a.csv"]
    assert names.places == {
        "elsewhere:1/a.csv": "/one/a.csv",
        "elsewhere:2/a.csv": "/other/a.csv",
    }


def test_sentences_call_paths_by_their_names(home: Path) -> None:
    names = PortablePaths(Path("/home/anna/tests"))
    names.name(Path("/data/prices"))
    told = names.told("/data/prices/a.csv, /home/anna/tests/b.csv and /home/anna/c.csv")
    assert told == "elsewhere:1/prices/a.csv, ./b.csv and ~/c.csv"


def test_names_are_replaced_wherever_they_stand() -> None:
    tree = {"a": ["./x", {"b": "./x"}], "c": "x", "d": 1}
    moved = with_places(tree, {"./x": "/there/x"})
    assert moved == {"a": ["/there/x", {"b": "/there/x"}], "c": "x", "d": 1}


@pytest.mark.parametrize("value", ["x", "x/y", ".x", "", 1, None, "SP500", "24/5"])
def test_other_values_are_no_names_of_paths(value: object) -> None:
    assert not is_path_name(value)


def test_names_start_at_the_file_wherever_one_stands(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    names = PortablePaths.of(load_config(folder / "run.yaml"))
    assert names.name(folder / "plugin.py") == "./plugin.py"


def test_a_repeated_run_keeps_its_names(folder: Path) -> None:
    config = load_config("run.yaml")
    config._path_names = {"../recorded.py": str(folder / "plugin.py")}
    assert PortablePaths.of(config).name(folder / "plugin.py") == "../recorded.py"
