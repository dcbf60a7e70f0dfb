"""Relative paths start at the folder of their file."""

from pathlib import Path

from pydantic import BaseModel

from bt_run.config.paths import rebased
from bt_run.config.places import Place


class Leg(BaseModel):
    table: Path
    label: str


def places(folder: str):
    place = Place("run.yaml", Path(folder))
    paths = [(), ("file",), (0,), (0, "table"), (0, "label")]
    return dict.fromkeys(paths, (place, place))


def test_a_path_starts_at_the_folder_of_its_file() -> None:
    found = rebased("a.csv", {Path}, ("file",), places("/runs"))
    assert found == Path("/runs/a.csv")


def test_an_absolute_path_stays() -> None:
    assert rebased("/data/a.csv", {Path}, ("file",), places("/runs")) == Path(
        "/data/a.csv"
    )


def test_a_key_that_may_be_a_string_is_no_path() -> None:
    assert rebased("a.csv", {Path, str}, ("file",), places("/runs")) == "a.csv"


def test_paths_inside_lists_and_models_start_there_too() -> None:
    value = [{"table": "a.csv", "label": "a.csv"}]
    found = rebased(value, {Leg}, (), places("/runs"))
    assert found == [{"table": Path("/runs/a.csv"), "label": "a.csv"}]
