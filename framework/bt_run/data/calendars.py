"""The exchange's own calendar, by exchange_calendars: imported only where a run asks for it."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bt_run.arrays import read_only
from bt_run.errors import ConfigError
from bt_run.text import nearest

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["between_sessions", "exchange_sessions", "is_daily", "local_dates", "session_dates"]


def exchange_sessions(
    calendar: str, first: np.datetime64, last: np.datetime64
) -> NDArray[np.datetime64]:
    """Return the scheduled sessions of the years of ``first`` to ``last``, datetime64[D].

    Raises:
        ConfigError: no such calendar.
    """
    return _sessions(calendar, int(str(first)[:4]), int(str(last)[:4]))


def is_daily(times: NDArray[np.datetime64]) -> bool:
    """Tell whether all bars (T,) carry a date alone: then each is a whole session."""
    return bool((times == times.astype("datetime64[D]")).all())


def session_dates(times: NDArray[np.datetime64], calendar: str) -> NDArray[np.datetime64]:
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
    times: NDArray[np.datetime64], calendar: str, first: date | None, last: date
) -> NDArray[np.bool_]:
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


def local_dates(calendar: str, times: pd.DatetimeIndex) -> NDArray[np.datetime64]:
    """Return the exchange's local date of each time, datetime64[D].

    Raises:
        ConfigError: no such calendar.
    """
    local = times.tz_convert(_zone(calendar)).tz_localize(None)
    return np.asarray(local.to_numpy(), dtype="datetime64[D]")


def _midnight(calendar: str, day: date) -> np.datetime64:
    """Return the exchange's midnight at which a day begins, in UTC."""
    import pandas as pd

    local = pd.Timestamp(day).tz_localize(
        _zone(calendar), ambiguous=True, nonexistent="shift_forward"
    )
    return np.datetime64(local.tz_convert("UTC").tz_localize(None), "ns")


@lru_cache(maxsize=8)
def _sessions(calendar: str, first_year: int, last_year: int) -> NDArray[np.datetime64]:
    from exchange_calendars import get_calendar

    start, end = f"{first_year}-01-01", f"{last_year}-12-31"
    with _own_errors(calendar):
        try:
            found = get_calendar(calendar, start=start, end=end)
        except ValueError as error:
            raise ConfigError(
                f"data.calendar: {calendar!r} does not reach from {first_year} to {last_year}: "
                f"{error}"
            ) from error
    sessions: NDArray[np.datetime64] = found.sessions.to_numpy().astype("datetime64[D]")
    return read_only(sessions)


@lru_cache(maxsize=8)
def _zone(calendar: str) -> Any:
    from exchange_calendars import get_calendar

    with _own_errors(calendar):
        return get_calendar(calendar).tz


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
            near = nearest(calendar, get_calendar_names())
            hint = f"did you mean {near!r}?" if near else "New York is 'XNYS'"
            raise ConfigError(
                f"data.calendar: was {calendar!r}, which exchange_calendars does not know; {hint}"
            ) from error
