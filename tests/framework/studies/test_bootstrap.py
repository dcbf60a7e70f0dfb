"""Resamples and block lengths against arch, which draws the same, and against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pytest
from arch.bootstrap import StationaryBootstrap, optimal_block_length

from bt_run.studies.bootstrap import (
    block_length,
    percentile_interval,
    resampled_means,
    resampled_rows,
)


def remembering(periods: int, memory: float, seed: int = 1) -> np.ndarray:
    """Return an AR(1) series."""
    shocks = np.random.default_rng(seed).standard_normal(periods)
    values = np.empty(periods)
    values[0] = shocks[0]
    for row in range(1, periods):
        values[row] = memory * values[row - 1] + shocks[row]
    return values


@pytest.mark.parametrize("block", [1, 4, 25])
def test_the_rows_are_those_that_arch_draws(block: int) -> None:
    values = np.arange(200.0)
    theirs = StationaryBootstrap(block, values, seed=7)
    expected = [data[0][0].tolist() for data in theirs.bootstrap(40)]
    found = np.concatenate(list(resampled_rows(200, block, 40, seed=7)))
    assert found.tolist() == expected


def test_portions_are_the_same_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = np.concatenate(list(resampled_rows(50, 5, 20, seed=3)))
    monkeypatch.setattr("bt_run.studies.bootstrap.AT_ONCE", 50 * 3)
    portions = list(resampled_rows(50, 5, 20, seed=3))
    assert [len(rows) for rows in portions] == [3, 3, 3, 3, 3, 3, 2]
    assert (np.concatenate(portions) == whole).all()


@pytest.mark.parametrize("memory", [-0.5, 0.0, 0.2, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("periods", [30, 250, 2520])
def test_the_block_length_is_that_of_arch(periods: int, memory: float) -> None:
    values = remembering(periods, memory)
    theirs = float(optimal_block_length(values)["stationary"].iloc[0])
    assert block_length(values) == max(1, round(theirs))


def test_what_remembers_longer_has_longer_blocks() -> None:
    lengths = [block_length(remembering(2520, memory)) for memory in (0.0, 0.5, 0.9)]
    assert lengths == sorted(set(lengths))


def test_what_does_not_vary_has_blocks_of_one() -> None:
    assert block_length(np.full(500, 0.01)) == 1
    assert block_length(np.array([1.0, 2.0])) == 1


def test_the_means_are_those_of_the_rows() -> None:
    values = np.random.default_rng(2).standard_normal((90, 3))
    rows = np.concatenate(list(resampled_rows(90, 6, 25, seed=4)))
    expected = values[rows].mean(axis=1)
    assert resampled_means(values, 6, 25, seed=4) == pytest.approx(expected)


def test_the_spread_of_a_mean_of_independent_values_is_the_textbooks() -> None:
    values = np.random.default_rng(8).standard_normal(1000)
    means = resampled_means(values[:, None], 1, 4000, seed=1)[:, 0]
    assert means.std() == pytest.approx(values.std() / math.sqrt(1000), rel=0.04)


def test_blocks_widen_the_spread_of_what_remembers() -> None:
    """The long-run deviation of an AR(1) of 0.5 is sqrt(3) times its own."""
    values = remembering(5000, 0.5)
    block = block_length(values)
    means = resampled_means(values[:, None], block, 2000, seed=1)[:, 0]
    ratio = means.std() / (values.std() / math.sqrt(5000))
    assert ratio == pytest.approx(math.sqrt(3.0), rel=0.1)


def test_an_interval_leaves_out_both_tails_alike() -> None:
    found = percentile_interval(0.4, np.arange(1001) / 1000.0, confidence=0.9)
    assert found.value == 0.4
    assert (found.low, found.high) == pytest.approx((0.05, 0.95))
