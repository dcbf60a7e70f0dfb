"""Rules across symbols: two that are one, and a session that a source wrote twice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from bt_run import Array
from bt_run.arrays import Mask
from bt_run_plugins.market_data.rules.findings import Finding, Findings, Rule
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
SAME_RETURN = 1e-4  # difference of two log returns that are one
CORRELATION = 0.97  # of two histories that are worth an exact look
LARGEST_MOVE = 4.5  # usual moves beyond which one move would make the correlation alone


def repeated_session(series: Sequence[Series], limits: Thresholds) -> Findings:
    """Find sessions on which many symbols have the open, high, low and close of the row before, in
    a day with a range.

    Many: at least five, and a fraction ``repeated_session`` of the symbols with a row. One finding
    per such row; the value is how many symbols repeat.
    """
    daily = [item for item in series if item.daily and len(item)]
    if not daily:
        return []
    repeats = [item.repeats & (item.high > item.low) for item in daily]
    dates, place = np.unique(
        np.concatenate([item.date for item in daily]), return_inverse=True
    )
    symbols = np.bincount(place)
    repeating = np.bincount(place, weights=np.concatenate(repeats))
    least = np.maximum(CROWD, limits.repeated_session * symbols)
    many = repeating >= least
    found = []
    for item, again in zip(daily, repeats, strict=True):
        at = np.searchsorted(dates, item.date)
        counts = repeating[at].astype(np.float64)
        found += _repeats(item, again & many[at], counts)
    return found


def _repeats(item: Series, rows: Mask, counts: Array) -> Findings:
    """Return a finding for each row (n,) that many symbols repeat; ``counts`` (n,) are how many."""

    def text(series: Series, row: int) -> str:
        count = counts[row]
        return f"the prices are those of the row before, as in {count:.0f} symbols that day"

    return item.findings("repeated_session", rows, counts, text, "error")


@dataclass
class _Twins:
    """Two symbols with the same returns: since when, and on how many sessions."""

    first: np.datetime64
    count: int = 0


def duplicate_history(series: Sequence[Series], limits: Thresholds) -> Findings:
    """Find pairs of symbols whose returns agree within 1e-4 in a fraction ``twins`` of a year's
    common sessions.

    Only years with ``twin_rows`` common sessions count, and only sessions in which either moved.
    One finding per pair, at its first such year, under the symbol that comes first; the value is
    the number of sessions that agree.
    """
    if len(series) < 2:
        return []
    daily = [item for item in series if item.daily]
    found = []
    for (one, other), twins in _all_twins(daily, limits).items():
        symbol = daily[one].symbol
        text = f"the same returns as {daily[other].symbol} on {twins.count} sessions"
        value = float(twins.count)
        finding = Finding(
            symbol, twins.first, "duplicate_history", value, "warning", text
        )
        found.append(finding)
    return found


def _all_twins(
    daily: Sequence[Series], limits: Thresholds
) -> dict[tuple[int, int], _Twins]:
    """Return the pairs of symbols, by their places, whose returns agree in some year."""
    dates, steps = _matrix(daily)
    years = dates.astype("datetime64[Y]")
    twins: dict[tuple[int, int], _Twins] = {}
    for year in np.unique(years):
        days = dates[years == year]
        block = steps[years == year]
        for pair in _alike(block, limits.twin_rows):
            common = np.isfinite(block[:, pair]).all(axis=1)
            count = _agreeing(block[common][:, pair], limits)
            if count:
                known = twins.setdefault(pair, _Twins(days[common][0]))
                known.count += count
    return twins


def _agreeing(pair: Array, limits: Thresholds) -> int:
    """Return on how many sessions the returns (t, 2) of a year agree; 0 when that is no rule."""
    left, right = pair.T
    moved = (np.abs(pair) > SAME_RETURN).any(axis=1)
    agree = moved & (np.abs(left - right) < SAME_RETURN)
    if moved.sum() < limits.twin_rows:
        return 0
    if agree.sum() < limits.twins * moved.sum():
        return 0
    return int(agree.sum())


def _matrix(series: Sequence[Series]) -> tuple[Dates, Array]:
    """Return all dates (t,) and the log returns (t, n), NaN where a symbol has none."""
    days = [item.date.astype("datetime64[D]") for item in series]
    dates = np.unique(np.concatenate([*days, np.zeros(0, dtype="datetime64[D]")]))
    steps = np.full((len(dates), len(series)), np.nan)
    for column, item in enumerate(series):
        rows = np.searchsorted(dates, days[column])
        steps[rows, column] = item.step
    return dates, steps


def _alike(block: Array, fewest: int) -> list[tuple[int, int]]:
    """Return the pairs of columns with a high correlation, large moves cut: a quick look before the
    exact one.
    """
    known = np.isfinite(block)
    deep = np.flatnonzero(known.sum(axis=0) >= fewest)
    values = np.where(known, block, 0.0)[:, deep]
    most = LARGEST_MOVE * np.median(np.abs(values), axis=0)
    correlation = _correlation(np.clip(values, -most, most))
    # each pair once
    rows, columns = np.nonzero(np.triu(correlation > CORRELATION, 1))
    return list(zip(deep[rows].tolist(), deep[columns].tolist(), strict=True))


def _correlation(values: Array) -> Array:
    """Return the correlation of columns (n, n) around zero."""
    length = np.sqrt((values**2).sum(axis=0))
    scale = np.maximum(np.outer(length, length), 1e-30)
    return (values.T @ values) / scale
