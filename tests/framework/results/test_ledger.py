"""The ledger's tables: which session a bar belongs to, what was cut, what a split did."""

import numpy as np
import pandas as pd
import pytest

from bt_run import RunConfig, run


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
    assert [str(day.date()) for day in result.closes.index] == list(days)
    assert [str(day.date()) for day in result.returns.index] == list(days[1:])
    assert result.closes["time"].iloc[-1] == result.nav.index[-1]


@pytest.mark.parametrize("last", ["16:00", "20:00"])
def test_a_daily_return_is_from_close_to_close_whatever_the_hours(tmp_path, last):
    days = pd.bdate_range("2020-01-06", "2020-01-10").strftime("%Y-%m-%d")
    write_prices(tmp_path / "prices", half_hours(days, last))
    result = run(config(tmp_path / "prices"))
    closes = result.nav["nav"].groupby(result.nav["session"]).last()
    np.testing.assert_allclose(result.returns, closes.pct_change().iloc[1:], rtol=1e-14)


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
    assert flow["time"] == pd.Timestamp("2020-01-09", tz="UTC")
