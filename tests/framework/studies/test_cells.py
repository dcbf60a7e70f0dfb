"""A cell is a run: the same numbers, whoever plays it."""

from dataclasses import replace

import numpy as np
import pytest
from kit.sweeps import make_sweep

import bt_run
from bt_run.data.stored import map_bars
from bt_run.studies.cells import Outcome, play_cell, run_cell
from bt_run.studies.sweeping import open_sweep

OVER = {"strategy.level": [0.2, 0.8], "data.start": ["2020-01-13", "2020-02-03"]}


@pytest.fixture
def opened(tmp_path):
    config = bt_run.load_config(make_sweep(tmp_path, {"over": OVER}))
    with open_sweep(config, tmp_path / "sweeps", offline=True) as sweep:
        yield sweep


@pytest.fixture
def cells(opened):
    return [opened.asked(one).cell for one in opened.search.ask()]


def test_a_cell_has_the_numbers_and_the_id_of_its_run(opened):
    for candidate in opened.search.ask():
        cell = opened.asked(candidate).cell
        result = bt_run.run(opened.config_of(candidate))
        found = play_cell(cell)
        assert cell.key == result.run_id
        np.testing.assert_array_equal(found.returns, result.returns.to_numpy())
        np.testing.assert_array_equal(
            found.sessions, result.returns.index.to_numpy().astype("datetime64[D]")
        )
        for metric, value in found.metrics.items():
            assert value == result.metrics[metric]["run"], metric
        assert found.warnings == tuple(
            text for text in result.manifest["warnings"] if text in found.warnings
        )


def test_a_cell_is_sent_paths_and_not_bars(cells, opened):
    cell = cells[0]
    bars = map_bars(opened.prepared_folder)
    assert cell.bars == str(opened.prepared_folder)
    assert isinstance(bars.adjusted.close.base, np.memmap | np.ndarray)
    assert len(repr(cell)) < 6000


def test_a_cell_that_raises_is_an_outcome(cells):
    wrong = replace(cells[0], overrides=(("strategy.levle", 1),))
    found = run_cell(wrong)
    assert found.status == "raised"
    assert "strategy.levle: unknown key" in found.text
    assert found.result is None


def test_a_plugin_that_changed_since_is_refused(cells):
    file, _ = cells[0].plugins[0]
    with open(file, "a") as opened_file:
        opened_file.write("# a line more\n")
    found = run_cell(cells[0])
    assert found == Outcome(
        "raised",
        f"{file}: is not the plugin file that the sweep was started with; start it again",
    )


def test_other_code_than_the_drivers_is_refused(cells):
    found = run_cell(replace(cells[0], key="0" * 12))
    assert found.status == "raised"
    assert (
        f"cell {'0' * 12}: this worker has other code, libraries or files, with which it would be "
        f"{cells[0].key}; install here what the sweep was started with" in found.text
    )


def test_a_cell_that_takes_too_long_is_given_up(tmp_path):
    file = make_sweep(
        tmp_path,
        {"over": {"seed": [1]}, "timeout": 0.2},
        strategy="{use: trouble, kind: hang}",
    )
    config = bt_run.load_config(file)
    with open_sweep(config, tmp_path / "sweeps", offline=True) as sweep:
        (candidate,) = sweep.search.ask()
        found = run_cell(sweep.asked(candidate).cell)
    assert found == Outcome("timed out", "gave no answer within 0.2 s")
