"""Pictures of a page: arrays become short SVG paths, and ticks that the page writes beside them.

A path is drawn on a grid of WIDTH x HEIGHT that the page stretches to its own size, while labels
stay text. Many points share a pixel: of each pixel column the first, the lowest, the highest and
the last are kept, so no drawdown is lost.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bt_run import Array
from bt_run.arrays import Indices
from bt_run_plugins.page.chart_data import ChartData
from bt_run_plugins.page.ticks import Tick, round_log_values, round_values, tick_text

WIDTH, HEIGHT = 1600, 1000
COLUMNS = 420  # of pixels: half as many as the page draws a picture wide
ROOM = 0.04  # of the range, above and below
LOG_ROOM = 1.03
BAR = 0.8  # of the width of a group

Places = NDArray[np.int_]


@dataclass(frozen=True)
class Shape:
    """A path in the colour ``color``, a CSS class; ``kind`` is line, area, bars or dots."""

    label: str
    color: str
    path: str
    kind: str = "line"


@dataclass(frozen=True)
class Band:
    """A stretch of time that is shaded, from ``left`` to ``right`` on the grid."""

    left: int
    right: int


@dataclass(frozen=True)
class Mark:
    """A word inside a picture, percent from the left and from the top."""

    at: float
    down: float
    text: str


@dataclass(frozen=True)
class End:
    """The value at which a line ends, beside it: percent from the top, and the line's colour."""

    at: float
    text: str
    color: str


