"""How much of an exchange's sessions each symbol has rows for, by month, quarter or year."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bt_run import Array, exchange_sessions

if TYPE_CHECKING:
    import pandas as pd

MONTHS, QUARTERS = 72, 480  # months up to which a cell is a month, then a quarter; beyond, a year


@dataclass(frozen=True)
class Coverage:
    """Hold counts of sessions: ``sessions`` (p,) of the calendar, ``rows`` (n, p) with a row, by
    symbol and period.

    ``unit`` is month, quarter or year. Periods run from the first to the last row of any symbol.
    ``first`` and ``last`` (n,) are dates, ``missing`` (n,) the sessions without a row between the
    two.
    """

    unit: str
    symbols: tuple[str, ...]
    periods: NDArray[np.datetime64]
    sessions: NDArray[np.int64]
    rows: NDArray[np.int64]
    first: NDArray[np.datetime64]
    last: NDArray[np.datetime64]
    missing: NDArray[np.int64]

    @property
    def share(self) -> Array:
        """Return the part of each period's sessions that has a row, (n, p), from 0 to 1."""
        return self.rows / np.maximum(self.sessions, 1)

    @property
    def whole(self) -> NDArray[np.bool_]:
        """Return the symbols (n,) that have a row on every session of all periods."""
        return np.asarray((self.rows == self.sessions).all(axis=1))


def measure_coverage(frames: Mapping[str, pd.DataFrame], calendar: str) -> Coverage:
    """Count rows with a close on the calendar's sessions; symbols are sorted, those without any row
    come along.

    Raises:
        ConfigError: no such calendar.
    """
    symbols = tuple(sorted(frames))
    days = {symbol: _days(frames[symbol]) for symbol in symbols}
    known = [own for own in days.values() if len(own)]
    nothing = np.zeros(0, dtype="datetime64[D]")
    if known:
        start, end = min(own[0] for own in known), max(own[-1] for own in known)
        sessions = exchange_sessions(calendar, start, end)
        sessions = sessions[(sessions >= start) & (sessions <= end)]
    else:
        sessions = nothing
    unit, starts = _periods(sessions)
    periods, at = np.unique(starts, return_inverse=True)
    rows = np.zeros((len(symbols), len(periods)), dtype=np.int64)
    missing = np.zeros(len(symbols), dtype=np.int64)
    for number, symbol in enumerate(symbols):
        have = np.isin(sessions, days[symbol])
        rows[number] = np.bincount(at[have], minlength=len(periods))
        if len(days[symbol]):
            life = (sessions >= days[symbol][0]) & (sessions <= days[symbol][-1])
            missing[number] = int((life & ~have).sum())
    ends = [
        (own[0], own[-1]) if len(own) else (np.datetime64("NaT"), np.datetime64("NaT"))
        for own in days.values()
    ]
    first, last = (np.array([pair[end] for pair in ends], dtype="datetime64[D]") for end in (0, 1))
    counts = np.bincount(at, minlength=len(periods)).astype(np.int64)
    return Coverage(unit, symbols, periods, counts, rows, first, last, missing)


def _days(frame: pd.DataFrame) -> NDArray[np.datetime64]:
    """Return the dates, each once, of the rows with a close."""
    dates = frame.loc[frame["close"].notna(), "date"].to_numpy()
    return np.unique(dates[~np.isnat(dates)].astype("datetime64[D]"))


def _periods(sessions: NDArray[np.datetime64]) -> tuple[str, NDArray[np.datetime64]]:
    """Return month, quarter or year, and the first month of each session's period, datetime64[M]."""
    months = sessions.astype("datetime64[M]")
    span = int((months[-1] - months[0]).astype(np.int64)) + 1 if len(months) else 0
    unit, size = (
        ("month", 1) if span <= MONTHS else ("quarter", 3) if span <= QUARTERS else ("year", 12)
    )
    return unit, ((months.astype(np.int64) // size) * size).astype("datetime64[M]")
