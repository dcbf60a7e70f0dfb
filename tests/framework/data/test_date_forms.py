"""Dates as files write them: one reading, or a refusal."""

import numpy as np
import pandas as pd
import pytest

from bt_run import Config, DataError, DateForm, written_times


def clock(*written, form=None):
    return written_times("f.csv: column date", pd.Series(written), form).clock.astype(
        "M8[s]"
    )


def days(*written, form=None):
    return clock(*written, form=form).astype("M8[D]").astype(str).tolist()


@pytest.mark.parametrize(
    "written",
    [
        ("2023-01-03", "2023-01-04"),
        ("2023/01/03", "2023/01/04"),
        ("20230103", "20230104"),
        (20230103, 20230104),
        ("Jan 3, 2023", "Jan 4, 2023"),
        ("3 January 2023", "4 January 2023"),
    ],
)
def test_a_date_with_one_reading_is_read(written):
    assert days(*written) == ["2023-01-03", "2023-01-04"]


def test_the_order_is_taken_from_the_rows_where_only_one_makes_dates():
    assert days("03/01/2023", "13/01/2023") == ["2023-01-03", "2023-01-13"]
    assert days("01/03/2023", "01/13/2023") == ["2023-01-03", "2023-01-13"]


@pytest.mark.parametrize("written", ["03/01/2023", "03.01.2023", "3-1-2023"])
def test_an_order_that_nothing_shows_must_be_declared(written):
    with pytest.raises(DataError) as caught:
        days(written)
    assert str(caught.value) == (
        f"f.csv: column date: dates such as {written} may begin with the day or the month, and "
        "both read every row; write `dates: dayfirst` or `dates: monthfirst`"
    )
    assert days(written, form="dayfirst") == ["2023-01-03"]
    assert days(written, form="monthfirst") == ["2023-03-01"]


def test_rows_of_both_orders_are_refused():
    with pytest.raises(DataError, match="and neither reads every row"):
        days("13/01/2023", "01/13/2023")


def test_a_format_may_be_declared():
    assert days("03.01.23", form="%d.%m.%y") == ["2023-01-03"]
    with pytest.raises(
        DataError, match="column date holds something that is not a date"
    ):
        days("2023-01-03", form="%d.%m.%y")


def test_a_declared_order_holds_for_every_row():
    with pytest.raises(
        DataError, match="'2023-01-03' in row 2, though the dates are said to be d"
    ):
        days("03/01/2023", "2023-01-03", form="dayfirst")
    with pytest.raises(DataError, match="not a date"):
        days("03/01/2023", form="iso")


def test_two_digits_of_a_year_need_a_format():
    with pytest.raises(
        DataError, match=r"'03/01/23' in row 1; expected one such as 2000-01-31, or "
    ):
        days("03/01/23")


def test_a_number_that_is_no_date_is_no_count_of_nanoseconds():
    with pytest.raises(
        DataError, match="1672756200 in row 1; expected one such as 20000131"
    ):
        days(1672756200)


def test_a_time_of_day_stays_with_a_turned_date():
    assert clock("03/01/2023 09:35", form="dayfirst").astype(str).tolist() == [
        "2023-01-03T09:35:00"
    ]


def test_offsets_that_change_over_the_year_keep_the_clock_and_the_instant():
    read = written_times(
        "f", pd.Series(["2024-03-08 00:00:00-05:00", "2024-03-11 00:00:00-04:00"])
    )
    assert read.clock.astype("M8[h]").astype(str).tolist() == [
        "2024-03-08T00",
        "2024-03-11T00",
    ]
    assert read.utc.astype("M8[h]").astype(str).tolist() == [
        "2024-03-08T05",
        "2024-03-11T04",
    ]


def test_offsets_in_some_rows_only_are_refused():
    with pytest.raises(
        DataError, match="row 2, 2024-03-11 10:00, has no offset from UTC"
    ):
        written_times("f", pd.Series(["2024-03-08 10:00-05:00", "2024-03-11 10:00"]))


@pytest.mark.parametrize(
    "written", [(None, "2020-01-01"), ("", "2020-01-01"), (np.nan, 20230104.0)]
)
def test_a_row_without_a_date_is_named(written):
    with pytest.raises(
        DataError, match="row 1 has no date; expected a date such as 2000-01-31"
    ):
        days(*written)


def test_a_line_that_is_no_row_is_the_one_that_is_named():
    written = pd.Series(["2004-06-01", "2004-06-02", "Source: me"])
    with pytest.raises(DataError, match="'Source: me' in row 3"):
        written_times("x", written)


def test_an_unknown_form_is_refused_with_the_known_ones():
    class Written(Config):
        dates: DateForm = None

    assert Written().dates is None
    with pytest.raises(
        ValueError,
        match="found 'euro'; expected dayfirst, monthfirst, iso, epoch_s, epoch_ms, or a",
    ):
        Written(dates="euro")


@pytest.mark.parametrize("number", [20200102.5, 1e308, float("inf"), -1e19])
def test_a_number_that_is_no_whole_one_is_no_date(number: float) -> None:
    words = "in row 2; expected one such as 20000131 or 2000-01-31"
    with pytest.raises(DataError, match=words):
        written_times("a.csv: column date", pd.Series([20200102.0, number]))
