"""Labels and what overlapping rows are worth, with the numbers of the page on learning."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.model_selection import TimeSeriesSplit

from bt_run_plugins.learning.labels import (
    beats,
    effective_rows,
    forward_growth,
    triple_barrier,
    uniqueness,
)
from bt_run_plugins.learning.splits import Purge, validation_windows

H, L = 20, 1


def test_the_last_rows_have_no_label_and_are_never_class_0() -> None:
    value = np.exp(np.linspace(0.0, 1.0, 100))
    y = beats(value, np.ones(100), H, L, 0.0)
    assert np.isnan(y[-(H + L) :]).all()
    assert (y[: -(H + L)] == 1.0).all()


@pytest.mark.parametrize("t", [0, 13, 78])
def test_a_label_looks_at_its_own_bars_alone(t) -> None:
    value = np.cumprod(1.0 + np.random.default_rng(2).normal(0, 0.01, 100))
    was = forward_growth(value, H, L)[t]
    for bar in range(100):
        moved = value.copy()
        moved[bar] *= 2.0
        changed = forward_growth(moved, H, L)[t] != was
        assert changed == (bar in (t + L, t + L + H)), bar


def test_the_label_of_a_cutoff_is_21_bars_before_it() -> None:
    """H 20, L 1, cutoff row c: the last label is that of row c - 21."""
    c = 200
    y = beats(np.linspace(1.0, 2.0, c + 1), np.ones(c + 1), H, L, 0.0)
    assert np.flatnonzero(np.isfinite(y))[-1] == c - 21


def test_a_switch_must_be_earned() -> None:
    value = np.full(60, 1.0)
    value[30:] = 1.001
    assert beats(value, np.ones(60), H, L, 0.0005)[15] == 1.0
    assert beats(value, np.ones(60), H, L, 0.0015)[15] == 0.0


def test_the_first_barrier_decides() -> None:
    value = np.array([1.0, 1.0, 1.02, 1.06, 0.9, 1.0, 1.0, 1.0])
    assert triple_barrier(value, 3, 1, 0.05, 0.05)[0] == 1.0
    value[2:4] = 0.94
    assert triple_barrier(value, 3, 1, 0.05, 0.05)[0] == 0.0
    assert np.isnan(triple_barrier(value, 3, 1, 0.05, 0.05)[-4:]).all()


def test_daily_labels_of_20_bars_weigh_a_twentieth() -> None:
    y = beats(np.linspace(1.0, 2.0, 200), np.ones(200), H, L, 0.0)
    weight = uniqueness(y, H, L)
    np.testing.assert_allclose(weight[25:150], 1 / 20, atol=1e-15)
    assert weight[0] > 1 / 20
    assert (weight[-21:] == 0.0).all()
    assert weight[:179].sum() == pytest.approx(199 / 20 - 0.05, abs=0.1)


def test_5000_rows_are_worth_238() -> None:
    assert round(effective_rows(5000, H, L)) == 238


def test_training_ends_a_gap_before_its_block() -> None:
    """From row v on: rows <= v - (20 + 1 + embargo) - 1."""
    purge = Purge(H, L, 5)
    assert purge.last_train_row(500) == 500 - 26 - 1
    assert purge.label_end(purge.last_train_row(500)) + 5 < 500


@pytest.mark.parametrize("count", [400, 1000, 1239])
def test_windows_are_those_of_scikit_learn(count) -> None:
    purge = Purge(H, L, 5)
    found = validation_windows(count, purge, 4)
    split = TimeSeriesSplit(4, test_size=count // 2 // 4, gap=purge.gap)
    for window, (train, test) in zip(found, split.split(np.empty(count)), strict=True):
        assert list(range(count)[window.train]) == train.tolist()
        assert list(range(count)[window.test]) == test.tolist()
    assert validation_windows(40, purge, 4) == []
