"""Reversion to the mean: z by hand, its filter, and what it does not do."""

import numpy as np
import pytest

from bt_run import BuildContext
from bt_run.testing import make_bars, make_rows
from bt_run_strategies.mean_reversion import MeanReversion, MeanReversionConfig

NAN = np.nan


def signals(bars, **config):
    return MeanReversion(MeanReversionConfig(**config), BuildContext(None)).signals(
        bars
    )


def test_what_falls_far_below_its_mean_is_bought_until_it_is_back():
    close = np.exp([0.0, 0, 0, 0, -0.1, -0.1, 0.05, 0.05])
    # at the fall z = (-0.1 + 0.025) / 0.0433 = -1.73; then the window holds two such days: -1
    got = signals(make_bars({"A": close}), lookback=4, entry=1.5, exit=0.0)
    np.testing.assert_array_equal(got[:, 0], [NAN, NAN, NAN, 0, 1, 1, 0, 0])


def test_constant_prices_give_no_signal():
    got = signals(make_bars({"A": [7.0] * 30}), lookback=5, short=True)
    np.testing.assert_array_equal(got[4:, 0], np.zeros(26))


def test_a_missing_bar_is_no_bar():
    random = np.random.default_rng(8)
    close = 50 * np.exp(random.normal(0, 0.02, 80).cumsum())
    whole = signals(make_bars({"A": close}), lookback=10, short=True)[:, 0]
    gap = np.insert(close, 40, NAN)
    other = {"A": make_rows(gap), "B": make_rows(np.arange(1.0, 82.0))}
    got = signals(make_bars(other), lookback=10, short=True)[:, 0]
    np.testing.assert_array_equal(np.delete(got, 40), whole)
    assert np.isnan(got[40])


def test_no_position_begins_while_the_market_is_wild():
    random = np.random.default_rng(8)
    close = 50 * np.exp(random.normal(0, 0.02, 300).cumsum())
    bars = make_bars({"A": close})
    free = signals(bars, lookback=10)
    # 2 % a day are 32 % a year
    assert (free == 1).any()
    assert not (signals(bars, lookback=10, volatility=0.05) == 1).any()
    np.testing.assert_array_equal(
        signals(bars, lookback=10, volatility=5.0)[11:], free[11:]
    )


@pytest.mark.parametrize(
    ("config", "text"),
    [
        (
            {"entry": 1.0, "exit": 1.0},
            "exit was 1 and entry 1; expected exit < entry",
        ),
        ({"stop": 1.5}, "stop was 1.5 and entry 1.5; expected stop > entry"),
    ],
)
def test_levels_out_of_order_are_refused(config, text):
    with pytest.raises(ValueError, match=text):
        MeanReversionConfig(**config)
