"""The picture of coverage: a strip for each symbol, and the years above them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from bt_run_plugins.market_data.report.coverage import Counts, Coverage

__all__ = ["LEVELS", "Strip", "Year", "coverage_strips", "year_marks"]

# the least part of a period's sessions that has a row, and how that reads
LEVELS = (
    (1.0, "all sessions"),
    (0.9, "90 % or more"),
    (0.5, "half or more"),
    (1e-9, "fewer"),
)
_MOST_YEARS = 14  # labels that fit above the strips
# label, place in percent and whether it may go on a narrow screen
Year = tuple[str, float, bool]
# level and SVG path
Paths = tuple[tuple[int, str], ...]


@dataclass(frozen=True, kw_only=True)
class Strip:
    """The coverage of a symbol: one path per level, in units of periods, and its numbers."""

    symbol: str
    paths: Paths
    text: str
    rows: int
    missing: int
    whole: bool


def coverage_strips(coverage: Coverage) -> list[Strip]:
    """Return a strip for each symbol."""
    levels = _levels(coverage)
    return [_strip(coverage, number, _paths(own)) for number, own in enumerate(levels)]


def _strip(coverage: Coverage, number: int, paths: Paths) -> Strip:
    symbol = coverage.symbols[number]
    rows = int(coverage.rows[number].sum())
    missing = int(coverage.missing[number])
    first = coverage.first[number]
    last = coverage.last[number]
    return Strip(
        symbol=symbol,
        paths=paths,
        text=f"{symbol}: {rows} rows, {first} to {last}, {missing} missing between",
        rows=rows,
        missing=missing,
        whole=bool(coverage.whole[number]),
    )


def _levels(coverage: Coverage) -> Counts:
    """Return the level of each symbol's periods (n, p), 0 without any row."""
    levels = np.zeros(coverage.rows.shape, dtype=np.int64)
    # from the lowest on, so that the best one that holds stands at the end
    for level in range(len(LEVELS), 0, -1):
        least = LEVELS[level - 1][0]
        levels[coverage.share >= least] = level
    return levels


def _paths(levels: Counts) -> Paths:
    """Return one SVG path per level above 0, a box per run of equal cells, one unit a cell."""
    boxes: dict[int, str] = {}
    for start, end in pairwise(_edges(levels)):
        level = int(levels[start])
        if level:
            box = f"M{start} 0h{end - start}v1h-{end - start}z"
            boxes[level] = boxes.get(level, "") + box
    return tuple(sorted(boxes.items()))


def _edges(levels: Counts) -> list[int]:
    """Return where each run of equal cells begins, and the end of the last."""
    padded = np.concatenate([[-1], levels, [-1]])
    return np.flatnonzero(np.diff(padded)).tolist()


def year_marks(coverage: Coverage) -> list[Year]:
    """Return the years that begin within the strips, as many as fit."""
    years = coverage.periods.astype("datetime64[Y]")
    starts = np.flatnonzero(years[1:] != years[:-1]) + 1
    every = math.ceil(len(starts) / _MOST_YEARS) or 1
    marks = []
    for number, place in enumerate(starts[::every].tolist()):
        percent = 100.0 * place / len(years)
        marks.append((str(years[place]), percent, number % 3 > 0))
    return marks
