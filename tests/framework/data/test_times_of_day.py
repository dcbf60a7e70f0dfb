"""Rows with times of day: known from the session, or the bar, that ends after them."""

from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bt_run import ConfigError, DataError
from bt_run.data.data_config import TableConfig, UniverseConfig
from bt_run.data.history import History
from bt_run.data.tables import file_table, series_table
from bt_run.data.universe import read_memberships
from bt_run.testing import make_bars, make_rows

NAN = np.nan
NEW_YORK = ZoneInfo("America/New_York")
# Thursday 2 to Wednesday 8 January 2020: the weekend lies after the second
DAYS = ["2020-01-02", "2020-01-03", "2020-01-06", "2020-01-07", "2020-01-08"]


def daily(days=DAYS):
    return bars_at([f"{day}T00:00" for day in days])


def bars_at(times):
    rows = make_rows(np.arange(1.0, len(times) + 1))
    stamps = np.array(times, "datetime64[ns]")
    return make_bars({"A": replace(rows, times=stamps)})


def local(*times):
    """Return bar ends in UTC of times by New York's clock."""
    stamps = [datetime.fromisoformat(time).replace(tzinfo=NEW_YORK) for time in times]
    return [
        stamp.astimezone(ZoneInfo("UTC")).replace(tzinfo=None).isoformat()
        for stamp in stamps
    ]


def table_of(tmp_path, text, bars, **options):
    path = tmp_path / "t.csv"
    path.write_text(text)
    found, _ = file_table("news", TableConfig(file=path, **options), {}, bars)
    return found


def first_known(table):
    known = np.flatnonzero(np.isfinite(table.by_bar.reshape(len(table.rows), -1)[:, 0]))
    return int(known[0]) if len(known) else None


# -- daily runs ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("time", "lag", "first"),
    [
        ("2020-01-03 15:59", 0, 1),  # before Friday's close
        ("2020-01-03 16:00", 0, 1),  # at it
        ("2020-01-03 17:00", 0, 2),  # after it: Monday's
        ("2020-01-03 17:00", 1, 3),
        ("2020-01-04 09:00", 0, 2),  # Saturday
        ("2020-01-06 00:00:01", 0, 2),
    ],
)
def test_a_time_belongs_to_the_first_session_that_closes_after_it(
    tmp_path, time, lag, first
):
    text = f"date,A\n{time},7\n"
    found = table_of(tmp_path, text, daily(), lag=lag, timezone="America/New_York")
    assert first_known(found) == first


def test_a_session_that_closes_early_is_over_early(tmp_path):
    bars = daily(["2019-11-27", "2019-11-29", "2019-12-02"])  # 13:00 on Black Friday
    for time, first in (("12:59", 1), ("13:01", 2)):
        text = f"date,A\n2019-11-29 {time},7\n"
        found = table_of(tmp_path, text, bars, lag=0, timezone="America/New_York")
        assert first_known(found) == first


def test_the_clock_of_new_york_changes_and_that_of_utc_does_not(tmp_path):
    bars = daily(["2020-03-06", "2020-03-09", "2020-03-10"])
    # 20:30 UTC is 15:30 in winter, before the close, and 16:30 in summer, after it
    for day, first in (("2020-03-06", 0), ("2020-03-09", 2)):
        found = table_of(tmp_path, f"date,A\n{day}T20:30Z,7\n", bars, lag=0)
        assert first_known(found) == first


def test_a_time_in_days_without_trading_belongs_to_the_session_after_them(tmp_path):
    bars = daily(["2001-09-10", "2001-09-17", "2001-09-18"])
    found = table_of(tmp_path, "date,A\n2001-09-11 20:00-04:00,7\n", bars, lag=0)
    assert first_known(found) == 1


