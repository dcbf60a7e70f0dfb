"""The rule of the own moving average by hand."""

import numpy as np

from bt_run import BuildContext
from bt_run.testing import make_bars, make_rows, make_state
from bt_run_plugins.overlays.trend_filter import TrendFilter, TrendFilterConfig

NAN = np.nan
BARS = make_bars(
    {
        "down": [4, 3, 2, 1],
        "gap": make_rows([1, NAN, 2, 3]),
        "late": make_rows([NAN, NAN, 1, 2]),
        "up": [1, 2, 3, 4],
    }
)


def adjusted(weights, **config):
    built = TrendFilter(
        TrendFilterConfig(lookback=3, **config), BuildContext(costs=None)
    )
    return built.adjust(make_state(BARS), np.array(weights))


def test_a_long_is_kept_above_its_average_and_a_short_below():
    got = adjusted([0.25, 0.25, 0.25, 0.25])
    # late has two bars of its own and no average; gap has three
    np.testing.assert_array_equal(got.values, [0, 0.25, 0, 0.25])
    assert got.notes == {"wrong side": ["down", "late"]}
    shorts = adjusted([-0.25, -0.25, 0.0, -0.25])
    np.testing.assert_array_equal(shorts.values, [-0.25, 0, 0, 0])


def test_a_part_may_be_left():
    got = adjusted([0.4, 0.4, 0.0, 0.2], outside=0.25)
    np.testing.assert_allclose(got.values, [0.1, 0.4, 0.0, 0.2])


def test_a_market_that_is_too_young_has_no_side():
    built = TrendFilter(TrendFilterConfig(lookback=9), BuildContext(costs=None))
    got = built.adjust(make_state(BARS), np.array([0.0, 0.0, 0.0, 1.0]))
    np.testing.assert_array_equal(got.values, np.zeros(4))
