"""When the pipeline computes."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bt_run.arrays import Indices, Mask, Times
from bt_run.data.bars import Bars
from bt_run.data.calendars import scheduled_closes, sessions_ahead
from bt_run.data.closures import unforeseen_closures

__all__ = [
    "Schedule",
    "first_bars_at_close",
    "last_sessions",
    "period_of",
    "scheduled",
]

Schedule = Literal[
    "once",
    "bar",
    "session",
    "week",
    "month",
    "quarter",
    "year",
    "week_end",
    "month_end",
    "quarter_end",
    "year_end",
]


def period_of(sessions: Times | np.datetime64, period: str) -> NDArray[np.int64]:
    """Number the ``period`` of each of the ``sessions`` (n,), datetime64: session, week (from
    Monday), month, quarter or year. Two dates with one number are in one period.
    """
    if period == "session":
        return np.asarray(sessions.astype("datetime64[D]").astype(np.int64))
    if period == "week":
        # day 0 was a Thursday
        return np.asarray((sessions.astype("datetime64[D]").astype(np.int64) + 3) // 7)
    months = sessions.astype("datetime64[M]").astype(np.int64)
    return np.asarray(months // {"month": 1, "quarter": 3, "year": 12}[period])


def scheduled(bars: Bars, schedule: Schedule) -> Mask:
    """Return at which bars the pipeline computes, (T,); the first is ``bars.start``, whatever the
    schedule.

    ``month`` and the like are the first bar of each period. ``month_end`` and the like are the
    period's last session by the exchange calendar as it was published a week before; when that
    session has no bar (an unforeseen closure), the next one. Of an intraday session it is the last
    bar whose order can still fill before the scheduled close. Whether a bar is scheduled depends on
    the bars before it and on the calendar only.
    """
    count = len(bars)
    due = np.zeros(count, dtype=bool)
    if schedule == "bar":
        due[:] = True
    elif schedule.endswith("_end"):
        first = _first_bars(bars, last_sessions(bars, schedule.removesuffix("_end")))
        due[first[first < count]] = True
    elif schedule != "once":
        label = period_of(bars.sessions, schedule)
        due[1:] = label[1:] != label[:-1]
    due[: bars.start] = False
    due[bars.start] = True
    return due


def last_sessions(bars: Bars, period: str) -> Times:
    """Return the exchange's last session of each period that the bars touch, as it was known."""
    first, last = bars.sessions[0], bars.sessions[-1]
    scheduled_sessions = sessions_ahead(bars.calendar, first, last)
    closures = unforeseen_closures(bars.calendar)
    sessions = np.union1d(
        scheduled_sessions, closures[closures <= scheduled_sessions[-1]]
    )
    sessions = sessions[sessions >= first]
    label = period_of(sessions, period)
    # the last session of the calendar's last year ends every period
    return np.append(sessions[:-1][label[:-1] != label[1:]], sessions[-1:])


def _first_bars(bars: Bars, sessions: Times) -> Indices:
    """Return the bar at which each session's decision is taken; the next one where it has none."""
    if bars.daily:
        return np.searchsorted(bars.sessions, sessions, side="left")
    closes = scheduled_closes(bars.calendar, sessions)
    return np.searchsorted(bars.times, closes - _bar_length(bars), side="left")


def first_bars_at_close(bars: Bars, sessions: Times) -> Indices:
    """Return the first bar at which each of the sessions is over, by its scheduled close; the
    number of bars where none is.
    """
    if bars.daily:
        return np.searchsorted(bars.sessions, sessions, side="left")
    closes = scheduled_closes(bars.calendar, sessions)
    return np.searchsorted(bars.times, closes, side="left")


def _bar_length(bars: Bars) -> np.timedelta64:
    """Return the time from bar to bar in the first session that has several."""
    step = np.diff(bars.times)
    inside = step[bars.sessions[1:] == bars.sessions[:-1]]
    return inside[0] if len(inside) else np.timedelta64(0, "ns")