def test_midnights_of_another_zone_in_utc_are_that_zones_days(tmp_path):
    file = tmp_path / "t.parquet"
    stamps = pd.DatetimeIndex(DAYS[:2]).tz_localize(NEW_YORK).tz_convert("UTC")
    pd.DataFrame({"date": stamps, "A": [7.0, 8.0]}).to_parquet(file)
    found, _ = file_table("t", TableConfig(file=file, lag=0), {}, daily())
    np.testing.assert_array_equal(found.by_bar[:, 0], [7, 8, 8, 8, 8])


def test_memberships_may_begin_and_end_at_a_time_of_day(tmp_path):
    text = (
        "ticker,start,end\nA,2020-01-02 17:00-05:00,2020-01-07 12:00-05:00\n"
        "A,2020-01-08 09:00-05:00,\n"
    )
    found = table_of(tmp_path, text, daily(), lag=0)
    np.testing.assert_array_equal(found.by_bar[:, 0], [NAN, 1, 1, 0, 1])


# -- intraday runs ---------------------------------------------------------------------------------

HALF_DAYS = local(
    "2020-01-02 12:00", "2020-01-02 16:00", "2020-01-03 12:00", "2020-01-03 16:00"
)


@pytest.mark.parametrize(
    ("time", "minutes", "first"),
    [
        ("2020-01-02 11:50", 10, 0),  # the bar that ends at that very minute
        ("2020-01-02 11:50", 11, 1),
        (
            "2020-01-02 15:30",
            60,
            2,
        ),  # known after the close: the next session's first bar
        ("2020-01-02 16:00", 0, 1),
    ],
)
def test_a_time_is_known_from_the_first_bar_that_ends_so_many_minutes_later(
    tmp_path, time, minutes, first
):
    text = f"date,A\n{time}-05:00,7\n"
    found = table_of(tmp_path, text, bars_at(HALF_DAYS), lag_minutes=minutes)
    assert first_known(found) == first


@pytest.mark.parametrize(("lag", "first"), [(0, 1), (1, 3), (2, None)])
def test_a_day_is_known_from_the_last_bar_of_its_session(tmp_path, lag, first):
    found = table_of(tmp_path, "date,A\n2020-01-02,7\n", bars_at(HALF_DAYS), lag=lag)
    assert first_known(found) == first


def test_the_last_bar_of_a_short_session_is_at_its_early_close(tmp_path):
    times = local("2019-11-29 12:00", "2019-11-29 13:00", "2019-12-02 12:00")
    found = table_of(tmp_path, "date,A\n2019-11-29,7\n", bars_at(times), lag=0)
    assert first_known(found) == 1


def test_a_value_grows_old_at_a_close(tmp_path):
    text = "date,A\n2020-01-02 11:00-05:00,7\n"
    found = table_of(tmp_path, text, bars_at(HALF_DAYS), lag_minutes=0, max_age=1)
    # a session after the close of its own
    np.testing.assert_array_equal(found.by_bar[:, 0], [7, 7, 7, NAN])


@given(
    offsets=st.lists(st.integers(-3000, 5000), min_size=1, max_size=12, unique=True),
    minutes=st.integers(0, 2000),
)
def test_a_series_is_what_a_search_through_all_rows_finds(offsets, minutes):
    bars = bars_at(HALF_DAYS)
    begin = datetime(2020, 1, 2, 14, 30)
    times = [begin + timedelta(minutes=offset, seconds=1) for offset in sorted(offsets)]
    values = np.arange(1.0, len(times) + 1)
    found = series_table(
        "s",
        np.array(times, "datetime64[ns]"),
        values,
        TableConfig(symbol="X", lag_minutes=minutes),
        bars,
    )
    for t, end in enumerate(bars.times.astype("datetime64[us]").tolist()):
        known = [
            value
            for time, value in zip(times, values, strict=True)
            if time + timedelta(minutes=minutes) <= end
        ]
        np.testing.assert_equal(found.by_bar[t], known[-1] if known else NAN)


