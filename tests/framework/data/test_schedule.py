"""When the pipeline computes."""

import numpy as np
import pytest

from bt_run.data.schedule import period_of, scheduled
from bt_run.testing import make_bars, make_rows


def days(bars, schedule):
    return [str(day) for day in bars.sessions[scheduled(bars, schedule)]]


def year(count=262, **options):
    return make_bars({"A": np.arange(1.0, count + 1)}, **options)


def test_the_first_decision_is_at_the_start_whatever_the_schedule():
    bars = year(start=7)
    for schedule in ("once", "week", "month", "quarter", "month_end", "quarter_end"):
        assert days(bars, schedule)[0] == "2020-01-10"


def test_once_decides_once():
    assert len(days(year(), "once")) == 1


def test_bar_and_session_are_every_bar_of_daily_data():
    bars = year(30)
    assert scheduled(bars, "bar").all()
    assert scheduled(bars, "session").all()


def test_month_is_the_first_bar_of_each_month():
    assert days(year(90), "month") == [
        "2020-01-01",
        "2020-02-03",
        "2020-03-02",
        "2020-04-01",
        "2020-05-01",
    ]


def test_week_is_its_first_bar_even_after_a_monday_holiday():
    close = np.arange(1.0, 16.0)
    close[3] = np.nan  # Monday 6 January
    assert days(make_bars({"A": make_rows(close)}), "week") == [
        "2020-01-01",
        "2020-01-07",
        "2020-01-13",
        "2020-01-20",
    ]


def test_quarter_and_year():
    assert days(year(), "quarter") == ["2020-01-01", "2020-04-01", "2020-07-01", "2020-10-01"]
    assert days(year(300), "year") == ["2020-01-01", "2021-01-01"]


def test_month_end_is_the_last_scheduled_session():
    # Good Friday 2020 was 10 April; the ends are Fridays and the like
    assert days(year(90), "month_end") == [
        "2020-01-01",
        "2020-01-31",
        "2020-02-28",
        "2020-03-31",
        "2020-04-30",
    ]


def test_an_unscheduled_closure_moves_the_decision_to_the_next_session():
    close = np.arange(1.0, 60.0)
    close[22] = np.nan  # 31 January
    assert days(make_bars({"A": make_rows(close)}), "month_end")[1] == "2020-02-03"


def test_a_month_end_needs_no_bar_of_the_next_month():
    bars = make_bars({"A": np.arange(1.0, 24.0)})  # ends on 31 January
    assert days(bars, "month_end")[-1] == "2020-01-31"


@pytest.mark.parametrize(
    "schedule", ["week", "month", "quarter", "week_end", "month_end", "quarter_end"]
)
def test_cutting_the_data_changes_no_earlier_schedule(schedule):
    whole = scheduled(year(), schedule)
    for count in (20, 21, 22, 23, 24, 65, 130):
        np.testing.assert_array_equal(scheduled(year(count), schedule), whole[:count])


def test_weeks_begin_on_monday():
    sessions = np.array(["2020-01-05", "2020-01-06", "2020-01-12"], dtype="datetime64[D]")
    week = period_of(sessions, "week")
    assert week[0] + 1 == week[1] == week[2]
