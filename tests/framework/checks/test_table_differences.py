"""The first row in which two tables differ."""

import pandas as pd
import pytest

from bt_run.checks.table_differences import first_difference

TIMES = pd.to_datetime(["2020-01-02", "2020-01-03"], utc=True)


def table(**columns) -> pd.DataFrame:
    return pd.DataFrame(
        {"time": TIMES, "asset": ["A", "B"], "price": [1.0, 2.0]} | columns
    )


def test_equal_tables_do_not_differ() -> None:
    assert first_difference(table(), table()) is None


def test_what_another_machine_rounds_differently_is_equal() -> None:
    assert first_difference(table(), table(price=[1.0, 2.0 * (1 + 1e-12)])) is None


def test_nothing_equals_nothing() -> None:
    blank = table(price=[1.0, float("nan")])
    assert first_difference(blank, blank) is None
    assert first_difference(table(), blank) is not None


@pytest.mark.parametrize(
    ("now", "text"),
    [
        (table(price=[1.0, 2.5]), "row 1 (2020-01-03 B): price was 2.0, is 2.5"),
        (
            table(asset=["C", "B"], price=[1.0, 2.5]),
            "row 0 (2020-01-02 A): asset was A, is C",
        ),
        (table()[:1], "row 1 was there and is not now: 2020-01-03 B"),
        (
            table().drop(columns="price"),
            "the columns were time, asset, price, are time, asset",
        ),
    ],
)
def test_the_first_difference_is_named(now: pd.DataFrame, text: str) -> None:
    assert first_difference(table(), now) == text
