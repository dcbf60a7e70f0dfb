"""When the pipeline computes."""

import numpy as np
import pandas as pd
import pytest

from bt_run import LoadRequest, Rows, assemble_bars
from bt_run.data.calendars import exchange_sessions
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
    assert days(year(), "quarter") == [
        "2020-01-01",
        "2020-04-01",
        "2020-07-01",
        "2020-10-01",
    ]
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
    sessions = np.array(
        ["2020-01-05", "2020-01-06", "2020-01-12"], dtype="datetime64[D]"
    )
    week = period_of(sessions, "week")
    assert week[0] + 1 == week[1] == week[2]


def bars_of(index, calendar="XNYS"):
    times = (
        index.tz_convert("UTC").tz_localize(None).to_numpy().astype("datetime64[ns]")
    )
    rows = Rows(times=times, close=np.linspace(1.0, 2.0, len(times)))
    request = LoadRequest(
        assets={"A": "A"},
        benchmark=("A", "A"),
        start=index[0].date(),
        end=index[-1].date(),
        calendar=calendar,
    )
    return assemble_bars(request, {"A": rows}, rows)


def sessions_of(calendar, first, last):
    known = exchange_sessions(calendar, np.datetime64(first), np.datetime64(last))
    inside = known[(known >= np.datetime64(first)) & (known <= np.datetime64(last))]
    return pd.DatetimeIndex(inside, tz="UTC")


@pytest.mark.parametrize(
    ("calendar", "first", "last", "schedule", "missed", "moved"),
    [
        ("XNYS", "2001-08-20", "2001-10-15", "week_end", "2001-09-10", "2001-09-17"),
        ("XNYS", "2012-10-01", "2012-11-30", "month_end", "2012-10-26", "2012-10-31"),
        ("XNYS", "1969-03-03", "1969-04-30", "quarter_end", "1969-03-28", "1969-04-01"),
        ("XHKG", "2016-10-03", "2016-11-30", "week_end", "2016-10-20", "2016-10-24"),
    ],
)
def test_a_closure_that_nobody_could_know_moves_the_decision_behind_it(
    calendar, first, last, schedule, missed, moved
):
    bars = bars_of(sessions_of(calendar, first, last), calendar)
    due = days(bars, schedule)
    assert moved in due
    assert missed not in due


def test_a_holiday_that_was_published_counts_whatever_the_calendar_calls_it():
    """Shanghai lists all its holidays as ad hoc; that of January 2020 began on the 24th."""
    bars = bars_of(sessions_of("XSHG", "2020-01-02", "2020-02-28"), "XSHG")
    assert "2020-01-23" in days(bars, "month_end")


@pytest.mark.parametrize(
    ("last_bar", "due_at"), [("16:00", "15:45"), ("20:00", "15:45")]
)
def test_an_intraday_period_ends_at_the_last_bar_whose_order_can_still_fill(
    last_bar, due_at
):
    index = pd.DatetimeIndex(
        [
            stamp
            for day in sessions_of("XNYS", "2023-01-03", "2023-03-03")
            for stamp in pd.date_range(
                f"{day.date()} 09:45",
                f"{day.date()} {last_bar}",
                freq="15min",
                tz="America/New_York",
            )
        ]
    )
    bars = bars_of(index)
    due = bars.index[scheduled(bars, "month_end")].tz_convert("America/New_York")
    assert [f"{time:%m-%d %H:%M}" for time in due[1:]] == [
        f"01-31 {due_at}",
        f"02-28 {due_at}",
    ]
    early = bars.index[scheduled(bars, "week_end")].tz_convert("America/New_York")
    assert f"{early[1]:%m-%d %H:%M}" == f"01-06 {due_at}"


def test_cutting_the_data_moves_no_earlier_decision():
    index = sessions_of("XNYS", "2001-08-20", "2001-10-15")
    whole = days(bars_of(index), "week_end")
    for count in range(5, len(index)):
        part = days(bars_of(index[:count]), "week_end")
        assert part == whole[: len(part)]
