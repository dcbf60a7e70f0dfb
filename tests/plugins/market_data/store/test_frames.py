"""Symbol frames: their columns, and how what was fetched at several times becomes one table."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bt_run import DataError, Rows
from bt_run_plugins.market_data.fetching.sessions import bar_ends, last_finished
from bt_run_plugins.market_data.store.frames import (
    frame_of_rows,
    join_raw,
    rows_of_columns,
    symbol_frame,
)
from bt_run_plugins.market_data.store.manifest import Key
from bt_run_plugins.market_data.store.records import Extent, KnownDays, RawFacts
from bt_run_plugins.market_data.store.store import Store

SPY = Key("yahoo", "SPY")
FACTS = RawFacts(
    fetched_at="2020-01-31",
    prices="split_adjusted",
    whole=False,
    covers=KnownDays(),
    series=Extent(rows=0, first=None, last=None),
)


def frame(days, closes, **columns):
    dates = np.array([f"2020-01-{day:02d}" for day in days], dtype="datetime64[ns]")
    return symbol_frame(
        {"date": dates, "close": np.array(closes, dtype=float)} | columns
    )


def joined(folder, *parts):
    store = Store(folder)
    with store.writing() as writer:
        for part, facts in parts:
            writer.add_raw(SPY, part, FACTS.model_copy(update=facts))
    return join_raw(store, SPY)


def test_a_symbol_frame_has_its_columns_in_order_and_of_one_type():
    table = symbol_frame(
        {
            "volume": [1, 2],
            "close": [3, 4],
            "date": ["2020-01-02", "2020-01-03"],
            "other": [0, 0],
        }
    )
    assert list(table) == ["date", "close", "volume"]
    assert [str(dtype) for dtype in table.dtypes] == [
        "datetime64[ns]",
        "float64",
        "float64",
    ]


def test_a_table_without_a_close_is_refused():
    with pytest.raises(DataError, match="found columns date, open; expected close too"):
        symbol_frame({"date": [], "open": []})


def test_rows_become_a_frame_and_rows_again():
    times = np.array(["2020-01-02", "2020-01-03"], dtype="datetime64[ns]")
    rows = Rows(times=times, close=np.array([1.0, 2.0]), split=np.array([1.0, 2.0]))
    table = frame_of_rows(rows)
    assert list(table) == ["date", "close", "split"]
    back = rows_of_columns({name: table[name].to_numpy() for name in table})
    np.testing.assert_array_equal(back.times, times)
    np.testing.assert_array_equal(back.split, [1, 2])
    assert back.volume is None


def test_a_row_without_a_close_is_no_bar():
    table = frame((2, 3), (1.0, np.nan))
    assert (
        len(rows_of_columns({name: table[name].to_numpy() for name in table}).times)
        == 1
    )


def test_the_newest_file_wins_for_each_date(tmp_path):
    found = joined(
        tmp_path, (frame((2, 3, 6), (1, 2, 3)), {}), (frame((6, 7), (30, 40)), {})
    )
    assert found.frame["close"].tolist() == [1, 2, 30, 40]
    assert len(found.inputs) == 2
    assert found.prices == "split_adjusted"


def test_files_before_the_newest_whole_one_do_not_count(tmp_path):
    found = joined(
        tmp_path,
        (frame((2, 3), (1, 2)), {"whole": True}),
        (frame((3, 6), (4, 5)), {"whole": True}),
        (frame((6, 7), (6, 7)), {"whole": False}),
    )
    assert found.frame["close"].tolist() == [4, 6, 7]
    assert len(found.inputs) == 2


def test_one_file_is_as_received_unsorted_and_doubled(tmp_path):
    assert joined(tmp_path, (frame((3, 2, 2), (2, 1, 1)), {})).frame[
        "close"
    ].tolist() == [2, 1, 1]


def test_rows_without_a_close_are_left_out_and_told(tmp_path):
    found = joined(
        tmp_path,
        (frame((2, 3, 6, 7, 8), (1, *[np.nan] * 4)), {"notes": ("Yahoo said so",)}),
    )
    assert found.frame["close"].tolist() == [1]
    assert found.notes == (
        "Yahoo said so",
        "4 rows without a close are left out: 2020-01-03, 2020-01-06, 2020-01-07 and others",
    )


def test_columns_beside_the_frames_own_stay_in_the_raw_file(tmp_path):
    table = frame((2,), (1,)).assign(capital_gain=[0.5])
    found = joined(tmp_path, (table, {}))
    assert list(found.frame) == ["date", "close"]
    assert list(Store(tmp_path).read(Store(tmp_path).raw(SPY)[0])) == [
        "date",
        "close",
        "capital_gain",
    ]


def test_a_series_that_is_not_there_is_told(tmp_path):
    with pytest.raises(DataError, match="no raw prices of SPY from yahoo at 1d bars"):
        join_raw(Store(tmp_path), SPY)


@settings(max_examples=25)
@given(
    st.lists(st.tuples(st.integers(1, 20), st.integers(1, 8)), min_size=1, max_size=4)
)
def test_joining_keeps_each_date_once_with_its_newest_close(tmp_path_factory, spans):
    """The second method: a dictionary that each fetch updates."""
    parts, expected = [], {}
    for number, (first, length) in enumerate(spans):
        days = range(first, first + length)
        parts.append((frame(days, [100.0 * number + day for day in days]), {}))
        expected |= {day: 100.0 * number + day for day in days}
    found = joined(tmp_path_factory.mktemp("store"), *parts).frame
    assert dict(zip(found["date"].dt.day, found["close"], strict=True)) == expected
    assert len(found) == len(expected)


# -- sessions --------------------------------------------------------------------------------------


def test_the_last_bar_of_a_session_ends_with_it():
    """A full day closes at 21:00 UTC in winter, the day after Thanksgiving at 18:00."""
    starts = np.array(
        ["2020-11-25T20:30", "2020-11-27T17:30", "2020-11-27T16:30"],
        dtype="datetime64[ns]",
    )
    ends = bar_ends(starts, "1h", "XNYS")
    assert [str(end)[:16] for end in ends] == [
        "2020-11-25T21:00",
        "2020-11-27T18:00",
        "2020-11-27T17:30",
    ]


def test_a_bar_outside_any_session_has_its_full_length():
    starts = np.array(["2020-11-26T12:00", "1999-12-31T22:00"], dtype="datetime64[ns]")
    np.testing.assert_array_equal(
        bar_ends(starts, "30m", "XNYS"), starts + np.timedelta64(30, "m")
    )
    assert len(bar_ends(starts[:0], "30m", "XNYS")) == 0


@pytest.mark.parametrize(
    ("end", "now", "last"),
    [
        ("2020-01-05", "2020-03-06T12:00", "2020-01-05"),  # long over; a Sunday
        (
            "2020-03-06",
            "2020-03-06T20:59",
            "2020-03-05",
        ),  # the session of that Friday closes at 21:00 UTC
        ("2020-03-06", "2020-03-06T21:00", "2020-03-06"),
        ("2020-12-31", "2020-03-08T12:00", "2020-03-06"),  # the weekend after
        ("2020-12-31", "2020-01-01T12:00", "2019-12-31"),
        ("2020-11-27", "2020-11-27T18:00", "2020-11-27"),  # an early close
    ],
)
def test_a_day_is_known_when_its_session_is_over(end, now, last):
    moment = dt.datetime.fromisoformat(now).replace(tzinfo=dt.UTC)
    assert last_finished(
        dt.date.fromisoformat(end), moment, "XNYS"
    ) == dt.date.fromisoformat(last)


def test_frames_are_made_of_dates_in_nanoseconds_whatever_pandas_prefers(tmp_path):
    found = joined(
        tmp_path,
        (
            symbol_frame(
                {"date": pd.bdate_range("2020-01-02", periods=2), "close": [1, 2]}
            ),
            {},
        ),
    )
    assert found.frame["date"].dtype == "datetime64[ns]"
