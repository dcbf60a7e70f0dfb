"""What is done to a solver's weights before they count: bounds that they nearly touch are taken."""

from __future__ import annotations

import numpy as np

from bt_run import Array

__all__ = ["snapped"]

_SNAP = 1e-8


def snapped(
    w: Array,
    lower: Array,
    upper: Array,
    total: float | None,
) -> Array:
    """Snap weights (n,) to bounds that they nearly touch, and give what then misses of ``total`` to
    those between.

    What is given goes to the names in proportion to their room, so that no bound is crossed; None
    asks for no total.
    """
    low = w - lower < _SNAP
    high = upper - w < _SNAP
    w = np.where(low, lower, np.where(high, upper, w))
    if total is None:
        return np.asarray(w)
    missing = total - float(w.sum())
    room = upper - w if missing > 0 else w - lower
    between = (w > lower) & (w < upper)
    room = np.where(between, room, 0.0)
    if not np.isfinite(room).all():
        # without an end there is room for all of it anywhere
        room = np.where(between, 1.0, 0.0)
    share = float(room.sum())
    if share > 0.0:
        w = np.clip(w + missing * room / share, lower, upper)
    return np.asarray(w)
