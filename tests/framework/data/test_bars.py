"""Bars, and what History lets a component see."""

import numpy as np
import pytest

from bt_run.data.bars import LoadRequest
from bt_run.data.history import History
from bt_run.testing import make_bars, make_rows

NAN = np.nan


def test_assets_are_sorted_whatever_the_order():
    bars = make_bars({"B": [1, 2], "A": [3, 4]})
    assert bars.assets == ("A", "B")
    np.testing.assert_array_equal(bars.close, [[3, 1], [4, 2]])


def test_arrays_are_read_only():
    bars = make_bars({"A": [1, 2]})
    for array in (
        bars.close,
        bars.traded.close,
        bars.tradable,
        bars.benchmark,
        bars.returns,
        bars.mark,
    ):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


def test_the_index_is_utc():
    assert str(make_bars({"A": [1, 2]}).index.tz) == "UTC"


def test_a_missing_row_is_not_tradable_and_not_filled():
    bars = make_bars({"A": [1, NAN, 3], "B": [1, 1, 1]})
    np.testing.assert_array_equal(bars.tradable[:, 0], [True, False, True])
    assert np.isnan(bars.close[1, 0])


def test_returns_across_a_gap_land_on_the_first_bar_back():
    bars = make_bars({"A": [10, NAN, 15], "B": [1, 1, 1]})
    np.testing.assert_array_equal(bars.returns[:, 0], [NAN, NAN, 0.5])


def test_the_mark_is_the_last_close_and_nothing_before_the_first():
    bars = make_bars({"A": [NAN, 10, NAN, 15], "B": [1, 1, 1, 1]})
    np.testing.assert_array_equal(bars.mark[:, 0], [0, 10, 10, 15])


def test_own_bars_and_the_calendar_are_inverse():
    bars = make_bars({"A": [NAN, 10, NAN, 15], "B": [1, 2, 3, 4]})
    own = bars.own_bars(bars.close)
    np.testing.assert_array_equal(own, [[10, 1], [15, 2], [NAN, 3], [NAN, 4]])
    np.testing.assert_array_equal(bars.on_calendar(own), bars.close)


def test_history_shows_nothing_later():
    bars = make_bars({"A": [1, 2, 3, 4]})
    past = History(bars, 1)
    assert len(past) == 2
    np.testing.assert_array_equal(past.close(10)[:, 0], [1, 2])
    np.testing.assert_array_equal(past.returns(1)[:, 0], [1.0])
    assert past.now == bars.index[1]


def test_history_counts_each_assets_own_bars():
    bars = make_bars({"A": [1, NAN, 3, 4], "B": [5, 6, 7, 8], "C": [NAN, NAN, NAN, 9]})
    past = History(bars, 3)
    np.testing.assert_array_equal(
        past.close(3, asset_bars=True), [[1, 6, NAN], [3, 7, NAN], [4, 8, 9]]
    )
    np.testing.assert_array_equal(
        History(bars, 2).close(2, asset_bars=True), [[1, 6, NAN], [3, 7, NAN]]
    )


@pytest.mark.parametrize(
    "field", ["open", "high", "low", "close", "volume", "returns", "price"]
)
def test_history_answers_are_read_only(field):
    with pytest.raises(ValueError, match="read-only"):
        getattr(History(make_bars({"A": [1, 2, 3]}), 2), field)(2)[0] = 1.0


@pytest.mark.parametrize("n", [0, -1])
def test_asking_for_the_future_is_refused(n):
    with pytest.raises(ValueError, match=f"asked for n = {n} rows; n counts back"):
        History(make_bars({"A": [1, 2, 3]}), 1).close(n)


def test_price_is_what_the_account_trades():
    rows = make_rows([10, 9], dividend=[0, 1])
    bars = make_bars({"A": rows}, adjust="none")
    past = History(bars, 1)
    assert past.price()[0, 0] == 9.0
    assert past.close()[0, 0] == pytest.approx(10.0)


def test_benchmark_returns_are_known_up_to_now():
    np.testing.assert_array_equal(
        History(make_bars({"A": [1, 2, 3]}), 2).benchmark_returns(2), [0.0, 0.0]
    )


def test_the_fingerprint_knows_every_price():
    one = make_bars({"A": [1.0, 2.0, 3.0]}).fingerprint
    assert one == make_bars({"A": [1.0, 2.0, 3.0]}).fingerprint
    assert one != make_bars({"A": [1.0, 2.0, 3.0000000001]}).fingerprint
    assert one != make_bars({"B": [1.0, 2.0, 3.0]}).fingerprint
    assert one != make_bars({"A": [1.0, 2.0, 3.0]}, start=1).fingerprint


def test_intraday_sessions_are_the_exchanges_dates():
    from bt_run.data.assembly import Rows, assemble_bars

    # the last bar of a New York session ends at 21:00 UTC, and an overnight venue may end at 05:00
    times = np.array(
        ["2020-01-02T14:35", "2020-01-02T21:00", "2020-01-03T14:35"],
        dtype="datetime64[ns]",
    )
    rows = Rows(times=times, close=np.ones(3))
    days = [t.astype("datetime64[D]").item() for t in times]
    request = LoadRequest(
        assets={"A": "A"}, benchmark=("A", "A"), start=days[0], end=days[-1]
    )
    bars = assemble_bars(request, {"A": rows}, rows)
    assert not bars.daily
    assert bars.sessions.astype(str).tolist() == [
        "2020-01-02",
        "2020-01-02",
        "2020-01-03",
    ]
