"""Weights by one over the volatility against hand calculations."""

import numpy as np
import pytest
from kit.two_assets import context, state, zigzag

from bt_run.testing import make_bars
from bt_run_plugins.sizers.inverse_volatility import (
    InverseVolatility,
    InverseVolatilityConfig,
)


def test_inverse_volatility_weighs_by_one_over_the_deviation():
    bars = make_bars({"A": zigzag(20, 0.01), "B": zigzag(20, 0.03)})
    sizer = InverseVolatility(InverseVolatilityConfig(lookback=20), context())
    assert sizer.target_weights(state(bars)).values == pytest.approx([0.75, 0.25])
    assert sizer.target_weights(state(bars, signals=(1, 0))).values == pytest.approx(
        [0.75, 0.0]
    )


def test_inverse_volatility_gives_nothing_without_an_estimate_and_says_so():
    bars = make_bars({"A": zigzag(20, 0.01), "B": np.ones(21)})
    got = InverseVolatility(
        InverseVolatilityConfig(lookback=20), context()
    ).target_weights(state(bars))
    assert got.values == pytest.approx([1.0, 0.0])
    assert got.notes == {"no volatility estimate": ["B"]}
    short = InverseVolatility(
        InverseVolatilityConfig(lookback=60), context()
    ).target_weights(state(bars))
    assert short.values.tolist() == [0.0, 0.0]
