"""What an exposure held in one asset alone would have earned: its sleeve.

A decision at the close of bar t is filled at bar t + 1, at its open or at its close, so an exposure
earns nothing before that, and a change of it costs there.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from bt_run.arrays import Array

__all__ = ["sleeve_returns"]


def sleeve_returns(
    exposure: Array,
    closes: Array,
    opens: Array,
    fill: Literal["next_open", "next_close"],
    cost: Array | float = 0.0,
) -> Array:
    """Return the net returns (T, N) of an ``exposure`` (T, N) decided at each close, each asset
    alone, under the run's ``fill``.

    With s_t decided at the close of an asset's own bar t, a cost c of a unit traded, and moves of
    prices g (overnight, from the close before to the open) and d (from the open to the close):

        next_close    (1 + s_{t-2} (close_t / close_{t-1} - 1)) (1 - c |s_{t-1} - s_{t-2}|) - 1
        next_open     (1 + s_{t-2} g_t) (1 - c |s_{t-1} - s_{t-2}|) (1 + s_{t-1} d_t) - 1

    ``closes`` and ``opens`` (T, N) are of the total-return series, NaN where an asset has no bar,
    which is no bar of its own; a NaN exposure is none. ``cost`` (N,) or one for all is a fraction
    of the value traded. The first own bar of an asset has no return, NaN, and so have bars that it
    lacks.
    """
    own = np.isfinite(closes)
    # an asset's own bars last, in their order: no gap is left between them
    order = np.argsort(own, axis=0, kind="stable")
    close = np.take_along_axis(closes, order, axis=0)
    held = np.where(own & np.isfinite(exposure), exposure, 0.0)
    held = np.take_along_axis(held, order, axis=0)
    before, new = _shifted(held, 2), _shifted(held, 1)
    paid = 1.0 - np.asarray(cost) * np.abs(new - before)
    last = _shifted(close, 1, np.nan)
    if fill == "next_close":
        growth = (1.0 + before * (close / last - 1.0)) * paid
    else:
        opened = np.take_along_axis(opens, order, axis=0)
        overnight = 1.0 + before * (opened / last - 1.0)
        growth = overnight * paid * (1.0 + new * (close / opened - 1.0))
    out = np.full(closes.shape, np.nan)
    np.put_along_axis(out, order, growth - 1.0, axis=0)
    return np.where(own, out, np.nan)


def _shifted(rows: Array, n: int, before: float = 0.0) -> Array:
    """Return each row ``n`` rows later, and ``before`` above the first."""
    out = np.full(rows.shape, before)
    out[n:] = rows[:-n] if n < len(rows) else rows[:0]
    return out
