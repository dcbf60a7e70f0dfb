"""Equal weights against hand calculations."""

import numpy as np
import pytest
from kit.two_assets import context, state

from bt_run_plugins.sizers.equal_weight import EqualWeight, EqualWeightConfig

NAN = np.nan


@pytest.mark.parametrize(
    ("signals", "redistribute", "expected"),
    [
        ((1, 1), False, [0.5, 0.5]),
        ((1, 0), False, [0.5, 0.0]),
        ((1, 0), True, [1.0, 0.0]),
        ((1, NAN), False, [1.0, 0.0]),
        ((1, -0.5), False, [0.5, -0.25]),
        ((0, 0), True, [0.0, 0.0]),
        ((NAN, NAN), False, [0.0, 0.0]),
    ],
)
def test_signals_share_one_equally(signals, redistribute, expected):
    sizer = EqualWeight(EqualWeightConfig(redistribute=redistribute), context())
    assert sizer.target_weights(state(signals=signals)).tolist() == expected
