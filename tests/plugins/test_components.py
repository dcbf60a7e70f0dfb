"""The built-in sizers, overlays and triggers, each against a hand calculation."""

import numpy as np
import pytest

from bt_run import BuildContext, Limits
from bt_run.data.bars import History
from bt_run.decision.state import PortfolioState, Tracks
from bt_run.testing import make_bars
from bt_run_plugins.overlays.drawdown_guard import DrawdownGuard, DrawdownGuardConfig
from bt_run_plugins.overlays.volatility_target import VolatilityTarget, VolatilityTargetConfig
from bt_run_plugins.sizers.equal_weight import EqualWeight, EqualWeightConfig
from bt_run_plugins.sizers.inverse_volatility import InverseVolatility, InverseVolatilityConfig
from bt_run_plugins.sizers.signal_weight import SignalWeight, SignalWeightConfig
from bt_run_plugins.triggers.calendar import Calendar, CalendarConfig
from bt_run_plugins.triggers.drift_bands import DriftBands, DriftBandsConfig

NAN = np.nan


def context(**limits):
    return BuildContext(costs=None, limits=Limits(**limits))


def state(bars=None, signals=(1.0, 1.0), weights=(0.0, 0.0), nav_history=(1.0,), **changes):
    bars = bars or make_bars({"A": [1, 1], "B": [1, 1]})
    return PortfolioState(
        **{
            "history": History(bars, len(bars) - 1),
            "signals": np.array(signals, dtype=float),
            "weights": np.array(weights, dtype=float),
            "nav": 1.0,
            "cash": 1.0,
            "shares": np.zeros(2),
            "nav_history": np.array([1.0]),
            "costs": None,
            "tracks": Tracks({"sizer": lambda: np.array(nav_history)}),
        }
        | changes
    )


@pytest.mark.parametrize(
    ("signals", "redistribute", "expected"),
    [
        ((1, 1), False, [0.5, 0.5]),
        ((1, 0), False, [0.5, 0.0]),
        ((1, 0), True, [1.0, 0.0]),
        ((1, NAN), False, [1.0, 0.0]),
        ((1, -0.5), False, [0.5, -0.25]),
        ((0, 0), True, [0.0, 0.0]),
        ((NAN, NAN), False, [0.0, 0.0]),
    ],
)
def test_equal_weight(signals, redistribute, expected):
    sizer = EqualWeight(EqualWeightConfig(redistribute=redistribute), context())
    assert sizer.target_weights(state(signals=signals)).tolist() == expected


def zigzag(count, size):
    return 100 * np.cumprod(np.append(1.0, np.where(np.arange(count) % 2, 1 - size, 1 + size)))


def test_inverse_volatility_weighs_by_one_over_the_deviation():
    bars = make_bars({"A": zigzag(20, 0.01), "B": zigzag(20, 0.03)})
    sizer = InverseVolatility(InverseVolatilityConfig(lookback=20), context())
    assert sizer.target_weights(state(bars)).values == pytest.approx([0.75, 0.25])
    assert sizer.target_weights(state(bars, signals=(1, 0))).values == pytest.approx([0.75, 0.0])


def test_inverse_volatility_gives_nothing_without_an_estimate_and_says_so():
    bars = make_bars({"A": zigzag(20, 0.01), "B": np.ones(21)})
    got = InverseVolatility(InverseVolatilityConfig(lookback=20), context()).target_weights(
        state(bars)
    )
    assert got.values == pytest.approx([1.0, 0.0])
    assert got.notes == {"no volatility estimate": ["B"]}
    short = InverseVolatility(InverseVolatilityConfig(lookback=60), context()).target_weights(
        state(bars)
    )
    assert short.values.tolist() == [0.0, 0.0]


def test_signal_weight_takes_signals_for_weights():
    assert SignalWeight(SignalWeightConfig(), context()).target_weights(
        state(signals=(0.3, NAN))
    ).tolist() == [
        0.3,
        0.0,
    ]


def test_volatility_target_scales_to_the_target():
    bars = make_bars({"A": zigzag(63, 0.01), "B": zigzag(63, 0.01)})
    overlay = VolatilityTarget(VolatilityTargetConfig(annual=0.05, lookback=63), context())
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
    assert overlay.adjust(state(bars), np.array([1.0, 0.0])).values[0] == pytest.approx(0.05 / down)


