"""Rules on moves, prices and volume: faults put into a calm random walk are found, in their row,
and nothing else.
"""

import numpy as np
import pandas as pd
import pytest

from bt_run_plugins.market_data.rules import moves, prices
from bt_run_plugins.market_data.rules.series import measure
from bt_run_plugins.market_data.rules.thresholds import Thresholds

DAYS = pd.bdate_range("2010-01-04", periods=300).as_unit("ns")
LIMITS = Thresholds()
AT = 150
EVERY = (
    moves.bad_tick,
    moves.split_like,
    moves.jump,
    moves.large_move,
    prices.range_spike,
    prices.repeated_row,
    prices.one_price,
    prices.zero_volume,
    prices.stale_price,
    prices.stale_opens,
)


def walk(seed=3):
    """Return 300 rows with daily moves of 1 % and ranges of 2 % around a million shares."""
    rng = np.random.default_rng(seed)
    close = 50 * np.exp(np.cumsum(rng.normal(0, 0.01, len(DAYS))))
    open_ = np.append(close[0], close[:-1]) * np.exp(rng.normal(0, 0.004, len(DAYS)))
    high = np.maximum(open_, close) * (1 + rng.uniform(0.002, 0.01, len(DAYS)))
    low = np.minimum(open_, close) * (1 - rng.uniform(0.002, 0.01, len(DAYS)))
    volume = rng.integers(800_000, 1_200_000, len(DAYS)).astype(float)
    return pd.DataFrame(
        {"date": DAYS, "open": open_, "high": high, "low": low, "close": close, "volume": volume}
    )


def scaled(table, rows, factor):
    table = table.copy()
    table.loc[rows, ["open", "high", "low", "close"]] *= factor
    return table


def findings(table, prices=None):
    (series,) = measure({"A": table}, {"A": prices})
    return [item for rule in EVERY for item in rule(series, LIMITS)]


def names(table):
    return [(item.rule, int(np.searchsorted(DAYS, item.date))) for item in findings(table)]


def test_a_calm_walk_has_no_finding():
    for seed in range(8):
        assert findings(walk(seed)) == []


@pytest.mark.parametrize(("factor", "rows"), [(0.67, 1), (1.5, 1), (0.85, 3), (1.2, 10)])
def test_a_level_that_comes_back_is_a_bad_tick_dated_at_the_first_row_away(factor, rows):
    table = scaled(walk(), range(AT, AT + rows), factor)
    assert names(table) == [("bad_tick", AT)]
    (item,) = findings(table)
    assert item.value == pytest.approx(np.log(factor), abs=0.05)
    assert f"back after {rows} row" in item.text


def test_a_level_that_stays_away_longer_is_two_jumps():
    assert names(scaled(walk(), range(AT, AT + 12), 0.58)) == [("jump", AT), ("jump", AT + 12)]


@pytest.mark.parametrize(
    ("factor", "text"),
    [(1 / 2, "2:1"), (1 / 3, "3:1"), (2 / 3, "3:2"), (10.0, "1:10"), (4.0, "1:4")],
)
def test_a_lasting_change_by_a_splits_ratio_is_split_like(factor, text):
    table = scaled(walk(), range(AT, len(DAYS)), factor)
    table.loc[AT:, "volume"] /= factor
    assert names(table) == [("split_like", AT)]
    assert f"near a {text} split" in findings(table)[0].text


def test_with_the_split_row_nothing_is_found():
    table = scaled(walk(), range(AT, len(DAYS)), 0.5).assign(split=1.0)
    table.loc[AT, "split"] = 2.0
    assert findings(table, "as_traded") == []


def test_a_lasting_change_by_another_ratio_is_a_jump():
    assert names(scaled(walk(), range(AT, len(DAYS)), 0.58)) == [("jump", AT)]


def test_news_on_high_turnover_is_told_as_information():
    table = scaled(walk(), range(AT, len(DAYS)), 0.58)
    table.loc[AT, "volume"] *= 10
    table.loc[AT, "high"] = table.loc[AT, "open"] * 1.1
    assert names(table) == [("large_move", AT)]
    assert findings(table)[0].severity == "info"


def test_a_crash_of_the_whole_market_is_no_symbols_jump():
    tables = {
        name: scaled(walk(seed), range(AT, len(DAYS)), 0.75) for seed, name in enumerate("ABCDEF")
    }
    for series in measure(tables, {}):
        assert (
            moves.jump(series, LIMITS)
            == moves.bad_tick(series, LIMITS)
            == moves.split_like(series, LIMITS)
            == []
        )


