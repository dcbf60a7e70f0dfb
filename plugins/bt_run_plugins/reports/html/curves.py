"""The curves of a page: which NAVs a run has, and what they are called and coloured everywhere."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from bt_run import Array
from bt_run.arrays import Times
from bt_run.results.metric_definitions import COLUMNS
from bt_run_plugins.page.chart_data import ChartData, Series
from bt_run_plugins.page.svg import End, Scale, Shape, line, spread_ends

if TYPE_CHECKING:
    import pandas as pd

ROOM = 7.5  # percent of a picture's height that a label at its end needs
LOW_ROOM = 11.0  # of a low picture's
# column of the NAV table -> label
LABELS: Mapping[str, str] = MappingProxyType(
    {column: name.replace("_", " ") for name, column in COLUMNS.items()}
)
# column of the NAV table -> class of its colour
COLORS: Mapping[str, str] = MappingProxyType(
    {
        "nav": "run",
        "benchmark": "bench",
        "equal_weight": "equal",
        "constant_mix": "mix",
    }
)


@dataclass(frozen=True)
class Curve:
    """Values (n,) of a picture, with their label and the class of their colour."""

    label: str
    color: str
    values: Array

    def shape(self, scale: Scale) -> Shape:
        """Return the curve as a line."""
        return Shape(self.label, self.color, line(self.values, scale))


def nav_curve(column: str, values: Array) -> Curve:
    """Return the curve of what follows from a column of the NAV table."""
    return Curve(LABELS[column], COLORS[column], values)


def drawn(curves: Sequence[Curve], scale: Scale) -> tuple[Shape, ...]:
    """Return curves as lines, the first drawn last and so on top."""
    return tuple(curve.shape(scale) for curve in reversed(curves))


def ends_text(curves: Sequence[Curve], form: str) -> str:
    """Write where curves end, their values in a format such as ``.2f``."""
    ends = [f"{curve.label} {curve.values[-1]:{form}}" for curve in curves]
    return ", ".join(ends)


def chart_data(
    curves: Sequence[Curve], dates: pd.DatetimeIndex, unit: str
) -> ChartData:
    """Return the numbers behind a picture of ``curves``, one value a date."""
    return ChartData(
        series=tuple(Series(one.label, one.color, one.values) for one in curves),
        unit=unit,
        days=days_of(dates),
    )


def days_of(dates: pd.DatetimeIndex) -> Times:
    """Return dates as days without a zone."""
    days = dates.tz_localize(None).to_numpy()
    return np.asarray(days, dtype="datetime64[D]")


def line_ends(
    curves: Sequence[Curve],
    scale: Scale,
    write: Callable[[float], str],
    room: float = ROOM,
) -> tuple[End, ...]:
    """Return the last value of each curve, as ``write`` says it, to stand beside the picture, each
    in ``room`` percent of its height.
    """
    ends = []
    for curve in curves:
        known = curve.values[np.isfinite(curve.values)]
        if len(known):
            (at,) = scale.place(known[-1:]).tolist()
            ends.append(End(at, write(float(known[-1])), curve.color))
    return spread_ends(ends, room)


def navs_of(closes: pd.DataFrame) -> dict[str, Array]:
    """Return NAVs by column, those without any value left out."""
    found = {}
    for column in LABELS:
        values = closes[column].to_numpy(dtype=np.float64)
        if np.isfinite(values).any():
            found[column] = values
    return found


def returns_of(nav: Array) -> Array:
    """Return the simple returns of a NAV, (n - 1,)."""
    with np.errstate(all="ignore"):
        return np.asarray(nav[1:] / nav[:-1] - 1.0)
