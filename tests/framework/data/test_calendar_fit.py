"""Rows that stand on no session of the run's calendar."""

import numpy as np
import pytest

from bt_run import DataError, LoadRequest, Rows, assemble_bars, exchange_sessions
from bt_run.data.calendar_fit import calendar_notes

DAY = np.timedelta64(1, "D")


def sessions(calendar, first, last):
    first, last = np.datetime64(first), np.datetime64(last)
    known = exchange_sessions(calendar, first, last)
    return known[(known >= first) & (known <= last)]


def bars_on(days, calendar="XNYS", **others):
    """Make bars whose asset A has a row on each of ``days``; ``others`` likewise."""
    rows = {
        name: Rows(times=times.astype("datetime64[ns]"), close=np.ones(len(times)))
        for name, times in {"A": days, **others}.items()
    }
    request = LoadRequest(
        assets={name: name for name in rows},
        benchmark=("A", "A"),
        start=days[0].item(),
        end=days[-1].item(),
        calendar=calendar,
    )
    return assemble_bars(request, rows, rows["A"])


def test_sessions_of_the_calendar_are_no_matter_of_words():
    assert calendar_notes(bars_on(sessions("XNYS", "2001-01-02", "2001-12-31"))) == ()


def test_a_few_odd_rows_are_noted_with_their_number():
    days = sessions("XNYS", "2001-01-02", "2001-12-31")
    odd = np.sort(np.append(days, np.datetime64("2001-07-04")))
    (note,) = calendar_notes(bars_on(odd, B=days))
    assert note == (
        "rows that are no session of XNYS, the first on 2001-07-04 (Wednesday): A (1)"
    )


@pytest.mark.parametrize(
    ("theirs", "first", "last", "text"),
    [
        (
            "XTKS",
            "2024-12-02",
            "2025-01-15",
            "A: 2 of 28 rows are no session of XNYS, the first "
            "on 2024-12-25 (Wednesday); they fit XTKS: write `calendar: XTKS`",
        ),
        ("XHKG", "2019-01-02", "2019-12-31", "they fit XHKG: write `calendar: XHKG`"),
        ("24/7", "2020-01-01", "2020-06-30", "they fit 24/7: write `calendar: 24/7`"),
    ],
)
def test_rows_of_another_exchange_are_refused_with_its_name(theirs, first, last, text):
    with pytest.raises(DataError) as caught:
        calendar_notes(bars_on(sessions(theirs, first, last)))
    assert text in str(caught.value)


@pytest.mark.parametrize(
    ("shift", "where"), [(-DAY, "later: .* east"), (DAY, "earlier: .* west")]
)
def test_rows_that_are_a_day_off_are_told_of_their_zone(shift, where):
    days = sessions("XETR", "2023-07-03", "2023-09-29") + shift
    with pytest.raises(
        DataError,
        match=f"one a day {where} of the one they were read in; set `timezone` on the source",
    ):
        calendar_notes(bars_on(days, "XETR"))


def test_one_foreign_asset_among_many_is_found():
    days = sessions("XNYS", "2019-01-02", "2019-12-31")
    tokyo = sessions("XTKS", "2019-01-04", "2019-12-30")
    with pytest.raises(DataError, match=r"^B: 8 of 241 rows are no session of XNYS"):
        calendar_notes(bars_on(days, B=tokyo))


def test_bars_of_weeks_are_not_held_against_the_days():
    sundays = np.arange(
        np.datetime64("2023-01-01"), np.datetime64("2023-12-31"), 7 * DAY
    )
    assert calendar_notes(bars_on(sundays)) == ()


def test_what_no_calendar_reaches_is_left_alone():
    saturdays = np.arange(np.datetime64("1930-01-02"), np.datetime64("1930-03-01"))
    saturdays = saturdays[np.is_busday(saturdays, weekmask="1111110")]
    kept = saturdays[~np.isin(saturdays, np.array(["1930-02-22"], "M8[D]"))]
    assert calendar_notes(bars_on(kept)) == ()
    old = np.arange(np.datetime64("1985-01-01"), np.datetime64("1985-03-01"))
    assert calendar_notes(bars_on(old, "XTKS")) == ()


def test_a_file_that_carries_prices_over_holidays_is_noted():
    weekdays = np.arange("2023-01-03", "2023-01-17", dtype="M8[D]")
    (note,) = calendar_notes(bars_on(weekdays[np.is_busday(weekdays)]))
    assert note.endswith("no session of XNYS, the first on 2023-01-16 (Monday): A (1)")


def test_few_rows_name_no_exchange():
    days = np.arange("2020-01-01", "2020-01-07", dtype="M8[D]")
    with pytest.raises(
        DataError, match="no exchange can be named from 6 rows; correct the dates"
    ):
        calendar_notes(bars_on(days))
