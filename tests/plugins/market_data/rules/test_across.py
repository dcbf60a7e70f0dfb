"""Rules across symbols: twins, and sessions that stand twice."""

import numpy as np
import pandas as pd

from bt_run_plugins.market_data.rules.across import duplicate_history, repeated_session
from bt_run_plugins.market_data.rules.series import measure
from bt_run_plugins.market_data.rules.thresholds import Thresholds

DAYS = pd.bdate_range("2010-01-04", periods=400).as_unit("ns")
LIMITS = Thresholds()


def table(seed, days=DAYS):
    rng = np.random.default_rng(seed)
    close = 20 * np.exp(np.cumsum(rng.normal(0, 0.02, len(days))))
    return pd.DataFrame(
        {
            "date": days,
            "open": close,
            "high": close * 1.01,
            "low": close * 0.99,
            "close": close,
        }
    )


def test_two_symbols_with_the_same_returns_are_twins_whatever_their_level():
    twin = table(1).assign(close=table(1)["close"] * 3)
    (item,) = duplicate_history(
        measure({"A": table(1), "B": table(2), "C": twin}, {}), LIMITS
    )
    moved = int((np.abs(np.diff(np.log(twin["close"]))) > 1e-4).sum())
    assert (item.symbol, item.value, str(item.date)[:10]) == ("A", moved, "2010-01-05")
    assert item.text == f"the same returns as C on {moved} sessions"


def test_twins_of_one_year_are_found_and_classes_of_shares_are_not():
    late = table(2)
    late.loc[DAYS.year == 2011, "close"] = table(1).loc[DAYS.year == 2011, "close"]
    (item,) = duplicate_history(measure({"A": table(1), "B": late}, {}), LIMITS)
    assert str(item.date)[:4] == "2011"
    noise = np.exp(np.random.default_rng(5).normal(0, 0.002, len(DAYS)))
    near = table(1).assign(close=table(1)["close"] * noise)
    assert duplicate_history(measure({"A": table(1), "B": near}, {}), LIMITS) == []
    assert duplicate_history(measure({"A": table(1)}, {}), LIMITS) == []


def test_symbols_that_do_not_move_are_no_twins():
    flat = table(1).assign(close=10.0)
    assert duplicate_history(measure({"A": flat, "B": flat}, {}), LIMITS) == []


def test_a_session_written_twice_is_an_error_in_each_symbol():
    tables = {}
    for seed in range(10):
        rows = table(seed)
        if seed < 6:
            rows.loc[100, ["open", "high", "low", "close"]] = rows.loc[
                99, ["open", "high", "low", "close"]
            ]
        tables[f"S{seed}"] = rows
    found = repeated_session(measure(tables, {}), LIMITS)
    assert [item.symbol for item in found] == [f"S{seed}" for seed in range(6)]
    assert {(item.severity, item.value) for item in found} == {("error", 6.0)}
    assert {item.date for item in found} == {DAYS[100]}
    few = {
        name: rows for name, rows in tables.items() if name in ("S0", "S1", "S2", "S3")
    }
    assert repeated_session(measure(few, {}), LIMITS) == []
    assert repeated_session([], LIMITS) == []
