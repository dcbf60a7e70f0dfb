"""When the pipeline computes."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bt_run.data.bars import Bars
from bt_run.data.calendars import exchange_sessions

__all__ = ["Schedule", "period_of", "scheduled"]

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


def period_of(sessions: NDArray[np.datetime64] | np.datetime64, period: str) -> NDArray[np.int64]:
    """Number the period of each session date: session, week (from Monday), month, quarter or year."""
    if period == "session":
        return np.asarray(sessions.astype("datetime64[D]").astype(np.int64))
    if period == "week":
        # day 0 was a Thursday
        return np.asarray((sessions.astype("datetime64[D]").astype(np.int64) + 3) // 7)
    months = sessions.astype("datetime64[M]").astype(np.int64)
    return np.asarray(months // {"month": 1, "quarter": 3, "year": 12}[period])


def scheduled(bars: Bars, schedule: Schedule) -> NDArray[np.bool_]:
    """Return at which bars the pipeline computes, (T,); the first is ``bars.start``, whatever the
    schedule.

    ``month`` and the like are the first bar of each period. ``month_end`` and the like are the
    period's last session by the exchange calendar; when that session has no bar (an unscheduled
    closure), the next one. Whether a bar is scheduled depends on the bars before it and on the
    calendar only.
    """
    count = len(bars)
    due = np.zeros(count, dtype=bool)
    if schedule == "bar":
        due[:] = True
    elif schedule.endswith("_end"):
        ends = _last_sessions(bars, schedule.removesuffix("_end"))
        first = np.searchsorted(bars.sessions, ends, side="left")
        due[first[first < count]] = True
    elif schedule != "once":
        label = period_of(bars.sessions, schedule)
        due[1:] = label[1:] != label[:-1]
    due[: bars.start] = False
    due[bars.start] = True
    return due


def _last_sessions(bars: Bars, period: str) -> NDArray[np.datetime64]:
    """Return the exchange's last session of each period that the bars touch."""
    # a year past the last bar, so that the period it stands in is complete
    sessions = exchange_sessions(
        bars.calendar, bars.sessions[0], bars.sessions[-1] + np.timedelta64(366, "D")
    )
    sessions = sessions[sessions >= bars.sessions[0]]
    label = period_of(sessions, period)
    return np.asarray(sessions[:-1][label[:-1] != label[1:]])
