"""How long a year is: calendar time between sessions, and how many sessions or bars it holds."""

from __future__ import annotations

import numpy as np

from bt_run.arrays import Array, Times

__all__ = [
    "SESSIONS",
    "bars_per_year",
    "bars_per_year_so_far",
    "sessions_per_year",
    "years_between",
]

DAYS = 365.25
SESSIONS = 252  # of an exchange that rests at weekends, by convention
LONGEST_DAILY_STEP = 3.5  # days; a median step beyond is of weeks, months or years
WEEKENDS = 0.1  # share of sessions on Saturdays and Sundays; above it, weekends trade


def years_between(first: np.datetime64, last: np.datetime64) -> float:
    """Return the calendar time between two sessions, in years of 365.25 days."""
    return float((last - first) / np.timedelta64(1, "D")) / DAYS


def sessions_per_year(sessions: Times) -> int:
    """Return how many of such sessions a year holds; ``sessions`` (n,) of bars, rising, with
    repeats.

    252 where only weekdays trade, 365 where weekends do, and for bars of weeks or longer 365.25
    over the median step.
    """
    days = sessions.astype("datetime64[D]").astype(np.int64)
    steps = np.diff(days)
    starts = days[1:][steps > 0]
    if not len(starts):
        return SESSIONS
    step = float(np.median(steps[steps > 0]))
    if step > LONGEST_DAILY_STEP:
        return max(1, round(DAYS / step))
    weekends = ((starts + 3) % 7 >= 5).mean()  # day 0 of the epoch was a Thursday
    return 365 if weekends > WEEKENDS else SESSIONS


def bars_per_year(sessions: Times) -> float:
    """Return how many of such bars a year holds; ``sessions`` (T,) says to which each belongs.

    The last session counts only where it is the only one: it may not be complete.
    """
    new = np.flatnonzero(sessions[1:] != sessions[:-1]) + 1
    complete = int(new[-1]) if len(new) else len(sessions)
    return sessions_per_year(sessions) * complete / max(1, len(new))


def bars_per_year_so_far(sessions: Times) -> Array:
    """Return ``bars_per_year`` of the bars up to each, (T,): in one pass where bars are daily or
    shorter, since every decision may ask.
    """
    days = sessions.astype("datetime64[D]").astype(np.int64)
    steps = np.diff(days, prepend=days[:1])
    new = steps > 0
    changes = np.cumsum(new)
    starts = np.maximum.accumulate(np.where(new, np.arange(len(days)), 0))
    complete = np.where(changes > 0, starts, np.arange(1, len(days) + 1))
    weekend = np.cumsum(new & ((days + 3) % 7 >= 5))
    per_year = np.where(weekend / np.maximum(1, changes) > WEEKENDS, 365, SESSIONS)
    out: Array = per_year * complete / np.maximum(1, changes)
    short = np.cumsum(new & (steps <= LONGEST_DAILY_STEP))
    for t in np.flatnonzero(2 * short <= changes):  # the median step may be a long one
        out[t] = bars_per_year(sessions[: t + 1])
    return out
