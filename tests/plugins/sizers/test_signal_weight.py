"""Signals taken for weights."""

import numpy as np
from kit.two_assets import context, state

from bt_run_plugins.sizers.signal_weight import SignalWeight, SignalWeightConfig

NAN = np.nan


def test_signal_weight_takes_signals_for_weights():
    assert SignalWeight(SignalWeightConfig(), context()).target_weights(
        state(signals=(0.3, NAN))
    ).tolist() == [
        0.3,
        0.0,
    ]