@dataclass(frozen=True)
class Chart:
    """A picture: what it shows in words, its shapes and its ticks; a ``low`` one is less high."""

    title: str
    text: str
    shapes: tuple[Shape, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    zero: float | None = None  # percent from the top
    bands: tuple[Band, ...] = ()
    marks: tuple[Mark, ...] = ()
    ends: tuple[End, ...] = ()
    low: bool = False
    data: ChartData | None = None


@dataclass(frozen=True)
class Scale:
    """The way from values to percent from the top, linear or logarithmic."""

    low: float
    high: float
    log: bool = False

    def place(self, values: Array) -> Array:
        """Return percent from the top."""
        low, high, raw = self.low, self.high, values
        with np.errstate(all="ignore"):
            if self.log:
                low, high = math.log(low), math.log(high)
                raw = np.log(values)
            return np.asarray(100.0 * (high - raw) / (high - low))

    def ticks(self, unit: str) -> tuple[Tick, ...]:
        """Return round labels inside the scale."""
        if self.log:
            values = round_log_values(self.low, self.high)
        else:
            values = round_values(self.low, self.high)
        places = self.place(np.array(values))
        step = min(np.diff(sorted(values)), default=1.0)
        ticks = []
        for value, at in zip(values, places.tolist(), strict=True):
            text = tick_text(value, unit, step)
            ticks.append(Tick(round(at, 2), text))
        return tuple(ticks)

    @property
    def floor(self) -> float:
        """Return where zero lies, percent from the top, be it outside the scale."""
        (place,) = self.place(np.zeros(1))
        return float(place)

    @property
    def zero(self) -> float | None:
        """Return where zero lies inside the scale; None where it does not."""
        if self.log or not self.low < 0.0 < self.high:
            return None
        return round(self.floor, 2)


def band(first: int, last: int, count: int) -> Band:
    """Return the stretch from row ``first`` to row ``last`` of ``count`` points."""
    left, right = _across(np.array([first, last]), count).tolist()
    return Band(left, max(right, left + 1))


def spread_ends(ends: Sequence[End], room: float) -> tuple[End, ...]:
    """Return labels from the top down, ``room`` percent apart at least and none below the picture,
    so that none covers another.
    """
    ordered = sorted(ends, key=lambda end: end.at)
    places = [end.at for end in ordered]
    for number in range(1, len(places)):
        places[number] = max(places[number], places[number - 1] + room)
    lowest = 100.0
    for number in reversed(range(len(places))):
        places[number] = min(places[number], lowest)
        lowest = places[number] - room
    return tuple(
        replace(end, at=round(at, 2)) for end, at in zip(ordered, places, strict=True)
    )


def scale_of(
    series: Sequence[Array],
    *,
    zero: bool = False,
    log: bool = False,
) -> Scale:
    """Return the scale that holds all finite values, a little room around them; with ``zero``, zero
    too.
    """
    low, high = _range(series, zero)
    if log:
        return Scale(low / LOG_ROOM, high * LOG_ROOM, log=True)
    if zero and low == high == 0.0:
        return Scale(0.0, 1.0)
    room = ROOM * (high - low) or 0.05 * abs(high) or 0.5
    # what stands on zero, or hangs from it, needs no room there
    stands = zero and low == 0.0
    hangs = zero and high == 0.0
    return Scale(
        low=low if stands else low - room,
        high=high if hangs else high + room,
    )


def reaching(scale: Scale) -> Scale:
    """Return the scale down to the round label below its lowest value."""
    values = round_values(scale.low, scale.high)
    if len(values) < 2:
        return scale
    step = values[1] - values[0]
    low = values[0] if values[0] <= scale.low else values[0] - step
    return replace(scale, low=low)


def _range(series: Sequence[Array], zero: bool) -> tuple[float, float]:
    """Return the lowest and the highest finite value, zero among them if asked for."""
    finite = [values[np.isfinite(values)] for values in series]
    if zero:
        finite.append(np.zeros(1))
    every = np.concatenate([np.zeros(0), *finite])
    if not len(every):
        return 0.0, 1.0
    return float(every.min()), float(every.max())


def kept(values: Array, columns: int = COLUMNS) -> Indices:
    """Return the rows that a line of ``columns`` pixels needs: first, lowest, highest and last of
    each column.
    """
    rows = np.flatnonzero(np.isfinite(values))
    if len(rows) <= 4 * columns:
        return rows
    edges = np.linspace(0, len(rows), columns + 1)
    found = []
    for first, end in pairwise(edges.astype(int).tolist()):
        own = values[rows[first:end]]
        lowest = first + int(own.argmin())
        highest = first + int(own.argmax())
        found += sorted({first, lowest, highest, end - 1})
    return np.asarray(rows[found])


def line(values: Array, scale: Scale, columns: int = COLUMNS) -> str:
    """Return the path of a line through ``values`` (n,), spread evenly from left to right, in a
    picture of ``columns`` pixels.

    Where values are missing the line is broken.
    """
    rows = kept(values, columns)
    x = _across(rows, len(values))
    y = _down(values[rows], scale)
    missing = np.cumsum(~np.isfinite(values))[rows]
    breaks = np.flatnonzero(np.diff(missing)) + 1
    parts = zip(np.split(x, breaks), np.split(y, breaks), strict=True)
    return "".join(_path(one, other) for one, other in parts)


def dots(values: Array, scale: Scale) -> str:
    """Return the path of a dot at each value (n,) that there is, spread evenly from left to
    right.
    """
    rows = np.flatnonzero(np.isfinite(values))
    places = zip(_across(rows, len(values)), _down(values[rows], scale), strict=True)
    return "".join(f"M{x} {y}h0" for x, y in places)


def area(
    upper: Array,
    lower: Array,
    scale: Scale,
) -> str:
    """Return the path around the area between two lines of the same few points."""
    count = len(upper)
    if not count:
        return ""
    x = _across(np.arange(count), count)
    top = _down(upper, scale)
    bottom = _down(lower, scale)
    # to the right along the upper line, and back along the lower
    path = _path(
        np.concatenate([x, x[::-1]]),
        np.concatenate([top, bottom[::-1]]),
    )
    return f"{path}z"


def under(values: Array, scale: Scale, columns: int = COLUMNS) -> str:
    """Return the path around the area between a line and zero, in a picture of ``columns``
    pixels.
    """
    rows = kept(values, columns)
    if not len(rows):
        return ""
    x = _across(rows, len(values))
    y = _down(values[rows], scale)
    floor = _floor(scale)
    path = _path(
        np.array([x[0], *x, x[-1]]),
        np.array([floor, *y, floor]),
    )
    return f"{path}z"


def bars(
    values: Array,
    scale: Scale,
    place: int = 0,
    of: int = 1,
) -> str:
    """Return a path of upright bars, bar ``place`` of ``of`` in each group."""
    group = WIDTH / max(1, len(values))
    wide = max(1, round(group * BAR / of))
    floor = _floor(scale)
    tops = scale.place(values) * (HEIGHT / 100)
    parts = []
    for number, top in enumerate(tops):
        if not np.isfinite(top) or round(top) == floor:
            continue
        left = round(group * (number + 0.1) + place * wide)
        parts.append(f"M{left} {floor}V{round(top)}h{wide}V{floor}z")
    return "".join(parts)


def _across(rows: Indices, count: int) -> Places:
    """Return how far from the left ``rows`` of ``count`` points lie."""
    step = WIDTH / max(1, count - 1)
    return np.asarray(np.rint(rows * step).astype(int))


def _down(values: Array, scale: Scale) -> Places:
    """Return how far from the top values lie."""
    places = scale.place(values) * (HEIGHT / 100)
    return np.asarray(np.rint(places).astype(int))


def _floor(scale: Scale) -> int:
    return round(scale.floor * HEIGHT / 100)


def _path(x: Places, y: Places) -> str:
    """Return a path in relative steps, which are shorter to write."""
    if not len(x):
        return ""
    start = f"M{int(x[0])} {int(y[0])}"
    moves = np.column_stack([np.diff(x), np.diff(y)])
    moves = moves[(moves != 0).any(axis=1)]
    if not len(moves):
        return f"{start}h1"  # a lone point would not be seen
    steps = " ".join(f"{dx} {dy}" for dx, dy in moves.tolist())
    return f"{start}l{steps}".replace(" -", "-")
