"""The commands of sweeps and trials, and of runs that are trials."""

import json
import sqlite3

import pytest
from kit.sweeps import make_sweep

from bt_run.cli.entry import main
from bt_run.studies.trials import open_ledger

LEVELS = {
    "over": {"strategy.level": [0.2, 0.4, 0.6], "schedule": ["week", "month"]},
    "executor": "serial",
}


@pytest.fixture
def said(tmp_path, monkeypatch, capsys):
    """Return what a command says and its exit code, in a folder of its own."""
    monkeypatch.delenv("BT_RUN_NO_LEDGER")
    monkeypatch.chdir(tmp_path)

    def run(*words):
        code = main(list(words))
        told = capsys.readouterr()
        return code, told.out + told.err

    return run


def rows(path):
    with open_ledger(path) as ledger:
        return ledger.trials()


def files(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_a_sweep_writes_its_tables_its_page_and_counts(said, tmp_path):
    make_sweep(tmp_path, LEVELS)
    code, text = said("sweep", "sweep.yaml")
    assert code == 0, text
    (folder,) = [
        path for path in (tmp_path / "runs/small/sweeps").iterdir() if path.is_dir()
    ]
    assert sorted(path.name for path in folder.iterdir()) == [
        "best_so_far.parquet",
        "cells.parquet",
        "chained.parquet",
        "folds.parquet",
        "returns.parquet",
        "sweep.html",
        "sweep.json",
    ]
    assert f"folder: {folder.relative_to(tmp_path)}" in text
    assert "trials: of the best: trial " in text
    assert "of 6 (" in text
    assert len(rows(tmp_path / "runs/trials.sqlite")) == 6
    page = (folder / "sweep.html").read_text()
    facts = json.loads((folder / "sweep.json").read_text())
    assert f'<p class="trials">{facts["sentence"]}</p>' in page
    assert facts["counts"] == {"ok": 6}
    before = files(folder)
    again, _ = said("sweep", "sweep.yaml")
    assert again == 0
    assert files(folder) == before
    assert len(rows(tmp_path / "runs/trials.sqlite")) == 6


def test_the_best_are_kept_as_ordinary_runs_and_counted_once(said, tmp_path):
    make_sweep(tmp_path, LEVELS)
    code, text = said("sweep", "sweep.yaml", "--keep", "best:2")
    assert code == 0, text
    kept = [line for line in text.splitlines() if line.startswith("kept: ")]
    assert len(kept) == 2
    ledger = rows(tmp_path / "runs/trials.sqlite")
    assert len(ledger) == 6
    for line in kept:
        run_id = line.rpartition("/")[2]
        assert run_id in {row.cell for row in ledger}
        assert (tmp_path / "runs/small" / run_id / "trial.json").is_file()


def test_a_dry_run_counts_the_cells_times_one_and_plays_no_more(said, tmp_path):
    make_sweep(tmp_path, LEVELS)
    code, text = said("sweep", "sweep.yaml", "--dry-run")
    assert code == 0
    assert "small: 6 cells of 6 combinations, search: exhaustive; one takes " in text
    assert not (tmp_path / "runs" / "trials.sqlite").exists()


def test_without_a_ledger_the_page_says_so(said, tmp_path):
    make_sweep(tmp_path, LEVELS)
    code, text = said("sweep", "sweep.yaml", "--no-ledger")
    assert code == 0
    told = "no ledger was kept: this number has no trial count"
    assert f"trials: of the best: {told}" in text
    (page,) = (tmp_path / "runs/small/sweeps").glob("*/sweep.html")
    assert told in page.read_text()
    assert not (tmp_path / "runs" / "trials.sqlite").exists()


def test_folds_and_failures_are_on_the_page(said, tmp_path):
    sweep = {
        "over": {"strategy.kind": ["none", "raise"], "strategy.level": [0.3, 0.6, 0.9]},
        "folds": {"train": 40, "test": 20},
        "executor": "serial",
    }
    make_sweep(tmp_path, sweep, strategy="{use: trouble}")
    code, text = said("sweep", "sweep.yaml")
    assert code == 0, text
    assert "raised: strategy.kind = raise, strategy.level = 0.3: " in text
    (page,) = (tmp_path / "runs/small/sweeps").glob("*/sweep.html")
    shown = page.read_text()
    assert "6 cells by sharpe; 3 raised" in shown
    assert "What was chosen, chained" in shown
    assert "ValueError: as it was told" in shown
    import pandas as pd

    folds = pd.read_parquet(page.with_name("folds.parquet"))
    chained = pd.read_parquet(page.with_name("chained.parquet"))
    assert list(folds["of"]) == [3] * len(folds)
    assert len(chained) == sum(
        (
            pd.bdate_range(row["test_first"], row["test_last"]).size
            for _, row in folds.iterrows()
        )
    )


@pytest.mark.parametrize(
    ("words", "code", "text"),
    [
        (["--keep", "worst:1"], 2, "--keep worst:1: expected best:N, such as best:3"),
        (["--executor", "serail"], 2, "did you mean 'serial'?"),
        (["--set", "sweep.score=sharp"], 2, "did you mean 'sharpe'?"),
        (
            ["--set", "sweep.over={strategy.levle: [1]}"],
            2,
            "did you mean 'level'?",
        ),
    ],
)
def test_what_cannot_be_is_said_in_one_line(said, tmp_path, words, code, text):
    make_sweep(tmp_path, LEVELS)
    found, told = said("sweep", "sweep.yaml", *words)
    assert found == code
    assert text in told


def test_a_file_without_a_sweep_says_what_would_be_one(said, tmp_path):
    make_sweep(tmp_path, LEVELS)
    code, text = said("sweep", "small.yaml")
    assert code == 2
    assert "small: has no `sweep:`; expected one, such as" in text


def test_runs_show_which_trial_they_are(said, tmp_path):
    make_sweep(tmp_path, LEVELS)
    assert said("small.yaml", "--no-reports")[0] == 0
    code, text = said("small.yaml", "--no-reports", "--set", "strategy.level=0.9")
    assert code == 0
    assert "trials: trial 2 of 2 (" in text
    _, listed = said("runs", "list")
    assert "2/2" in listed
    assert "1/1" in listed
    _, shown = said("runs", "show", "small")
    assert "trials: trial 2 of 2 (" in shown


def test_a_damaged_trial_is_listed_as_such(said, tmp_path):
    make_sweep(tmp_path, LEVELS)
    said("small.yaml", "--no-reports")
    (file,) = (tmp_path / "runs/small").glob("[!l]*/trial.json")
    file.write_text("{}")
    code, text = said("runs", "list")
    assert code == 0
    assert "damaged" in text


def test_a_run_without_a_ledger_says_so(said, tmp_path):
    make_sweep(tmp_path, LEVELS)
    code, text = said("small.yaml", "--no-reports", "--no-ledger")
    assert code == 0
    assert "trials: no ledger was kept: this number has no trial count" in text
    code, text = said("small.yaml", "--no-reports", "--ledger", "mine.sqlite")
    assert len(rows(tmp_path / "mine.sqlite")) == 1
    assert not (tmp_path / "runs/trials.sqlite").exists()


def test_prune_removes_only_what_nothing_names_and_shows_it_first(said, tmp_path):
    make_sweep(tmp_path, LEVELS)
    for level in ("0.1", "0.2", "0.3"):
        words = ["--no-reports", "--set", f"strategy.level={level}"]
        said("small.yaml", *words, *(["--no-ledger"] if level != "0.1" else []))
    before = sorted(path.name for path in (tmp_path / "runs/small").iterdir())
    code, text = said("runs", "prune")
    assert code == 0
    assert text.count("runs/small/") == 1
    assert "1 run, " in text
    assert "nothing was removed; --yes removes them" in text
    assert sorted(path.name for path in (tmp_path / "runs/small").iterdir()) == before
    _, text = said("runs", "prune", "--yes")
    assert text.endswith(": removed\n")
    assert len(list((tmp_path / "runs/small").iterdir())) == len(before) - 1
    _, text = said("runs", "prune")
    assert "every run in runs is named by the ledger, a bundle or `latest`" in text


def test_a_check_of_the_ledger_names_what_was_edited(said, tmp_path):
    make_sweep(tmp_path, LEVELS)
    said("sweep", "sweep.yaml", "--keep", "best:1")
    code, text = said("trials", "check")
    assert code == 0
    assert "6 rows and 1 runs were read: no row was changed or taken out" in text
    connection = sqlite3.connect(tmp_path / "runs/trials.sqlite")
    with connection:
        connection.execute("DROP TRIGGER no_update")
        connection.execute("UPDATE trials SET value = 9 WHERE number = 3")
    connection.close()
    code, text = said("trials", "check", "--runs", "runs")
    assert code == 6
    assert text.startswith("row 3 (")
    code, text = said("trials", "check", "--ledger", "none.sqlite")
    assert code == 2
    assert "none.sqlite: no such ledger; name one by --ledger" in text


def test_two_ledgers_become_one(said, tmp_path):
    make_sweep(tmp_path, LEVELS)
    said("small.yaml", "--no-reports", "--ledger", "one.sqlite")
    said(
        *("small.yaml", "--no-reports", "--ledger", "two.sqlite"),
        *("--set", "strategy.level=0.9"),
    )
    code, text = said("trials", "merge", "one.sqlite", "two.sqlite")
    assert (code, text) == (0, "one.sqlite: 1 rows were added\n")
    assert len(rows(tmp_path / "one.sqlite")) == 2
    code, text = said("trials", "merge", "one.sqlite", "none.sqlite")
    assert code == 2
    assert "none.sqlite: no such ledger" in text
