"""Checks of single rows by pandera: types, missing and impossible values, the order of dates."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from bt_run.text import day_text
from bt_run_plugins.market_data.rules.findings import NOWHERE, Finding, Findings, Rule

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["RULES", "can_be_measured", "check_schema"]

PRICES = ("open", "high", "low", "close", "adj_close")
ACTIONS = ("dividend", "split")
NUMBERS = (*PRICES, "volume", *ACTIONS)
TOLERANCE = 1e-6  # relative; below it an open or close outside high and low is rounding
# what keeps the other rules from looking at a frame
UNMEASURABLE = frozenset({"missing_column", "wrong_type", "time_zone", "no_rows"})
# checks that look at one column, and fail once for each
_OF_ONE_COLUMN = frozenset({"not_nullable", "price_not_positive", "negative_action"})

RULES = (
    Rule(
        "missing_column",
        "error",
        "without a date or a close there is nothing to run on",
        fatal=True,
    ),
    Rule(
        "wrong_type",
        "error",
        "a column that does not hold what its name says cannot be computed with",
        fatal=True,
    ),
    Rule(
        "time_zone",
        "error",
        "dates with a time zone line up with no calendar",
        fatal=True,
    ),
    Rule("no_rows", "error", "there is nothing to run on", fatal=True),
    Rule("date_missing", "error", "a row without a date is nowhere", fatal=True),
    Rule(
        "dates_not_rising",
        "error",
        "a row earlier than the one before: returns would run backwards",
        fatal=True,
    ),
    Rule("dates_twice", "error", "two rows for one date: which is true?", fatal=True),
    Rule(
        "close_missing",
        "error",
        "a row without a close: missing sessions are absent rows, not empty ones",
        fatal=True,
    ),
    Rule(
        "price_missing",
        "error",
        "a row with a close lacks another of its prices",
        fatal=True,
    ),
    Rule(
        "price_not_positive",
        "error",
        "a price of zero, below, or infinite cannot be",
        fatal=True,
    ),
    Rule("high_below_low", "error", "the high cannot be below the low", fatal=True),
    Rule("outside_range", "error", "open and close cannot lie outside high and low"),
    Rule("negative_volume", "error", "volume cannot be below zero", fatal=True),
    Rule(
        "negative_action",
        "error",
        "a dividend or split below zero, or infinite, cannot be",
        fatal=True,
    ),
)


ValueAndText = tuple[float, str]


class _Failure(NamedTuple):
    """What pandera says of a check that failed."""

    column: str
    check: str
    found: Any
    row: int


def check_schema(symbol: str, frame: pd.DataFrame) -> Findings:
    """Return what single rows of a symbol frame have wrong; nothing is changed.

    A frame with the wrong columns or types gets findings on those alone.
    """
    structure = []
    for failure in _failures(_structure(), frame):
        structure.append(_structure_finding(symbol, frame, failure))
    if structure:
        return structure
    if not len(frame):
        return [_finding(symbol, "no_rows", 0.0, "the frame has no rows")]
    return _value_findings(symbol, frame.reset_index(drop=True))


def can_be_measured(findings: Findings) -> bool:
    """Say whether columns and types were right, so that the other rules can look at the frame."""
    rules = {item.rule for item in findings}
    return not rules & UNMEASURABLE


def _structure_finding(
    symbol: str,
    frame: pd.DataFrame,
    failure: _Failure,
) -> Finding:
    column = failure.column
    if failure.check == "column_in_dataframe":
        have = ", ".join(map(str, frame.columns)) or "none"
        text = f"found columns {have}; expected {failure.found} too"
        return _finding(symbol, "missing_column", np.nan, text)
    dtype = frame[column].dtype
    rule = "wrong_type"
    right = "datetime64[ns]" if column == "date" else "float64"
    if getattr(dtype, "tz", None) is not None:
        rule = "time_zone"
        right = "datetime64[ns] without a time zone"
    return _finding(symbol, rule, np.nan, f"{column} is {dtype}; expected {right}")


def _value_findings(symbol: str, frame: pd.DataFrame) -> Findings:
    dates = frame["date"].to_numpy()
    # a check of several columns fails once for each of them
    by_place: dict[tuple[str, int, str], Finding] = {}
    for failure in _failures(_values(tuple(frame.columns)), frame):
        rule = _rule_of(failure)
        row = failure.row
        column = failure.column if failure.check in _OF_ONE_COLUMN else ""
        place = (rule, row, column)
        if place not in by_place:
            value, text = _value_and_text(rule, failure.column, frame, row)
            by_place[place] = Finding(symbol, dates[row], rule, value, "error", text)
    return list(by_place.values())


def _value_and_text(
    rule: str,
    column: str,
    frame: pd.DataFrame,
    row: int,
) -> ValueAndText:
    """Return the number that a rule looked at, and a sentence."""
    if rule.startswith("date"):
        return _of_date(rule, frame, row)
    here = frame.iloc[row]
    if rule == "high_below_low":
        return here["high"], f"high {here['high']:.6g} is below low {here['low']:.6g}"
    if rule == "outside_range":
        return _outside_range(frame.iloc[[row]])
    found = float(here[column])
    if rule in ("close_missing", "price_missing"):
        return found, f"{column} is missing"
    right = (
        "0 or more"
        if rule in ("negative_volume", "negative_action")
        else "a price above 0"
    )
    return found, f"{column} was {found:.6g}; expected {right}"


def _of_date(rule: str, frame: pd.DataFrame, row: int) -> ValueAndText:
    """Return what is wrong with the date of a row."""
    dates = frame["date"]
    date = dates.iloc[row]
    if rule == "date_missing":
        return np.nan, f"row {row + 1} has no date"
    if rule == "dates_not_rising":
        earlier = day_text(dates.iloc[row - 1])
        return np.nan, f"row {row + 1}, {day_text(date)}, stands after {earlier}"
    same = frame[dates == date]
    alike = len(same.drop_duplicates()) == 1
    kind = "the same values" if alike else "different values"
    text = f"{len(same)} rows for {day_text(date)}, with {kind}"
    return frame["close"].iloc[row], text


def _outside_range(row: pd.DataFrame) -> ValueAndText:
    """Return the first price outside high and low in a frame of one row, and a sentence on all."""
    here = row.iloc[0]
    outside = []
    for name in ("open", "close"):
        if name in row and not _inside(row, name).iloc[0]:
            outside.append(name)
    prices = " and ".join(f"{name} {here[name]:.6g}" for name in outside)
    text = f"{prices} outside low {here['low']:.6g} and high {here['high']:.6g}"
    return here[outside[0]], text


def _rule_of(failure: _Failure) -> str:
    """Return the rule that a check belongs to: most bear its name."""
    if failure.check != "not_nullable":
        return failure.check
    if failure.column in ("date", "close"):
        return f"{failure.column}_missing"
    return "price_missing"


def _inside(frame: pd.DataFrame, name: str) -> pd.Series[bool]:
    """Say which rows have a price inside high and low; where one of the three cannot be, another
    rule says so.
    """
    price, high, low = frame[name], frame["high"], frame["low"]
    above = price > high * (1 + TOLERANCE)
    below = price < low * (1 - TOLERANCE)
    impossible = (high < low) | (price <= 0) | (high <= 0) | (low <= 0)
    return ~(above | below) | impossible


def _encloses(frame: pd.DataFrame) -> pd.Series[bool]:
    inside = _inside(frame, "close")
    if "open" in frame:
        inside &= _inside(frame, "open")
    return inside


def _rising(dates: pd.Series[Any]) -> pd.Series[bool]:
    # a repeated date is a finding of its own
    return ~(dates < dates.shift())


def _first_of_its_date(dates: pd.Series[Any]) -> pd.Series[bool]:
    return ~dates.duplicated() | dates.isna()


def _is_nanoseconds(dates: pd.Series[Any]) -> bool:
    return bool(dates.dtype == np.dtype("datetime64[ns]"))


def _is_positive(values: pd.Series[float]) -> pd.Series[bool]:
    return (values > 0.0) & np.isfinite(values)


def _is_not_negative(values: pd.Series[float]) -> pd.Series[bool]:
    return (values >= 0.0) & np.isfinite(values)


def _is_high_above_low(frame: pd.DataFrame) -> pd.Series[bool]:
    return ~(frame["high"] < frame["low"])


@lru_cache(maxsize=1)
def _structure() -> Any:
    """Return the schema of the columns and their types."""
    import pandera.pandas as pa

    # as a column's type, pandera takes other units for nanoseconds too
    exact = pa.Check(_is_nanoseconds, name="nanoseconds")
    columns = {"date": pa.Column(checks=exact, nullable=True)}
    for name in NUMBERS:
        columns[name] = pa.Column(
            "float64",
            nullable=True,
            required=name == "close",
        )
    return pa.DataFrameSchema(columns)


@lru_cache(maxsize=16)
def _values(columns: tuple[str, ...]) -> Any:
    """Return the schema of the values in some columns."""
    import pandera.pandas as pa

    checks = {name: _values_of(name) for name in NUMBERS if name in columns}
    rising = pa.Check(_rising, name="dates_not_rising")
    once = pa.Check(_first_of_its_date, name="dates_twice")
    checks["date"] = pa.Column(checks=[rising, once])
    wide = []
    if {"high", "low"} <= set(columns):
        wide.append(pa.Check(_is_high_above_low, name="high_below_low"))
        wide.append(pa.Check(_encloses, name="outside_range"))
    return pa.DataFrameSchema(checks, checks=wide)


def _values_of(name: str) -> Any:
    """Return the schema of the values in a column of numbers."""
    import pandera.pandas as pa

    if name in PRICES:
        return pa.Column(checks=pa.Check(_is_positive, name="price_not_positive"))
    rule = "negative_volume" if name == "volume" else "negative_action"
    return pa.Column(
        checks=pa.Check(_is_not_negative, name=rule),
        nullable=True,
    )


def _failures(schema: Any, frame: pd.DataFrame) -> Iterator[_Failure]:
    """Yield all that fails."""
    import pandera.pandas as pa

    try:
        schema.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as error:
        cases = error.failure_cases[["column", "check", "failure_case", "index"]]
        for column, check, found, row in cases.itertuples(index=False, name=None):
            # checks of a whole column have no row
            known = row is not None and row == row
            number = int(row) if known else -1
            yield _Failure(str(column), str(check), found, number)


def _finding(symbol: str, rule: str, value: float, text: str) -> Finding:
    return Finding(symbol, NOWHERE, rule, value, "error", text)