def test_volatility_target_never_passes_the_gross_limit():
    bars = make_bars({"A": zigzag(63, 0.001), "B": np.ones(64)})
    overlay = VolatilityTarget(VolatilityTargetConfig(annual=0.5), context(gross=1.2))
    assert overlay.adjust(state(bars), np.array([0.5, 0.1])).values.sum() == pytest.approx(1.2)


def test_volatility_target_waits_for_half_its_lookback():
    overlay = VolatilityTarget(VolatilityTargetConfig(annual=0.1, lookback=63), context())
    got = overlay.adjust(
        state(make_bars({"A": zigzag(20, 0.01), "B": zigzag(20, 0.01)})), np.array([0.5, 0.5])
    )
    assert got.values.tolist() == [0.5, 0.5]
    assert got.notes == {"unscaled": "20 returns, 63 wanted"}


def test_volatility_target_leaves_cash_alone():
    overlay = VolatilityTarget(VolatilityTargetConfig(annual=0.1), context())
    assert overlay.adjust(state(), np.zeros(2)).values.tolist() == [0.0, 0.0]


def guard(path, memo=None, **config):
    steps = [{"depth": 0.1, "exposure": 0.5}, {"depth": 0.2, "exposure": 0.0}]
    overlay = DrawdownGuard(DrawdownGuardConfig(steps=steps, **config), context())
    return overlay.adjust(state(nav_history=path, memo=memo or {}), np.array([0.6, 0.4]))


def test_the_guard_cuts_in_steps():
    assert guard([1.0, 0.95]).values.tolist() == [0.6, 0.4]
    assert guard([1.0, 0.89]).values.tolist() == [0.3, 0.2]
    assert guard([1.0, 0.75]).values.tolist() == [0.0, 0.0]


def test_the_guard_restores_with_hysteresis():
    assert guard([1.0, 0.85], {"steps": 2}).memo == {"steps": 2}
    assert guard([1.0, 0.91], {"steps": 2}).memo == {"steps": 1}
    assert guard([1.0, 0.94], {"steps": 1}).memo == {"steps": 1}
    assert guard([1.0, 0.96], {"steps": 1}).memo == {"steps": 0}


def test_the_guard_comes_back_from_cash_as_the_unguarded_track_recovers():
    assert guard([1.0, 0.7, 0.99], {"steps": 2}).values.tolist() == [0.6, 0.4]


def test_steps_must_deepen():
    with pytest.raises(ValueError, match="expected rising depths and falling exposures"):
        DrawdownGuardConfig(
            steps=[{"depth": 0.2, "exposure": 0.5}, {"depth": 0.1, "exposure": 0.2}]
        )


def test_calendar_fires_once_a_period():
    bars = make_bars({"A": np.ones(30), "B": np.ones(30)})  # ends on 11 February 2020
    trigger = Calendar(CalendarConfig(every="month"), context())
    for last, fire in ((None, True), ("2020-01-31", True), ("2020-02-03", False)):
        day = None if last is None else np.datetime64(last, "D")
        assert trigger.check(state(bars, last_trade=day), np.zeros(2)).fire is fire


def test_drift_bands_by_total():
    trigger = DriftBands(DriftBandsConfig(total=0.1), context())
    assert not trigger.check(state(weights=(0.5, 0.5)), np.array([0.54, 0.46])).fire
    verdict = trigger.check(state(weights=(0.5, 0.5)), np.array([0.56, 0.44]))
    assert verdict.fire
    assert verdict.names is None
    assert verdict.reason == "total drift 12.00% over 10.00%"


def test_drift_bands_by_name_fire_for_those_names_only():
    trigger = DriftBands(DriftBandsConfig(name=0.05), context())
    verdict = trigger.check(state(weights=(0.5, 0.5)), np.array([0.56, 0.48]))
    assert verdict.names.tolist() == [True, False]


def test_drift_bands_need_a_band():
    with pytest.raises(ValueError, match="neither total nor name was given"):
        DriftBandsConfig()
