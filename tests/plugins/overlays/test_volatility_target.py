"""Scaling to a volatility against hand calculations."""

from dataclasses import replace

import numpy as np
import pytest
from kit.two_assets import context, state, zigzag

from bt_run import Rows
from bt_run.data.history import History
from bt_run.testing import make_bars
from bt_run_plugins.overlays.volatility_target import (
    VolatilityTarget,
    VolatilityTargetConfig,
)


def test_volatility_target_scales_to_the_target():
    bars = make_bars({"A": zigzag(63, 0.01), "B": zigzag(63, 0.01)})
    overlay = VolatilityTarget(
        VolatilityTargetConfig(annual=0.05, lookback=63), context()
    )
    returns = History(bars, 63).returns(63) @ np.array([0.5, 0.5])
    expected = 0.5 * 0.05 / (returns.std(ddof=1) * np.sqrt(252))
    assert overlay.adjust(state(bars), np.array([0.5, 0.5])).values == pytest.approx(
        [expected, expected]
    )


def test_volatility_target_measures_the_downside_if_asked():
    bars = make_bars({"A": zigzag(63, 0.01), "B": np.ones(64)})
    overlay = VolatilityTarget(
        VolatilityTargetConfig(annual=0.05, lookback=63, downside=True), context()
    )
    returns = History(bars, 63).returns(63)[:, 0]
    down = np.sqrt(np.mean(np.minimum(returns, 0) ** 2) * 252)
    assert overlay.adjust(state(bars), np.array([1.0, 0.0])).values[0] == pytest.approx(
        0.05 / down
    )


def test_volatility_target_never_passes_the_gross_limit():
    bars = make_bars({"A": zigzag(63, 0.001), "B": np.ones(64)})
    overlay = VolatilityTarget(VolatilityTargetConfig(annual=0.5), context(gross=1.2))
    assert overlay.adjust(
        state(bars), np.array([0.5, 0.1])
    ).values.sum() == pytest.approx(1.2)


def test_volatility_target_waits_for_half_its_lookback():
    overlay = VolatilityTarget(
        VolatilityTargetConfig(annual=0.1, lookback=63), context()
    )
    got = overlay.adjust(
        state(make_bars({"A": zigzag(20, 0.01), "B": zigzag(20, 0.01)})),
        np.array([0.5, 0.5]),
    )
    assert got.values.tolist() == [0.5, 0.5]
    assert got.notes == {"unscaled": "20 returns, 63 wanted"}


def test_volatility_target_leaves_cash_alone():
    overlay = VolatilityTarget(VolatilityTargetConfig(annual=0.1), context())
    assert overlay.adjust(state(), np.zeros(2)).values.tolist() == [0.0, 0.0]


def test_a_target_meant_in_per_cent_is_refused():
    with pytest.raises(
        ValueError, match=r"found 10, which is 1000%; write 0.1 for 10 %"
    ):
        VolatilityTargetConfig(annual=10)


@pytest.mark.parametrize(("bars_a_session", "days_apart"), [(26, 1), (1, 7)])
def test_the_target_is_per_year_of_the_bars_that_there_are(bars_a_session, days_apart):
    """A quarter of an hour, or a week, whose returns are 0.35 % or 3 % up and down."""
    move = 0.35 / np.sqrt(252 * bars_a_session) if days_apart == 1 else 0.03
    count = 60 * bars_a_session
    sessions = (
        np.busday_offset("2020-01-06", np.arange(60))
        if days_apart == 1
        else (np.datetime64("2020-01-06") + 7 * np.arange(60))
    )
    if bars_a_session == 1:
        times = sessions.astype("M8[ns]")
    else:
        quarters = np.timedelta64(885, "m") + np.timedelta64(15, "m") * np.arange(26)
        times = (sessions.astype("M8[m]")[:, None] + quarters).ravel().astype("M8[ns]")
    closes = 100 * np.cumprod(1 + move * np.where(np.arange(count) % 2, 1.0, -1.0))
    rows = Rows(times=times, close=closes)
    bars = make_bars({"A": rows, "B": replace(rows, close=np.ones(count))})
    lookback = 10 * bars_a_session
    overlay = VolatilityTarget(
        VolatilityTargetConfig(annual=0.10, lookback=lookback), context()
    )
    weight = overlay.adjust(state(bars), np.array([1.0, 0.0])).values[0]
    per_year = 252 * bars_a_session if days_apart == 1 else 52
    returns = History(bars, count - 1).returns(lookback)[:, 0]
    assert weight == pytest.approx(0.10 / (returns.std(ddof=1) * np.sqrt(per_year)))
    assert weight == pytest.approx(0.286 if days_apart == 1 else 0.45, abs=0.02)


def test_what_is_realised_is_near_the_target_where_no_limit_binds():
    """Ten years of GARCH(1,1) returns, decided every session, on average 20 % a year."""
    import pandas as pd

    from bt_run import RunConfig, play, prepare

    random = np.random.default_rng(12)
    long, alpha, beta = (0.20**2) / 252, 0.08, 0.90
    variance, moves = long, []
    for shock in random.standard_normal(2600):
        moves.append(np.sqrt(variance) * shock)
        variance = long * (1 - alpha - beta) + alpha * moves[-1] ** 2 + beta * variance
    days = pd.bdate_range("2005-01-03", periods=2600)
    close = pd.DataFrame({"A": 100 * np.exp(np.cumsum(moves))}, index=days)
    config = RunConfig.model_validate(
        {
            "name": "garch",
            "data": {
                "source": "frames",
                "assets": ["A"],
                "benchmark": "A",
                "calendar": "24/5",
                "start": str(days[80].date()),
                "end": str(days[-1].date()),
            },
            "strategy": "buy_and_hold",
            "sizer": "equal_weight",
            "overlays": [{"use": "volatility_target", "annual": 0.10, "lookback": 21}],
            "schedule": "session",
            "broker": {"use": "simulated", "fill": "next_close"},
        }
    )
    ledger = play(prepare(config, bars=close))
    nav = ledger.nav[ledger.bars.start :]
    realised = (nav[1:] / nav[:-1] - 1).std(ddof=1) * np.sqrt(252)
    gross, _ = ledger.exposure()
    assert np.nanmax(gross[ledger.bars.start :]) < 1.5
    assert realised == pytest.approx(0.10, rel=0.10)