# -- what is refused -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (
            "date,A\n2020-01-02,7\n2020-01-03 17:00,8\n",
            {"lag": 0, "timezone": "America/New_York"},
            "row 1, 2020-01-02, is a day, and other rows have times of day",
        ),
        (
            "date,A\n2020-01-03 17:00,8\n",
            {"lag": 0},
            "row 1 has a time of day without a zone, 2020-01-03 17:00; write `timezone`",
        ),
        (
            "date,A\n2020-01-03,8\n",
            {"lag": 0, "timezone": "America/New_York"},
            "was given a `timezone`, and its rows are whole days",
        ),
        (
            "date,A\n2020-01-03 17:00Z,8\n",
            {"lag": 0, "timezone": "America/New_York"},
            "was given a `timezone`, and its rows carry offsets from UTC",
        ),
        (
            "date,A\n2020-03-08 02:30,8\n",
            {"lag": 0, "timezone": "America/New_York"},
            "row 1, 2020-03-08 02:30:00, is no one time in America/New_York",
        ),
        (
            "ticker,start,end\nA,2020-01-02 09:00-05:00,2020-01-07\n",
            {"lag": 0},
            "start has times of day, and end days",
        ),
    ],
)
def test_times_that_say_two_things_are_refused(tmp_path, text, options, message):
    with pytest.raises(DataError, match=message):
        table_of(tmp_path, text, daily(), **options)


@pytest.mark.parametrize(
    ("text", "bars", "options", "message"),
    [
        (
            "date,A\n2020-01-02 11:00Z,7\n",
            "intraday",
            {"lag": 1},
            r"data.tables.news.lag: was 1, .* expected `lag_minutes`",
        ),
        (
            "date,A\n2020-01-02,7\n",
            "intraday",
            {"lag_minutes": 5},
            r"data.tables.news.lag_minutes: was 5, and its rows are days; expected `lag`",
        ),
        (
            "date,A\n2020-01-02 11:00Z,7\n",
            "daily",
            {"lag_minutes": 5},
            r"data.tables.news.lag_minutes: was 5, and the bars are daily; expected `lag`",
        ),
    ],
)
def test_a_lag_of_the_wrong_kind_is_refused(tmp_path, text, bars, options, message):
    made = daily() if bars == "daily" else bars_at(HALF_DAYS)
    with pytest.raises(ConfigError, match=message):
        table_of(tmp_path, text, made, **options)


@pytest.mark.parametrize("lags", [{}, {"lag": 1, "lag_minutes": 5}])
def test_a_table_has_one_lag(lags):
    found = "both" if lags else "neither"
    with pytest.raises(ValueError, match=f"found {found} of `lag` and `lag_minutes`"):
        TableConfig(file="t.csv", **lags)


def test_a_zone_must_be_known():
    with pytest.raises(ValueError, match="no such time zone: 'Mars/Base'"):
        TableConfig(file="t.csv", lag=0, timezone="Mars/Base")


def test_a_universe_has_days(tmp_path):
    file = tmp_path / "u.csv"
    file.write_text("ticker,start,end\nA,2020-01-02 09:00Z,\n")
    with pytest.raises(DataError, match="column start has times of day"):
        read_memberships(UniverseConfig(file=file))


# -- the clock -------------------------------------------------------------------------------------


def test_history_tells_the_exchanges_clock_and_close():
    bars = bars_at(local("2019-11-29 12:00", "2019-12-02 12:00", "2020-07-01 15:30"))
    told = [(History(bars, t).clock, History(bars, t).session_close) for t in range(3)]
    assert [(f"{now:%H:%M}", f"{close:%H:%M}") for now, close in told] == [
        ("12:00", "13:00"),
        ("12:00", "16:00"),
        ("15:30", "16:00"),
    ]
    assert told[0][1] - told[0][0] == pd.Timedelta(hours=1)


def test_a_daily_bar_stands_for_its_close():
    history = History(daily(["2019-11-29", "2019-12-02"]), 0)
    assert history.clock == history.session_close
    assert f"{history.clock:%Y-%m-%d %H:%M %Z}" == "2019-11-29 13:00 EST"
