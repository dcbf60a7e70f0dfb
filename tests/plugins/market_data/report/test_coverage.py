"""Coverage: rows against the calendar's sessions, by period, counted by hand."""

import numpy as np
import pandas as pd
import pytest

from bt_run import ConfigError, exchange_sessions
from bt_run_plugins.market_data.report.coverage import measure_coverage


def frame(days):
    return pd.DataFrame(
        {"date": np.asarray(days, dtype="datetime64[ns]"), "close": 1.0}
    )


def some(start, end):
    days = exchange_sessions("XNYS", np.datetime64(start), np.datetime64(end))
    return days[(days >= np.datetime64(start)) & (days <= np.datetime64(end))]


def test_months_are_counted_against_the_calendar():
    days = some("2020-01-01", "2020-03-31")  # 21, 19 and 22 sessions
    late = days[
        (days >= np.datetime64("2020-02-10")) & (days != np.datetime64("2020-03-02"))
    ]
    found = measure_coverage({"B": frame(late), "A": frame(days)}, "XNYS")
    assert found.symbols == ("A", "B")
    assert found.unit == "month"
    assert found.sessions.tolist() == [21, 19, 22]
    assert found.rows.tolist() == [[21, 19, 22], [0, 14, 21]]
    assert found.missing.tolist() == [0, 1]
    assert found.whole.tolist() == [True, False]
    assert found.share[1].tolist() == pytest.approx([0, 14 / 19, 21 / 22])
    assert (str(found.first[1]), str(found.last[1])) == ("2020-02-10", "2020-03-31")


@pytest.mark.parametrize(
    ("last", "unit", "count"),
    [("2005-12-31", "month", 72), ("2006-01-31", "quarter", 25)],
)
def test_long_histories_are_counted_in_longer_periods(last, unit, count):
    found = measure_coverage({"A": frame(some("2000-01-01", last))}, "XNYS")
    assert (found.unit, len(found.periods)) == (unit, count)
    assert found.whole.all()


def test_half_a_century_is_counted_in_years():
    found = measure_coverage({"A": frame(some("1960-01-01", "2010-12-31"))}, "XNYS")
    assert (found.unit, len(found.periods)) == ("year", 51)


def test_rows_off_the_calendar_without_close_or_written_twice_do_not_count():
    days = np.array(
        ["2020-01-02", "2020-01-02", "2020-01-04", "2020-01-06", "2020-01-07"],
        dtype="datetime64[D]",
    )
    table = frame(days)
    table.loc[3, "close"] = np.nan
    table.loc[5] = [pd.NaT, 1.0]
    found = measure_coverage({"A": table}, "XNYS")
    assert found.rows.tolist() == [[2]]
    assert found.missing.tolist() == [2]


def test_symbols_without_rows_come_along():
    found = measure_coverage(
        {"A": frame([]), "B": frame(some("2020-01-01", "2020-01-31"))}, "XNYS"
    )
    assert found.rows.tolist() == [[0], [21]]
    assert np.isnat(found.first[0])
    nothing = measure_coverage({"A": frame([])}, "XNYS")
    assert nothing.rows.shape == (1, 0)


def test_an_unknown_calendar_is_refused():
    with pytest.raises(ConfigError, match="was 'MOON'"):
        measure_coverage({"A": frame(["2020-01-02"])}, "MOON")
