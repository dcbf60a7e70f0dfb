"""The picture of coverage: a strip for each symbol, and the years above them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bt_run_plugins.market_data.report.coverage import Coverage

__all__ = ["LEVELS", "Strip", "Year", "coverage_strips", "year_marks"]

# the least part of a period's sessions that has a row, and how that reads
LEVELS = ((1.0, "all sessions"), (0.9, "90 % or more"), (0.5, "half or more"), (1e-9, "fewer"))
_MOST_YEARS = 14  # labels that fit above the strips
# label, place in percent and whether it may go on a narrow screen
Year = tuple[str, float, bool]


@dataclass(frozen=True)
class Strip:
    """The coverage of a symbol: one path per level, in units of periods, and its numbers."""

    symbol: str
    paths: tuple[tuple[int, str], ...]
    text: str
    rows: int
    missing: int
    whole: bool


def coverage_strips(coverage: Coverage) -> list[Strip]:
    """Return a strip for each symbol."""
    levels = np.zeros(coverage.rows.shape, dtype=np.int64)
    # the best level comes last, over those below
    for level in range(len(LEVELS), 0, -1):
        least, _ = LEVELS[level - 1]
        levels[coverage.share >= least] = level
    strips = []
    for number, symbol in enumerate(coverage.symbols):
        rows = int(coverage.rows[number].sum())
        missing = int(coverage.missing[number])
        first, last = coverage.first[number], coverage.last[number]
        text = f"{symbol}: {rows} rows, {first} to {last}, {missing} missing between"
        whole = bool(coverage.whole[number])
        strips.append(Strip(symbol, _paths(levels[number]), text, rows, missing, whole))
    return strips


def _paths(levels: NDArray[np.int64]) -> tuple[tuple[int, str], ...]:
    """Return one SVG path per level above 0, a box per run of equal cells, one unit a cell."""
    edges = np.flatnonzero(np.diff(np.concatenate([[-1], levels, [-1]])))
    boxes: dict[int, list[str]] = {}
    for start, end in pairwise(edges.tolist()):
        level = int(levels[start])
        if level:
            width = end - start
            boxes.setdefault(level, []).append(f"M{start} 0h{width}v1h-{width}z")
    return tuple((level, "".join(boxes[level])) for level in sorted(boxes))


def year_marks(coverage: Coverage) -> list[Year]:
    """Return the years that begin within the strips, as many as fit."""
    years = coverage.periods.astype("datetime64[Y]")
    starts = np.flatnonzero(years[1:] != years[:-1]) + 1
    every = max(1, -(-len(starts) // _MOST_YEARS))
    marks = []
    for number, place in enumerate(starts[::every].tolist()):
        spare = number % 3 > 0
        marks.append((str(years[place]), 100.0 * place / len(years), spare))
    return marks
