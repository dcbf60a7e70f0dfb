"""Say how a vectorised signal came to know the future, from which later bars move it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from bt_run.arrays import Array
from bt_run.causality.futures import shaken_at
from bt_run.data.bars import Bars
from bt_run.errors import BtRunError

__all__ = ["OTHER_CAUSES", "Cause", "cause_of_signal"]

PROBES = 8
FAR = 130  # bars; no window looks half a year ahead
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
    whole = evaluate(bars)
    last = len(bars) - 1
    months = bars.sessions.astype("datetime64[M]")
    ends = np.flatnonzero(months[1:] != months[:-1])
    ordinary = {int(k) for k in np.linspace(0.25, 0.8, PROBES) * last} | {
        int(k) for k in ends[len(ends) // 3 :][:3]
    }
    reach = {k: _moved(evaluate, bars, whole, slice(k, k + 1), before=k) for k in sorted(ordinary)}
    moved = {k: rows for k, rows in reach.items() if len(rows)}
    back = (
        np.flatnonzero((bars.present[1:] & ~bars.present[:-1] & (bars.counts[:-1] > 0)).any(axis=1))
        + 1
    )
    if not moved:
        for k in back[:PROBES]:
            rows = _moved(evaluate, bars, whole, slice(k, k + 1), before=int(k))
            if len(rows):
                gap = (~bars.present[rows] & bars.present[k]).any(axis=1)
                return FILL if gap.all() else WINDOW
        return (
            END
            if len(_moved(evaluate, bars, whole, slice(last - 4, last + 1), before=last - 4))
            else LENGTH
        )
    distances = {int(k - row) for k, rows in moved.items() for row in rows}
    if max(distances) > FAR:
        return WHOLE
    if len(distances) == 1:
        (bars_later,) = distances
        return (
            f"a negative shift: the value of {bars_later} bar{'s' * (bars_later > 1)} later",
            f"row t may use row t and earlier ones, not row t + {bars_later}: shift forward "
            "instead",
        )
    days = bars.sessions.astype("datetime64[D]").astype(np.int64)
    for period in ((days + 3) // 7, bars.sessions.astype("datetime64[M]").astype(np.int64)):
        if all((period[rows] == period[k]).all() for k, rows in moved.items()):
            return PERIOD
    return WINDOW


def _moved(
    evaluate: Callable[[Bars], Array], bars: Bars, whole: Array, changed: slice, before: int
) -> NDArray[np.intp]:
    """Return the rows before ``before`` that are others when the bars ``changed`` are doubled, or
    halved.
    """
    out = np.zeros(before, dtype=bool)
    for factor in (2.0, 0.5):
        try:
            rows = evaluate(shaken_at(bars, changed, factor))[:before]
        except BtRunError:
            continue
        with np.errstate(invalid="ignore"):
            other = np.abs(rows - whole[:before]) > 1e-9
        out |= (other | (np.isfinite(rows) != np.isfinite(whole[:before]))).any(axis=1)
    return np.flatnonzero(out)
