"""The relative strength index by hand."""

import numpy as np
import pytest

from bt_run import BuildContext
from bt_run.testing import make_bars
from bt_run_strategies.rsi_reversion import RSIReversion, RSIReversionConfig

NAN = np.nan


def signals(close, **config):
    built = RSIReversion(RSIReversionConfig(**config), BuildContext(costs=None))
    return built.signals(make_bars({"A": close}))[:, 0]


def test_the_oversold_is_held_until_the_index_is_back_in_the_middle():
    # the index of the last four moves: 25, 0, 0, 25, 50, 75
    close = [10, 11, 10, 9, 8, 7, 6, 7, 8, 9]
    got = signals(close, lookback=4, low=26, exit=50)
    np.testing.assert_array_equal(got, [NAN] * 4 + [1, 1, 1, 1, 0, 0])


def test_the_overbought_is_sold_short_where_that_is_asked():
    close = [10, 9, 10, 11, 12, 13, 14, 13, 12, 11]
    assert not (signals(close, lookback=4, high=74) == -1).any()
    got = signals(close, lookback=4, low=20, high=74, short=True)
    np.testing.assert_array_equal(got[4:], [-1, -1, -1, -1, 0, 0])


def test_a_price_that_does_not_move_gives_nothing():
    np.testing.assert_array_equal(signals([7.0] * 8, lookback=3)[3:], np.zeros(5))


def test_levels_out_of_order_are_refused():
    with pytest.raises(ValueError, match="low was 50, exit 50 and high 70; expected"):
        RSIReversionConfig(low=50)
