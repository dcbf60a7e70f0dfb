"""How long a year is, and what it holds."""

import numpy as np
import pytest

from bt_run.data.years import bars_per_year, sessions_per_year, years_between

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
