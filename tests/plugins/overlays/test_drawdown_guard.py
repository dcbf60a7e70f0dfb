"""Cutting in a drawdown, with hysteresis."""

import numpy as np
import pytest
from kit.two_assets import context, state

from bt_run_plugins.overlays.drawdown_guard import DrawdownGuard, DrawdownGuardConfig


def guard(path, memo=None, **config):
    steps = [{"depth": 0.1, "exposure": 0.5}, {"depth": 0.2, "exposure": 0.0}]
    overlay = DrawdownGuard(DrawdownGuardConfig(steps=steps, **config), context())
    return overlay.adjust(
        state(nav_history=path, memo=memo or {}), np.array([0.6, 0.4])
    )


def test_the_guard_cuts_in_steps():
    assert guard([1.0, 0.95]).values.tolist() == [0.6, 0.4]
    assert guard([1.0, 0.89]).values.tolist() == [0.3, 0.2]
    assert guard([1.0, 0.75]).values.tolist() == [0.0, 0.0]


def test_the_guard_restores_with_hysteresis():
    assert guard([1.0, 0.85], {"steps": 2}).memo == {"steps": 2}
    assert guard([1.0, 0.91], {"steps": 2}).memo == {"steps": 1}
    assert guard([1.0, 0.94], {"steps": 1}).memo == {"steps": 1}
    assert guard([1.0, 0.96], {"steps": 1}).memo == {"steps": 0}


def test_the_guard_comes_back_from_cash_as_the_unguarded_track_recovers():
    assert guard([1.0, 0.7, 0.99], {"steps": 2}).values.tolist() == [0.6, 0.4]


def test_steps_must_deepen():
    with pytest.raises(
        ValueError, match="expected rising depths and falling exposures"
    ):
        DrawdownGuardConfig(
            steps=[{"depth": 0.2, "exposure": 0.5}, {"depth": 0.1, "exposure": 0.2}]
        )
