"""Whether the rows of a run stand on the sessions of its calendar."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bt_run.arrays import Indices, Mask, Times
from bt_run.data.bars import Bars
from bt_run.data.calendars import known_sessions
from bt_run.data.data_notes import bars_are_daily_or_less
from bt_run.errors import ConfigError, DataError
from bt_run.text import listed

__all__ = ["calendar_notes"]

MOST = 0.02  # of an asset's rows; above it, they are of another calendar or in another zone
FEW = 20  # rows; fewer fit too many exchanges
DAY = np.timedelta64(1, "D")
# exchanges traded on Saturdays once, of which the library knows nothing
LAST_SATURDAY = np.datetime64("1989-12-30")
# XTAE is left out: the library cannot build it
LARGE_EXCHANGES = (
    *(
        "XNYS",
        "XTSE",
        "BVMF",
        "XLON",
        "XPAR",
        "XETR",
        "XSWX",
        "XAMS",
        "XMIL",
        "XMAD",
        "XSTO",
    ),
    *(
        "XCSE",
        "XOSL",
        "XHEL",
        "XJSE",
        "XTKS",
        "XHKG",
        "XSHG",
        "XKRX",
        "XTAI",
        "XSES",
        "XBOM",
    ),
    *("XASX", "24/5", "24/7"),
)


def calendar_notes(bars: Bars) -> tuple[str, ...]:
    """Return a note on the assets with some rows that are no session of the calendar.

    Bars of weeks and months are not held against it: their dates are labels. A file with a row on
    every weekday carries prices over holidays, which is no other calendar.

    Raises:
        DataError: more than 2 % of an asset's rows are none; says what would fit.
    """
    if not bars_are_daily_or_less(bars.times):
        return ()
    odd = _odd(bars.sessions, bars.calendar)
    if not odd.any():
        return ()
    rows = bars.present.sum(axis=0)
    wrong = (bars.present & odd[:, None]).sum(axis=0)
    share = np.where(_every_weekday(bars, wrong), 0.0, wrong / np.maximum(rows, 1))
    worst = int(np.argmax(share))
    if share[worst] > MOST:
        days = bars.sessions[bars.present[:, worst]]
        first = days[_odd(days, bars.calendar)][0]
        raise DataError(
            f"{bars.assets[worst]}: {wrong[worst]} of {rows[worst]} rows are no session of "
            f"{bars.calendar}, the first on {first} ({_weekday(first)}); {_hint(days, bars)}"
        )
    names = [
        f"{bars.assets[column]} ({wrong[column]})" for column in np.flatnonzero(wrong)
    ]
    first = bars.sessions[odd][0]
    return (
        f"rows that are no session of {bars.calendar}, the first on {first} ({_weekday(first)}): "
        f"{listed(names, most=8)}",
    )


def _every_weekday(bars: Bars, wrong: Indices) -> Mask:
    """Tell which assets with wrong rows (N,) have one on each weekday, and on no other day."""
    found = np.zeros(len(bars.assets), dtype=bool)
    for column in np.flatnonzero(wrong):
        days = np.unique(bars.sessions[bars.present[:, column]])
        count = np.busday_count(days[0], days[-1] + DAY)
        found[column] = count == len(days) and np.is_busday(days).all()
    return found


def _odd(days: Times, calendar: str) -> Mask:
    """Tell which days (n,) are no session, as far as the calendar reaches."""
    known = known_sessions(calendar, days[0], days[-1])
    within = (days >= known.first) & (days <= known.last)
    saturday = _weekday_number(days) == 5
    unknown = saturday & (days <= LAST_SATURDAY)
    return np.asarray(within & ~np.isin(days, known.sessions) & ~unknown)


def _hint(days: Times, bars: Bars) -> str:
    """Say what fits: the same days in another zone, or another exchange."""
    for shift, side in (
        (DAY, "later: its times are midnights of a zone east"),
        (-DAY, "earlier: its times are midnights of a zone west"),
    ):
        if _odd(days + shift, bars.calendar).mean() <= MOST / 4:
            return (
                f"each row would be one a day {side} of the one they were read in; set "
                "`timezone` on the source, or the exchange's `calendar`"
            )
    if len(days) < FEW:
        return f"no exchange can be named from {len(days)} rows; correct the dates or `calendar`"
    calendar = _best_calendar(days)
    if calendar is None:
        return "no large exchange has these sessions; correct the dates"
    return f"they fit {calendar}: write `calendar: {calendar}`"


def _best_calendar(days: Times) -> str | None:
    """Return the large exchange that all but a few rows are sessions of, with the fewest sessions
    without a row.
    """
    fits = dict(_misses(days))
    return min(fits, key=lambda name: fits[name]) if fits else None


def _misses(days: Times) -> Iterator[tuple[str, int]]:
    unique = np.unique(days)
    for name in LARGE_EXCHANGES:
        try:
            odd = _odd(unique, name)
            sessions = known_sessions(name, unique[0], unique[-1]).sessions
        except ConfigError:
            continue
        if odd.mean() <= MOST:
            inside = (sessions >= unique[0]) & (sessions <= unique[-1])
            missing = inside & ~np.isin(sessions, unique)
            yield name, int(odd.sum() + missing.sum())


def _weekday_number(days: Times) -> Indices:
    """Return 0 for Monday to 6 for Sunday; day 0 of the epoch was a Thursday."""
    return np.asarray((days.astype("datetime64[D]").astype(np.int64) + 3) % 7)


def _weekday(day: np.datetime64) -> str:
    return f"{day.astype('datetime64[s]').item():%A}"
