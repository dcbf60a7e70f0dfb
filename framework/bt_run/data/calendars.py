"""The exchange's own calendar, by exchange_calendars: imported only where a run asks for it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from bt_run.arrays import Mask, Times, read_only
from bt_run.errors import ConfigError
from bt_run.text import nearest

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "between_sessions",
    "calendar_zone",
    "exchange_sessions",
    "is_daily",
    "known_sessions",
    "local_dates",
    "scheduled_closes",
    "scheduled_opens",
    "session_dates",
    "sessions_ahead",
]

_YEAR, _DAY = "datetime64[Y]", "datetime64[D]"

SHOWN = 200  # characters of the library's own words
# calendars of the country of an exchange that the library does not know
NEIGHBOURS = MappingProxyType(
    {"XNSE": "XBOM", "NSE": "XBOM", "XNAS": "XNYS", "XNGS": "XNYS"}
)


def exchange_sessions(
    calendar: str, first: np.datetime64, last: np.datetime64
) -> Times:
    """Return the sessions (n,), datetime64[D], of a ``calendar`` such as XNYS: those of the whole
    years of ``first`` to ``last``.

    Raises:
        ConfigError: no such calendar, or it does not reach from ``first`` to ``last``.
    """
    sessions = sessions_ahead(calendar, first, last)
    inside = sessions.astype(_YEAR) <= np.datetime64(last).astype(_YEAR)
    return np.asarray(sessions[inside])


def sessions_ahead(calendar: str, first: np.datetime64, last: np.datetime64) -> Times:
    """Return the sessions of the years of ``first`` to ``last`` and of the year after.

    That year is there where the calendar reaches so far: the periods that ``last`` stands in are
    complete then.

    Raises:
        ConfigError: no such calendar, or it does not reach from ``first`` to ``last``.
    """
    return _calendar(calendar, str(first), str(last)).sessions


def scheduled_closes(calendar: str, sessions: Times) -> Times:
    """Return the close that was scheduled for each session, in UTC; early closes included.

    A session that the calendar does not know (an unforeseen closure) closes as the one before it
    did, by the exchange's clock.
    """
    if not len(sessions):
        return np.array([], dtype="datetime64[ns]")
    known = _calendar(calendar, str(sessions[0]), str(sessions[-1]))
    return _moved(known, known.closes, sessions)


def scheduled_opens(calendar: str, sessions: Times) -> Times:
    """Return the open that was scheduled for each session, in UTC; as ``scheduled_closes``."""
    if not len(sessions):
        return np.array([], dtype="datetime64[ns]")
    known = _calendar(calendar, str(sessions[0]), str(sessions[-1]))
    return _moved(known, known.opens, sessions)


def _moved(known: _Calendar, times: Times, sessions: Times) -> Times:
    """Return the ``times`` of known sessions at ``sessions``, of an unknown one those of the one
    before it.
    """
    at = np.maximum(np.searchsorted(known.sessions, sessions, side="right") - 1, 0)
    shift = (sessions - known.sessions[at]).astype("timedelta64[ns]")
    return np.asarray(times[at] + shift)


def is_daily(times: Times) -> bool:
    """Tell whether all bars (T,) carry a date alone: then each is a whole session."""
    return bool((times == times.astype("datetime64[D]")).all())


def session_dates(times: Times, calendar: str) -> Times:
    """Return the session to which each bar belongs, (T,) datetime64[D].

    A daily bar carries its session's date. An intraday bar belongs to the exchange's local date at
    its end; one that ends at midnight belongs to the day before.

    Raises:
        ConfigError: no such calendar.
    """
    import pandas as pd

    if is_daily(times):
        return times.astype("datetime64[D]")
    inside = pd.DatetimeIndex(times, tz="UTC") - np.timedelta64(1, "s")
    return local_dates(calendar, inside)


def between_sessions(
    times: Times, calendar: str, first: date | None, last: date
) -> Mask:
    """Tell which bars (T,) belong to sessions from ``first`` (None: any) to ``last``.

    Raises:
        ConfigError: no such calendar.
    """
    if is_daily(times):
        days = times.astype("datetime64[D]")
        keep = days <= np.datetime64(last, "D")
        return keep if first is None else keep & (days >= np.datetime64(first, "D"))
    keep = times <= _midnight(calendar, last + timedelta(days=1))
    return keep if first is None else keep & (times > _midnight(calendar, first))


def local_dates(calendar: str, times: pd.DatetimeIndex) -> Times:
    """Return the local date of each of the ``times`` (n,), datetime64[D], at the exchange whose
    ``calendar`` it is.

    Raises:
        ConfigError: no such calendar.
    """
    local = times.tz_convert(calendar_zone(calendar)).tz_localize(None)
    return np.asarray(local.to_numpy(), dtype="datetime64[D]")


def _midnight(calendar: str, day: date) -> np.datetime64:
    """Return the exchange's midnight at which a day begins, in UTC."""
    import pandas as pd

    local = pd.Timestamp(day).tz_localize(
        calendar_zone(calendar), ambiguous=True, nonexistent="shift_forward"
    )
    return np.datetime64(local.tz_convert("UTC").tz_localize(None), "ns")


