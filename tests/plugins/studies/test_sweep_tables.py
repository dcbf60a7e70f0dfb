"""The tables of a sweep."""

import numpy as np
import pytest
from kit.sweeps import make_sweep, play_sweep

from bt_run.studies.statistics import expected_best
from bt_run_plugins.studies.sweep_tables import sweep_id, tables_of

SWEEP = {"over": {"strategy.level": [0.2, 0.4, 0.6], "schedule": ["week", "month"]}}


@pytest.fixture(scope="module")
def played(tmp_path_factory):
    place = tmp_path_factory.mktemp("tables")
    sweep, tried, _ = play_sweep(make_sweep(place, SWEEP), place / "out")
    return sweep, tried, tables_of(sweep, tried)


def test_a_row_for_each_cell_with_its_keys_score_and_metrics(played):
    _, tried, tables = played
    cells = tables.cells
    assert list(cells["key"]) == [one.key for one in tried]
    assert list(cells["strategy.level"]) == [0.2, 0.2, 0.4, 0.4, 0.6, 0.6]
    assert list(cells["schedule"]) == ["week", "month"] * 3
    assert list(cells["score"]) == [one.score for one in tried]
    np.testing.assert_array_equal(cells["score"], cells["sharpe"])
    assert (cells["plateau"] <= cells["score"]).all()
    assert set(cells["status"]) == {"ok"}


def test_returns_have_a_column_for_each_cell(played):
    _, tried, tables = played
    for one in tried:
        result = one.outcome.result
        np.testing.assert_array_equal(tables.returns[one.key], result.returns)
    assert tables.returns.index.name == "session"


def test_the_best_so_far_stands_beside_the_best_of_noise(played):
    _, tried, tables = played
    sharpes = np.array([one.outcome.result.metrics["sharpe"] for one in tried])
    table = tables.best_so_far
    np.testing.assert_array_equal(table["best"], np.maximum.accumulate(sharpes))
    spread = sharpes.std(ddof=1)
    noise = [spread * expected_best(count) for count in range(1, 7)]
    np.testing.assert_allclose(table["noise"], noise, rtol=1e-12)


def test_the_name_of_a_sweep_does_not_depend_on_where_it_is_played(tmp_path):
    found = []
    for more in ({}, {"executor": "local"}, {"timeout": 60.0}, {"score": "calmar"}):
        file = make_sweep(tmp_path, SWEEP | more)
        sweep, _, _ = play_sweep(file, tmp_path / "out", "serial")
        found.append(sweep_id(sweep, sweep.key))
    assert found[0] == found[1] == found[2] != found[3]


def test_cells_of_other_days_share_a_table(tmp_path):
    over = {"data.start": ["2020-01-13", "2020-03-02"]}
    sweep, tried, _ = play_sweep(make_sweep(tmp_path, {"over": over}), tmp_path / "out")
    returns = tables_of(sweep, tried).returns
    long, short = (returns[one.key].notna().sum() for one in tried)
    assert len(returns) == long > short


def test_a_key_may_hold_whole_components(tmp_path):
    over = {"sizer": ["signal_weight", {"use": "equal_weight"}], "seed": [1, 2]}
    sweep, tried, _ = play_sweep(make_sweep(tmp_path, {"over": over}), tmp_path / "out")
    cells = tables_of(sweep, tried).cells
    assert list(cells["sizer"])[::2] == ["signal_weight", '{"use": "equal_weight"}']
    assert set(cells["status"]) == {"ok"}
    cells.to_parquet(tmp_path / "cells.parquet")


def test_days_are_written_as_days(tmp_path):
    file = make_sweep(tmp_path, {"over": {"seed": [1]}})
    text = file.read_text().replace(
        '{"seed": [1]}', "{data.start: [2020-01-13, 2020-02-03]}"
    )
    file.write_text(text)
    sweep, tried, _ = play_sweep(file, tmp_path / "out")
    cells = tables_of(sweep, tried).cells
    assert list(cells["data.start"]) == ["2020-01-13", "2020-02-03"]
