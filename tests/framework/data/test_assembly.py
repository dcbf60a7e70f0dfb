"""From raw rows to bars: what is refused, and how prices are adjusted forward."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bt_run.data.assembly import assemble_bars
from bt_run.data.bars import LoadRequest
from bt_run.data.data_notes import stale_opens, stale_opens_note
from bt_run.data.rows import Rows
from bt_run.errors import ConfigError, DataError
from bt_run.testing import make_bars, make_rows

NAN = np.nan


def request(**changes):
    given = {
        "assets": {"A": "A"},
        "benchmark": ("A", "A"),
        "start": dt.date(2020, 1, 1),
        "end": dt.date(2020, 12, 31),
    }
    return LoadRequest(**(given | changes))


def assemble(rows, prices="as_traded", **changes):
    return assemble_bars(request(**changes), {"A": rows}, rows, prices=prices)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("close", NAN, r"A: close was nan at 2020-01-02; expected a price above 0"),
        ("close", 0.0, r"A: close was 0.0 at 2020-01-02"),
        ("open", -1.0, r"A: open was -1.0 at 2020-01-02"),
        ("high", np.inf, r"A: high was inf at 2020-01-02"),
        (
            "volume",
            -5.0,
            r"A: volume was -5.0 at 2020-01-02; expected a volume of 0 or more",
        ),
        ("dividend", -0.1, r"A: dividend was -0.1 at 2020-01-02; expected 0 or more"),
        ("split", -2.0, r"A: split was -2.0 at 2020-01-02"),
        ("adj_close", 0.0, r"A: adj_close was 0.0 at 2020-01-02"),
    ],
)
def test_a_row_that_cannot_be_true_is_refused(field, value, message):
    rows = make_rows(
        [10, 10, 10], dividend=[0, 0, 0], split=[1, 1, 1], adj_close=[10, 10, 10]
    )
    values = getattr(rows, field).copy()
    values[1] = value
    with pytest.raises(DataError, match=message):
        assemble(replace(rows, **{field: values}))


def test_a_high_below_the_low_is_refused():
    rows = replace(
        make_rows([10, 10]), high=np.array([10.0, 8.0]), low=np.array([10.0, 9.0])
    )
    with pytest.raises(
        DataError,
        match=r"A: high was 8.0 at 2020-01-02; expected a high that is not below the low",
    ):
        assemble(rows)


def test_how_many_rows_are_wrong_is_reported():
    with pytest.raises(DataError, match=r"\(3 such rows\)"):
        assemble(replace(make_rows([1, 1, 1]), close=np.zeros(3)))


def test_unsorted_timestamps_are_refused():
    rows = make_rows([1, 1, 1])
    with pytest.raises(
        DataError,
        match=r"timestamp 2020-01-01\S* stands after 2020-01-02\S*; expected rising",
    ):
        assemble(replace(rows, times=rows.times[[1, 0, 2]]))


def test_duplicated_timestamps_are_refused():
    rows = make_rows([1, 1, 1])
    with pytest.raises(DataError, match=r"timestamp 2020-01-02\S* stands twice"):
        assemble(replace(rows, times=rows.times[[0, 1, 1]]))


def test_an_asset_without_rows_is_refused():
    with pytest.raises(DataError, match="A: the source has no rows for symbol 'A'"):
        assemble(make_rows([]))


def test_no_bars_in_the_window_is_refused():
    with pytest.raises(
        DataError,
        match="no asset has a bar between 2020-06-01 and 2020-12-31; found bars from 2020-01-01",
    ):
        assemble(make_rows([1, 1]), start=dt.date(2020, 6, 1))


def test_rows_all_later_are_refused():
    with pytest.raises(DataError, match="found no rows at all"):
        assemble(make_rows([1, 1]), start=dt.date(2019, 1, 1), end=dt.date(2019, 2, 1))


@pytest.mark.parametrize("column", ["dividend", "split", "adj_close"])
def test_actions_need_to_know_what_the_prices_are(column):
    with pytest.raises(
        DataError, match="set `prices: as_traded` or `prices: split_adjusted`"
    ):
        assemble(make_rows([1, 1], **{column: [1, 1]}), prices=None)


def test_real_shares_need_splits_by_which_to_undo_an_adjustment():
    with pytest.raises(DataError, match="has no splits by which to undo that; use"):
        assemble(
            make_rows([1, 1], dividend=[0, 0]), prices="split_adjusted", adjust="none"
        )


def split_adjusted(rows):
    """Return as-traded rows as Yahoo has them: prices and dividends divided by later splits."""
    later = np.ones(len(rows.close))
    for row in range(len(later) - 2, -1, -1):
        later[row] = later[row + 1] * rows.split[row + 1]
    divided = {
        name: getattr(rows, name) / later
        for name in ("open", "high", "low", "close", "dividend")
    }
    return replace(rows, **divided, volume=rows.volume * later)


@settings(max_examples=50)
@given(st.integers(0, 10**6))
def test_real_shares_are_the_same_whoever_adjusted_for_splits(seed):
    rng = np.random.default_rng(seed)
    split = rng.choice([1.0, 1.0, 1.0, 2.0, 0.1, 1.5], 30)
    close = 100 * np.cumprod(rng.uniform(0.95, 1.05, 30)) / np.cumprod(split)
    rows = make_rows(
        close,
        open=close * rng.uniform(0.98, 1.02, 30),
        volume=rng.uniform(1e3, 1e6, 30),
        dividend=close * rng.choice([0.0, 0.01], 30),
        split=split,
    )
    as_traded = assemble(rows, adjust="none")
    undone = assemble(split_adjusted(rows), "split_adjusted", adjust="none")
    for name in ("open", "high", "low", "close", "volume"):
        ours, theirs = (getattr(one.traded, name) for one in (undone, as_traded))
        np.testing.assert_allclose(ours, theirs, rtol=1e-10)
        ours, theirs = (getattr(one.adjusted, name) for one in (undone, as_traded))
        np.testing.assert_allclose(ours, theirs, rtol=1e-10)
    np.testing.assert_allclose(undone.dividends, as_traded.dividends, rtol=1e-10)
    np.testing.assert_array_equal(undone.splits, as_traded.splits)
    assert undone.market_shares is None


def test_a_split_after_the_window_is_undone_as_well():
    rows = make_rows([100.0, 100.0, 50.0, 50.0], split=[1, 1, 2, 1], dividend=[0.0] * 4)
    early = assemble(
        split_adjusted(rows), "split_adjusted", adjust="none", end=dt.date(2020, 1, 2)
    )
    assert early.traded.close[:, 0].tolist() == [100.0, 100.0]


# -- what a unit is on the market ------------------------------------------------------------------


@pytest.mark.parametrize("prices", ["as_traded", "split_adjusted"])
def test_units_are_told_in_shares_of_the_market(prices):
    """A split 2:1 on the third day, and 2 a share paid on the fourth, on a close of 50 before."""
    traded = make_rows(
        [100.0, 100.0, 50.0, 48.0], split=[1, 1, 2, 1], dividend=[0, 0, 0, 2.0]
    )
    rows = traded if prices == "as_traded" else split_adjusted(traded)
    bars = assemble(rows, prices)
    np.testing.assert_allclose(
        bars.traded.close[:, 0] / bars.market_shares[:, 0], traded.close
    )
    shares = [1, 1, 2, 2 * 50 / 48]
    unit = np.array(shares) if prices == "as_traded" else np.array(shares) / 2
    np.testing.assert_allclose(bars.market_shares[:, 0], unit)


def test_shares_on_the_market_are_unknown_without_splits():
    rows = make_rows([100.0, 100.0], dividend=[0.0, 1.0])
    assert np.isnan(assemble(rows, "split_adjusted").market_shares).all()


def test_a_unit_is_a_share_where_nothing_was_paid_or_split():
    assert assemble(make_rows([1.0, 2.0]), prices=None).market_shares is None
    assert assemble(make_rows([1.0, 2.0], split=[1, 1])).market_shares is None


def test_real_shares_need_actions_not_a_vendors_adj_close():
    with pytest.raises(DataError, match="this source has adj_close only"):
        assemble(make_rows([1, 1], adj_close=[1, 1]), adjust="none")


def test_a_dividend_above_the_share_price_is_refused():
    with pytest.raises(
        DataError,
        match=r"A: dividend was 181.0 at 2020-01-02, on a close before of 6.25",
    ):
        assemble(make_rows([6.25, 6.0], dividend=[0, 181.0]))


@pytest.mark.parametrize("short", [slice(1, None), slice(None, -1)])
def test_a_benchmark_that_does_not_cover_the_window_is_refused(short):
    rows = make_rows([1, 2, 3])
    bench = Rows(times=rows.times[short], close=rows.close[short])
    with pytest.raises(
        DataError,
        match=r"benchmark B: has bars from .* expected it to cover the window from 2020-01-01",
    ):
        assemble_bars(request(benchmark=("B", "B")), {"A": rows}, bench)


def test_a_benchmark_that_misses_a_session_inside_is_reported():
    rows = make_rows([1, 2, 3])
    bench = Rows(times=rows.times[[0, 2]], close=rows.close[[0, 2]])
    bars = assemble_bars(request(benchmark=("B", "B")), {"A": rows}, bench)
    assert any(
        "benchmark B has no bar at 1 of the run's bars, the first at 2020-01-02" in note
        for note in bars.notes
    )


def test_an_unknown_calendar_is_reported_with_the_nearest():
    from bt_run.data.calendars import exchange_sessions

    with pytest.raises(
        ConfigError, match=r"data.calendar: was 'XNYSE', .* did you mean 'XNYS'\?"
    ):
        exchange_sessions(
            "XNYSE", np.datetime64("2020-01-01"), np.datetime64("2020-12-31")
        )


def test_late_and_early_assets_are_noted():
    bars = make_bars({"A": [1, 1, 1, 1], "B": [NAN, 1, 1, NAN]})
    assert "B starts at 2020-01-02, after the run's first bar" in bars.notes
    assert "B stops at 2020-01-03, before the run's last bar" in bars.notes


def test_an_asset_known_but_not_listed_in_the_window_is_a_note():
    early = make_rows([1, 1])
    bars = assemble_bars(
        request(assets={"A": "A", "B": "B"}, start=dt.date(2020, 1, 6)),
        {"A": make_rows([1] * 9), "B": early},
        make_rows([1] * 9),
    )
    assert "B: no bar between 2020-01-06 and 2020-12-31" in bars.notes


def test_price_return_only_is_noted():
    assert any("price return only" in note for note in make_bars({"A": [1, 1]}).notes)
    assert not any(
        "price return only" in n
        for n in make_bars({"A": make_rows([1, 1], dividend=[0, 0])}).notes
    )


def test_rows_outside_the_window_are_not_loaded():
    bars = assemble(
        make_rows([1] * 10),
        history_from=dt.date(2020, 1, 3),
        end=dt.date(2020, 1, 8),
        start=dt.date(2020, 1, 6),
    )
    assert [str(s) for s in bars.sessions] == [
        "2020-01-03",
        "2020-01-06",
        "2020-01-07",
        "2020-01-08",
    ]
    assert bars.start == 1


def test_a_split_does_not_look_like_a_crash():
    bars = make_bars({"A": make_rows([10, 10, 5.5], split=[1, 1, 2])})
    np.testing.assert_allclose(bars.close[:, 0], [10, 10, 11])
    np.testing.assert_allclose(bars.volume[:, 0], [1e6, 1e6, 0.5e6])


def test_an_ex_date_does_not_look_like_a_loss():
    bars = make_bars({"A": make_rows([10, 9], dividend=[0, 1])})
    assert bars.returns[1, 0] == pytest.approx(0.0)


def test_a_dividend_on_the_day_of_a_split_is_per_new_share():
    # 10 before; 2:1 makes 5, of which 0.5 is paid: 4.5 is no change
    bars = make_bars({"A": make_rows([10, 4.5], dividend=[0, 0.5], split=[1, 2])})
    assert bars.returns[1, 0] == pytest.approx(0.0)


def test_blank_and_zero_actions_mean_none():
    bars = make_bars(
        {"A": make_rows([10, 10, 10], dividend=[NAN, NAN, 0], split=[NAN, 0, 1])},
        adjust="none",
    )
    np.testing.assert_array_equal(bars.close[:, 0], [10, 10, 10])
    np.testing.assert_array_equal(bars.splits[:, 0], [1, 1, 1])


def test_a_vendors_adjustment_is_used_through_its_ratio_only():
    bars = make_bars({"A": make_rows([10, 10, 5], adj_close=[2.0, 2.0, 2.0])})
    np.testing.assert_allclose(bars.close[:, 0], [10, 10, 10])


def test_split_adjusted_prices_are_not_split_again():
    bars = make_bars(
        {"A": make_rows([5, 5, 5], split=[1, 2, 1])}, prices="split_adjusted"
    )
    np.testing.assert_array_equal(bars.close[:, 0], [5, 5, 5])


def test_actions_on_the_first_row_concern_nobody():
    bars = make_bars(
        {"A": make_rows([10, 10], dividend=[1, 0], split=[2, 1])}, adjust="none"
    )
    np.testing.assert_array_equal(bars.close[:, 0], [10, 10])
    assert bars.dividends[0, 0] == 0.0
    assert bars.splits[0, 0] == 1.0


@settings(max_examples=50)
@given(st.integers(0, 10**6), st.integers(1, 39))
def test_cutting_the_data_changes_no_earlier_price(seed, cut):
    rng = np.random.default_rng(seed)
    close = 20 * np.exp(np.cumsum(rng.normal(0, 0.02, 40)))
    rows = make_rows(
        close,
        dividend=np.where(rng.random(40) < 0.2, 0.3, 0),
        split=np.where(rng.random(40) < 0.1, 2.0, 1.0),
    )
    whole = make_bars({"A": rows})
    short = make_bars(
        {
            "A": replace(
                rows, **{k: v[:cut] for k, v in vars(rows).items() if v is not None}
            )
        }
    )
    assert whole.close[:cut].tobytes() == short.close.tobytes()


def test_opens_that_repeat_the_close_are_found():
    close = np.arange(10.0, 60.0)
    honest = make_rows(close, open=close - 0.3)
    copied = make_rows(close, open=np.append(10.0, close[:-1]))
    bars = make_bars({"A": honest, "B": copied})
    assert stale_opens(bars) == ("B",)
    assert stale_opens_note(bars) == (
        "the opens of B repeat the previous close in over a fifth of some year's rows",
    )


def test_opens_that_repeated_the_close_before_the_run_are_no_matter():
    close = np.arange(10.0, 70.0)
    honest = close - 0.3
    copied = np.where(np.arange(60) < 30, np.append(10.0, close[:-1]), honest)
    rows = make_rows(close, open=copied)
    assert stale_opens(make_bars({"A": rows})) == ("A",)
    assert stale_opens(make_bars({"A": rows}, start=31)) == ()


def test_close_only_data_have_no_other_fields():
    rows = make_rows([1, 2, 3])
    bars = assemble(Rows(times=rows.times, close=rows.close))
    assert bars.fields == {"close"}


def test_daily_rows_with_different_clocks_are_refused():
    """At midnight and at the close: the engine would decide twice a day, each time on half of the
    prices.
    """
    rows = make_rows([1, 1, 1])
    late = replace(rows, times=rows.times + np.timedelta64(21, "h"))
    with pytest.raises(
        DataError,
        match=r"A and B have one row a day at different times of day .*expected dates alone",
    ):
        assemble_bars(
            request(assets={"A": "A", "B": "B"}), {"A": rows, "B": late}, rows
        )


def test_one_clock_that_follows_daylight_saving_time_is_one_clock():
    rows = make_rows([1, 1, 1])
    hours = np.array([20, 21, 21]).astype("timedelta64[h]")
    clocked = replace(rows, times=rows.times + hours)
    assemble_bars(
        request(assets={"A": "A", "B": "B"}), {"A": clocked, "B": clocked}, clocked
    )


def test_rows_after_a_declared_last_session_are_refused():
    with pytest.raises(
        DataError,
        match="A: last_session was 2020-01-02, but 1 rows stand after it, the first at 2020-01-03",
    ):
        make_bars({"A": [1, 1, 1]}, last_session={"A": np.datetime64("2020-01-02")})


def test_prices_outside_the_bar_are_noted():
    rows = replace(
        make_rows([10, 10]), high=np.array([10.0, 9.0]), low=np.array([10.0, 8.0])
    )
    assert (
        "opens or closes outside the bar's low and high, rows: A (1)"
        in assemble(rows).notes
    )


def test_weekly_bars_are_noted():
    rows = make_rows([1.0] * 20)
    weekly = replace(rows, times=rows.times[0] + np.arange(20) * np.timedelta64(7, "D"))
    assert any(
        note == "bars are 7 days apart: what reports call a day is such a step"
        for note in assemble(weekly).notes
    )


def test_real_shares_without_dividends_are_price_return_only():
    bars = make_bars(
        {"A": make_rows([1, 1], split=[1, 1], adj_close=[1, 1])}, adjust="none"
    )
    assert any("price return only" in note for note in bars.notes)


@pytest.mark.parametrize(("field", "value"), [("dividend", 1.0), ("split", 2.0)])
def test_an_action_that_stands_at_every_bar_of_a_session_is_refused(field, value):
    """A daily dividend joined to intraday rows would be paid at each of them."""
    hours = np.array([15, 16, 17], "m8[h]")
    times = np.concatenate([np.datetime64(f"2020-01-0{day}") + hours for day in (2, 3)])
    actions = np.array([0.0, 0.0, 0.0, value, value, value])
    rows = Rows(
        times=times.astype("M8[ns]"), close=np.full(6, 100.0), **{field: actions}
    )
    with pytest.raises(DataError) as caught:
        assemble(rows)
    assert str(caught.value) == (
        f"A: {field} stands at 3 bars of the session 2020-01-03; expected it at one bar, the first "
        "of its ex-date"
    )
    once = replace(rows, **{field: np.array([0.0, 0.0, 0.0, value, 0.0, 0.0])})
    assert len(assemble(once)) == 6
