"""The statistics of round trips, all of them, the long and the short ones: those of pyfolio."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from bt_run import Array

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["BLOCKS", "trip_rows"]

Statistic = Callable[[Array], float]


def _mean(values: Array) -> float:
    return float(values.mean()) if len(values) else np.nan


def _median(values: Array) -> float:
    return float(np.median(values)) if len(values) else np.nan


def _profit_factor(values: Array) -> float:
    lost = float(-values[values < 0].sum())
    return float(values[values > 0].sum()) / lost if lost else np.nan


def _win_over_loss(values: Array) -> float:
    lost = _mean(-values[values < 0])
    return _mean(values[values > 0]) / lost if lost else np.nan


# block -> its column of the trips, and the name of each statistic
BLOCKS: Mapping[str, tuple[str, Mapping[str, Statistic]]] = MappingProxyType(
    {
        "summary": (
            "pnl",
            {
                "Total number of round trips": len,
                "Percent profitable": lambda x: 100.0 * float((x > 0).mean()),
                "Winning round trips": lambda x: float((x > 0).sum()),
                "Losing round trips": lambda x: float((x < 0).sum()),
                "Even round trips": lambda x: float((x == 0).sum()),
            },
        ),
        "pnl": (
            "pnl",
            {
                "Total profit": lambda x: float(x.sum()),
                "Gross profit": lambda x: float(x[x > 0].sum()),
                "Gross loss": lambda x: float(x[x < 0].sum()),
                "Profit factor": _profit_factor,
                "Avg. trade net profit": _mean,
                "Avg. winning trade": lambda x: _mean(x[x > 0]),
                "Avg. losing trade": lambda x: _mean(x[x < 0]),
                "Ratio Avg. Win:Avg. Loss": _win_over_loss,
                "Largest winning trade": lambda x: float(x.max()),
                "Largest losing trade": lambda x: float(x.min()),
            },
        ),
        "duration": (
            "days",
            {
                "Avg duration": _mean,
                "Median duration": _median,
                "Longest duration": lambda x: float(x.max()),
                "Shortest duration": lambda x: float(x.min()),
            },
        ),
        "returns": (
            "returns",
            {
                "Avg returns all round trips": _mean,
                "Avg returns winning": lambda x: _mean(x[x > 0]),
                "Avg returns losing": lambda x: _mean(x[x < 0]),
                "Median returns all round trips": _median,
                "Median returns winning": lambda x: _median(x[x > 0]),
                "Median returns losing": lambda x: _median(x[x < 0]),
                "Largest winning trade": lambda x: float(x.max()),
                "Largest losing trade": lambda x: float(x.min()),
            },
        ),
    }
)


def trip_rows(
    trips: pd.DataFrame, block: str, form: Callable[[float], str]
) -> tuple[list[str], list[list[str]]]:
    """Return the heads of a block's columns and its rows as text; n/a of what is not defined.

    ``trips`` has columns pnl, days, returns and long, ``block`` is one of ``BLOCKS``, and ``form``
    writes a number.
    """
    column, statistics = BLOCKS[block]
    values = trips[column].to_numpy(dtype=np.float64)
    long = trips["long"].to_numpy(dtype=bool)
    sides: Sequence[tuple[str, Array]] = [
        ("all trades", values),
        ("short trades", values[~long]),
        ("long trades", values[long]),
    ]
    there = [(head, part) for head, part in sides if len(part)]
    rows = []
    for name, statistic in statistics.items():
        found = [float(statistic(part)) for _, part in there]
        texts = ["n/a" if value != value else form(value) for value in found]
        rows.append([name, *texts])
    return [head for head, _ in there], rows