def test_closes_alone_are_judged_by_large_moves_only():
    closes = walk()[["date", "close"]]
    small, large = closes.copy(), closes.copy()
    small.loc[AT:, "close"] *= 0.8
    large.loc[AT, "close"] *= 0.6
    assert names(small) == []
    assert names(large) == [("bad_tick", AT)]


@pytest.mark.parametrize(
    ("factor", "rule"),
    [(0.5, "split_like"), (3.0, "split_like"), (0.6, "large_move"), (1.5, "large_move")],
)
def test_closes_alone_take_only_a_plain_split_for_one(factor, rule):
    closes = walk()[["date", "close"]]
    step = np.log(closes["close"]).diff()[AT]
    closes.loc[AT:, "close"] *= factor / np.exp(step)
    assert names(closes) == [(rule, AT)]


@pytest.mark.parametrize(("column", "factor"), [("high", 1.6), ("low", 0.6)])
def test_a_high_or_low_far_from_all_other_prices_is_a_spike(column, factor):
    table = walk()
    table.loc[AT, column] *= factor
    assert names(table) == [("range_spike", AT)]
    assert np.sign(findings(table)[0].value) == (1 if column == "high" else -1)
    table.loc[AT, "volume"] *= 10
    assert names(table) == []


def test_a_copy_of_the_row_before_is_an_error():
    table = walk()
    table.loc[AT, table.columns[1:]] = table.loc[AT - 1, table.columns[1:]]
    assert names(table) == [("repeated_row", AT)]
    assert findings(table)[0].severity == "error"


def test_one_price_all_day_with_full_volume_is_named_in_liquid_symbols_only():
    table = walk()
    table.loc[AT, ["open", "high", "low", "close"]] = table.loc[AT - 1, "close"]
    assert names(table) == [("one_price", AT)]
    assert "the close before" in findings(table)[0].text
    thin = table.assign(volume=table["volume"] / 1e4)
    assert names(thin) == []


def test_zero_volume_is_a_warning_where_much_is_usual():
    table = walk()
    table.loc[AT, ["open", "high", "low", "close"]] = table.loc[AT - 1, "close"]
    table.loc[AT, "volume"] = 0.0
    assert names(table) == [("zero_volume", AT)]
    thin = table.assign(volume=table["volume"] / 1e4)
    assert names(thin) == [("zero_volume_thin", AT)]
    thin.loc[AT, "high"] *= 1.001
    assert names(thin) == [("zero_volume", AT)]
    assert "volume 0 in a row that ranges" in findings(thin)[0].text


def test_a_source_without_volume_is_told_once():
    (item,) = findings(walk().assign(volume=0.0))
    assert (item.rule, item.severity, item.value) == ("zero_volume_thin", "info", len(DAYS))


def test_a_price_carried_on_is_stale():
    table = walk()
    price = table.loc[AT, "close"]
    table.loc[AT + 1 : AT + 3, ["open", "high", "low", "close"]] = price
    table.loc[AT + 1 : AT + 3, "volume"] = 0.0
    found = [item for item in findings(table) if item.rule == "stale_price"]
    assert found == []  # two repeats: the first row is a new one
    table.loc[AT + 4, ["open", "high", "low", "close", "volume"]] = [
        price,
        price,
        price,
        price,
        0.0,
    ]
    (item,) = [item for item in findings(table) if item.rule == "stale_price"]
    assert (item.value, item.text) == (3.0, "3 rows repeat the row before, and nothing traded")
    assert item.date == DAYS[AT + 2]


def test_equal_closes_are_stale_where_nothing_else_is_known():
    closes = walk()[["date", "close"]]
    closes.loc[AT : AT + 5, "close"] = closes.loc[AT, "close"]
    assert names(closes) == []
    closes.loc[AT : AT + 6, "close"] = closes.loc[AT, "close"]
    assert names(closes) == [("stale_price", AT + 1)]


def test_opens_that_repeat_the_close_before_are_told_by_year():
    table = walk()
    rows = range(1, 80)
    table.loc[rows, "open"] = table["close"].shift()[rows]
    table["high"] = table[["open", "high"]].max(axis=1)
    table["low"] = table[["open", "low"]].min(axis=1)
    (item,) = findings(table)
    assert (item.rule, item.severity) == ("stale_opens", "info")
    assert item.value == pytest.approx(79 / (DAYS.year == 2010).sum())
