"""How many bets: where the answer is known, and in a run."""

import numpy as np
import pytest
from kit.places import EXAMPLES

from bt_run import load_config, run
from bt_run_plugins.analyzers.effective_bets import number_of_bets, number_of_names


def test_equal_weights_are_as_many_names_and_one_is_one():
    assert number_of_names(np.full(5, 0.2)) == pytest.approx(5)
    assert number_of_names(np.array([0.7, 0.0])) == pytest.approx(1)
    assert number_of_names(np.array([0.5, -0.5])) == pytest.approx(2)
    assert number_of_names(np.zeros(3)) is None


def test_independent_risks_of_one_size_count_whole_and_one_factor_counts_once():
    # columns that are orthogonal, of one variance and without a mean
    signs = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]], dtype=float)
    # their components are any turn of the axes, so the weights stand apart in size
    assert number_of_bets(signs[:, :1] * [1.0, 1.0], np.array([0.5, 0.5])) == (
        pytest.approx(1)
    )
    scaled = signs * [1.0, 2.0]
    assert number_of_bets(scaled, np.array([1.0, 0.5])) == pytest.approx(2)
    assert number_of_bets(scaled, np.array([1.0, 0.0])) == pytest.approx(1)


def test_nothing_known_is_none():
    assert number_of_bets(np.full((1, 2), 0.1), np.array([0.5, 0.5])) is None
    assert number_of_bets(np.zeros((5, 2)), np.array([0.5, 0.5])) is None
    assert number_of_bets(np.ones((5, 0)), np.zeros(0)) is None


def test_a_run_tells_them_at_each_decision():
    changes = [
        "data.start=2004-01-02",
        "data.end=2004-12-31",
        "analyzers=[effective_bets]",
    ]
    result = run(load_config(EXAMPLES / "stocks.yaml", changes), reports=False)
    table = result.analyses["effective bets"]
    assert len(table) == result.decisions["time"].nunique()
    held = table[table["names"] > 0]
    assert (held["effective names"] <= held["names"] + 1e-9).all()
    assert (held["effective bets"] >= 1 - 1e-9).all()
