"""When sessions open and close, by exchange_calendars: for the ends of intraday bars and for days
not yet over.
"""

from __future__ import annotations

import re
import warnings
from datetime import date, datetime, timedelta
from functools import lru_cache
from types import MappingProxyType

import numpy as np

from bt_run import DataError, exchange_sessions
from bt_run.arrays import Times, read_only

__all__ = ["bar_ends", "is_intraday", "last_finished", "session_hours"]

_SECONDS = MappingProxyType({"m": 60, "h": 3600})
_LONGEST_BREAK = np.timedelta64(15, "D")  # no exchange stays closed for longer


def is_intraday(interval: str) -> bool:
    """Say whether bars are shorter than a day: 5m, 1h, but not 1d, 1wk, 1mo."""
    return interval[-1] in _SECONDS


def bar_length(interval: str) -> np.timedelta64:
    """Return how long an intraday bar is.

    Raises:
        DataError: it is not a number of minutes or hours.
    """
    found = re.fullmatch(r"([0-9]+)([mh])", interval)
    if found is None:
        raise DataError(
            f"interval was {interval!r}; expected minutes or hours, such as 5m or 1h"
        )
    count, unit = int(found[1]), found[2]
    return np.timedelta64(count * _SECONDS[unit], "s")


def bar_ends(starts: Times, interval: str, calendar: str) -> Times:
    """Return the ends (n,) of intraday bars that start at ``starts`` (n,), both datetime64[ns] in
    UTC.

    A bar ends one interval after its start, or with its session when that is over sooner.
    """
    ends = starts + bar_length(interval)
    if not len(starts):
        return ends
    opens, closes = session_hours(calendar, starts.min(), starts.max())
    session = np.searchsorted(opens, starts, side="right") - 1
    close = closes[np.maximum(session, 0)]
    inside = (session >= 0) & (starts < close)
    return np.where(inside, np.minimum(ends, close), ends)


def session_hours(
    calendar: str,
    first: np.datetime64,
    last: np.datetime64,
) -> tuple[Times, Times]:
    """Return the opens and closes (m,) of the sessions of whole years around two times,
    datetime64[ns] in UTC.

    Raises:
        ConfigError: no such calendar.
    """
    # refuses a calendar that is not known, with the nearest that is
    exchange_sessions(calendar, first, last)
    return _hours(calendar, _year(first), _year(last))


def _year(time: np.datetime64) -> int:
    return int(str(time)[:4])


@lru_cache(maxsize=8)
def _hours(
    calendar: str,
    first_year: int,
    last_year: int,
) -> tuple[Times, Times]:
    from exchange_calendars import get_calendar

    with warnings.catch_warnings():
        # the library has not caught up with the newest pandas; its answers are right
        warnings.simplefilter("ignore", DeprecationWarning)
        found = get_calendar(
            calendar,
            start=f"{first_year}-01-01",
            end=f"{last_year}-12-31",
        )
        opens = found.opens.dt.tz_localize(None).to_numpy()
        closes = found.closes.dt.tz_localize(None).to_numpy()
    return read_only(opens.astype("datetime64[ns]")), read_only(
        closes.astype("datetime64[ns]")
    )


def last_finished(end: date, now: datetime, calendar: str) -> date:
    """Return the last day up to ``end`` of which the prices are known: sessions that are over by
    ``now`` (UTC).

    Days before yesterday are over everywhere; only then is the calendar not needed.
    """
    if end < now.date() - timedelta(days=1):
        return end
    moment = np.datetime64(now.replace(tzinfo=None), "ns")
    earlier = moment - _LONGEST_BREAK
    _, closes = session_hours(calendar, earlier, moment)
    sessions = exchange_sessions(calendar, earlier, moment)
    over = sessions[(closes <= moment) & (sessions <= np.datetime64(end, "D"))]
    last: date = over[-1].astype(object)
    return last
