"""The schema of a symbol frame: each thing that single rows can have wrong is a finding, and good
rows have none.
"""

import numpy as np
import pandas as pd
import pytest

from bt_run_plugins.market_data.rules.findings import FINDING_COLUMNS, Finding, as_table
from bt_run_plugins.market_data.rules.schema import RULES, can_be_measured, check_schema

DATES = pd.bdate_range("2020-01-01", periods=4).as_unit("ns")


def frame(**columns):
    rows = {
        "date": DATES,
        "open": 10.0,
        "high": 11.0,
        "low": 9.0,
        "close": 10.5,
        "volume": 100.0,
    }
    return pd.DataFrame(rows | {"dividend": 0.0, "split": 1.0} | columns)


def found(table):
    return [
        (item.rule, str(item.date)[:10], item.text) for item in check_schema("A", table)
    ]


def test_good_rows_have_no_finding():
    assert found(frame()) == []
    assert found(frame()[["date", "close"]]) == []


@pytest.mark.parametrize(
    ("columns", "rule", "text"),
    [
        ({"close": [10.5, np.nan, 10.5, 10.5]}, "close_missing", "close is missing"),
        ({"open": [10.0, np.nan, 10.0, 10.0]}, "price_missing", "open is missing"),
        (
            {"low": [9.0, 0.0, 9.0, 9.0]},
            "price_not_positive",
            "low was 0; expected a price above 0",
        ),
        (
            {"high": [11.0, np.inf, 11.0, 11.0]},
            "price_not_positive",
            "high was inf; expected a price above 0",
        ),
        ({"high": [11.0, 8.0, 11.0, 11.0]}, "high_below_low", "high 8 is below low 9"),
        (
            {"high": [11.0, 10.2, 11.0, 11.0]},
            "outside_range",
            "close 10.5 outside low 9 and high 10.2",
        ),
        (
            {"open": [10.0, 8.5, 10.0, 10.0]},
            "outside_range",
            "open 8.5 outside low 9 and high 11",
        ),
        (
            {"volume": [1.0, -5.0, 1.0, 1.0]},
            "negative_volume",
            "volume was -5; expected 0 or more",
        ),
        (
            {"dividend": [0.0, -0.1, 0.0, 0.0]},
            "negative_action",
            "dividend was -0.1; expected 0 or more",
        ),
        (
            {"split": [1.0, np.inf, 1.0, 1.0]},
            "negative_action",
            "split was inf; expected 0 or more",
        ),
    ],
)
def test_an_impossible_value_is_named_with_its_row(columns, rule, text):
    assert found(frame(**columns)) == [(rule, "2020-01-02", text)]


def test_rounding_of_a_millionth_is_inside_the_range():
    assert found(frame(high=10.5 * (1 - 5e-7))) == []
    assert [rule for rule, _, _ in found(frame(high=10.5 * (1 - 2e-6)))] == [
        "outside_range"
    ] * 4


def test_dates_rise_and_stand_once():
    late = frame(date=DATES[[0, 2, 1, 3]])
    assert found(late) == [
        ("dates_not_rising", "2020-01-02", "row 3, 2020-01-02, stands after 2020-01-03")
    ]
    twice = frame(date=DATES[[0, 1, 1, 3]])
    assert found(twice) == [
        ("dates_twice", "2020-01-02", "2 rows for 2020-01-02, with the same values")
    ]
    differ = frame(date=DATES[[0, 1, 1, 3]], close=[10.0, 10.1, 10.2, 10.3])
    assert found(differ)[0][2] == "2 rows for 2020-01-02, with different values"


def test_a_row_without_a_date_is_named_by_its_number():
    table = frame()
    table.loc[2, "date"] = pd.NaT
    assert found(table) == [("date_missing", "NaT", "row 3 has no date")]


@pytest.mark.parametrize(
    ("table", "rule", "text"),
    [
        (frame().drop(columns="close"), "missing_column", "expected close too"),
        (
            frame(close=["1", "2", "3", "4"]),
            "wrong_type",
            "close is str; expected float64",
        ),
        (frame(volume=[1, 2, 3, 4]), "wrong_type", "volume is int64; expected float64"),
        (
            frame(date=DATES.as_unit("us")),
            "wrong_type",
            "date is datetime64[us]; expected datetime64[ns]",
        ),
        (
            frame(date=DATES.tz_localize("UTC")),
            "time_zone",
            "expected datetime64[ns] without a time zone",
        ),
        (frame().iloc[:0], "no_rows", "the frame has no rows"),
    ],
)
def test_a_wrong_frame_is_told_from_wrong_rows(table, rule, text):
    (item,) = check_schema("A", table)
    assert item.rule == rule
    assert text in item.text.replace("object", "str")
    assert not can_be_measured([item])


def test_every_finding_has_a_rule_and_the_table_its_columns():
    known = {rule.name for rule in RULES}
    table = as_table(
        check_schema("A", frame(high=[11.0, 8.0, 11.0, 11.0], volume=-1.0))
    )
    assert tuple(table.columns) == FINDING_COLUMNS
    assert set(table["rule"]) <= known
    assert set(table["severity"]) == {"error"}
    assert set(table["action"]) == {"kept"}
    assert table["date"].dtype == "datetime64[ns]"


def test_the_table_of_findings_is_in_a_stable_order():
    day = [
        np.datetime64("2020-01-02"),
        np.datetime64("2020-01-01"),
        np.datetime64("NaT"),
    ]
    items = [
        Finding(s, d, r, 1.0, "info", "") for s in "BA" for d in day for r in ("y", "x")
    ]
    table = as_table(items)
    pd.testing.assert_frame_equal(table, as_table(items[::-1]))
    assert table["symbol"].tolist() == ["A"] * 6 + ["B"] * 6
    assert table["date"].isna().tolist()[:3] == [True, True, False]
    assert len(as_table([])) == 0
