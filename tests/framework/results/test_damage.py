"""A run whose files were changed since it was written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from kit.fuzzing import clean_folder

from bt_run import DataError
from bt_run.results.run_folder import intact_run, load_result, read_run


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clean_folder(tmp_path_factory.mktemp("run")) / "result"


@pytest.fixture
def result(written: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "result"
    folder.mkdir()
    for path in written.iterdir():
        (folder / path.name).write_bytes(path.read_bytes())
    return folder


def change(folder: Path, name: str, what: Callable[[Any], Any]) -> None:
    path = folder / f"{name}.json"
    value = json.loads(path.read_text())
    path.write_text(json.dumps(what(value)))


def without(*keys: str) -> Callable[[Any], Any]:
    def changed(value: Any) -> Any:
        node = value
        for key in keys[:-1]:
            node = node[key]
        del node[keys[-1]]
        return value

    return changed


def set_to(new: Any, *keys: str) -> Callable[[Any], Any]:
    def changed(value: Any) -> Any:
        node = value
        for key in keys[:-1]:
            node = node[key]
        node[keys[-1]] = new
        return value

    return changed


def test_a_run_as_it_was_written_is_read(result: Path) -> None:
    assert intact_run(result)["manifest"] == read_run(result)["manifest"]
    assert load_result(result).run_id == intact_run(result)["manifest"]["run_id"]


@pytest.mark.parametrize(
    ("name", "what", "words"),
    [
        (
            "manifest",
            lambda value: [],
            "manifest.json: Input should be",
        ),
        ("manifest", without("run_id"), "manifest.json: run_id: Field required"),
        ("manifest", set_to([1], "notes"), "manifest.json: notes.0: Input should be"),
        (
            "manifest",
            without("config", "strategy"),
            "manifest.json: config has no strategy",
        ),
        (
            "manifest",
            without("config", "overlays"),
            "manifest.json: config has no overlays",
        ),
        ("manifest", without("config", "data", "adjust"), "config has no adjust"),
        (
            "manifest",
            without("tables", "fills"),
            "manifest.json: tables: no hash of fills",
        ),
        ("metrics", lambda value: 3, "metrics.json: Input should be"),
        ("metrics", without("sharpe"), "metrics.json has no sharpe of run, benchmark"),
        (
            "metrics",
            without("sharpe", "run"),
            "metrics.json has no sharpe of run, benchmark",
        ),
        (
            "metrics",
            set_to("x", "sharpe", "run"),
            "sharpe.run: Input should be a valid number",
        ),
    ],
)
def test_what_every_run_has_is_missed(
    result: Path, name: str, what: Callable[[Any], Any], words: str
) -> None:
    change(result, name, what)
    with pytest.raises(DataError) as caught:
        intact_run(result)
    assert words in str(caught.value)
    assert "run its configuration again" in str(caught.value)


@pytest.mark.parametrize(
    ("table", "column", "value"),
    [("fills", "asked", 1.0), ("nav", "nav", "x"), ("decisions", "reason", [[1]])],
)
def test_a_table_that_is_another_one_is_refused(
    result: Path, table: str, column: str, value: object
) -> None:
    path = result / f"{table}.parquet"
    frame = pd.read_parquet(path)
    values = value * len(frame) if isinstance(value, list) else value
    frame.assign(**{column: values}).to_parquet(path)
    with pytest.raises(
        DataError, match=f"{table}.parquet is not the table that manifest"
    ):
        load_result(result)
    assert len(read_run(result)[table]) == len(frame)  # `reproduce` says what differs


def test_a_table_that_is_no_parquet_file_is_refused(result: Path) -> None:
    (result / "fills.parquet").write_bytes(b"PAR1 nothing PAR1")
    with pytest.raises(
        DataError, match=r"the run is damaged, .*cannot be read as parquet"
    ):
        read_run(result)
