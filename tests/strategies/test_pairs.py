"""Pairs against numpy's least squares."""

from types import SimpleNamespace

import numpy as np
import pytest

from bt_run import BuildContext, ConfigError, Limits
from bt_run.testing import make_bars, make_rows
from bt_run_strategies.pairs import Pairs, PairsConfig, _spread

RANDOM = np.random.default_rng(11)
OTHER = np.exp(RANDOM.normal(0, 0.01, 300).cumsum())
ONE = OTHER**0.8 * np.exp(0.03 * np.sin(np.arange(300) / 8.0))


def made(short=True, **config):
    keys = {"first": "A", "second": "B", "lookback": 60, "entry": 1.0, "exit": 0.2}
    limits = Limits(short=short)
    return Pairs(
        PairsConfig(**(keys | config)), BuildContext(costs=None, limits=limits)
    )


def test_the_spread_is_the_residual_of_least_squares_in_its_deviations():
    y, x = np.log(ONE), np.log(OTHER)
    beta, z = _spread(y[:, None], x[:, None], 60)
    for t in (59, 150, 299):
        part = slice(t - 59, t + 1)
        design = np.column_stack([np.ones(60), x[part]])
        found, *_ = np.linalg.lstsq(design, y[part], rcond=None)
        rest = y[part] - design @ found
        assert beta[t, 0] == pytest.approx(found[1], rel=1e-9)
        assert z[t, 0] == pytest.approx(rest[-1] / np.sqrt((rest**2).mean()), rel=1e-7)


def test_the_cheap_one_is_bought_against_the_other():
    bars = make_bars({"A": ONE, "B": OTHER, "C": OTHER})
    got = made().signals(bars)
    beta, z = _spread(np.log(ONE)[:, None], np.log(OTHER)[:, None], 60)
    begins = np.flatnonzero(z[:, 0] <= -1.0)[0]
    size = max(1.0, abs(beta[begins, 0]))
    np.testing.assert_allclose(got[begins, :2], [1 / size, -beta[begins, 0] / size])
    assert np.isnan(got[:, 2]).all()
    assert (np.abs(got[:, :2]) <= 1.0).all()


def test_a_day_that_one_of_them_misses_changes_nothing():
    whole = made().signals(make_bars({"A": ONE, "B": OTHER}))
    gap, other = np.insert(ONE, 200, np.nan), np.insert(OTHER, 200, 77.0)
    got = made().signals(make_bars({"A": make_rows(gap), "B": make_rows(other)}))
    np.testing.assert_array_equal(np.delete(got, 200, axis=0), whole)
    np.testing.assert_array_equal(got[200], got[199])


def test_what_cannot_be_a_pair_is_refused():
    with pytest.raises(
        ValueError, match="first and second were both 'A'; expected two"
    ):
        PairsConfig(first="A", second="A")
    with pytest.raises(
        ValueError, match="exit was 3 and entry 2; expected exit < entry"
    ):
        PairsConfig(first="A", second="B", exit=3)
    with pytest.raises(
        ConfigError, match="pairs names 'B', which is not an asset; the"
    ):
        made().signals(make_bars({"A": ONE}))


def test_a_run_that_may_not_sell_short_is_warned():
    plan = SimpleNamespace(own=SimpleNamespace(path="strategy"))
    assert list(made().advice(plan)) == []
    (text,) = made(short=False).advice(plan)
    assert "half of each pair is left out; set `limits: {short: true}`" in text
