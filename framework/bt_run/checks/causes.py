"""Say how a vectorised signal came to know the future, from which later bars move it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from bt_run.arrays import Array, Indices
from bt_run.causality.futures import shaken_at
from bt_run.data.bars import Bars
from bt_run.data.schedule import period_of
from bt_run.errors import BtRunError

__all__ = ["OTHER_CAUSES", "Cause", "cause_of_signal"]

PROBES = 8
FAR = 130  # bars; no window looks half a year ahead
TOLERANCE = 1e-9  # of a signal; below it a row has not moved
Cause = tuple[str, str]  # what happened, and how to fix it
LENGTH: Cause = (
    "the value depends on how many bars there are, or on which assets still have one at the end",
    "count from the first bar, look at row t only, and draw random numbers row by row",
)
WHOLE: Cause = (
    "a statistic over all data: a scaler, a fit, a rank, a spectrum, a choice of assets made at "
    "the end",
    "use expanding or rolling windows, or refit at set dates on the rows before them",
)
END: Cause = (
    "the end of the data is read: the last row, or which assets still have one",
    "read row t and earlier rows only; `bars.present[-1]` and `close[-1]` belong to the last day",
)
WINDOW: Cause = (
    "a window that reaches ahead: a centred mean, a filter run both ways, a local low, a label "
    "over the next bars",
    "end every window at its own row (center=False), and shift labels until they are known",
)
PERIOD: Cause = (
    "the value of a whole week or month stands on its earlier days: a resample or groupby label",
    "label each period by its end and join it from the next bar on",
)
FILL: Cause = (
    "a gap is filled from the price after it (bfill, interpolate)",
    "fill forward only, or count each asset's own bars: bars.own_bars()",
)
OTHER_CAUSES: Mapping[str, Cause] = MappingProxyType(
    {
        "stateful": (
            "the component reads past `state.history`: a private attribute, a file, a global or a "
            "cache",
            "use what `state` offers; it ends at the current bar",
        ),
        "classic": (
            "a Backtrader strategy reads line[k] with k > 0, or a feed before its first bar, "
            "which shows its last one",
            "read line[0] and line[-k] only, and check len(data) before reading a feed",
        ),
        "fill": (
            "the fill at the open of a bar is priced with that bar's close, high, low or volume",
            "price it from the open and from bars before it",
        ),
        "source": (
            "the source gives other prices for the same days when the data end earlier: adjusted "
            "from the end",
            "adjust forward from the first bar, as `assemble_bars` does",
        ),
    }
)


def cause_of_signal(evaluate: Callable[[Bars], Array], bars: Bars) -> Cause:
    """Return the likely cause of ``evaluate(bars)``, (T, N), knowing later bars.

    Single bars are changed, one at a time: the earlier rows that move, and how far back they lie,
    tell shifts from windows, periods, filled gaps, and statistics of everything.
    """
    probe = _Probe(evaluate, bars, evaluate(bars))
    moved = {}
    for bar in _ordinary_bars(bars):
        rows = probe.moved_by(bar)
        if len(rows):
            moved[bar] = rows
    if not moved:
        return _cause_at_gaps_and_ends(probe)
    distances = {int(bar - row) for bar, rows in moved.items() for row in rows}
    if max(distances) > FAR:
        return WHOLE
    if len(distances) == 1:
        return _shift(distances.pop())
    weeks = period_of(bars.sessions, "week")
    months = period_of(bars.sessions, "month")
    for period in (weeks, months):
        if all((period[rows] == period[bar]).all() for bar, rows in moved.items()):
            return PERIOD
    return WINDOW


@dataclass(frozen=True)
class _Probe:
    """Signals on some bars, to be compared with those on bars of which a few are changed."""

    evaluate: Callable[[Bars], Array]
    bars: Bars
    whole: Array

    def moved_by(self, first: int, last: int | None = None) -> Indices:
        """Return the rows before ``first`` that move when the bars to ``last`` are doubled or
        halved.
        """
        changed = slice(first, (first if last is None else last) + 1)
        before = self.whole[:first]
        out = np.zeros(first, dtype=bool)
        for factor in (2.0, 0.5):
            try:
                rows = self.evaluate(shaken_at(self.bars, changed, factor))[:first]
            except BtRunError:
                continue
            with np.errstate(invalid="ignore"):
                differs = np.abs(rows - before) > TOLERANCE
            differs |= np.isfinite(rows) != np.isfinite(before)
            out |= differs.any(axis=1)
        return np.flatnonzero(out)


def _ordinary_bars(bars: Bars) -> list[int]:
    """Return bars spread over the run, and some that end a month."""
    last = len(bars) - 1
    spread = {int(bar) for bar in np.linspace(0.25, 0.8, PROBES) * last}
    months = period_of(bars.sessions, "month")
    ends = np.flatnonzero(months[1:] != months[:-1])
    return sorted(spread | {int(bar) for bar in ends[len(ends) // 3 :][:3]})


def _cause_at_gaps_and_ends(probe: _Probe) -> Cause:
    """Return the cause where no ordinary bar moves an earlier row."""
    bars = probe.bars
    begun = bars.counts[:-1] > 0
    comes_back = bars.present[1:] & ~bars.present[:-1] & begun
    back = np.flatnonzero(comes_back.any(axis=1)) + 1
    for bar in back[:PROBES]:
        rows = probe.moved_by(int(bar))
        if len(rows):
            in_a_gap = (~bars.present[rows] & bars.present[bar]).any(axis=1)
            return FILL if in_a_gap.all() else WINDOW
    last = len(bars) - 1
    return END if len(probe.moved_by(last - 4, last)) else LENGTH


def _shift(later: int) -> Cause:
    bars = "bar" if later == 1 else "bars"
    return (
        f"a negative shift: the value of {later} {bars} later",
        f"row t may use row t and earlier ones, not row t + {later}: shift forward instead",
    )
