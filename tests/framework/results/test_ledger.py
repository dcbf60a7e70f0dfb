"""The ledger's tables: which session a bar belongs to, what was cut, what a split did."""

import numpy as np
import pandas as pd
import pytest

from bt_run import RunConfig, run
from bt_run.results.explanation import explain
from bt_run.results.run_folder import read_run, write_run


def half_hours(days, last):
    """Return half-hour bar ends from 10:00 to ``last`` New York time, with their offset."""
    ends = []
    for day in days:
        first = pd.Timestamp(f"{day} 10:00", tz="America/New_York")
        ends += [
            *pd.date_range(
                first, pd.Timestamp(f"{day} {last}", tz=first.tz), freq="30min"
            )
        ]
    return pd.DatetimeIndex(ends)


def write_prices(folder, times, **columns):
    close = np.linspace(100.0, 110.0, len(times))
    table = pd.DataFrame({"date": times.astype(str), "open": close, "close": close})
    folder.mkdir()
    table.assign(**columns).to_csv(folder / "A.csv", index=False)


def config(folder, **changes):
    data = {
        "source": {"use": "csv", "path": str(folder)},
        "assets": ["A"],
        "benchmark": "A",
        "start": "2020-01-06",
        "end": "2020-01-10",
    }
    plain = {
        "name": "sessions",
        "data": data | changes.pop("data", {}),
        "strategy": "buy_and_hold",
        "sizer": "equal_weight",
        "schedule": "session",
        "broker": {"use": "simulated", "fill": "next_close"},
    }
    return RunConfig.model_validate(plain | changes)


def test_bars_after_hours_belong_to_the_session_that_they_follow(tmp_path):
    """Bars to 20:00 in New York end at 01:00 UTC of the next day; Friday's end on a Saturday."""
    days = pd.bdate_range("2020-01-06", "2020-01-10").strftime("%Y-%m-%d")
    write_prices(tmp_path / "prices", half_hours(days, "20:00"))
    result = run(config(tmp_path / "prices"))
    assert result.nav.index[-1] == pd.Timestamp("2020-01-11 01:00", tz="UTC")
    # the start lies inside the first session, and stands before its close
    dates = [str(day.date()) for day in result.closes.index]
    assert dates == ["2020-01-05", *days]
    assert [str(day.date()) for day in result.returns.index] == list(days)
    assert result.closes["time"].iloc[-1] == result.nav.index[-1]


@pytest.mark.parametrize("last", ["16:00", "20:00"])
def test_a_daily_return_is_from_close_to_close_whatever_the_hours(tmp_path, last):
    days = pd.bdate_range("2020-01-06", "2020-01-10").strftime("%Y-%m-%d")
    write_prices(tmp_path / "prices", half_hours(days, last))
    result = run(config(tmp_path / "prices"))
    closes = result.nav["nav"].groupby(result.nav["session"]).last()
    expected = (
        closes.to_numpy() / np.append(result.nav["nav"].iloc[0], closes[:-1]) - 1.0
    )
    np.testing.assert_allclose(result.returns, expected, rtol=1e-13)
    whole = result.nav["nav"].iloc[-1] / result.nav["nav"].iloc[0] - 1.0
    assert result.metrics["total_return"]["run"] == pytest.approx(whole)


def test_a_daily_bar_is_its_session(tmp_path):
    write_prices(tmp_path / "prices", pd.bdate_range("2020-01-02", "2020-01-10"))
    nav = run(config(tmp_path / "prices")).nav
    assert (nav["session"] == nav.index).all()


def test_the_limits_that_cut_a_decision_are_a_column(tmp_path):
    write_prices(tmp_path / "prices", pd.bdate_range("2020-01-02", "2020-01-10"))
    result = run(config(tmp_path / "prices", limits={"name": 0.5, "gross": 0.4}))
    assert set(result.decisions["cut"]) == {"name, gross"}
    assert set(result.decisions["reason"]) == {"scheduled"}
    free = run(config(tmp_path / "prices"))
    assert set(free.decisions["cut"]) == {""}


def test_a_split_of_what_is_held_is_a_cash_flow_without_money(tmp_path):
    times = pd.bdate_range("2020-01-02", "2020-01-10")
    split = np.where(times == pd.Timestamp("2020-01-09"), 2.0, 1.0)
    write_prices(tmp_path / "prices", times, split=split)
    source = {"use": "csv", "path": str(tmp_path / "prices"), "prices": "as_traded"}
    result = run(config(tmp_path / "prices", data={"source": source, "adjust": "none"}))
    (flow,) = result.cash_flows.to_dict("records")
    assert (flow["kind"], flow["asset"], flow["amount"], flow["ratio"]) == (
        "split",
        "A",
        0.0,
        2.0,
    )
    assert flow["time"] == pd.Timestamp("2020-01-09")


# -- what a chart shows ----------------------------------------------------------------------------


def paid(tmp_path, prices, **columns):
    """Run a holding of one asset that pays 10 on a close of 100 before."""
    days = ["2020-01-06", "2020-01-07", "2020-01-08", "2020-01-09"]
    table = {"date": days, "open": [100, 100, 90, 90.0], "close": [100, 100, 90, 90.0]}
    folder = tmp_path / "prices"
    folder.mkdir()
    pd.DataFrame(table | columns).to_csv(folder / "A.csv", index=False)
    source = {"use": "csv", "path": str(folder), "prices": prices}
    return run(config(folder, data={"source": source}))


def test_units_are_told_in_the_shares_and_prices_of_the_market(tmp_path):
    result = paid(tmp_path, "as_traded", dividend=[0, 0, 10.0, 0], split=1.0)
    held = result.positions
    assert held["market_price"].tolist() == pytest.approx([100, 90, 90])
    assert held["market_shares"].tolist() == pytest.approx(
        [10_000, 11_111.11, 11_111.11]
    )
    np.testing.assert_allclose(
        held["market_price"] * held["market_shares"], held["value"]
    )
    (fill,) = result.fills.to_dict("records")
    assert (fill["market_price"], fill["market_shares"]) == (100.0, 10_000.0)


def test_the_market_is_unknown_where_the_source_knows_no_splits(tmp_path):
    result = paid(tmp_path, "split_adjusted", dividend=[0, 0, 10.0, 0])
    assert result.positions[["market_price", "market_shares"]].isna().all(axis=None)
    assert np.isfinite(result.positions["price"]).all()


def test_the_words_of_a_fill_show_both(tmp_path):
    result = paid(tmp_path, "as_traded", dividend=[0, 10.0, 0, 0], split=1.0)
    write_run(result, tmp_path / "runs")
    text = explain(read_run(tmp_path / "runs" / "sessions" / "latest"), "2020-01-06")
    assert "9,000 units at 111.111 (on the market 10,000 shares at 100)" in text
    (tmp_path / "other").mkdir()
    unknown = paid(tmp_path / "other", "split_adjusted", dividend=[0, 10.0, 0, 0])
    write_run(unknown, tmp_path / "runs")
    text = explain(read_run(tmp_path / "runs" / "sessions" / "latest"), "2020-01-06")
    assert (
        "units at 111.111 (of a split-adjusted series; the source knows no splits)"
        in text
    )
