"""By what a sweep ranks its cells: a metric, or how single years were."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from bt_run.arrays import Array, Times
from bt_run.data.years import SESSIONS
from bt_run.errors import ConfigError
from bt_run.results.metrics import record_metrics
from bt_run.studies.cells import CellResult
from bt_run.text import did_you_mean

__all__ = ["SCORES", "Score", "pieces", "score_called", "years_of"]

SHORTEST = 126  # sessions of a fold; a shorter one joins the one before
# of a window of returns alone
OF_RETURNS = (
    "sharpe",
    "sortino",
    "calmar",
    "cagr",
    "total_return",
    "max_drawdown",
    "volatility",
    "worst_day",
)
WITH_MORE = (
    "alpha",
    "information_ratio",
    "tracking_error",
    "turnover_one_way",
    "costs",
)
LOWER = frozenset({"volatility", "tracking_error", "turnover_one_way", "costs"})
OVER_YEARS: Mapping[str, Callable[[Array], float]] = MappingProxyType(
    {
        "median": lambda values: float(np.median(values)),
        "p25": lambda values: float(np.quantile(values, 0.25)),
        "worst": lambda values: float(values.min()),
    }
)
YEARLY = ("sharpe", "calmar", "total_return")
ROBUST = tuple(f"{word}_year_{metric}" for word in OVER_YEARS for metric in YEARLY)
SCORES = (*OF_RETURNS, *WITH_MORE, *ROBUST)


@dataclass(frozen=True)
class Score:
    """A score by its name.

    Attributes:
        name: a metric, or ``p25_year_sharpe``: over years of 252 sessions.
        risk_free: a fraction per year.
    """

    name: str
    risk_free: float

    def refuse_for_windows(self) -> None:
        """Refuse a score that needs more than the returns of a window.

        Raises:
            ConfigError: it is one.
        """
        if self.name in WITH_MORE:
            raise ConfigError(
                f"{self.name} cannot be told of a window of returns alone; with folds the score "
                f"is one of {', '.join((*OF_RETURNS, *ROBUST))}"
            )

    @property
    def sign(self) -> float:
        """Return 1 where more is better, -1 where less is."""
        return -1.0 if self.name in LOWER else 1.0

    def of(self, result: CellResult) -> float | None:
        """Return the score of a ``result``; None where it is not defined."""
        if self.name in ROBUST:
            return self.of_returns(result.returns, result.sessions)
        return result.metrics.get(self.name)

    def of_returns(self, returns: Array, sessions: Times) -> float | None:
        """Return the score of daily ``returns`` (n,) on ``sessions`` (n,); None where it is not
        defined.
        """
        if self.name not in ROBUST:
            return _metric(self.name, returns, sessions, self.risk_free)
        word, _, metric = self.name.partition("_year_")
        years = [
            _metric(metric, returns[rows], sessions[rows], self.risk_free)
            for rows in years_of(len(returns))
        ]
        defined = [value for value in years if value is not None]
        return OVER_YEARS[word](np.array(defined)) if defined else None

    def best(self, scores: list[float | None]) -> int | None:
        """Return the place of the best of ``scores``, the first of equals; None where none is
        defined.
        """
        places = [place for place, value in enumerate(scores) if value is not None]
        return max(
            places, key=lambda place: self.sign * (scores[place] or 0.0), default=None
        )


def score_called(name: str, risk_free: float) -> Score:
    """Return the score called ``name``; ``risk_free`` is a fraction per year.

    Raises:
        ConfigError: there is none of that name.
    """
    if name not in SCORES:
        raise ConfigError(
            f"no score {name!r}; expected one of {', '.join(SCORES)}{did_you_mean(name, SCORES)}"
        )
    return Score(name, risk_free)


def years_of(count: int) -> list[slice]:
    """Return the rows of each year of 252 among ``count`` sessions; one shorter than 126 joins
    the one before.
    """
    return pieces(0, count, SESSIONS)


def pieces(first: int, count: int, length: int) -> list[slice]:
    """Return the rows from ``first`` on among ``count`` in pieces of ``length``; a last one shorter
    than 126, or than a piece where that is less, joins the one before.
    """
    starts = list(range(first, count, length))
    if len(starts) > 1 and count - starts[-1] < min(SHORTEST, length):
        starts.pop()
    ends = [*starts[1:], count]
    return [slice(start, end) for start, end in zip(starts, ends, strict=True)]


def _metric(
    name: str, returns: Array, sessions: Times, risk_free: float
) -> float | None:
    if not len(returns):
        return None
    nav = np.cumprod(np.concatenate([[1.0], 1.0 + returns]))
    before = sessions[0] - np.timedelta64(1, "D")
    days = np.concatenate([[before], sessions])
    return record_metrics(days, nav, np.empty(0), risk_free).get(name)
