"""Features: pure functions of the last rows, so that all rows at once and the last row alone give
the same bits.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bt_run import SESSIONS, Array

__all__ = [
    "BOOK",
    "BOOK_ROWS",
    "SERIES_ROWS",
    "Table",
    "book_features",
    "series_features",
]

HORIZONS = (5, 21, 63)  # bars
HIGH, MEAN = 252, 200  # bars of the drawdown and of the mean
TWO_YEARS, CHANGE = 504, 63
BOOK_ROWS = HIGH  # rows of returns that the features of a book look at
SERIES_ROWS = TWO_YEARS
BOOK = (
    *(f"return {n}" for n in HORIZONS),
    *(f"volatility {n}" for n in HORIZONS),
    "downside volatility 63",
    "drawdown 252",
    "distance to mean 200",
)


@dataclass(frozen=True)
class Table:
    """Named columns of ``values`` (n, K), each with the sign that it must have in a model: -1
    where a higher value never raises the probability, 1 the other way round, 0 for any.
    """

    names: tuple[str, ...]
    values: Array
    signs: tuple[int, ...]

    def beside(self, other: Table) -> Table:
        """Return the columns of this table and of ``other``."""
        return Table(
            self.names + other.names,
            np.column_stack([self.values, other.values]),
            self.signs + other.signs,
        )


def book_features(weights: Array, returns: Array) -> Table:
    """Return the features of a book as it stands at each row, held through the bars before.

    ``weights`` (n, N) stand at the last n rows of ``returns`` (m, N), simple; m >= n. A row without
    252 returns of every asset that it holds is NaN. Returns and volatilities are of log returns,
    per year where they are volatilities; drawdown and distance are fractions.
    """
    paths = _paths(weights, returns)
    logs = np.log1p(paths)
    level = np.cumsum(logs, axis=1)
    high = np.maximum(level.max(axis=1), 0.0)
    price = np.exp(level - level[:, -1:])
    down = np.minimum(logs[:, -63:], 0.0)
    columns = [
        *(logs[:, -n:].sum(axis=1) for n in HORIZONS),
        *(_volatility(logs[:, -n:]) for n in HORIZONS),
        _volatility(down),
        np.exp(level[:, -1] - high) - 1.0,
        1.0 / price[:, -MEAN:].mean(axis=1) - 1.0,
    ]
    return Table(BOOK, np.column_stack(columns), (0,) * len(columns))


def series_features(series: Mapping[str, Array], signs: Mapping[str, int]) -> Table:
    """Return of each series (n,) its level less its mean of two years, and its change over 63 bars,
    (n, 2K); NaN in the first rows.
    """
    names: list[str] = []
    columns: list[Array] = []
    for name, values in series.items():
        names += [f"{name} level", f"{name} change"]
        columns += [values - _trailing_mean(values, TWO_YEARS), _change(values, CHANGE)]
    kept = tuple(signs[name.rpartition(" ")[0]] for name in names)
    count = len(next(iter(series.values()))) if series else 0
    values = np.column_stack(columns) if columns else np.empty((count, 0))
    return Table(tuple(names), values, kept)


def _paths(weights: Array, returns: Array) -> Array:
    """Return the returns (n, 252) of each row's weights through the bars up to it."""
    count, first = len(weights), len(returns) - len(weights)
    out = np.full((count, BOOK_ROWS), np.nan)
    held = weights != 0.0
    for place in range(BOOK_ROWS):
        ago = BOOK_ROWS - 1 - place
        begin = max(0, ago - first)
        if begin >= count:
            continue
        past = returns[first + begin - ago : first + count - ago]
        own = held[begin:]
        moved = np.where(own, weights[begin:] * past, 0.0)
        out[begin:, place] = moved.sum(axis=1)
    out[~np.isfinite(weights).all(axis=1)] = np.nan
    return np.where(out > -1.0, out, np.nan)


def _volatility(logs: Array) -> Array:
    return np.asarray(np.sqrt((logs * logs).mean(axis=1) * SESSIONS))


def _trailing_mean(values: Array, n: int) -> Array:
    out = np.full(len(values), np.nan)
    if len(values) >= n:
        rows = np.lib.stride_tricks.sliding_window_view(values, n)
        out[n - 1 :] = np.ascontiguousarray(rows).mean(axis=1)
    return out


def _change(values: Array, n: int) -> Array:
    out = np.full(len(values), np.nan)
    out[n:] = values[n:] - values[:-n]
    return out
