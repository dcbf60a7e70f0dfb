"""Choose the bars after which the future is taken away: after the warm-up, around signals and gaps,
at random.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bt_run.arrays import Array
from bt_run.data.bars import Bars

__all__ = ["choose_dates", "first_signal"]


def first_signal(rows: Array) -> int | None:
    """Return the first row of signals (T, N) that says anything but nothing: a finite value that is
    not 0.
    """
    alive = (np.isfinite(rows) & (rows != 0.0)).any(axis=1)
    return int(np.argmax(alive)) if alive.any() else None


def choose_dates(
    bars: Bars, due: NDArray[np.bool_], rows: Array, count: int, seed: int
) -> tuple[int, ...]:
    """Return ``count`` decision bars, sorted; fewer when there are not so many.

    A third lie where the signals (T, N) change, a third just before an asset's missing bars come
    back or a week or month ends, the rest anywhere after the first signal.
    """
    first = first_signal(rows)
    due = due.copy()
    due[: max(bars.start, first or 0)] = False
    due[-2:] = False  # something must be left to take away
    candidates = np.flatnonzero(due)
    rng = np.random.default_rng(seed)
    known = np.nan_to_num(rows, nan=-9.0)
    moves = np.append(
        (known[1:] != known[:-1]).any(axis=1), False
    )  # the next bar's signal is another one
    back = bars.present & ~np.vstack([bars.present[:1], bars.present[:-1]])
    gaps = np.append(back[1:].any(axis=1), False)
    weeks = (bars.sessions.astype("datetime64[D]").astype(np.int64) + 3) // 7
    middle = np.append(weeks[1:] == weeks[:-1], False)  # a period is under way
    wanted = (
        candidates[moves[candidates]],
        candidates[gaps[candidates]],
        candidates[middle[candidates]],
    )
    chosen: set[int] = set()
    for group, share in zip(wanted, (count // 3, count // 6, count // 6), strict=True):
        free = np.setdiff1d(group, list(chosen))
        chosen |= {int(t) for t in rng.permutation(free)[:share]}
    free = np.setdiff1d(candidates, list(chosen))
    # the rest: one from each stretch of equal length, so that no part of the run is left out
    for stretch in np.array_split(free, max(1, min(count - len(chosen), len(free)))):
        if len(stretch) and len(chosen) < count:
            chosen.add(int(rng.choice(stretch)))
    return tuple(sorted(chosen))
