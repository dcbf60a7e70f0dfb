"""Some spoilt files: whatever is in them, the command line says in words what is wrong."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from kit.fuzzing import BLAMELESS, clean_folder, endings, subjects, told

SEED, CASES = 20, 150


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clean_folder(tmp_path_factory.mktemp("clean"))


@pytest.mark.slow
def test_no_spoilt_file_ends_in_a_traceback(clean: Path, tmp_path: Path) -> None:
    cases = endings(clean, tmp_path / "work", SEED, CASES)
    found = [ending for ending in cases if not ending.fair]
    assert not found, "\n\n".join(map(str, found))


def test_what_is_not_spoilt_is_done(
    clean: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(clean)
    for words in sorted({subject.words for subject in subjects(clean)}):
        code, said = told(words)
        assert code == 0, said


def test_every_kind_of_file_is_spoilt(clean: Path) -> None:
    files = {subject.file for subject in subjects(clean)}
    tops = {file.split("/")[0] for file in files}
    assert {
        "run.yaml",
        "prices",
        "parquet",
        "result",
        "store",
        "small.zip",
        "whole.zip",
    } <= tops
    assert {"result/manifest.json", "store/manifest.json"} <= files


def test_a_case_of_a_seed_is_always_the_same(clean: Path) -> None:
    menu = subjects(clean)
    first = [random.Random(f"{SEED} {n}").choice(menu) for n in range(20)]
    again = [random.Random(f"{SEED} {n}").choice(menu) for n in range(20)]
    assert first == again


def test_a_bug_and_a_blamed_plugin_are_complaints() -> None:
    assert not {1, 5} & BLAMELESS


# what the larger run of `make evidence` found once, each by itself

FOUND = [
    ("parquet/A.parquet", "date", 1e308, ("validate", "parquet.yaml")),
    ("parquet/A.parquet", "date", 20200102.5, ("validate", "parquet.yaml")),
    ("result/fills.parquet", "asset", 1.0, ("compare", "result", "result")),
    (
        "result/decisions.parquet",
        "time",
        "x",
        ("explain", "result", "--date", "2020-03-09"),
    ),
]


@pytest.mark.parametrize(("file", "column", "value", "words"), FOUND)
def test_a_column_of_another_kind_is_the_files_fault(
    clean: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    file: str,
    column: str,
    value: object,
    words: tuple[str, ...],
) -> None:
    import shutil

    import pandas as pd

    work = tmp_path / "work"
    shutil.copytree(clean, work)
    monkeypatch.chdir(work)
    pd.read_parquet(file).assign(**{column: value}).to_parquet(file)
    code, said = told(words)
    assert code == 3, said
