"""Rules on dividends and splits, against series built so that all columns agree."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bt_run_plugins.market_data.rules import actions as rules
from bt_run_plugins.market_data.rules.series import measure
from bt_run_plugins.market_data.rules.thresholds import Thresholds

LIMITS = Thresholds()
EVERY = (
    rules.adj_close_mismatch,
    rules.dividend_over_price,
    rules.split_not_in_price,
    rules.dividend_not_in_price,
    rules.action_ambiguous,
    rules.split_odd,
    rules.dividend_twice,
    rules.dividends_mixed,
    rules.prices_undeclared,
)


def made(actions, rows=120, seed=1, vendor=False):
    """Return consistent rows as traded; ``actions`` maps a row to (dividend per new share, split).

    The total return is a walk of 1 %; adj_close follows it, or the vendor's factor 1 - dividend /
    close before.
    """
    returns = np.random.default_rng(seed).normal(0, 0.01, rows)
    dividend, split = np.zeros(rows), np.ones(rows)
    for row, (cash, shares) in actions.items():
        dividend[row], split[row] = cash, shares
    close, adjusted = np.full(rows, 50.0), np.full(rows, 50.0)
    for row in range(1, rows):
        close[row] = close[row - 1] * np.exp(returns[row]) / split[row] - dividend[row]
        assert close[row] > 0
        growth = close[row] * split[row] / (close[row - 1] - dividend[row] * split[row])
        adjusted[row] = adjusted[row - 1] * (growth if vendor else np.exp(returns[row]))
    dates = pd.bdate_range("2010-01-04", periods=rows).as_unit("ns")
    return pd.DataFrame(
        {
            "date": dates,
            "close": close,
            "adj_close": adjusted,
            "dividend": dividend,
            "split": split,
            "volume": 1e6,
        }
    )


def findings(table, prices="as_traded"):
    (series,) = measure({"A": table}, {"A": prices})
    return [item for rule in EVERY for item in rule(series, LIMITS)]


def names(table, prices="as_traded"):
    dates = table["date"].to_numpy()
    return [
        (item.rule, int(np.searchsorted(dates, item.date)))
        for item in findings(table, prices)
    ]


@settings(max_examples=40)
@given(
    st.dictionaries(
        st.integers(25, 115),
        st.tuples(
            st.sampled_from([0.0, 0.3, 1.0, 4.0]), st.sampled_from([1.0, 2.0, 0.5, 1.5])
        ),
        max_size=4,
    ),
    st.booleans(),
    st.integers(0, 50),
)
def test_columns_that_agree_are_never_a_mismatch(actions, vendor, seed):
    try:
        table = made(actions, seed=seed, vendor=vendor)
    except AssertionError:
        return
    found = {item.rule for item in findings(table)}
    if "dividend_over_price" in found:
        return  # by then splits made the share worth less than it pays: no columns can agree
    assert not found & {
        "adj_close_mismatch",
        "split_not_in_price",
        "split_odd",
        "prices_undeclared",
    }


def test_a_spin_off_that_the_price_follows_is_a_good_row():
    assert findings(made({60: (20.0, 1.0)})) == []


def test_adj_close_that_steps_without_an_action_is_an_error():
    table = made({60: (0.0, 1.5)})
    table.loc[59, "adj_close"] *= 1.5
    assert [
        (rule, row) for rule, row in names(table) if rule == "adj_close_mismatch"
    ] == [
        ("adj_close_mismatch", 59),
        ("adj_close_mismatch", 60),
    ]
    assert findings(table)[0].severity == "error"
    assert findings(table)[0].value == pytest.approx(0.5)


def test_split_adjusted_prices_are_compared_without_the_split():
    table = made({}).assign(split=1.0)
    table.loc[60, "split"] = 2.0
    assert findings(table, "split_adjusted") == []
    assert {rule for rule, _ in names(table, "as_traded")} == {
        "adj_close_mismatch",
        "split_not_in_price",
    }


def test_adj_close_alone_explains_splits_and_contradicts_nothing():
    table = made({60: (0.0, 2.0), 90: (10.0, 1.0)}).drop(columns=["dividend", "split"])
    assert findings(table) == []
    (series,) = measure({"A": table}, {"A": "as_traded"})
    assert not series.actions
    assert series.ratio[60] == pytest.approx(2.0)
    assert np.nanmax(np.abs(series.step)) < 0.05


def test_adj_close_in_cents_is_given_its_rounding():
    table = made({})
    cents = table.assign(adj_close=(table["adj_close"] / 200).round(2))
    assert findings(cents) == []
    off = table.assign(adj_close=(table["adj_close"] / 200).round(2) + 1e-3)
    off.loc[60, "adj_close"] = 0.5
    assert ("adj_close_mismatch", 60) in names(off)


def test_a_dividend_as_large_as_the_share_was_worth_is_an_error():
    table = made({}).drop(columns="adj_close")
    table.loc[60, "dividend"] = table.loc[59, "close"]
    (item,) = [item for item in findings(table) if item.rule == "dividend_over_price"]
    assert (
        item.text == f"dividend {table.loc[60, 'dividend']:.6g} on a close before of "
        f"{table.loc[59, 'close']:.6g}"
    )
    # after a 1:4 reverse split a share is worth four
    table = made({60: (60.0, 0.25)})
    assert "dividend_over_price" not in {rule for rule, _ in names(table)}


def test_a_split_or_dividend_that_the_price_ignores_is_found():
    table = made({}).drop(columns="adj_close")
    split = table.copy()
    split.loc[60, "split"] = 1.5
    assert names(split) == [("split_not_in_price", 60)]
    dividend = table.copy()
    dividend.loc[60, "dividend"] = 5.0
    assert names(dividend) == [("dividend_not_in_price", 60)]
    small = table.copy()
    small.loc[60, "dividend"] = 0.5
    assert names(small) == []


def test_a_dividend_beside_a_real_split_is_told_apart():
    table = made({60: (0.0, 2.0)}).drop(columns="adj_close")
    table.loc[60, "dividend"] = 2.0
    assert ("dividend_not_in_price", 60) in names(table)
    assert "split_not_in_price" not in {rule for rule, _ in names(table)}


def test_a_dividend_on_the_day_of_a_split_has_two_readings():
    (item,) = [
        item
        for item in findings(made({60: (12.0, 2.0)}))
        if item.rule == "action_ambiguous"
    ]
    close = made({60: (12.0, 2.0)})["close"]
    new, old = (close[60] + 12) * 2 / close[59], (close[60] * 2 + 12) / close[59]
    assert item.value == pytest.approx(np.log(new / old))
    assert (
        f"per new share the return is {new - 1:+.1%}, per old share {old - 1:+.1%}"
        in item.text
    )
    assert findings(made({60: (0.3, 2.0)})) == []


@pytest.mark.parametrize(
    ("split", "odd"),
    [
        (2.0, False),
        (1.5, False),
        (0.1, False),
        (1.05, False),
        (4 / 3, False),
        (1.0688, True),
        (0.945, True),
    ],
)
def test_odd_split_factors_are_told(split, odd):
    found = [
        item for item in findings(made({60: (0.0, split)})) if item.rule == "split_odd"
    ]
    assert len(found) == odd
    assert all(item.severity == "info" for item in found)


def test_the_same_dividend_within_five_rows_is_found_once():
    assert names(made({60: (0.2, 1.0), 61: (0.2, 1.0)})) == [("dividend_twice", 61)]
    assert findings(made({60: (0.2, 1.0), 66: (0.2, 1.0)})) == []
    assert findings(made({60: (0.2, 1.0), 61: (0.3, 1.0)})) == []


def test_two_companies_dividends_in_one_history_are_one_finding():
    pairs = {
        row + extra: (0.1 + 0.2 * bool(extra), 1.0)
        for row in range(30, 330, 60)
        for extra in (0, 5)
    }
    assert findings(made(pairs, rows=400)) == []
    pairs |= {330: (0.1, 1.0), 335: (0.3, 1.0)}
    (item,) = findings(made(pairs, rows=400))
    assert (item.rule, item.value) == ("dividends_mixed", 6.0)


def test_actions_need_a_word_on_what_the_prices_are():
    (item,) = findings(made({60: (0.0, 2.0)}), None)
    assert item.rule == "prices_undeclared"
    assert findings(made({}).drop(columns="adj_close"), None) == []
