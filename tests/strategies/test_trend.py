"""The trend strategy against a plain loop."""

import numpy as np
import pytest

from bt_run import BuildContext
from bt_run.testing import make_bars, make_rows
from bt_run_strategies.trend import Trend, TrendConfig

NAN = np.nan


def signals(bars, **config):
    return Trend(TrendConfig(**config), BuildContext(costs=None)).signals(bars)


def by_hand(close, fast, slow, band, below):
    """Walk one asset's own bars."""
    out, side = [], 0.0
    for t in range(len(close)):
        if t + 1 < slow:
            out.append(NAN)
            continue
        one, other = (
            np.mean(close[t + 1 - fast : t + 1]),
            np.mean(close[t + 1 - slow : t + 1]),
        )
        if one > other * (1 + band):
            side = 1.0
        elif one < other * (1 - band):
            side = below
        out.append(side)
    return out


@pytest.mark.parametrize(("band", "short"), [(0.0, False), (0.01, False), (0.02, True)])
def test_it_is_what_a_plain_loop_says(band, short):
    rng = np.random.default_rng(5)
    close = 50 * np.exp(np.cumsum(rng.normal(0, 0.02, 300)))
    got = signals(make_bars({"A": close}), fast=5, slow=20, band=band, short=short)
    np.testing.assert_array_equal(
        got[:, 0], by_hand(close, 5, 20, band, -1.0 if short else 0.0)
    )


def test_a_missing_bar_does_not_blank_the_average():
    close = np.arange(1.0, 11.0)
    close[6] = NAN
    got = signals(make_bars({"A": close, "B": np.arange(1.0, 11.0)}), fast=2, slow=4)
    np.testing.assert_array_equal(got[:, 0], [NAN, NAN, NAN, 1, 1, 1, NAN, 1, 1, 1])


def test_a_late_asset_warms_up_on_its_own_bars():
    got = signals(
        make_bars({"A": make_rows([NAN, NAN, 1, 2, 3, 4]), "B": [1] * 6}),
        fast=1,
        slow=3,
    )
    np.testing.assert_array_equal(got[:, 0], [NAN, NAN, NAN, NAN, 1, 1])


def test_too_little_history_gives_no_signal():
    assert np.isnan(signals(make_bars({"A": [1, 2, 3]}), fast=2, slow=5)).all()


def test_fast_must_be_faster():
    with pytest.raises(
        ValueError, match="fast was 50 and slow 20; expected fast < slow"
    ):
        TrendConfig(fast=50, slow=20)
