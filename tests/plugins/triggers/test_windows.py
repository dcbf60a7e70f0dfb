"""Times of day by the exchange's clock."""

import numpy as np
import pytest
from kit.intraday import five_minutes, local
from kit.two_assets import context

from bt_run import ConfigError, Plan
from bt_run.data.slices import until
from bt_run.data.usual_day import usual_day_of
from bt_run.roles import Placed
from bt_run.testing import make_bars, make_state
from bt_run_plugins.triggers.windows import Windows, WindowsConfig, window_of


def fired(bars, *at, every=1):
    """Return when the trigger fires, local time, and what it says."""
    trigger = Windows(WindowsConfig(at=at), context())
    found, memo = {}, {}
    for t in range(0, len(bars), every):
        verdict = trigger.check(make_state(bars, t, memo=memo), np.zeros(2))
        memo = verdict.memo
        if verdict.fire:
            found[local(bars, t)] = verdict.reason
    return found


def test_a_window_fires_once_a_session_half_days_included():
    # 3 July 2013 closed at 13:00: 15:50 never comes, ten minutes before the close does
    bars = five_minutes(["A", "B"], "2013-07-02", "2013-07-05", "2013-07-02")
    assert fired(bars, "10:30", "15:50", "close-10min") == {
        "2013-07-02 10:30": "10:30",
        "2013-07-02 15:50": "15:50, close-10min",
        "2013-07-03 10:30": "10:30",
        "2013-07-03 12:50": "close-10min",
        "2013-07-05 10:30": "10:30",
        "2013-07-05 15:50": "15:50, close-10min",
    }


def test_a_window_is_local_time_when_the_clocks_change():
    # clocks went back on Sunday, 3 November 2013: 10:30 is 14:30 UTC before and 15:30 after
    bars = five_minutes(["A", "B"], "2013-11-01", "2013-11-04", "2013-11-01")
    assert list(fired(bars, "10:30")) == ["2013-11-01 10:30", "2013-11-04 10:30"]
    at = [
        str(time)[11:16]
        for t, time in enumerate(bars.ends)
        if "10:30" in local(bars, t)
    ]
    assert at == ["14:30", "15:30"]


def test_the_first_bar_at_or_after_a_window_fires():
    bars = five_minutes(["A", "B"], "2013-07-02", "2013-07-02", "2013-07-02")
    assert fired(bars, "10:32") == {"2013-07-02 10:35": "10:32"}
    # decisions every half-hour pass two windows at once, and fire once
    assert fired(bars, "10:37", "10:40", every=6) == {
        "2013-07-02 11:05": "10:37, 10:40"
    }


def test_the_preset_has_the_five_windows():
    config = WindowsConfig(preset="five_a_day")
    assert [one.text for one in config.windows] == [
        "09:35",
        "10:30",
        "12:00",
        "14:30",
        "15:50",
    ]


@pytest.mark.parametrize(
    ("at", "text"),
    [
        (["25:00"], "a window was '25:00'; expected a time HH:MM in quotes, such as"),
        ([935], "a window was the number 935; expected a time HH:MM in quotes"),
        (["close-0min"], "a window was 'close-0min'; expected"),
        ("10:30", "at was '10:30'; expected a list of times"),
        ([], "found neither of at and preset; expected one of them"),
    ],
)
def test_what_is_no_window_is_refused(at, text):
    with pytest.raises(ValueError, match="1 validation error") as found:
        WindowsConfig(at=at)
    assert text in str(found.value)


def test_windows_and_a_preset_are_refused():
    with pytest.raises(ValueError, match="found both of at and preset"):
        WindowsConfig(at=["10:30"], preset="five_a_day")


def advice(bars, *at):
    trigger = Windows(WindowsConfig(at=at), context())
    own = Placed("triggers.0", "windows", trigger)
    return list(trigger.advice(Plan(own, "bar", (), (), usual_day_of(bars))))


@pytest.fixture(scope="module")
def bars():
    return five_minutes(["A", "B"], "2013-07-01", "2013-07-05", "2013-07-01")


def test_a_window_whose_order_fills_in_the_next_session_is_warned_of(bars):
    assert advice(bars, "15:55", "close-5min") == []
    assert advice(bars, "15:57", "close") == [
        "triggers.0: the window 15:57 comes at the last bar of a session, which ends at 16:00; its "
        "orders fill in the next session",
        "triggers.0: the window close comes at the last bar of a session, which ends at 16:00; its "
        "orders fill in the next session",
    ]


def test_a_window_after_the_last_bar_is_warned_of(bars):
    cut = until(bars, 20)  # of one session, to 11:15
    assert advice(cut, "11:20") == [
        "triggers.0: the window 11:20 never comes: the last bar of a session ends at 11:15"
    ]


@pytest.mark.parametrize("at", ["09:00", "16:05"])
def test_a_window_outside_the_session_is_refused(bars, at):
    with pytest.raises(ConfigError) as found:
        advice(bars, at)
    assert str(found.value) == (
        f"triggers.0: the window {at} is outside the session, 09:30 to 16:00 by the exchange's "
        "clock; expected a time within it"
    )


def test_daily_bars_end_at_the_close():
    daily = make_bars({"A": np.ones(5), "B": np.ones(5)})
    (only,) = advice(daily, "10:30")
    assert "its orders fill in the next session" in only


def test_a_window_says_what_it_stands_for():
    assert window_of("close-10min").minutes == 10
    assert window_of("close").before_close
    assert window_of("09:35").minutes == 575
