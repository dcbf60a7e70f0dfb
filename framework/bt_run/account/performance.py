"""What an account would be worth without contributions and withdrawals."""

from __future__ import annotations

import numpy as np

from bt_run.arrays import Array

__all__ = ["track_record"]


def track_record(nav: Array, flows: Array | None) -> Array:
    """Return what NAVs (n,) would be without the ``flows`` (n,) that came before each bar.

    The return of a bar is nav_t / (nav_{t-1} + flow_t) - 1: what comes before the open earns that
    bar's return. Where a withdrawal takes all there was or more, nothing is left to earn any, and
    the bar's return counts as 0. The flow of the first bar is part of its NAV. Without flows it is
    ``nav`` itself.
    """
    if flows is None or not flows[1:].any():
        return nav
    base = nav[:-1] + flows[1:]
    left = ~(base <= 0.0)
    growth = np.where(left, nav[1:] / np.where(left, base, 1.0), 1.0)
    record: Array = nav[0] * np.cumprod(np.concatenate([[1.0], growth]))
    return record
