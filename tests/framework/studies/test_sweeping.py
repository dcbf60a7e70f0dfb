"""A sweep plays what is missing, keeps and counts it, and says what is wrong before the first."""

import os
from dataclasses import dataclass, field

import pytest
from kit.sweeps import make_sweep, play_sweep

from bt_run import ConfigError, load_config
from bt_run.studies.cells import run_cell
from bt_run.studies.kept_cells import open_kept
from bt_run.studies.sweeping import bars_folder, open_sweep
from bt_run.studies.trials import open_ledger

LEVELS = {"over": {"strategy.level": [0.2, 0.4, 0.6]}}


@dataclass
class Backwards:
    """An executor whose last cell ends first, and which knows how many it was given."""

    given: list = field(default_factory=list)
    played: int = 0

    def submit(self, key, cell):
        self.given.append((key, cell))

    def done(self):
        while self.given:
            key, cell = self.given.pop()
            self.played += 1
            yield key, run_cell(cell)

    def cancel(self):
        self.given.clear()

    def close(self):
        self.cancel()


def play(file, out, executor):
    config = load_config(file)
    with (
        open_sweep(config, out / "sweeps", offline=True) as sweep,
        open_kept(out / "cells.sqlite") as kept,
        open_ledger(out / "trials.sqlite") as ledger,
    ):
        return sweep.play(executor, kept, ledger), ledger.trials()


def test_cells_are_counted_in_the_order_of_asking_whoever_is_faster(tmp_path):
    file = make_sweep(tmp_path, LEVELS)
    tried, trials = play(file, tmp_path, Backwards())
    assert [one.number for one in tried] == [1, 2, 3]
    assert [one.cell for one in trials] == [one.key for one in tried]
    assert [one.parent for one in trials] == ["small"] * 3
    assert all(one.score == one.outcome.result.metrics["sharpe"] for one in tried)


def test_what_is_kept_is_not_played_again_and_counts_once(tmp_path):
    file = make_sweep(tmp_path, LEVELS)
    first, _ = play(file, tmp_path, Backwards())
    more = make_sweep(tmp_path, {"over": {"strategy.level": [0.6, 0.2, 0.8]}})
    executor = Backwards()
    tried, trials = play(more, tmp_path, executor)
    assert executor.played == 1
    assert [one.key for one in tried[:2]] == [first[2].key, first[0].key]
    assert [one.score for one in tried[:2]] == [first[2].score, first[0].score]
    assert len(trials) == 4


def test_what_failed_is_no_trial_and_is_tried_again(tmp_path):
    sweep = {"over": {"strategy.kind": ["none", "raise"]}}
    file = make_sweep(tmp_path, sweep, strategy="{use: trouble}")
    for _ in range(2):
        executor = Backwards()
        tried, trials = play(file, tmp_path, executor)
        assert [one.outcome.status for one in tried] == ["ok", "raised"]
        assert "ValueError: as it was told" in tried[1].outcome.text
        assert tried[1].score is None
        assert len(trials) == 1
    assert executor.played == 1


def test_equal_cells_are_played_once(tmp_path):
    file = make_sweep(tmp_path, {"over": {"strategy.level": [0.5, 0.5]}})
    executor = Backwards()
    tried, trials = play(file, tmp_path, executor)
    assert (executor.played, len(tried), len(trials)) == (1, 2, 1)


@pytest.mark.parametrize(
    ("over", "text"),
    [
        (
            {"strategy.levle": [1]},
            "strategy.levle: unknown key; found 1; expected one of level (did you mean 'level'?)",
        ),
        (
            {"strategy.level": [0.2, "high"]},
            "strategy.level: wrong value; found 'high'",
        ),
        ({"strtegy.level": [0.2]}, "strtegy.level: no 'strtegy'; found name, seed"),
        ({"overlays.0.annual": [0.2]}, "overlays.0.annual: no '0'; found nothing"),
        (
            {"reports": [[], ["html"]]},
            "reports: changes no number of a run; expected a key that does",
        ),
        ({"sweep.seed": [1, 2]}, "sweep.seed: changes no number of a run"),
        (
            {"data.strt": ["2020-01-01"]},
            "data.strt: unknown key; found '2020-01-01'",
        ),
    ],
)
def test_a_key_that_cannot_be_is_named_before_the_first_cell(tmp_path, over, text):
    executor = Backwards()
    with pytest.raises(ConfigError) as error:
        play(make_sweep(tmp_path, {"over": over}), tmp_path, executor)
    assert text in str(error.value)
    assert "sweep.yaml:4:" in str(error.value)
    assert executor.played == 0


def test_a_file_without_a_sweep_is_refused(tmp_path):
    make_sweep(tmp_path, LEVELS)
    config = load_config(tmp_path / "small.yaml")
    with (
        pytest.raises(ConfigError) as error,
        open_sweep(config, tmp_path / "sweeps", offline=True),
    ):
        pass
    assert "small: has no `sweep:`; expected one, such as" in str(error.value)


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"score": "sharp"}, "did you mean 'sharpe'?"),
        (
            {"score": "alpha", "folds": {"train": 20, "test": 20}},
            "alpha cannot be told of a window of returns alone",
        ),
    ],
)
def test_a_score_that_cannot_be_is_named_with_its_place(tmp_path, more, text):
    config = load_config(make_sweep(tmp_path, LEVELS | more))
    with (
        pytest.raises(ConfigError) as error,
        open_sweep(config, tmp_path / "sweeps", offline=True),
    ):
        pass
    assert text in str(error.value)
    assert "sweep.yaml:4:" in str(error.value)


def test_the_bars_are_gone_afterwards_and_those_of_the_dead_too(tmp_path):
    dead = tmp_path / ".bars-999999999"
    dead.mkdir()
    (dead / "left.npy").write_text("")
    with bars_folder(tmp_path) as folder:
        assert folder.name == f".bars-{os.getpid()}"
        assert not dead.exists()
        (folder / "own.npy").write_text("")
    assert list(tmp_path.iterdir()) == []


def test_without_a_ledger_nobody_counts(tmp_path):
    file = make_sweep(tmp_path, LEVELS)
    _, tried, trials = play_sweep(file, tmp_path / "out", counted=False)
    assert (len(tried), len(trials)) == (3, 0)


def test_optuna_finds_the_same_whoever_plays(tmp_path):
    pytest.importorskip("optuna")
    over = {"strategy.level": {"from": 0.05, "to": 1.0, "step": 0.05}}
    sweep = {"over": over, "search": "optuna", "n": 9, "batch": 3}
    file = make_sweep(tmp_path, sweep)
    one, _ = play(file, tmp_path / "one", Backwards())
    _, other, _ = play_sweep(file, tmp_path / "other", "serial")
    assert [item.candidate for item in one] == [item.candidate for item in other]
    assert len({item.candidate for item in one}) == 9


def test_a_swept_key_may_be_set_from_outside(tmp_path):
    file = make_sweep(tmp_path, LEVELS)
    config = load_config(file, ["sweep.over.strategy.level=[0.9]", "sweep.seed=3"])
    assert config.sweep.over == {"strategy.level": [0.9]}
    assert config.sweep.seed == 3
