"""Every run that is written is a trial, unless somebody says otherwise."""

import json

import pytest
from kit.small_project import make_project

import bt_run
from bt_run.checks.reproduction import reproduce
from bt_run.results.trial_facts import TRIAL_FILE, TrialFacts, read_trial
from bt_run.studies.trials import open_ledger

NOBODY = "no ledger was kept: this number has no trial count"


@pytest.fixture(autouse=True)
def counted(monkeypatch):
    monkeypatch.delenv("BT_RUN_NO_LEDGER")


@pytest.fixture
def file(tmp_path):
    return make_project(tmp_path) / "small.yaml"


def run(file, *overrides, out="runs"):
    config = bt_run.load_config(file, overrides)
    return bt_run.run(config, file.parent / out, reports=False)


def rows(file, name="runs/trials.sqlite"):
    with open_ledger(file.parent / name) as ledger:
        return ledger.trials()


def test_a_run_is_counted_once_however_often_it_is_made(file):
    one = run(file)
    first = (one.folder / TRIAL_FILE).read_bytes()
    again = run(file)
    (row,) = rows(file)
    assert row.cell == one.run_id
    assert one.trial.row == row.hash
    assert (one.trial.number, one.trial.of) == (1, 1)
    assert (again.folder / TRIAL_FILE).read_bytes() == first
    assert again.trial == one.trial == read_trial(one.folder)


def test_the_next_run_is_the_next_trial_and_the_first_is_told_when_it_is_made_again(
    file,
):
    run(file)
    other = run(file, "strategy.level=0.9")
    assert (other.trial.number, other.trial.of) == (2, 2)
    assert other.trial_sentence.startswith("trial 2 of 2 (1 cluster); Sharpe ")
    again = run(file)
    assert (again.trial.number, again.trial.of) == (1, 2)


def test_other_names_on_the_same_assets_are_told(file):
    run(file)
    run(file, "strategy.level=0.7")
    named = run(file, "research=ideas")
    assert (named.trial.family, named.trial.number, named.trial.of) == ("ideas", 1, 1)
    assert named.trial.others == 2
    assert named.trial_sentence.endswith("2 more on these assets under other names")


def test_reproducing_adds_no_trial(file):
    one = run(file)
    assert reproduce(one.folder).identical
    assert len(rows(file)) == 1


def test_a_run_that_is_not_written_is_no_trial(file):
    result = bt_run.run(bt_run.load_config(file))
    assert result.trial is None
    assert result.trial_sentence == NOBODY
    assert not (file.parent / "runs").exists()


@pytest.mark.parametrize("how", ["file", "environment"])
def test_a_run_that_nobody_counts_says_so(file, how, monkeypatch):
    counted_run = run(file)
    if how == "environment":
        monkeypatch.setenv("BT_RUN_NO_LEDGER", "1")
        result = run(file)
    else:
        result = run(file, "research.counted=false")
    assert result.run_id == counted_run.run_id
    assert result.trial_sentence == NOBODY
    assert not (result.folder / TRIAL_FILE).exists()
    assert len(rows(file)) == 1


def test_the_ledger_may_lie_elsewhere(file):
    run(file, f"research.ledger={file.parent}/all_of_mine.sqlite")
    assert len(rows(file, "all_of_mine.sqlite")) == 1
    assert not (file.parent / "runs" / "trials.sqlite").exists()


def test_the_trial_is_no_part_of_the_result(file):
    one = run(file)
    before = (one.folder / "manifest.json").read_bytes()
    run(file, "strategy.level=0.9")
    again = run(file)
    assert (again.folder / "manifest.json").read_bytes() == before
    assert again.run_id == one.run_id
    assert TRIAL_FILE not in json.dumps(one.manifest)


def test_a_damaged_trial_is_named(file):
    one = run(file)
    (one.folder / TRIAL_FILE).write_text('{"number": 1}')
    with pytest.raises(bt_run.DataError) as error:
        bt_run.load_result(one.folder)
    assert "trial.json: cannot be read: " in str(error.value)
    assert "it may be removed, and the run be made again" in str(error.value)
    (one.folder / TRIAL_FILE).write_text("[1]")
    with pytest.raises(bt_run.DataError, match="found a list; expected a mapping"):
        bt_run.load_result(one.folder)


FACTS = TrialFacts(
    family="ideas",
    number=37,
    of=41,
    others=0,
    row="a" * 64,
    sharpe=0.62,
    best_of_noise=0.55,
    years=19.0,
    deflated=0.61,
    clusters=9,
    overfitting=0.42,
    overfitting_reason="",
    configurations=41,
)


def test_the_sentence_says_which_trial_it_is_and_what_is_luck():
    from dataclasses import replace

    from bt_run.results.trial_facts import trial_sentence

    assert trial_sentence(FACTS) == (
        "trial 37 of 41 (9 clusters); Sharpe 0.62; the best of 41 skill-less ones would reach "
        "0.55 in 19 years; deflated Sharpe 0.61; PBO 0.42 over 41 configurations"
    )
    few = replace(
        FACTS,
        number=1,
        of=1,
        sharpe=None,
        overfitting=None,
        overfitting_reason="1 configuration",
        others=230,
    )
    assert trial_sentence(few) == (
        "trial 1 of 1; no Sharpe ratio is defined; no PBO: 1 configuration; 230 more on these "
        "assets under other names"
    )
