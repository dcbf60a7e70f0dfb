"""Bands of drift, in total and by name."""

import numpy as np
import pytest
from kit.two_assets import context, state

from bt_run_plugins.triggers.drift_bands import DriftBands, DriftBandsConfig


def test_drift_bands_by_total():
    trigger = DriftBands(DriftBandsConfig(total=0.1), context())
    assert not trigger.check(state(weights=(0.5, 0.5)), np.array([0.54, 0.46])).fire
    verdict = trigger.check(state(weights=(0.5, 0.5)), np.array([0.56, 0.44]))
    assert verdict.fire
    assert verdict.names is None
    assert verdict.reason == "total drift 12.00% over 10.00%"


def test_drift_bands_by_name_fire_for_those_names_only():
    trigger = DriftBands(DriftBandsConfig(name=0.05), context())
    verdict = trigger.check(state(weights=(0.5, 0.5)), np.array([0.56, 0.48]))
    assert verdict.names.tolist() == [True, False]


def test_drift_bands_need_a_band():
    with pytest.raises(ValueError, match="neither total nor name was given"):
        DriftBandsConfig()
