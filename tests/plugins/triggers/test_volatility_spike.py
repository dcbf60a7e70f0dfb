"""Jumps of realised volatility."""

import numpy as np
import pytest
from kit.two_assets import context

from bt_run.testing import make_bars, make_state
from bt_run.testing.conformance.markets import market
from bt_run_plugins.triggers.volatility_spike import (
    VolatilitySpike,
    VolatilitySpikeConfig,
    realised,
)


def spikes(bars, **config):
    """Return bar -> the names that fire at it."""
    trigger = VolatilitySpike(VolatilitySpikeConfig(**config), context())
    found, memo = {}, {}
    for t in range(len(bars)):
        verdict = trigger.check(
            make_state(bars, t, memo=memo), np.zeros(len(bars.assets))
        )
        memo = verdict.memo
        if verdict.fire:
            found[t] = verdict.names
    return found


def test_a_name_fires_when_its_volatility_jumps_and_not_again_while_it_is_high():
    moves = np.full(30, 0.01) * np.where(np.arange(30) % 2, 1.0, -1.0)
    moves[20:23] *= 5.0
    wild = 100.0 * np.cumprod(1.0 + moves)
    calm = 100.0 * np.cumprod(1.0 + np.where(np.arange(30) % 2, 0.01, -0.01))
    bars = make_bars({"A": wild, "B": calm})
    found = spikes(bars, short=2, long=10, ratio=1.5, of="names")
    assert list(found) == [20]
    assert found[20].tolist() == [True, False]


def test_the_benchmarks_spike_fires_for_all():
    bars = market("calm")
    found = spikes(bars, short=2, long=20, ratio=1.5)
    assert found
    assert all(names is None for names in found.values())
    returns = bars.benchmark_returns
    for t in found:
        now, usual = returns[t - 1 : t + 1], returns[t - 19 : t + 1]
        ratio = np.sqrt((now**2).mean() / (usual**2).mean())
        assert ratio >= 1.5


def test_nothing_fires_before_the_usual_volatility_is_known():
    assert min(spikes(market("calm"), short=2, long=50, ratio=1.2)) >= 49


def test_realised_leaves_missing_returns_out():
    rows = np.array([[0.03, np.nan], [-0.04, np.nan]])
    np.testing.assert_allclose(realised(rows), [0.05 / np.sqrt(2), np.nan])


def test_short_is_shorter_than_long():
    with pytest.raises(ValueError, match="short was 60 and long 60; expected short <"):
        VolatilitySpikeConfig(short=60)
