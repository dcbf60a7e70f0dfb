"""The curves of a page: which NAVs a run has, and what they are called and coloured everywhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from bt_run import Array
from bt_run.results.metric_definitions import COLUMNS
from bt_run_plugins.page.svg import Scale, Shape, line

if TYPE_CHECKING:
    import pandas as pd

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
