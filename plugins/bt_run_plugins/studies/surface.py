"""The surface of scores over the values of a sweep: a peak among poor neighbours is luck."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from bt_run import Array
from bt_run.studies.candidates import Candidate

__all__ = ["HeatMap", "heat_maps", "worst_neighbours"]

MOST_VALUES = 40  # of a key that a map has a row or a column for


@dataclass(frozen=True)
class HeatMap:
    """The best score over all other keys, at each pair of values of two keys.

    Attributes:
        down, across: the keys.
        rows, columns: their values, rising.
        best: (rows, columns) scores; NaN where nothing was tried.
    """

    down: str
    across: str
    rows: tuple[Any, ...]
    columns: tuple[Any, ...]
    best: Array


def worst_neighbours(
    candidates: Sequence[Candidate], scores: Sequence[float | None], sign: float
) -> list[float | None]:
    """Return for each of ``candidates`` the worst of ``scores`` among itself and those that are
    one step away at one key and equal at all others; ``sign`` is -1 where less is better.

    A step leads to the next value that was tried at that key. A neighbour that failed or was not
    tried counts for nothing; without a score of its own a candidate has none.
    """
    places = _places(candidates)
    by_place = dict(zip(places, scores, strict=True))
    found: list[float | None] = []
    for place, own in zip(places, scores, strict=True):
        if own is None:
            found.append(None)
            continue
        around = [by_place.get(other) for other in _around(place)]
        known = [own, *(score for score in around if score is not None)]
        found.append(sign * min(sign * score for score in known))
    return found


def heat_maps(
    values: Mapping[str, Sequence[Any]], scores: Array, sign: float
) -> list[HeatMap]:
    """Return a map for each pair of keys with at least two and at most 40 values; ``values`` has
    those of each cell by key, ``scores`` (n,) NaN where a cell has none.
    """
    shown = [
        key for key, own in values.items() if 2 <= len(_ordered(own)) <= MOST_VALUES
    ]
    return [
        _heat_map(down, across, values, scores, sign)
        for down, across in combinations(shown, 2)
    ]


def _heat_map(
    down: str,
    across: str,
    values: Mapping[str, Sequence[Any]],
    scores: Array,
    sign: float,
) -> HeatMap:
    rows, columns = _ordered(values[down]), _ordered(values[across])
    best = np.full((len(rows), len(columns)), np.nan)
    for one, other, score in zip(values[down], values[across], scores, strict=True):
        at = rows.index(one), columns.index(other)
        better = np.isnan(best[at]) or sign * score > sign * best[at]
        if np.isfinite(score) and better:
            best[at] = score
    return HeatMap(down, across, tuple(rows), tuple(columns), best)


def _places(candidates: Sequence[Candidate]) -> list[tuple[int, ...]]:
    """Return where each candidate lies on the grid of the values that were tried."""
    if not candidates:
        return []
    axes = [
        _ordered([candidate[axis][1] for candidate in candidates])
        for axis in range(len(candidates[0]))
    ]
    return [
        tuple(
            axis.index(value) for axis, (_, value) in zip(axes, candidate, strict=True)
        )
        for candidate in candidates
    ]


def _around(place: tuple[int, ...]) -> list[tuple[int, ...]]:
    return [
        (*place[:axis], place[axis] + step, *place[axis + 1 :])
        for axis in range(len(place))
        for step in (-1, 1)
    ]


def _ordered(values: Sequence[Any]) -> list[Any]:
    """Return the distinct values, numbers rising, others as they first appear."""
    distinct: list[Any] = []
    for value in values:
        if value not in distinct:
            distinct.append(value)
    numbers = all(
        isinstance(value, int | float | np.number) and not isinstance(value, bool)
        for value in distinct
    )
    return sorted(distinct) if numbers else distinct
