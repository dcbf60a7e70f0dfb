"""When a dated series is older than it should be: its newest row is further back than its step."""

from __future__ import annotations

import numpy as np

from bt_run.arrays import Mask, Times

__all__ = ["overdue", "usual_step"]

LEAST_STEP = 7  # days: a daily series pauses over weekends and holidays
EVEN = 1.5  # a step in ten may be so many times the median one in a regular series, and 3 days


def usual_step(days: Times) -> int | None:
    """Return the days that lie between rows dated ``days`` (n,), rising; None of fewer than two.

    Of a series with steps alike, a holiday or so apart, it is what nine in ten keep to; of one with
    uneven steps, such as the changes of a central bank's rate, the longest.
    """
    if len(days) < 2:
        return None
    steps = np.diff(days.astype("datetime64[D]")).astype(np.int64)
    common = float(np.quantile(steps, 0.9))
    regular = common <= EVEN * float(np.median(steps)) + 3
    return max(LEAST_STEP, int(np.ceil(common)) if regular else int(steps.max()))


def overdue(days: Times, sessions: Times, lag: int = 0, steps: int = 1) -> Mask:
    """Tell at which sessions (T,) the newest row dated ``days`` (n,), rising, is more than
    ``steps`` of its steps old, ``lag`` sessions for its publication apart.
    """
    step = usual_step(days)
    if step is None:
        return np.zeros(len(sessions), dtype=bool)
    dated = days.astype("datetime64[D]")
    row = np.maximum(np.searchsorted(dated, sessions, side="right") - 1, 0)
    age = (sessions.astype("datetime64[D]") - dated[row]).astype(np.int64)
    return np.asarray(age > steps * step + np.ceil(1.4 * lag))  # 7 days are 5 sessions
