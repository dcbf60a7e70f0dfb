"""Calendars: which session a bar belongs to, how far they reach, what a wrong name is answered."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from bt_run import ConfigError
from bt_run.data.calendars import (
    between_sessions,
    exchange_sessions,
    scheduled_closes,
    session_dates,
)


def days(*texts):
    return np.array(texts, dtype="datetime64[D]")


def utc(*texts):
    stamps = [
        pd.Timestamp(text, tz="America/New_York").tz_convert("UTC") for text in texts
    ]
    return np.array(
        [stamp.tz_localize(None) for stamp in stamps], dtype="datetime64[ns]"
    )


def test_an_intraday_bar_belongs_to_the_exchanges_own_date_at_its_end():
    times = utc(
        "2020-01-06 09:35", "2020-01-06 20:00", "2020-01-07 00:00", "2020-01-07 09:35"
    )
    found = session_dates(times, "XNYS").astype(str).tolist()
    assert found == ["2020-01-06", "2020-01-06", "2020-01-06", "2020-01-07"]


def test_a_window_is_of_sessions_whatever_the_date_in_utc():
    times = utc(
        "2020-01-06 20:00", "2020-01-07 00:00", "2020-01-07 09:35", "2020-01-07 20:00"
    )
    inside = between_sessions(times, "XNYS", date(2020, 1, 7), date(2020, 1, 7))
    assert inside.tolist() == [False, False, True, True]
    assert between_sessions(times, "XNYS", None, date(2020, 1, 6)).tolist() == [
        True,
        True,
        False,
        False,
    ]


def test_closes_know_early_closes_and_daylight_saving_time():
    closes = scheduled_closes(
        "XNYS", days("2019-11-27", "2019-11-29", "2020-03-06", "2020-03-09")
    )
    local = pd.DatetimeIndex(closes, tz="UTC").tz_convert("America/New_York")
    assert [f"{time:%H:%M}" for time in local] == ["16:00", "13:00", "16:00", "16:00"]


@pytest.mark.parametrize(
    ("name", "last"), [("XBOM", "2026-11-20"), ("XSHG", "2026-06-30")]
)
def test_a_calendar_is_not_asked_beyond_what_it_reaches(name, last):
    sessions = exchange_sessions(name, np.datetime64("2026-01-05"), np.datetime64(last))
    assert sessions[0] >= np.datetime64("2026-01-01")
    assert sessions[-1] >= np.datetime64("2026-12-25")


def test_data_beyond_the_reach_of_a_calendar_are_refused_with_its_reach():
    with pytest.raises(ConfigError, match="'XBOM' reaches from 1997-01-01 to 20"):
        exchange_sessions(
            "XBOM", np.datetime64("1990-01-01"), np.datetime64("2000-01-01")
        )


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("XNYSE", "did you mean 'XNYS'"),
        ("xnys", "did you mean 'XNYS'"),
        ("XNSE", "did you mean 'XBOM'"),
        ("XQSE", "New York is 'XNYS'"),
    ],
)
def test_a_wrong_name_is_answered_with_one_of_the_same_country_or_none(name, hint):
    with pytest.raises(ConfigError, match=hint):
        exchange_sessions(
            name, np.datetime64("2020-01-01"), np.datetime64("2020-02-01")
        )
