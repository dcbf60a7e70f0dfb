"""Momentum by hand."""

import numpy as np
import pytest

from bt_run import BuildContext
from bt_run.testing import make_bars
from bt_run_strategies.momentum import Momentum, MomentumConfig

NAN = np.nan
# of three assets the returns over three bars less the last one are 20 %, -10 % and 0 %
BARS = {
    "A": [10, 11, 12, 9],
    "B": [10, 10, 9, 99],
    "C": [10, 12, 10, 5],
}


def made(**config):
    return Momentum(
        MomentumConfig(lookback=3, skip=1, **config), BuildContext(costs=None)
    )


def test_the_score_is_the_return_less_the_last_bars():
    strategy = made(kind="score")
    assert strategy.gives == "score"
    got = strategy.signals(make_bars(BARS))
    assert np.isnan(got[:3]).all()
    np.testing.assert_allclose(got[3], [0.2, -0.1, 0.0], atol=1e-15)


@pytest.mark.parametrize(
    ("config", "want"),
    [
        ({}, [1, 0, 0]),
        ({"short": True}, [1, -1, 0]),
        ({"kind": "cross_section"}, [1, 0, 0]),
        ({"kind": "cross_section", "short": True}, [1, -1, 0]),
        # half of three, rounded up, are two, and no asset is among both
        ({"kind": "cross_section", "share": 0.5, "short": True}, [1, -1, 1]),
    ],
)
def test_exposures_follow_from_it(config, want):
    strategy = made(**config)
    assert strategy.gives == "exposure"
    np.testing.assert_array_equal(strategy.signals(make_bars(BARS))[3], want)


def test_of_equals_the_first_is_better_and_the_unknown_are_left_out():
    bars = make_bars(
        {"A": [NAN, 1, 1, 1], "B": [1, 1, 1, 1], "C": [1.0] * 4, "D": [1.0] * 4}
    )
    got = made(kind="cross_section", short=True).signals(bars)[3]
    np.testing.assert_array_equal(got, [NAN, 1, 0, -1])


def test_nothing_left_of_the_window_is_refused():
    with pytest.raises(ValueError, match="skip was 21 and lookback 21; expected skip"):
        MomentumConfig(lookback=21)
