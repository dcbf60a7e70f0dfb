"""Pictures of a page: arrays become short SVG paths, and ticks that the page writes beside them.

A path is drawn on a grid of WIDTH x HEIGHT that the page stretches to its own size, while labels
stay text. Many points share a pixel: of each pixel column the first, the lowest, the highest and
the last are kept, so no drawdown is lost.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from bt_run import Array

if TYPE_CHECKING:
    import pandas as pd

WIDTH, HEIGHT = 1600, 1000
COLUMNS = 800  # of pixels: as wide as the page draws a picture


@dataclass(frozen=True)
class Tick:
    """Hold a label at ``at``, percent from the left or from the top; ``spare`` ones are left out on
    a phone.
    """

    at: float
    text: str
    spare: bool = False


@dataclass(frozen=True)
class Shape:
    """Hold a path in the colour ``color``, a CSS class; ``kind`` is line, area or bars."""

    label: str
    color: str
    path: str
    kind: str = "line"


@dataclass(frozen=True)
class Chart:
    """Hold a picture: what it shows in words, its shapes and its ticks."""

    title: str
    text: str
    shapes: tuple[Shape, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    zero: float | None = None  # percent from the top


@dataclass(frozen=True)
class Scale:
    """Map values to percent from the top, linear or logarithmic."""

    low: float
    high: float
    log: bool = False

    def place(self, values: Array) -> Array:
        """Return percent from the top."""
        low, high = (math.log(self.low), math.log(self.high)) if self.log else (self.low, self.high)
        with np.errstate(all="ignore"):
            raw = np.log(values) if self.log else values
            return np.asarray(100.0 * (high - raw) / (high - low))

    def ticks(self, unit: str) -> tuple[Tick, ...]:
        """Return round labels inside the scale."""
        values = _log_steps(self.low, self.high) if self.log else _steps(self.low, self.high)
        places = self.place(np.array(values))
        step = min(np.diff(sorted(values)), default=1.0)
        return tuple(
            Tick(round(float(at), 2), _label(v, unit, step))
            for v, at in zip(values, places, strict=True)
        )

    @property
    def zero(self) -> float | None:
        """Return where zero lies inside the scale."""
        inside = not self.log and self.low < 0.0 < self.high
        return round(float(self.place(np.zeros(1))[0]), 2) if inside else None


def scale_of(series: Sequence[Array], *, zero: bool = False, log: bool = False) -> Scale:
    """Return the scale that holds all finite values, a little room around them; with ``zero``, zero
    too.
    """
    parts = [values[np.isfinite(values)] for values in series]
    every = np.concatenate([*parts, np.zeros(1 if zero else 0)])
    low, high = (float(every.min()), float(every.max())) if len(every) else (0.0, 1.0)
    if log:
        return Scale(low / 1.03, high * 1.03, log=True)
    if zero and low == high == 0.0:
        return Scale(0.0, 1.0)
    room = 0.04 * (high - low) or 0.05 * abs(high) or 0.5
    return Scale(
        low if zero and low == 0.0 else low - room, high if zero and high == 0.0 else high + room
    )


def kept(values: Array, columns: int = COLUMNS) -> np.ndarray[tuple[int], np.dtype[np.intp]]:
    """Return the rows that a line of ``columns`` pixels needs: first, lowest, highest and last of
    each column.
    """
    rows = np.flatnonzero(np.isfinite(values))
    if len(rows) <= 4 * columns:
        return rows
    edges = np.linspace(0, len(rows), columns + 1).astype(int)
    found = []
    for first, end in pairwise(edges.tolist()):
        own = values[rows[first:end]]
        found += sorted({first, first + int(own.argmin()), first + int(own.argmax()), end - 1})
    return rows[found]


def line(values: Array, scale: Scale) -> str:
    """Return the path of a line through ``values`` (n,), spread evenly from left to right."""
    if not len(values):
        return ""
    take = kept(values)
    x = np.rint(take * (WIDTH / max(1, len(values) - 1))).astype(int)
    y = np.rint(scale.place(values[take]) * (HEIGHT / 100)).astype(int)
    return _path(x, y)


def area(upper: Array, lower: Array, scale: Scale) -> str:
    """Return the path around the area between two lines of the same few points."""
    if not len(upper):
        return ""
    x = np.rint(np.arange(len(upper)) * (WIDTH / max(1, len(upper) - 1))).astype(int)
    top, bottom = (np.rint(scale.place(v) * (HEIGHT / 100)).astype(int) for v in (upper, lower))
    return _path(np.concatenate([x, x[::-1]]), np.concatenate([top, bottom[::-1]])) + "z"


def under(values: Array, scale: Scale) -> str:
    """Return the path around the area between a line and zero."""
    if not len(values):
        return ""
    take = kept(values)
    x = np.rint(take * (WIDTH / max(1, len(values) - 1))).astype(int)
    y = np.rint(scale.place(values[take]) * (HEIGHT / 100)).astype(int)
    floor = round(float(scale.place(np.zeros(1))[0]) * HEIGHT / 100)
    return _path(np.array([x[0], *x, x[-1]]), np.array([floor, *y, floor])) + "z"


def bars(values: Array, scale: Scale, place: int = 0, of: int = 1) -> str:
    """Return a path of upright bars, bar ``place`` of ``of`` in each group."""
    group = WIDTH / max(1, len(values))
    wide = max(1, round(group * 0.8 / of))
    floor = round(float(scale.place(np.zeros(1))[0]) * HEIGHT / 100)
    tops = scale.place(values) * (HEIGHT / 100)
    parts = []
    for number, top in enumerate(tops):
        if np.isfinite(top) and round(top) != floor:
            left = round(group * (number + 0.1) + place * wide)
            parts.append(f"M{left} {floor}V{round(top)}h{wide}V{floor}z")
    return "".join(parts)


def date_ticks(index: pd.DatetimeIndex) -> tuple[Tick, ...]:
    """Return labels of dates along points spread evenly from left to right."""
    if len(index) < 2:
        return tuple(Tick(0.0, f"{day:%Y-%m-%d}") for day in index)
    years = (index[-1] - index[0]).days / 365.25
    if years > 2.5:
        key, form = np.asarray(index.year), "%Y"
        step = next(s for s in (1, 2, 5, 10, 20, 50, 100) if years / s <= 11)
        starts = [row for row in _changes(key) if key[row] % step == 0]
    elif years > 0.4:
        key, form = np.asarray(index.year * 12 + index.month - 1), "%b %Y"
        step = next(s for s in (1, 2, 3, 6) if 12 * years / s <= 11)
        starts = [row for row in _changes(key) if key[row] % step == 0]
    else:
        starts, form = list(range(0, len(index), max(1, len(index) // 6))), "%d %b"
    return tuple(
        Tick(
            round(100.0 * row / (len(index) - 1), 2), f"{index[row]:{form}}", spare=number % 2 == 1
        )
        for number, row in enumerate(starts)
    )


def group_ticks(labels: Sequence[str], most: int = 24) -> tuple[Tick, ...]:
    """Return labels in the middle of groups of bars, as many as there is room for."""
    step = max(1, math.ceil(len(labels) / most))
    shown = range(0, len(labels), step)
    thin = max(1, math.ceil(len(shown) / 8))
    return tuple(
        Tick(round(100.0 * (row + 0.5) / len(labels), 2), labels[row], spare=number % thin != 0)
        for number, row in enumerate(shown)
    )


def _path(x: Array, y: Array) -> str:
    """Return a path in relative steps, which are shorter to write."""
    moves = np.column_stack([np.diff(x), np.diff(y)])
    moves = moves[(moves != 0).any(axis=1)]
    steps = " ".join(f"{dx} {dy}" for dx, dy in moves.tolist())
    start = f"M{int(x[0])} {int(y[0])}" if len(x) else ""
    return f"{start}l{steps}".replace(" -", "-") if steps else f"{start}h1" if start else ""


def _changes(key: Array) -> list[int]:
    return [row for row in range(1, len(key)) if key[row] != key[row - 1]]


def _steps(low: float, high: float) -> list[float]:
    """Return four to eight round values inside [low, high]."""
    raw = (high - low) / 5
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(m * power for m in (1, 2, 2.5, 5, 10) if m * power >= raw)
    return [
        round(n * step, 12)
        for n in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)
    ]


def _log_steps(low: float, high: float) -> list[float]:
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for digits in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7)):
        found = [d * 10.0**p for p in powers for d in digits if low <= d * 10.0**p <= high]
        if len(found) >= 4:
            return found
    return _steps(low, high)


def _label(value: float, unit: str, step: float) -> str:
    if unit == "pct":
        return f"{value:z.{_digits(100 * step)}%}"
    if unit == "money":
        for size, name in ((1e9, "bn"), (1e6, "m"), (1e3, "k")):
            if abs(value) >= size:
                return f"{value / size:,.{_digits(step / size)}f}{name}"
    return f"{value:z,.{_digits(step)}f}"


def _digits(step: float) -> int:
    """Return how many decimals tell values apart that are ``step`` apart."""
    return next((d for d in range(5) if abs(step * 10**d - round(step * 10**d)) < 1e-6), 4)
