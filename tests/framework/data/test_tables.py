"""Point-in-time tables: nothing is known before its time, whatever shape the file has."""

from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from bt_run import ConfigError, DataError
from bt_run.data.data_config import TableConfig
from bt_run.data.history import History
from bt_run.data.tables import file_table, series_table
from bt_run.testing import make_bars, make_rows

NAN = np.nan
# six sessions of New York: Thursday 2 January 2020 to Thursday 9 January; make_bars counts weekdays
# from 1 January
SESSIONS = [
    "2020-01-02",
    "2020-01-03",
    "2020-01-06",
    "2020-01-07",
    "2020-01-08",
    "2020-01-09",
]


def six_bars(**assets):
    closes = assets or {"A": [1, 2, 3, 4, 5, 6], "B": [1, 2, 3, 4, 5, 6]}
    return make_bars(
        {name: make_rows(close, first="2020-01-02") for name, close in closes.items()}
    )


def written(tmp_path, text, name="t.csv"):
    (tmp_path / name).write_text(text)
    return tmp_path / name


def table_of(path, bars=None, symbols=None, **options):
    found, note = file_table(
        "quality",
        TableConfig(**{"file": path, "lag": 0} | options),
        symbols or {},
        bars or six_bars(),
    )
    return found, note


def test_a_row_is_visible_from_the_close_of_its_session_on(tmp_path):
    path = written(tmp_path, "date,A,B\n2020-01-03,7,8\n2020-01-07,9,\n")
    found, note = table_of(path)
    expected = [[NAN, NAN], [7, 8], [7, 8], [9, 8], [9, 8], [9, 8]]
    np.testing.assert_array_equal(found.by_bar, expected)
    assert note == ("quality: not read: 1 cell without a value",)


@pytest.mark.parametrize(("lag", "first"), [(0, 1), (1, 2), (2, 3), (4, 5)])
def test_a_lag_counts_sessions(tmp_path, lag, first):
    found, _ = table_of(written(tmp_path, "date,A\n2020-01-03,7\n"), lag=lag)
    assert np.flatnonzero(np.isfinite(found.by_bar[:, 0])).tolist() == list(
        range(first, 6)
    )


def test_a_row_dated_on_a_weekend_is_known_at_the_next_close(tmp_path):
    found, _ = table_of(written(tmp_path, "date,A\n2020-01-04,7\n"))
    assert np.isfinite(found.by_bar[:, 0]).tolist() == [
        False,
        False,
        True,
        True,
        True,
        True,
    ]


def test_what_was_known_long_before_the_first_bar_is_known_at_it(tmp_path):
    found, _ = table_of(
        written(tmp_path, "date,A\n1950-06-30,3\n2019-12-31,7\n"), lag=1
    )
    assert found.by_bar[0, 0] == 7


def test_a_later_row_than_the_last_bar_is_not_read(tmp_path):
    one, _ = table_of(
        written(tmp_path, "date,A\n2020-01-03,7\n2020-01-10,9\n", "one.csv")
    )
    other, _ = table_of(
        written(
            tmp_path, "date,A\n2020-01-03,7\n2020-01-10,5\n2044-01-01,5\n", "other.csv"
        )
    )
    assert one.fingerprint == other.fingerprint
    assert (
        table_of(written(tmp_path, "date,A\n2020-01-03,6\n", "third.csv"))[
            0
        ].fingerprint
        != one.fingerprint
    )


def test_a_long_table_names_its_assets_by_symbol_or_by_name(tmp_path):
    path = written(
        tmp_path,
        "ticker,date,score,other\nSYM,2020-01-03,7,1\nB,2020-01-06,8,2\nZ,2020-01-06,9,3\n",
    )
    found, note = table_of(path, symbols={"A": "SYM", "B": "OTHER"}, column="score")
    np.testing.assert_array_equal(found.by_bar[2], [7, 8])
    found, note = table_of(path, column="score")
    assert note[-1] == "the table quality has nothing for A"


def test_text_is_a_table_too(tmp_path):
    found, _ = table_of(
        written(
            tmp_path, "ticker,date,sector\nA,2020-01-03,Energy\nA,2020-01-07,Banks\n"
        )
    )
    assert found.by_bar[:, 0].tolist() == [
        None,
        "Energy",
        "Energy",
        "Banks",
        "Banks",
        "Banks",
    ]
    assert found.by_bar[:, 1].tolist() == [None] * 6


def test_spells_are_one_while_they_last(tmp_path):
    path = written(
        tmp_path,
        "ticker,start_date,end_date\nA,2020-01-03,2020-01-07\nA,2020-01-07,2020-01-08\nB,1999-01-04,\n",
    )
    found, _ = table_of(path)
    np.testing.assert_array_equal(found.by_bar[:, 0], [NAN, 1, 1, 1, 0, 0])
    np.testing.assert_array_equal(found.by_bar[:, 1], [1] * 6)


