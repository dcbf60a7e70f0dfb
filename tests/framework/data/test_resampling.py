"""Coarser bars: only periods that are over, and each known from when it is."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bt_run import Bars, bars_from, completed_periods
from bt_run.data.history import History
from bt_run.data.slices import until
from bt_run.testing import make_bars, make_rows

NAN = np.nan


def weeks_of(first, count, **columns):
    closes = np.arange(1.0, count + 1.0)
    rows = make_rows(closes, first=first, **columns)
    return make_bars({"A": rows})


def test_a_week_is_over_at_the_close_of_its_last_session():
    # Monday 6 to Friday 17 January 2020
    bars = weeks_of("2020-01-06", 10, volume=np.ones(10))
    weeks = completed_periods(bars, "week")
    assert weeks.close[:, 0].tolist() == [5, 10]
    assert weeks.open[:, 0].tolist() == [1, 6]
    assert weeks.high[:, 0].tolist() == [5, 10]
    assert weeks.low[:, 0].tolist() == [1, 6]
    assert weeks.volume[:, 0].tolist() == [5, 5]
    assert weeks.known.tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 1, 2]


def test_a_holiday_at_its_end_ends_a_week_early():
    # Good Friday 2020 was 10 April: the week was over on Thursday the 9th
    days = pd.to_datetime(
        [
            "2020-04-06",
            "2020-04-07",
            "2020-04-08",
            "2020-04-09",
            "2020-04-13",
            "2020-04-14",
        ]
    )
    bars = bars_from(pd.Series([1.0, 2, 3, 4, 5, 6], index=days, name="A"))
    weeks = completed_periods(bars, "week")
    assert weeks.close[:, 0].tolist() == [4]
    assert weeks.known.tolist() == [0, 0, 0, 1, 1, 1]


def test_a_closure_that_nobody_knew_ends_a_week_at_the_next_bar():
    days = pd.to_datetime(["2001-09-10", "2001-09-17", "2001-09-18"])
    bars = bars_from(pd.Series([1.0, 2.0, 3.0], index=days, name="A"))
    weeks = completed_periods(bars, "week")
    assert weeks.close[:, 0].tolist() == [1]
    assert weeks.known.tolist() == [0, 1, 1]


def test_a_period_that_had_begun_before_is_left_out():
    bars = weeks_of("2020-01-08", 8)  # from Wednesday
    weeks = completed_periods(bars, "week")
    assert weeks.close[:, 0].tolist() == [8]
    assert weeks.known.tolist() == [0, 0, 0, 0, 0, 0, 0, 1]


def test_an_asset_without_a_bar_in_a_week_has_none():
    closes = {"A": np.arange(1.0, 11.0), "B": [NAN] * 5 + [7.0, NAN, 9.0, NAN, NAN]}
    rows = {
        name: make_rows(close, first="2020-01-06") for name, close in closes.items()
    }
    weeks = completed_periods(make_bars(rows), "week")
    assert np.isnan(weeks.close[0, 1])
    assert (weeks.open[1, 1], weeks.close[1, 1]) == (7, 9)


def test_months_end_with_their_last_session():
    bars = weeks_of(
        "2020-02-03", 23
    )  # to 4 March; February has 20 weekdays from the 3rd on
    assert completed_periods(bars, "month").close[:, 0].tolist() == [20.0]
    assert len(completed_periods(bars, "quarter").close) == 0
    assert len(completed_periods(bars, "year").close) == 0


def test_intraday_sessions_end_with_the_bar_of_their_close():
    ends = [f"2020-01-0{day} {hour}:00" for day in (2, 3) for hour in (11, 13, 16)]
    times = pd.DatetimeIndex(ends, tz="America/New_York")
    bars = bars_from(pd.Series([1.0, 3.0, 2.0, 4.0, 6.0, 5.0], index=times, name="A"))
    days = completed_periods(bars, "session")
    assert days.close[:, 0].tolist() == [2, 5]
    assert days.known.tolist() == [0, 0, 1, 1, 1, 2]


def test_values_of_periods_stand_at_the_bars_that_know_them():
    weeks = completed_periods(weeks_of("2020-01-06", 10), "week")
    rising = weeks.at_bars(weeks.close)
    assert rising[:, 0].tolist()[3:] == pytest.approx(
        [NAN, 5, 5, 5, 5, 5, 10], nan_ok=True
    )


def test_history_shows_what_is_over_and_nothing_else():
    bars = weeks_of("2020-01-06", 12)
    early, late = History(bars, 3), History(bars, 9)
    assert len(early.resampled("week")) == 0
    assert early.resampled("week").close(3).shape == (0, 1)
    weeks = late.resampled("week")
    assert len(weeks) == 2
    assert weeks.close(5)[:, 0].tolist() == [5, 10]
    assert weeks.close()[:, 0].tolist() == [10]
    assert weeks.close(2).base is None
    assert [weeks.open(1)[0, 0], weeks.high(1)[0, 0], weeks.low(1)[0, 0]] == [6, 10, 6]
    assert np.isnan(weeks.volume(1)).all() or weeks.volume(1).shape == (1, 1)
    with pytest.raises(
        ValueError, match="n = 0 periods; n counts back from the newest"
    ):
        weeks.close(0)
    with pytest.raises(ValueError, match="read-only"):
        weeks.close()[0, 0] = 1.0


@given(
    first=st.dates(min_value=date(2001, 8, 1), max_value=date(2021, 1, 1)),
    gaps=st.lists(st.integers(1, 6), min_size=3, max_size=60),
    period=st.sampled_from(["week", "month", "quarter"]),
    cut=st.integers(1, 60),
)
def test_what_is_known_does_not_change_with_what_comes_later(first, gaps, period, cut):
    days = pd.Timestamp(first) + pd.to_timedelta(np.cumsum(gaps), unit="D")
    closes = np.arange(1.0, len(days) + 1.0)
    bars = bars_from(pd.Series(closes, index=days, name="A"))
    t = min(cut, len(bars) - 1)
    whole, known = (
        completed_periods(bars, period),
        completed_periods(until(bars, t), period),
    )
    count = int(whole.known[t])
    assert count == int(known.known[t])
    np.testing.assert_array_equal(whole.close[:count], known.close[:count])
    np.testing.assert_array_equal(whole.open[:count], known.open[:count])
    assert isinstance(bars, Bars)