@dataclass(frozen=True)
class KnownSessions:
    """Sessions (n,), datetime64[D], and the first and last day between which all are known."""

    sessions: Times
    first: np.datetime64
    last: np.datetime64


def known_sessions(
    calendar: str, first: np.datetime64, last: np.datetime64
) -> KnownSessions:
    """Return the sessions of the years of ``first`` to ``last``, as far as the calendar reaches.

    Raises:
        ConfigError: no such calendar.
    """
    begin, end = f"{str(first)[:4]}-01-01", f"{str(last)[:4]}-12-31"
    whole = _years(calendar, int(begin[:4]), int(end[:4]) + 1)
    if (
        whole is not None
    ):  # nobody need ask how far it reaches: that would build another one
        return KnownSessions(whole.sessions, np.datetime64(begin), np.datetime64(end))
    lower, upper = _bounds(calendar)
    begin, end = max(begin, lower), min(end, upper)
    if begin > end:
        return KnownSessions(
            np.array([], _DAY), np.datetime64(end), np.datetime64(begin)
        )
    sessions = _calendar(calendar, begin, end).sessions
    return KnownSessions(sessions, np.datetime64(begin), np.datetime64(end))


@lru_cache(maxsize=32)
def _bounds(calendar: str) -> tuple[str, str]:
    """Return the first and the last day that a calendar can be asked for."""
    from exchange_calendars import get_calendar

    with _own_errors(calendar), _building(calendar):
        kind = type(get_calendar(calendar))
    lower, upper = kind.bound_min(), kind.bound_max()
    return (
        str(lower.date()) if lower is not None else "0001-01-01",
        str(upper.date()) if upper is not None else "9999-12-31",
    )


@dataclass(frozen=True)
class _Calendar:
    """Sessions (n,), datetime64[D], and their opens and closes in UTC."""

    sessions: Times
    opens: Times
    closes: Times


def _calendar(name: str, first: str, last: str) -> _Calendar:
    first_year, last_year = int(first[:4]), int(last[:4])
    found = _years(name, first_year, last_year + 1)
    if found is None:
        found = _within_reach(name, first, last)
    return found


@lru_cache(maxsize=8)
def _years(name: str, first_year: int, last_year: int) -> _Calendar | None:
    """Return whole years of a calendar; None where it does not reach that far."""
    from exchange_calendars import get_calendar

    with _own_errors(name):
        try:
            found = get_calendar(
                name, start=f"{first_year}-01-01", end=f"{last_year}-12-31"
            )
        except ValueError:
            return None
    return _of(found)


@lru_cache(maxsize=8)
def _within_reach(name: str, first: str, last: str) -> _Calendar:
    """Return what a calendar has around ``first`` to ``last``."""
    from exchange_calendars import get_calendar

    lower, upper = _bounds(name)
    begin = max(f"{first[:4]}-01-01", lower)
    end = min(f"{int(last[:4]) + 1}-12-31", upper)
    if begin <= first[:10] and last[:10] <= end:
        with _own_errors(name), _building(name):
            return _of(get_calendar(name, start=begin, end=end))
    raise ConfigError(
        f"data.calendar: {name!r} reaches from {begin} to {end}, but the data reach from "
        f"{first[:10]} to {last[:10]}; end them earlier, or take a newer exchange_calendars"
    )


def _of(found: Any) -> _Calendar:
    opens, closes = (
        column.dt.tz_localize(None).to_numpy().astype("datetime64[ns]")
        for column in (found.opens, found.closes)
    )
    sessions = found.sessions.to_numpy().astype("datetime64[D]")
    return _Calendar(read_only(sessions), read_only(opens), read_only(closes))


@lru_cache(maxsize=8)
def calendar_zone(calendar: str) -> Any:
    """Return the time zone of the exchange whose ``calendar`` it is, such as XNYS.

    Raises:
        ConfigError: no such calendar.
    """
    from exchange_calendars import get_calendar

    with _own_errors(calendar):
        return get_calendar(calendar).tz


@contextmanager
def _building(calendar: str) -> Iterator[None]:
    """Turn the library's failure with a calendar of its own into ours."""
    try:
        yield
    except ValueError as error:
        text = str(error)
        shown = text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
        raise ConfigError(
            f"data.calendar: exchange_calendars cannot build {calendar!r}: {shown}"
        ) from error


@contextmanager
def _own_errors(calendar: str) -> Iterator[None]:
    """Turn the library's error for an unknown name into ours."""
    from exchange_calendars import get_calendar_names
    from exchange_calendars.errors import InvalidCalendarName

    with warnings.catch_warnings():
        # the library has not caught up with the newest pandas; its answers are right
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            yield
        except InvalidCalendarName as error:
            near = NEIGHBOURS.get(calendar.upper()) or _same_letters(
                calendar, get_calendar_names()
            )
            hint = f"did you mean {near!r}?" if near else "New York is 'XNYS'"
            raise ConfigError(
                f"data.calendar: was {calendar!r}, which exchange_calendars does not know; {hint}"
            ) from error


def _same_letters(calendar: str, known: list[str]) -> str | None:
    """Return a name with letters more or fewer: another letter would be another country."""
    wanted = calendar.upper()
    near = nearest(wanted, known)
    return near if near and (near in wanted or wanted in near) else None
