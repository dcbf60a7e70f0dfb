"""What a sweep found, as tables: a row for each cell, the returns, folds and what was chained."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from bt_run import Array
from bt_run.studies.cells import CellResult
from bt_run.studies.folds import FoldChoice, choose, stitched
from bt_run.studies.statistics import expected_best
from bt_run.studies.sweeping import Sweep, Tried
from bt_run_plugins.studies.surface import worst_neighbours

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CELL_METRICS", "SweepTables", "sweep_id", "tables_of"]

CELL_METRICS = (
    "total_return",
    "cagr",
    "volatility",
    "sharpe",
    "sortino",
    "calmar",
    "max_drawdown",
    "information_ratio",
    "tracking_error",
    "average_gross",
    "turnover_one_way",
    "costs",
    "fills",
)


@dataclass(frozen=True, eq=False)
class SweepTables:
    """The tables of a sweep, as they are written.

    Attributes:
        cells: number, key, status, text, the swept keys, score, plateau (the worst score within
            one step), metrics, warnings.
        returns: the daily returns of each cell, a column by key; index: session.
        best_so_far: number, best (Sharpe a year), noise (what the best of as many without skill
            would reach).
        folds: the windows and what was chosen in each; empty without folds.
        chained: session, returns of what was chosen; empty without folds.
    """

    cells: pd.DataFrame
    returns: pd.DataFrame
    best_so_far: pd.DataFrame
    folds: pd.DataFrame
    chained: pd.DataFrame

    @property
    def by_name(self) -> dict[str, pd.DataFrame]:
        """Return the tables by the names of their files."""
        return dict(vars(self))


def sweep_id(sweep: Sweep, key: str) -> str:
    """Return the 12 hex digits that name what a ``sweep`` of the run ``key`` finds, wherever it is
    played.
    """
    settings = sweep.settings.model_dump(mode="json", by_alias=True)
    told = {
        name: value
        for name, value in settings.items()
        if name not in ("executor", "timeout")
    }
    text = json.dumps([key, told], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def tables_of(sweep: Sweep, tried: Sequence[Tried]) -> SweepTables:
    """Return the tables of what was ``tried`` in a ``sweep``.

    Raises:
        ConfigError: the folds do not fit into the sessions.
    """
    results = {one.key: one.outcome.result for one in tried}
    found = {key: result for key, result in results.items() if result is not None}
    folds, chained = _folds(sweep, found)
    return SweepTables(
        cells=_cells(sweep, tried),
        returns=_returns(found),
        best_so_far=_best_so_far(tried),
        folds=folds,
        chained=chained,
    )


def _cells(sweep: Sweep, tried: Sequence[Tried]) -> pd.DataFrame:
    import pandas as pd

    scores = [one.score for one in tried]
    plateau = worst_neighbours(
        [one.candidate for one in tried], scores, sweep.score.sign
    )
    columns: dict[str, Any] = {
        "number": [one.number for one in tried],
        "key": [one.key for one in tried],
        "status": [one.outcome.status for one in tried],
        # a cell that was kept is like one that was just played
        "text": [_text(one) for one in tried],
    }
    for key in sweep.space.axes:
        columns[key] = _alike([dict(one.candidate)[key] for one in tried])
    columns["score"] = _numbers(scores)
    columns["plateau"] = _numbers(plateau)
    for metric in CELL_METRICS:
        columns[metric] = _numbers([_metric(one, metric) for one in tried])
    columns["warnings"] = [_warnings(one) for one in tried]
    return pd.DataFrame(columns)


def _alike(values: list[Any]) -> list[Any]:
    """Return values of one type, which a column of a table has: all others as JSON."""
    numbers = all(
        isinstance(value, int | float) and not isinstance(value, bool)
        for value in values
    )
    if numbers or all(isinstance(value, str) for value in values):
        return values
    return [
        str(value) if isinstance(value, str | date) else json.dumps(value, default=str)
        for value in values
    ]


def _text(one: Tried) -> str:
    return "" if one.outcome.status == "ok" else one.outcome.text


def _metric(one: Tried, metric: str) -> float | None:
    result = one.outcome.result
    return None if result is None else result.metrics.get(metric)


def _warnings(one: Tried) -> str:
    result = one.outcome.result
    return "" if result is None else "\n".join(result.warnings)


def _numbers(values: Sequence[float | None]) -> Array:
    return np.array([np.nan if value is None else value for value in values], float)


def _returns(found: Mapping[str, CellResult]) -> pd.DataFrame:
    """Return the returns of all cells, NaN where a cell has no such session."""
    import pandas as pd

    columns = {
        key: pd.Series(result.returns, index=pd.DatetimeIndex(result.sessions))
        for key, result in sorted(found.items())
    }
    table = pd.DataFrame(columns)
    return table.rename_axis("session")


def _best_so_far(tried: Sequence[Tried]) -> pd.DataFrame:
    import pandas as pd

    sharpes = _numbers([_metric(one, "sharpe") for one in tried])
    known = np.isfinite(sharpes)
    counts = np.cumsum(known)
    spread = float(np.std(sharpes[known], ddof=1)) if known.sum() > 1 else math.nan
    best = np.fmax.accumulate(sharpes) if len(sharpes) else sharpes
    noise = [
        spread * expected_best(int(count)) if count else np.nan for count in counts
    ]
    numbers = [one.number for one in tried]
    return pd.DataFrame({"number": numbers, "best": best, "noise": noise})


def _folds(
    sweep: Sweep, found: Mapping[str, CellResult]
) -> tuple[pd.DataFrame, pd.DataFrame]:
    import pandas as pd

    config = sweep.settings.folds
    if config is None or not found:
        return pd.DataFrame(), pd.DataFrame()
    sessions = _common_sessions(found)
    returns = {
        key: result.returns[np.isin(result.sessions, sessions)]
        for key, result in found.items()
    }
    chosen = choose(returns, sessions, config, sweep.score)
    days = [sessions[item.fold.window.test] for item in chosen if item.key is not None]
    chained = pd.DataFrame(
        {
            "session": pd.DatetimeIndex(np.concatenate([sessions[:0], *days])),
            "returns": stitched(chosen, returns),
        }
    )
    return pd.DataFrame([_fold_row(item) for item in chosen]), chained


def _common_sessions(found: Mapping[str, CellResult]) -> Any:
    first, *others = [result.sessions for result in found.values()]
    common = first
    for sessions in others:
        if len(sessions) != len(common) or (sessions != common).any():
            common = np.intersect1d(common, sessions)
    return common


def _fold_row(item: FoldChoice) -> dict[str, Any]:
    fold = item.fold
    return {
        "train_first": str(fold.train[0]),
        "train_last": str(fold.train[1]),
        "test_first": str(fold.test[0]),
        "test_last": str(fold.test[1]),
        "key": item.key or "",
        "train_score": _number(item.train_score),
        "test_score": _number(item.test_score),
        "rank": _number(item.rank),
        "of": item.of,
    }


def _number(value: float | None) -> float:
    return math.nan if value is None else value