def test_a_series_in_the_style_of_fred(tmp_path):
    path = written(
        tmp_path,
        "observation_date,DGS10\n2020-01-02,1.9\n2020-01-03,.\n2020-01-06,1.8\n",
    )
    found, _ = table_of(path)
    assert found.is_series
    np.testing.assert_array_equal(found.by_bar, [1.9, 1.9, 1.8, 1.8, 1.8, 1.8])


def test_a_value_that_was_not_renewed_expires(tmp_path):
    path = written(tmp_path, "date,A,B\n2020-01-02,1,1\n2020-01-06,,2\n")
    found, _ = table_of(path, max_age=2)
    np.testing.assert_array_equal(found.by_bar[:, 0], [1, 1, NAN, NAN, NAN, NAN])
    np.testing.assert_array_equal(found.by_bar[:, 1], [1, 1, 2, 2, NAN, NAN])


def test_intraday_bars_know_a_session_at_its_close():
    times = np.array(
        [
            "2020-01-02T15:30",
            "2020-01-02T21:00",
            "2020-01-03T15:30",
            "2020-01-03T21:00",
        ],
        "datetime64[ns]",
    )
    rows = replace(make_rows([1, 2, 3, 4]), times=times)
    bars = make_bars({"A": rows})
    found = series_table(
        "vix",
        np.array(["2020-01-02"], "datetime64[D]"),
        np.array([7.0]),
        TableConfig(symbol="X", lag=0),
        bars,
    )
    np.testing.assert_array_equal(found.by_bar, [NAN, 7, 7, 7])


def test_the_fingerprint_of_the_bars_holds_their_tables(tmp_path):
    bars = six_bars()
    found, _ = table_of(written(tmp_path, "date,A\n2020-01-03,7\n"))
    assert (
        len(
            {
                bars.fingerprint,
                replace(bars, tables={"q": found}).fingerprint,
                replace(bars, tables={"r": found}).fingerprint,
            }
        )
        == 3
    )


def test_history_shows_a_table_now_and_a_series_at_each_of_the_last_bars(tmp_path):
    table, _ = table_of(
        written(tmp_path, "date,A,B\n2020-01-03,7,8\n2020-01-08,9,9\n", "a.csv")
    )
    series, _ = table_of(
        written(tmp_path, "date,value\n2020-01-03,1\n2020-01-07,2\n", "b.csv")
    )
    bars = replace(six_bars(), tables={"quality": table, "rate": series})
    past = History(bars, 3)
    np.testing.assert_array_equal(past.table("quality"), [7, 8])
    np.testing.assert_array_equal(past.series("rate", 3), [1, 1, 2])
    assert past.series("rate", 99).shape == (4,)
    with pytest.raises(ValueError, match="read-only"):
        past.table("quality")[0] = 1
    with pytest.raises(
        ConfigError, match=r"no table 'qualty'; data.tables has quality, rate"
    ):
        past.table("qualty")
    with pytest.raises(
        ConfigError, match=r"'quality' is a table, not a series; read it by table\(\)"
    ):
        past.series("quality")


rows = st.lists(
    st.tuples(
        st.dates(date(2019, 11, 1), date(2020, 3, 31)),
        st.sampled_from("AB"),
        st.integers(1, 9),
    ),
    max_size=25,
    unique_by=lambda row: row[:2],
)


@given(rows=rows, lag=st.integers(0, 4), max_age=st.none() | st.integers(1, 9))
def test_a_table_is_what_a_search_through_all_rows_finds(
    tmp_path_factory, rows, lag, max_age
):
    """The second method looks at every row for every bar, on the exchange's own list of
    sessions.
    """
    from bt_run.data.calendars import exchange_sessions

    bars = six_bars(A=np.arange(1, 40), B=np.arange(1, 40))
    text = "ticker,date,value\n" + "".join(
        f"{ticker},{day},{value}\n" for day, ticker, value in rows
    )
    path = written(tmp_path_factory.mktemp("t"), text)
    found, _ = table_of(path, bars, lag=lag, max_age=max_age)
    calendar = exchange_sessions(
        "XNYS", np.datetime64("2019-01-01"), np.datetime64("2020-12-31")
    )
    for t, session in enumerate(bars.sessions):
        now = int(np.searchsorted(calendar, session, side="right")) - 1
        for column, name in enumerate("AB"):
            known = []
            for day, ticker, value in rows:
                since = int(np.searchsorted(calendar, np.datetime64(day))) + lag
                if ticker == name and since <= now:
                    known.append((since, day, value))
            expected = NAN
            if known:
                since, _, value = max(known)
                expected = value if max_age is None or now < since + max_age else NAN
            np.testing.assert_equal(found.by_bar[t, column] if rows else NAN, expected)


