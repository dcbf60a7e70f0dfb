"""How long a year is, and what it holds."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bt_run.data.years import (
    bars_per_year,
    bars_per_year_so_far,
    sessions_per_year,
    years_between,
)

WEEKDAYS = np.arange("2023-01-02", "2023-07-01", dtype="M8[D]")
WEEKDAYS = WEEKDAYS[np.is_busday(WEEKDAYS)]
EVERY_DAY = np.arange("2023-01-01", "2023-07-01", dtype="M8[D]")


def test_a_year_has_365_days_and_a_quarter():
    assert (
        years_between(np.datetime64("2000-01-03"), np.datetime64("2004-01-03")) == 4.0
    )


@pytest.mark.parametrize(
    ("sessions", "count"),
    [
        (WEEKDAYS, 252),
        (EVERY_DAY, 365),
        (WEEKDAYS[::5], 52),
        (np.arange("2020-01", "2022-01", dtype="M8[M]").astype("M8[D]"), 12),
        (np.arange("2010", "2020", dtype="M8[Y]").astype("M8[D]"), 1),
        (WEEKDAYS[:1], 252),
    ],
)
def test_sessions_are_counted_by_their_steps(sessions, count):
    assert sessions_per_year(sessions) == count


def test_a_missing_half_year_changes_nothing():
    assert sessions_per_year(np.append(WEEKDAYS, WEEKDAYS + 364)) == 252


def test_bars_of_a_session_are_counted_and_an_unfinished_one_is_not():
    hours = np.repeat(WEEKDAYS[:10], 26)
    assert bars_per_year(hours) == 252 * 26
    assert bars_per_year(hours[:-20]) == 252 * 26
    assert bars_per_year(WEEKDAYS) == 252
    assert bars_per_year(hours[:7]) == 252 * 7


@given(
    steps=st.lists(st.sampled_from([1, 1, 1, 2, 3, 4, 7, 31]), min_size=1, max_size=60),
    bars=st.integers(1, 3),
    first=st.integers(0, 6),
)
def test_so_far_is_the_count_of_the_bars_up_to_each(steps, bars, first):
    days = np.datetime64("2020-01-01") + np.cumsum([first, *steps])
    sessions = np.repeat(days, bars)
    expected = [bars_per_year(sessions[: t + 1]) for t in range(len(sessions))]
    np.testing.assert_array_equal(bars_per_year_so_far(sessions), expected)


@pytest.mark.parametrize("sessions", [WEEKDAYS, EVERY_DAY, WEEKDAYS[::5]])
def test_so_far_of_whole_calendars(sessions):
    expected = [bars_per_year(sessions[: t + 1]) for t in range(len(sessions))]
    np.testing.assert_array_equal(bars_per_year_so_far(sessions), expected)
