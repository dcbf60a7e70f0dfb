"""Rules across symbols: two that are one, and a session that a source wrote twice."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bt_run import Array
from bt_run_plugins.market_data.rules.findings import Finding, Rule
from bt_run_plugins.market_data.rules.series import CROWD, Dates, Series
from bt_run_plugins.market_data.rules.thresholds import Thresholds

RULES = (
    Rule(
        "repeated_session",
        "error",
        "many symbols repeat the day before at once: the source wrote a session twice",
    ),
    Rule(
        "duplicate_history",
        "warning",
        "two symbols with the same returns: one share counted twice, or a mix-up",
    ),
)


def repeated_session(series: Sequence[Series], limits: Thresholds) -> list[Finding]:
    """Find sessions on which many symbols have the open, high, low and close of the row before, in
    a day with a range.

    Many: at least five, and a fraction ``repeated_session`` of the symbols with a row. One finding
    per such row; the value is how many symbols repeat.
    """
    daily = [item for item in series if item.daily and len(item)]
    if not daily:
        return []
    again = [item.repeats & (item.high > item.low) for item in daily]
    dates, at = np.unique(np.concatenate([item.date for item in daily]), return_inverse=True)
    count = np.bincount(at, weights=np.concatenate(again), minlength=len(dates))
    many = (count >= CROWD) & (
        count >= limits.repeated_session * np.bincount(at, minlength=len(dates))
    )
    out = []
    for item, rows in zip(daily, again, strict=True):
        place = np.searchsorted(dates, item.date)
        for row in np.flatnonzero(rows & many[place]):
            text = f"the prices are those of the row before, as in {count[place[row]]:.0f} symbols that day"
            date = item.date[row]
            out.append(
                Finding(
                    item.symbol, date, "repeated_session", float(count[place[row]]), "error", text
                )
            )
    return out


def duplicate_history(series: Sequence[Series], limits: Thresholds) -> list[Finding]:
    """Find pairs of symbols whose returns agree within 1e-4 in a fraction ``twins`` of a year's
    common sessions.

    Only years with ``twin_rows`` common sessions count, and only sessions in which either moved.
    One finding per pair, at its first such year, under the symbol that comes first; the value is
    the number of sessions that agree.
    """
    if len(series) < 2:
        return []
    dates, steps = _matrix([item for item in series if item.daily])
    years = dates.astype("datetime64[Y]")
    found: dict[tuple[int, int], tuple[np.datetime64, int]] = {}
    for year in np.unique(years):
        block = steps[years == year]
        for one, other in _alike(block, limits.twin_rows):
            both = np.isfinite(block[:, one]) & np.isfinite(block[:, other])
            left, right = block[both, one], block[both, other]
            moved = (np.abs(left) > 1e-4) | (np.abs(right) > 1e-4)
            agree = moved & (np.abs(left - right) < 1e-4)
            if moved.sum() >= limits.twin_rows and agree.sum() >= limits.twins * moved.sum():
                first, count = found.get((one, other), (dates[years == year][both][0], 0))
                found[one, other] = first, count + int(agree.sum())
    names = [item.symbol for item in series if item.daily]
    return [
        Finding(
            names[one],
            date,
            "duplicate_history",
            float(count),
            "warning",
            f"the same returns as {names[other]} on {count} sessions",
        )
        for (one, other), (date, count) in found.items()
    ]


def _matrix(series: Sequence[Series]) -> tuple[Dates, Array]:
    """Return all dates (t,) and the log returns (t, n), NaN where a symbol has none."""
    days = [item.date.astype("datetime64[D]") for item in series]
    dates = np.unique(np.concatenate([*days, np.zeros(0, dtype="datetime64[D]")]))
    out = np.full((len(dates), len(series)), np.nan)
    for column, item in enumerate(series):
        out[np.searchsorted(dates, days[column]), column] = item.step
    return dates, out


def _alike(block: Array, fewest: int) -> list[tuple[int, int]]:
    """Return the pairs of columns with a correlation over 0.97, large moves cut: a quick look
    before the exact one.
    """
    known = np.isfinite(block)
    deep = np.flatnonzero(known.sum(axis=0) >= fewest)
    values = np.where(known[:, deep], block[:, deep], 0.0)
    values = np.clip(values, *(sign * 4.5 * np.median(np.abs(values), axis=0) for sign in (-1, 1)))
    length = np.sqrt((values**2).sum(axis=0))
    near = (values.T @ values) / np.maximum(np.outer(length, length), 1e-30)
    rows, columns = np.nonzero(np.triu(near > 0.97, 1))
    return [(int(deep[one]), int(deep[other])) for one, other in zip(rows, columns, strict=True)]
