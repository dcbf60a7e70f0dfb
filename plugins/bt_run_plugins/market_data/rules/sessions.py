"""Rules on dates: rows that are not there, rows that should not be, and rows that carry a time."""

from __future__ import annotations

import numpy as np

from bt_run.text import day_text
from bt_run_plugins.market_data.rules.findings import NOWHERE, Finding, Findings, Rule
from bt_run_plugins.market_data.rules.series import Dates, Series
from bt_run_plugins.market_data.rules.thresholds import Thresholds

RULES = (
    Rule(
        "missing_session",
        "warning",
        "the exchange traded and there is no row: no price to decide or to fill at",
    ),
    Rule(
        "extra_session",
        "warning",
        "a row on a day on which the exchange was closed: no order fills there",
    ),
    Rule(
        "time_of_day",
        "warning",
        "a daily row with a clock time lines up with no other symbol's row",
    ),
    Rule(
        "ticker_reuse",
        "warning",
        "after a long silence the price starts elsewhere: maybe another company",
    ),
    Rule(
        "intraday_rows",
        "info",
        "bars within the day get the checks of single rows and of sessions only",
    ),
)


def missing_session(
    series: Series,
    sessions: Dates,
    limits: Thresholds,
) -> Findings:
    """Find the calendar's sessions between the first and the last row that have no row.

    One finding per run of missing sessions, dated at the first; the value is how many they are.
    """
    have = series.days
    if not len(have):
        return []
    life = sessions[(sessions >= have[0]) & (sessions <= have[-1])]
    absent = np.flatnonzero(~np.isin(life, have))
    if not len(absent):
        return []
    # where the next one is not the next session
    breaks = np.flatnonzero(np.diff(absent) > 1) + 1
    found = []
    for run in np.split(life[absent], breaks):
        text = _missing_text(run)
        found.append(_warning(series, "missing_session", run[0], len(run), text))
    return found


def _missing_text(run: Dates) -> str:
    if len(run) == 1:
        return f"no row on {run[0]}"
    return f"no rows on {len(run)} sessions, {run[0]} to {run[-1]}"


def extra_session(
    series: Series,
    sessions: Dates,
    limits: Thresholds,
) -> Findings:
    """Find rows on dates that are no session of the calendar; the value is the day of the week,
    Monday 0.
    """
    found = []
    for date in series.days[~np.isin(series.days, sessions)]:
        # the epoch was a Thursday
        weekday = (int(date.astype(np.int64)) + 3) % 7
        text = f"a row on {date}, when the exchange was closed"
        found.append(_warning(series, "extra_session", date, weekday, text))
    return found


def time_of_day(
    series: Series,
    sessions: Dates,
    limits: Thresholds,
) -> Findings:
    """Find daily rows that carry a time of day: one finding a symbol, the value is how many."""
    import pandas as pd

    clock = series.date != series.date.astype("datetime64[D]")
    count = int(clock.sum())
    if not series.daily or not count:
        return []
    first = series.date[clock][0]
    text = (
        f"{count} daily rows carry a time of day, the first at {day_text(pd.Timestamp(first))}; "
        "expected dates alone"
    )
    return [_warning(series, "time_of_day", first, count, text)]


def ticker_reuse(
    series: Series,
    sessions: Dates,
    limits: Thresholds,
) -> Findings:
    """Find gaps of over ``reuse_gap`` sessions after which the level does not connect.

    |log(total return over the gap)| > reuse_sigmas * sigma * sqrt(sessions in the gap); the value
    is that log return.
    """
    session = np.searchsorted(sessions, series.date.astype("datetime64[D]"))
    gap = np.diff(session, prepend=session[:1])
    usual = limits.reuse_sigmas * series.sigma * np.sqrt(gap)
    rows = (gap > limits.reuse_gap) & (series.size > usual)

    def text(series: Series, row: int) -> str:
        return (
            f"after {gap[row] - 1} sessions without rows the close is {series.close[row]:.6g}, "
            f"before it was {series.before[row]:.6g}: this may be another company's share"
        )

    return series.findings("ticker_reuse", rows, series.step, text)


def intraday_rows(
    series: Series,
    sessions: Dates,
    limits: Thresholds,
) -> Findings:
    """Find symbols whose rows are bars within the day, to which the rules on daily moves do not
    apply.
    """
    if series.daily:
        return []
    text = (
        "bars within the day: checked row by row and for missing sessions, not for moves, volume "
        "and actions"
    )
    return [
        Finding(
            series.symbol, NOWHERE, "intraday_rows", float(len(series)), "info", text
        )
    ]


def _warning(
    series: Series,
    rule: str,
    date: np.datetime64,
    value: float,
    text: str,
) -> Finding:
    return Finding(series.symbol, date, rule, float(value), "warning", text)
