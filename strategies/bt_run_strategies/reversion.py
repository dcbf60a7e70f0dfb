"""Positions against a deviation: taken far from the mean, left near it, at a stop, or when old."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bt_run import Array
from bt_run.arrays import Mask

__all__ = ["Levels", "against"]


@dataclass(frozen=True)
class Levels:
    """Where positions begin and end, in deviations z.

    Attributes:
        entry: a position is taken where |z| is at least this and below ``stop``.
        exit: it is left where z has come back to this distance.
        stop: it is left where |z| reaches this; None for never.
        most_bars: it is left after so many rows; None for never.
        short: whether positions against a z above 0 are taken as well.
    """

    entry: float
    exit: float
    stop: float | None
    most_bars: int | None
    short: bool


def against(z: Array, levels: Levels, may_enter: Mask) -> Array:
    """Return positions (T, N) in {-1, 0, 1} against deviations z (T, N), row after row.

    After a stop, or a position that grew too old, none is taken on that side until z has come back
    to the exit. Where z is NaN nothing changes. ``may_enter`` (T, N) says where positions may
    begin.
    """
    stop = np.inf if levels.stop is None else levels.stop
    oldest = np.inf if levels.most_bars is None else levels.most_bars
    count = z.shape[1]
    held, age, barred = np.zeros(count), np.zeros(count), np.zeros(count)
    out = np.zeros(z.shape)
    for t, now in enumerate(z):
        known = np.isfinite(now)
        distance = np.where(known, now, 0.0)
        barred[known & (barred * distance >= -levels.exit)] = 0.0
        age = np.where(held != 0.0, age + 1.0, 0.0)
        back = known & (held != 0.0) & (held * distance >= -levels.exit)
        given_up = known & (held != 0.0) & (held * distance <= -stop)
        given_up |= (held != 0.0) & (age >= oldest) & ~back
        barred[given_up] = held[given_up]
        held[back | given_up] = 0.0
        side = -np.sign(distance)
        begins = known & may_enter[t] & (held == 0.0) & ~back & (barred != side)
        begins &= (np.abs(distance) >= levels.entry) & (np.abs(distance) < stop)
        if not levels.short:
            begins &= side > 0.0
        held[begins] = side[begins]
        age[begins] = 0.0
        out[t] = held
    return out
