"""Coarser bars of a run's own: weeks, months, quarters and years that are over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bt_run.arrays import Array, Indices, read_only
from bt_run.data.bars import FIELDS, Bars
from bt_run.data.calendars import exchange_sessions
from bt_run.data.schedule import first_bars_at_close, last_sessions, period_of

__all__ = ["CompletedPeriods", "Period", "completed_periods", "periods_of"]

Period = Literal["session", "week", "month", "quarter", "year"]


@dataclass(frozen=True)
class CompletedPeriods:
    """Bars of periods that are over, K of them; arrays (K, N), NaN where an asset had no bar.

    Attributes:
        open, high, low, close, volume: of the forward total-return series; the first open, the
            highest high, the lowest low, the last close, the sum of the volumes.
        known: (T,) how many periods are over at each bar of the run: at the close of their last
            scheduled session, or at the next bar where that session has none.
    """

    open: Array
    high: Array
    low: Array
    close: Array
    volume: Array
    known: NDArray[np.int64]

    def at_bars(self, values: Array) -> Array:
        """Return at each bar of the run what the newest completed period says, (K, N) -> (T, N);
        NaN before the first.

        It is causal where row k of ``values`` uses rows up to k only.
        """
        first = np.full((1, values.shape[1]), np.nan)
        rows: Array = np.concatenate([first, values])[self.known]
        return rows


def periods_of(bars: Bars, period: Period) -> CompletedPeriods:
    """Return ``completed_periods`` of bars, made once for all that ask."""
    name = f"completed {period}"
    if name not in bars.derived:
        bars.derived[name] = completed_periods(bars, period)
    found: CompletedPeriods = bars.derived[name]
    return found


def completed_periods(bars: Bars, period: Period) -> CompletedPeriods:
    """Return the periods of ``bars`` that are over, oldest first.

    A period that had begun before the first bar is left out; so is one that is not over at the
    last. What is known at a bar depends on the bars up to it and on the calendar only.
    """
    label, over_at = _periods(bars, period)
    periods = [one for one in np.unique(label) if over_at[one] < len(bars)]
    if periods and not _begins_with_its_first_session(bars, period):
        periods = periods[1:] if periods[0] == label[0] else periods
    made = {name: np.full((len(periods), len(bars.assets)), np.nan) for name in FIELDS}
    for row, one in enumerate(periods):
        first, last = np.searchsorted(label, [one, one + 1])
        for name, values in _bar_of(bars, slice(first, last)).items():
            made[name][row] = values
    ends = np.array([over_at[one] for one in periods], dtype=np.int64)
    known = np.searchsorted(ends, np.arange(len(bars)), side="right")
    columns = {name: read_only(values) for name, values in made.items()}
    return CompletedPeriods(**columns, known=read_only(known.astype(np.int64)))


def _periods(bars: Bars, period: Period) -> tuple[Indices, dict[int, int]]:
    """Return the number of the period of each bar, (T,) and rising, and at which bar each is over.

    A bar behind the end of its period, as on a day that is no session, counts to the next.
    """
    sessions = last_sessions(bars, period)
    at = first_bars_at_close(bars, sessions)
    over_at = dict(zip(period_of(sessions, period).tolist(), at.tolist(), strict=True))
    label = np.array(period_of(bars.sessions, period), dtype=np.int64)
    never = len(bars)
    end = np.array([over_at.get(one, never) for one in label.tolist()])
    label += np.arange(never) > end
    return label, {one: over_at.get(one, never) for one in label.tolist()}


def _bar_of(bars: Bars, rows: slice) -> dict[str, Array]:
    """Return one bar of some rows, (N,) each; NaN where an asset has none."""
    there = bars.present[rows]
    had, every = there.any(axis=0), np.arange(there.shape[1])
    first = np.argmax(there, axis=0)
    last = len(there) - 1 - np.argmax(there[::-1], axis=0)
    volume = np.nansum(np.where(there, bars.volume[rows], np.nan), axis=0)
    return {
        "open": np.where(had, bars.open[rows][first, every], np.nan),
        "high": _extreme(bars.high[rows], there, np.fmax),
        "low": _extreme(bars.low[rows], there, np.fmin),
        "close": np.where(had, bars.close[rows][last, every], np.nan),
        "volume": np.where(had, volume, np.nan),
    }


def _extreme(values: Array, there: NDArray[np.bool_], of: np.ufunc) -> Array:
    """Return the highest or lowest value of each column, (n, N) -> (N,); NaN where none is."""
    found: Array = of.reduce(np.where(there, values, np.nan), axis=0)
    return found


def _begins_with_its_first_session(bars: Bars, period: Period) -> bool:
    """Tell whether the first bar is of the first session of its period."""
    first = bars.sessions[0]
    before = exchange_sessions(bars.calendar, first - np.timedelta64(14, "D"), first)
    earlier = before[before < first]
    if not len(earlier):
        return True
    label = period_of(np.array([earlier[-1], first]), period)
    return bool(label[0] != label[1])
