"""How much of an exchange's sessions each symbol has rows for, by month, quarter or year."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bt_run import Array, exchange_sessions
from bt_run.arrays import Mask, Times

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Counts", "Coverage", "Days", "measure_coverage"]

Days = Times
Counts = NDArray[np.int64]

# months up to which a cell of the picture is a month, and up to which it is a quarter
MONTHS = 72
QUARTERS = 480


@dataclass(frozen=True)
class Coverage:
    """Counts of sessions: ``sessions`` (p,) of the calendar, ``rows`` (n, p) with a row, by symbol
    and period.

    ``unit`` is month, quarter or year. Periods run from the first to the last row of any symbol.
    ``first`` and ``last`` (n,) are dates, ``missing`` (n,) the sessions without a row between the
    two.
    """

    unit: str
    symbols: tuple[str, ...]
    periods: Days
    sessions: Counts
    rows: Counts
    first: Days
    last: Days
    missing: Counts

    @property
    def share(self) -> Array:
        """Return the part of each period's sessions that has a row, (n, p), from 0 to 1."""
        return self.rows / np.maximum(self.sessions, 1)

    @property
    def whole(self) -> Mask:
        """Return the symbols (n,) that have a row on every session of all periods."""
        return np.asarray((self.rows == self.sessions).all(axis=1))


def measure_coverage(frames: Mapping[str, pd.DataFrame], calendar: str) -> Coverage:
    """Count rows with a close on the calendar's sessions; symbols are sorted, those without any row
    come along.

    Raises:
        ConfigError: no such calendar.
    """
    symbols = tuple(sorted(frames))
    days = [_days(frames[symbol]) for symbol in symbols]
    sessions = _sessions(days, calendar)
    unit, starts = _periods(sessions)
    periods, place = np.unique(starts, return_inverse=True)
    rows = np.zeros((len(symbols), len(periods)), dtype=np.int64)
    for number, own in enumerate(days):
        have = np.isin(sessions, own)
        rows[number] = np.bincount(place[have], minlength=len(periods))
    return Coverage(
        unit=unit,
        symbols=symbols,
        periods=periods,
        sessions=np.bincount(place, minlength=len(periods)),
        rows=rows,
        first=_ends(days, 0),
        last=_ends(days, -1),
        missing=np.array([_missing(sessions, own) for own in days], dtype=np.int64),
    )


def _missing(sessions: Days, own: Days) -> int:
    """Return how many sessions between a symbol's first and last row have none."""
    if not len(own):
        return 0
    life = sessions[(sessions >= own[0]) & (sessions <= own[-1])]
    return int((~np.isin(life, own)).sum())


def _days(frame: pd.DataFrame) -> Days:
    """Return the dates, each once, of the rows with a close."""
    dates = frame.loc[frame["close"].notna(), "date"].to_numpy()
    return np.unique(dates[~np.isnat(dates)].astype("datetime64[D]"))


def _sessions(days: Sequence[Days], calendar: str) -> Days:
    """Return the sessions from the first day of any symbol to the last."""
    known = [own for own in days if len(own)]
    if not known:
        return np.zeros(0, dtype="datetime64[D]")
    start = min(own[0] for own in known)
    end = max(own[-1] for own in known)
    sessions = exchange_sessions(calendar, start, end)
    return np.asarray(sessions[(sessions >= start) & (sessions <= end)])


def _ends(days: Sequence[Days], end: int) -> Days:
    """Return one end of each symbol's days, NaT where it has none."""
    dates = np.full(len(days), np.datetime64("NaT"), dtype="datetime64[D]")
    for number, own in enumerate(days):
        if len(own):
            dates[number] = own[end]
    return dates


def _periods(sessions: Days) -> tuple[str, Days]:
    """Return month, quarter or year, and the first month of each session's period, as
    datetime64[M].
    """
    months = sessions.astype("datetime64[M]").astype(np.int64)
    count = int(np.ptp(months)) + 1 if len(months) else 0
    unit, size = _unit(count)
    return unit, (months // size * size).astype("datetime64[M]")


def _unit(months: int) -> tuple[str, int]:
    """Return what a cell of the picture stands for, and how many months that is."""
    if months <= MONTHS:
        return "month", 1
    if months <= QUARTERS:
        return "quarter", 3
    return "year", 12
