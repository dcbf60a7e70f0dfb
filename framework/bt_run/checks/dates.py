"""The bars after which the future is taken away."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from bt_run.arrays import Array, Indices, Mask
from bt_run.causality.rare_events import rare_bars, spread
from bt_run.data.bars import Bars
from bt_run.data.schedule import period_of

__all__ = ["choose_cuts", "choose_dates", "first_signal"]

NOT_A_SIGNAL = -9.0  # stands for NaN where only changes matter


def first_signal(rows: Array) -> int | None:
    """Return the first row of signals (T, N) that holds a finite value other than 0."""
    alive = (np.isfinite(rows) & (rows != 0.0)).any(axis=1)
    return int(np.argmax(alive)) if alive.any() else None


def choose_dates(
    bars: Bars, due: Mask, rows: Array, count: int, seed: int
) -> tuple[int, ...]:
    """Return ``count`` decision bars, sorted; fewer when there are not so many.

    A third lie where the signals (T, N) change, a sixth just before an asset's missing bars come
    back, a sixth inside a week, the rest anywhere after the first signal.
    """
    rng = np.random.default_rng(seed)
    candidates = _candidates(bars, due, rows)
    kinds = (
        (_signal_changes(rows), count // 3),
        (_bars_come_back(bars), count // 6),
        (_week_goes_on(bars), count // 6),
    )
    chosen: set[int] = set()
    for before, share in kinds:
        free = np.setdiff1d(candidates[before[candidates]], list(chosen))
        chosen |= {int(t) for t in rng.permutation(free)[:share]}
    free = np.setdiff1d(candidates, list(chosen))
    # one from each stretch of equal length, so that no part of the run is left out
    stretches = max(1, min(count - len(chosen), len(free)))
    for stretch in np.array_split(free, stretches):
        if len(stretch) and len(chosen) < count:
            chosen.add(int(rng.choice(stretch)))
    return tuple(sorted(chosen))


def choose_cuts(
    bars: Bars, rows: Array, count: int, seed: int, without: Iterable[int]
) -> tuple[int, ...]:
    """Return up to ``count`` further bars at which signals (T, N) alone are compared, sorted.

    Half lie beside rare events (listings, actions, gaps, ends of periods), a quarter where the
    signals change, the rest anywhere after the first signal; none is one of ``without``.
    """
    rng = np.random.default_rng([seed, 2])
    free = _candidates(bars, np.ones(len(bars), dtype=bool), rows)
    free = np.setdiff1d(free, list(without))
    kinds = rare_bars(bars)
    chosen: set[int] = set()
    for kind in kinds:
        left = np.setdiff1d(np.intersect1d(kind, free), list(chosen))
        chosen |= {int(t) for t in spread(left, max(1, count // (2 * len(kinds))))}
    changes = np.setdiff1d(free[_signal_changes(rows)[free]], list(chosen))
    chosen |= {int(t) for t in rng.permutation(changes)[: count // 4]}
    rest = np.setdiff1d(free, list(chosen))
    chosen |= {int(t) for t in rng.permutation(rest)[: max(0, count - len(chosen))]}
    return tuple(sorted(chosen))


def _candidates(bars: Bars, due: Mask, rows: Array) -> Indices:
    """Return the decision bars after the first signal with something left to take away."""
    first = first_signal(rows) or 0
    due = due.copy()
    due[: max(bars.start, first)] = False
    due[-2:] = False
    return np.flatnonzero(due)


def _signal_changes(rows: Array) -> Mask:
    """Return the bars whose next bar has another signal, (T,)."""
    known = np.nan_to_num(rows, nan=NOT_A_SIGNAL)
    return np.append((known[1:] != known[:-1]).any(axis=1), False)


def _bars_come_back(bars: Bars) -> Mask:
    """Return the bars before an asset has a bar again, (T,)."""
    back = bars.present[1:] & ~bars.present[:-1]
    return np.append(back.any(axis=1), False)


def _week_goes_on(bars: Bars) -> Mask:
    """Return the bars whose next bar is in the same week, (T,)."""
    weeks = period_of(bars.sessions, "week")
    return np.append(weeks[1:] == weeks[:-1], False)
