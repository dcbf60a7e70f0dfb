"""Rules on dates, on the New York calendar around New Year 2020."""

import numpy as np
import pandas as pd

from bt_run import exchange_sessions
from bt_run_plugins.market_data.rules.series import is_daily, measure
from bt_run_plugins.market_data.rules.sessions import (
    extra_session,
    intraday_rows,
    missing_session,
    ticker_reuse,
    time_of_day,
)
from bt_run_plugins.market_data.rules.thresholds import Thresholds

ALL = exchange_sessions(
    "XNYS", np.datetime64("2019-01-01"), np.datetime64("2020-12-31")
)
LIMITS = Thresholds()


def series(dates, close=10.0):
    table = pd.DataFrame(
        {"date": np.asarray(dates, dtype="datetime64[ns]"), "close": close}
    )
    return measure({"A": table}, {})[0]


def some(start="2019-12-20", end="2020-01-10"):
    return ALL[np.isin(ALL, np.arange(np.datetime64(start), np.datetime64(end) + 1))]


def test_missing_sessions_are_runs_inside_the_life_of_a_symbol():
    days = some()
    kept = days[~np.isin(days, days[[3, 5, 6]])]
    first, second = missing_session(series(kept), ALL, LIMITS)
    assert (str(first.date), first.value, first.text) == (
        "2019-12-26",
        1.0,
        "no row on 2019-12-26",
    )
    assert (str(second.date), second.value) == ("2019-12-30", 2.0)
    assert second.text == "no rows on 2 sessions, 2019-12-30 to 2019-12-31"


def test_a_row_without_a_close_is_a_row():
    closes = np.ones(len(some()))
    closes[4] = np.nan
    assert missing_session(series(some(), closes), ALL, LIMITS) == []


def test_before_the_first_and_after_the_last_row_nothing_is_missing():
    assert missing_session(series(some("2020-01-06", "2020-01-10")), ALL, LIMITS) == []
    assert missing_session(series([]), ALL, LIMITS) == []


def test_a_row_on_a_holiday_or_weekend_is_extra():
    days = np.sort(
        np.append(some(), np.array(["2019-12-25", "2020-01-04"], dtype="datetime64[D]"))
    )
    found = extra_session(series(days), ALL, LIMITS)
    assert [(str(item.date), item.value) for item in found] == [
        ("2019-12-25", 2.0),
        ("2020-01-04", 5.0),
    ]
    assert found[0].text == "a row on 2019-12-25, when the exchange was closed"
    assert missing_session(series(days), ALL, LIMITS) == []


def test_daily_rows_carry_no_time_of_day():
    assert time_of_day(series(some()), ALL, LIMITS) == []
    (item,) = time_of_day(
        series(some().astype("datetime64[ns]") + np.timedelta64(5, "h")), ALL, LIMITS
    )
    assert item.value == len(some())
    assert "the first at 2019-12-20 05:00" in item.text


def test_bars_within_the_day_are_told_as_such():
    opens = some().astype("datetime64[ns]")
    bars = np.sort(
        np.concatenate([opens + np.timedelta64(hours, "h") for hours in (15, 16, 17)])
    )
    assert not is_daily(bars)
    assert time_of_day(series(bars), ALL, LIMITS) == []
    (item,) = intraday_rows(series(bars), ALL, LIMITS)
    assert item.severity == "info"
    assert intraday_rows(series(some()), ALL, LIMITS) == []


def test_a_ticker_taken_over_after_a_silence_does_not_connect():
    days = np.concatenate([ALL[:60], ALL[160:220]])
    rng = np.random.default_rng(1)
    calm = 10 * np.exp(np.cumsum(rng.normal(0, 0.01, len(days))))
    other = np.where(np.arange(len(days)) >= 60, 8.0, 1.0) * calm
    assert ticker_reuse(series(days, calm), ALL, LIMITS) == []
    (item,) = ticker_reuse(series(days, other), ALL, LIMITS)
    assert item.date == ALL[160]
    assert item.text.startswith("after 100 sessions without rows the close is")
    assert ticker_reuse(series(ALL[: len(days)], other), ALL, LIMITS) == []
