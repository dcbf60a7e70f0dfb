"""Checks of single rows by pandera: types, missing and impossible values, the order of dates."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from bt_run_plugins.market_data.rules.findings import Finding, Rule, day

if TYPE_CHECKING:
    import pandas as pd

PRICES = ("open", "high", "low", "close", "adj_close")
ACTIONS = ("dividend", "split")
NUMBERS = (*PRICES, "volume", *ACTIONS)
TOLERANCE = 1e-6  # relative; below it an open or close outside high and low is rounding

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
    Rule("time_zone", "error", "dates with a time zone line up with no calendar", fatal=True),
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
    Rule("price_missing", "error", "a row with a close lacks another of its prices", fatal=True),
    Rule(
        "price_not_positive", "error", "a price of zero, below, or infinite cannot be", fatal=True
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


def check_schema(symbol: str, frame: pd.DataFrame) -> list[Finding]:
    """Return what single rows of a symbol frame have wrong; nothing is changed.

    A frame with the wrong columns or types gets findings on those alone.
    """
    structure = list(_structure_findings(symbol, frame))
    if structure:
        return structure
    if not len(frame):
        return [_finding(symbol, "no_rows", 0.0, "the frame has no rows")]
    return list(_value_findings(symbol, frame.reset_index(drop=True)))


def can_be_measured(findings: list[Finding]) -> bool:
    """Tell whether columns and types were right, so that the other rules can look at the frame."""
    return not {item.rule for item in findings} & {
        "missing_column",
        "wrong_type",
        "time_zone",
        "no_rows",
    }


def _structure_findings(symbol: str, frame: pd.DataFrame) -> Iterator[Finding]:
    for column, check, found, _ in _failures(_structure(), frame):
        if check == "column_in_dataframe":
            have = ", ".join(map(str, frame.columns)) or "none"
            yield _finding(
                symbol, "missing_column", np.nan, f"found columns {have}; expected {found} too"
            )
            continue
        rule, right = "wrong_type", "datetime64[ns]" if column == "date" else "float64"
        if getattr(frame[column].dtype, "tz", None) is not None:
            rule, right = "time_zone", "datetime64[ns] without a time zone"
        yield _finding(symbol, rule, np.nan, f"{column} is {frame[column].dtype}; expected {right}")


def _value_findings(symbol: str, frame: pd.DataFrame) -> Iterator[Finding]:
    dates = frame["date"].to_numpy()
    seen = set()
    for column, check, _, row in _failures(_values(tuple(frame.columns)), frame):
        rule = _rule(column, check)
        # a check of several columns fails once for each of them
        place = (
            rule,
            row,
            column if check in ("not_nullable", "price_not_positive", "negative_action") else "",
        )
        if place not in seen:
            seen.add(place)
            value, text = _words(rule, column, frame, row)
            yield Finding(symbol, dates[row], rule, value, "error", text)


def _words(rule: str, column: str, frame: pd.DataFrame, row: int) -> tuple[float, str]:
    """Return the number that a rule looked at, and a sentence."""
    here = frame.iloc[row]
    date = (
        "no date" if np.isnat(frame["date"].to_numpy()[row]) else day(frame["date"].to_numpy()[row])
    )
    if rule == "date_missing":
        return np.nan, f"row {row + 1} has no date"
    if rule == "dates_not_rising":
        return (
            np.nan,
            f"row {row + 1}, {date}, stands after {day(frame['date'].to_numpy()[row - 1])}",
        )
    if rule == "dates_twice":
        same = frame[frame["date"] == here["date"]]
        kind = "the same values" if len(same.drop_duplicates()) == 1 else "different values"
        return float(here["close"]), f"{len(same)} rows for {date}, with {kind}"
    if rule == "high_below_low":
        return float(here["high"]), f"high {here['high']:.6g} is below low {here['low']:.6g}"
    if rule == "outside_range":
        names = [
            name
            for name in ("open", "close")
            if name in frame and not _inside(frame.iloc[[row]], name).iloc[0]
        ]
        told = " and ".join(f"{name} {here[name]:.6g}" for name in names)
        return float(
            here[names[0]]
        ), f"{told} outside low {here['low']:.6g} and high {here['high']:.6g}"
    found = float(here[column])
    if rule in ("close_missing", "price_missing"):
        return found, f"{column} is missing"
    right = "0 or more" if rule in ("negative_volume", "negative_action") else "a price above 0"
    return found, f"{column} was {found:.6g}; expected {right}"


def _rule(column: str, check: str) -> str:
    if check == "not_nullable":
        return {"date": "date_missing", "close": "close_missing"}.get(column, "price_missing")
    return check


def _inside(frame: pd.DataFrame, name: str) -> pd.Series[bool]:
    """Tell which rows have a price inside high and low; where one of the three cannot be, another
    rule says so.
    """
    price, high, low = frame[name], frame["high"], frame["low"]
    outside = (price > high * (1 + TOLERANCE)) | (price < low * (1 - TOLERANCE))
    return ~outside | (high < low) | (frame[[name, "high", "low"]] <= 0).any(axis=1)


def _encloses(frame: pd.DataFrame) -> pd.Series[bool]:
    inside = _inside(frame, "close")
    return inside & _inside(frame, "open") if "open" in frame else inside


def _rising(dates: pd.Series[Any]) -> pd.Series[bool]:
    # a repeated date is a finding of its own
    return ~(dates < dates.shift())


def _first_of_its_date(dates: pd.Series[Any]) -> pd.Series[bool]:
    return ~dates.duplicated() | dates.isna()


@lru_cache(maxsize=1)
def _structure() -> Any:
    import pandera.pandas as pa

    numbers = {
        name: pa.Column("float64", nullable=True, required=name == "close") for name in NUMBERS
    }
    # as a column's type, pandera takes other units for nanoseconds too
    exact = pa.Check(lambda dates: dates.dtype == np.dtype("datetime64[ns]"), name="nanoseconds")
    return pa.DataFrameSchema({"date": pa.Column(checks=exact, nullable=True), **numbers})


@lru_cache(maxsize=16)
def _values(columns: tuple[str, ...]) -> Any:
    import pandera.pandas as pa

    def possible(name: str, least: float) -> Any:
        if name in PRICES:
            return pa.Check(
                lambda values: (values > least) & np.isfinite(values), name="price_not_positive"
            )
        rule = "negative_volume" if name == "volume" else "negative_action"
        return pa.Check(lambda values: (values >= least) & np.isfinite(values), name=rule)

    checks = {
        name: pa.Column(checks=possible(name, 0.0), nullable=name not in PRICES)
        for name in NUMBERS
        if name in columns
    }
    checks["date"] = pa.Column(
        checks=[
            pa.Check(_rising, name="dates_not_rising"),
            pa.Check(_first_of_its_date, name="dates_twice"),
        ]
    )
    wide = []
    if {"high", "low"} <= set(columns):
        wide = [
            pa.Check(lambda frame: ~(frame["high"] < frame["low"]), name="high_below_low"),
            pa.Check(_encloses, name="outside_range"),
        ]
    return pa.DataFrameSchema(checks, checks=wide)


def _failures(schema: Any, frame: pd.DataFrame) -> Iterator[tuple[str, str, Any, int]]:
    """Yield column, check, what was found and the row, for all that fails."""
    import pandera.pandas as pa

    try:
        schema.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as error:
        cases = error.failure_cases
        for column, check, found, row in zip(
            cases["column"], cases["check"], cases["failure_case"], cases["index"], strict=True
        ):
            yield str(column), str(check), found, -1 if row is None or row != row else int(row)


def _finding(symbol: str, rule: str, value: float, text: str) -> Finding:
    return Finding(symbol, np.datetime64("NaT"), rule, value, "error", text)
