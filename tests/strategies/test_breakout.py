"""Channels by hand, and against a loop that walks the bars."""

import numpy as np
import pytest

from bt_run import BuildContext
from bt_run.testing import make_bars, make_rows
from bt_run_strategies.breakout import Breakout, BreakoutConfig

NAN = np.nan


def signals(bars, **config):
    return Breakout(BreakoutConfig(**config), BuildContext(costs=None)).signals(bars)


def test_a_close_above_the_channel_is_followed_until_one_below_the_nearer_channel():
    close = [5, 4, 3, 5, 6, 6, 5, 4, 9, 9]
    got = signals(make_bars({"A": close}), entry=3, exit=2)[:, 0]
    # 6 is above 4, 3, 5; then 5 is below 6, 6; 9 is above 6, 5, 4
    np.testing.assert_array_equal(got, [NAN, NAN, NAN, 0, 1, 1, 0, 0, 1, 1])


def by_hand(close, entry, leave):
    out, long, short = [], 0.0, 0.0
    for t in range(len(close)):
        before, near = close[max(0, t - entry) : t], close[max(0, t - leave) : t]
        if t >= leave and close[t] < min(near):
            long = 0.0
        if t >= leave and close[t] > max(near):
            short = 0.0
        if t >= entry and close[t] > max(before):
            long = 1.0
        if t >= entry and close[t] < min(before):
            short = 1.0
        out.append(long - short if t >= entry else NAN)
    return out


def test_both_sides_are_what_a_loop_says():
    close = 50 * np.exp(np.random.default_rng(4).normal(0, 0.02, 400).cumsum())
    got = signals(make_bars({"A": close}), entry=20, exit=8, short=True)[:, 0]
    np.testing.assert_array_equal(got, by_hand(close, 20, 8))
    assert {-1.0, 0.0, 1.0} <= set(got[20:])


def test_channels_of_highs_and_lows_need_them():
    context = BuildContext(costs=None)
    assert Breakout(BreakoutConfig(channel="high_low"), context).needs == {
        "high",
        "low",
    }
    assert Breakout(BreakoutConfig(), context).needs == frozenset()
    rows = make_rows([5, 5, 5, 6], high=[9, 5, 5, 6], low=[5, 5, 5, 5])
    closes = signals(make_bars({"A": rows}), entry=3, exit=1)[3, 0]
    whole = signals(make_bars({"A": rows}), entry=3, exit=1, channel="high_low")[3, 0]
    assert (closes, whole) == (1.0, 0.0)


def test_an_exit_that_is_farther_than_the_entry_is_refused():
    with pytest.raises(ValueError, match="exit was 30 and entry 20; expected exit <="):
        BreakoutConfig(entry=20, exit=30)