@given(rows=rows, lag=st.integers(0, 4), cut=st.integers(2, 38))
def test_cutting_the_bars_changes_nothing_that_was_known(
    tmp_path_factory, rows, lag, cut
):
    text = "ticker,date,value\n" + "".join(
        f"{ticker},{day},{value}\n" for day, ticker, value in rows
    )
    path = written(tmp_path_factory.mktemp("t"), text)
    closes = np.arange(1.0, 40.0)
    whole, _ = table_of(path, six_bars(A=closes, B=closes), lag=lag)
    early, _ = table_of(path, six_bars(A=closes[:cut], B=closes[:cut]), lag=lag)
    if rows:
        np.testing.assert_array_equal(early.by_bar, whole.by_bar[:cut])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "day,A\n2020-01-03,1\n",
            "found columns day, A; expected date, or ticker, start and end",
        ),
        ("date,A\nlast week,1\n", "column date holds something that is not a date"),
        ("date,A\n,1\n", "row 1 has no date; expected a date such as 2000-01-31"),
        (
            "date,X,Y\n2020-01-03,1,2\n",
            "found the columns X, Y beside the date; expected one, or `column`",
        ),
        ("date,X\n2020-01-03,high\n", "a series must hold numbers; found 'high'"),
        (
            "ticker,date,v\nA,2020-01-03,1\nA,2020-01-03,2\n",
            "A has both 1.0 and 2.0 at 2020-01-03; expected one value a day",
        ),
    ],
)
def test_what_is_wrong_with_a_file_is_reported(tmp_path, text, message):
    with pytest.raises(DataError) as caught:
        table_of(written(tmp_path, text))
    assert message in str(caught.value)
    assert "t.csv" in str(caught.value)


def test_a_missing_file_and_a_missing_column_are_reported(tmp_path):
    with pytest.raises(
        DataError, match=r"nothing.csv: no such file; expected a table with dates"
    ):
        table_of(tmp_path / "nothing.csv")
    with pytest.raises(DataError, match=r"no column 'score'; found v"):
        table_of(written(tmp_path, "ticker,date,v\nA,2020-01-03,1\n"), column="score")
    (tmp_path / "t.parquet").write_text("no parquet")
    with pytest.raises(DataError, match=r"t.parquet: cannot be read"):
        table_of(tmp_path / "t.parquet")


def test_a_table_comes_from_a_file_or_from_a_symbol():
    with pytest.raises(
        ValueError, match="found neither; expected either `file` or `symbol`"
    ):
        TableConfig(lag=0)
    with pytest.raises(
        ValueError, match="found both; expected either `file` or `symbol`"
    ):
        TableConfig(lag=0, file="x.csv", symbol="X")
    with pytest.raises(
        ValueError, match="`source` goes with `symbol`; a `file` needs none"
    ):
        TableConfig(lag=0, file="x.csv", source="sample")


# -- dates that list all there is ------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "date,A,B\n2020-01-03,7,8\n2020-01-07,9,\n",
        "date,ticker,v\n2020-01-03,A,7\n2020-01-03,B,8\n2020-01-07,A,9\n",
    ],
)
def test_what_a_snapshot_leaves_out_is_unknown_again(tmp_path, text):
    found, notes = table_of(written(tmp_path, text), snapshots=True)
    expected = [[NAN, NAN], [7, 8], [7, 8], [9, NAN], [9, NAN], [9, NAN]]
    np.testing.assert_array_equal(found.by_bar, expected)
    assert notes == ()


def test_a_snapshot_of_other_names_leaves_all_out(tmp_path):
    text = "date,ticker,v\n2020-01-03,A,low\n2020-01-07,OTHER,high\n"
    found, notes = table_of(written(tmp_path, text), snapshots=True)
    assert found.by_bar[:, 0].tolist() == [None, "low", "low", None, None, None]
    assert "1 row of 1 ticker that no asset of the run has" in notes[0]


def test_a_snapshot_comes_out_late_and_grows_old_as_rows_do(tmp_path):
    text = "date,A,B\n2020-01-02,1,2\n2020-01-03,3,\n"
    found, _ = table_of(written(tmp_path, text), snapshots=True, lag=1, max_age=2)
    expected = [[NAN, NAN], [1, 2], [3, NAN], [3, NAN], [NAN, NAN], [NAN, NAN]]
    np.testing.assert_array_equal(found.by_bar, expected)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("date,v\n2020-01-02,1\n", "a series"),
        ("ticker,start,end\nA,2020-01-02,\n", "memberships"),
    ],
)
def test_snapshots_of_a_series_or_of_memberships_are_refused(tmp_path, text, found):
    with pytest.raises(
        ConfigError,
        match=rf"data\.tables\.quality\.snapshots: goes with .*; found {found}",
    ):
        table_of(written(tmp_path, text), snapshots=True)


def test_snapshots_of_a_symbol_are_refused():
    with pytest.raises(ValidationError, match="`snapshots` goes with a `file`"):
        TableConfig(symbol="VIX", lag=0, snapshots=True)
