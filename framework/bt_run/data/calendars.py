"""The exchange's own calendar, by exchange_calendars: imported only where a run asks for it."""

from __future__ import annotations

import difflib
import warnings
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bt_run.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["exchange_sessions", "local_dates"]


def exchange_sessions(
    calendar: str, first: np.datetime64, last: np.datetime64
) -> NDArray[np.datetime64]:
    """Return the scheduled sessions of whole years from that of ``first`` to that of ``last``,
    datetime64[D].

    Raises:
        ConfigError: no such calendar.
    """
    return _sessions(calendar, int(str(first)[:4]), int(str(last)[:4]))


@lru_cache(maxsize=8)
def _sessions(calendar: str, first_year: int, last_year: int) -> NDArray[np.datetime64]:
    from exchange_calendars import get_calendar
    from exchange_calendars.errors import InvalidCalendarName

    with warnings.catch_warnings():
        # the library has not caught up with the newest pandas; its answers are right
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            found = get_calendar(calendar, start=f"{first_year}-01-01", end=f"{last_year}-12-31")
        except InvalidCalendarName as error:
            raise ConfigError(_unknown(calendar)) from error
        except ValueError as error:
            raise ConfigError(
                f"data.calendar: {calendar!r} does not reach from {first_year} to {last_year}: "
                f"{error}"
            ) from error
    sessions: NDArray[np.datetime64] = found.sessions.to_numpy().astype("datetime64[D]")
    sessions.flags.writeable = False
    return sessions


def local_dates(calendar: str, times: pd.DatetimeIndex) -> NDArray[np.datetime64]:
    """Return the exchange's local date of each time, datetime64[D]."""
    from exchange_calendars import get_calendar
    from exchange_calendars.errors import InvalidCalendarName

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        try:
            zone = get_calendar(calendar).tz
        except InvalidCalendarName as error:
            raise ConfigError(_unknown(calendar)) from error
    return np.asarray(times.tz_convert(zone).tz_localize(None).to_numpy(), dtype="datetime64[D]")


def _unknown(calendar: str) -> str:
    from exchange_calendars import get_calendar_names

    near = difflib.get_close_matches(calendar, get_calendar_names(), 1)
    hint = f"; did you mean {near[0]!r}?" if near else "; New York is 'XNYS'"
    return f"data.calendar: was {calendar!r}, which exchange_calendars does not know{hint}"
