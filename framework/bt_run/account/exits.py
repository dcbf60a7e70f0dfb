"""Close a holding when its price touches a level. Pure functions on arrays (n,)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bt_run.arrays import Array, Mask
from bt_run.guard import guarded
from bt_run.terms import Exit, Holdings

__all__ = ["Levels", "exit_prices", "nearest_levels"]


@dataclass(frozen=True)
class Levels:
    """The nearest stop and target of each holding (n,), NaN for none, and the names of their
    rules.
    """

    stop: Array
    target: Array
    stop_rule: NDArray[np.object_]
    target_rule: NDArray[np.object_]


def nearest_levels(rules: tuple[tuple[str, Exit], ...], holdings: Holdings) -> Levels:
    """Ask every rule, and keep for each holding the stop and the target that a price reaches
    first.
    """
    side, count = holdings.side, len(holdings.side)
    stop, target = np.full(count, np.nan), np.full(count, np.nan)
    names = [np.full(count, None, dtype=object) for _ in range(2)]
    for name, rule in rules:
        lower, upper = guarded(f"exit {name!r}", _pair, rule, holdings)
        # for a long the highest stop and the lowest target come first; a short is its mirror image
        nearer = np.isfinite(lower) & ~(lower * side <= stop * side)
        stop = np.where(nearer, lower, stop)
        names[0][nearer] = name
        nearer = np.isfinite(upper) & ~(upper * side >= target * side)
        target = np.where(nearer, upper, target)
        names[1][nearer] = name
    return Levels(stop, target, *names)


def _pair(rule: Exit, holdings: Holdings) -> tuple[Array, Array]:
    lower, upper = rule.levels(holdings)
    shape = holdings.side.shape
    if np.shape(lower) != shape or np.shape(upper) != shape:
        raise ValueError(
            f"levels of shape {np.shape(lower)} and {np.shape(upper)}; expected (N,) = {shape} "
            "twice"
        )
    return np.asarray(lower, dtype=np.float64), np.asarray(upper, dtype=np.float64)


def exit_prices(
    side: Array, bar: tuple[Array, Array, Array, Array], levels: Levels
) -> tuple[Array, Mask]:
    """Return the price at which each holding is closed in a bar (n,), NaN for none, and whether by
    its stop.

    ``bar`` is open, high, low, close. A gap is honest: an open beyond a level fills at the open.
    Where a bar touches both levels the stop is taken, since nobody knows which came first. Without
    open, high and low the close stands for them.
    """
    close = bar[3]
    first, high, low = (np.where(np.isnan(field), close, field) for field in bar[:3])
    begin = first * side
    worst, best = (
        np.minimum(high * side, low * side),
        np.maximum(high * side, low * side),
    )
    stop, target = levels.stop * side, levels.target * side
    gapped = (begin <= stop) | (begin >= target)
    stopped = np.where(gapped, begin <= stop, worst <= stop)
    reached = ~stopped & (best >= target)
    price = np.where(
        gapped,
        first,
        np.where(stopped, levels.stop, np.where(reached, levels.target, np.nan)),
    )
    return np.where(np.isnan(close), np.nan, price), stopped
