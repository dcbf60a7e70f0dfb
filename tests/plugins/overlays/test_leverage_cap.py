"""The bound on the gross exposure by hand."""

import numpy as np

from bt_run import BuildContext
from bt_run.testing import make_bars, make_state
from bt_run_plugins.overlays.leverage_cap import LeverageCap, LeverageCapConfig

STATE = make_state(make_bars({"A": [1.0], "B": [1.0]}))


def adjusted(gross, weights):
    built = LeverageCap(LeverageCapConfig(gross=gross), BuildContext(costs=None))
    return built.adjust(STATE, np.array(weights))


def test_weights_above_the_bound_are_scaled_and_others_left():
    got = adjusted(1.0, [1.5, -0.5])
    np.testing.assert_allclose(got.values, [0.75, -0.25], rtol=1e-15)
    assert got.notes == {"gross": 2.0, "scale": 0.5}
    kept = adjusted(2.0, [1.5, -0.5])
    np.testing.assert_array_equal(kept.values, [1.5, -0.5])
    assert kept.notes is None
