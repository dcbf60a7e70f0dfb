"""Windows of a sweep: the best of each training window, judged in the window after it.

A screen: each cell's returns come from one account that played the whole period, and the chosen
slices of them are chained.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from bt_run.arrays import Array, Times
from bt_run.config.sweep_config import FoldsConfig
from bt_run.errors import ConfigError
from bt_run.studies.scores import Score, pieces

__all__ = ["Fold", "FoldChoice", "Window", "choose", "stitched", "windows"]


@dataclass(frozen=True)
class Window:
    """Rows of the returns.

    Attributes:
        train: those to choose by.
        test: those to judge by, after them.
    """

    train: slice
    test: slice


@dataclass(frozen=True)
class Fold:
    """A window with the days that it covers.

    Attributes:
        window: its rows.
        train, test: the first and the last day of each part.
    """

    window: Window
    train: tuple[np.datetime64, np.datetime64]
    test: tuple[np.datetime64, np.datetime64]


@dataclass(frozen=True)
class FoldChoice:
    """What was chosen in a fold.

    Attributes:
        fold: its windows.
        key: the cell that was best in training; None where no score was defined.
        train_score, test_score: its scores in the two windows.
        rank: its rank among all in the test window, 1 the best, ties their mean.
        of: how many had a score there.
    """

    fold: Fold
    key: str | None
    train_score: float | None
    test_score: float | None
    rank: float | None
    of: int


def windows(count: int, config: FoldsConfig) -> list[Window]:
    """Return the windows of ``count`` sessions by ``config``, the test windows one after the other
    without gaps between them.

    Raises:
        ConfigError: not even one fits.
    """
    first = config.train + config.gap
    if count < first + config.test:
        raise ConfigError(
            f"sweep.folds: train {config.train}, gap {config.gap} and test {config.test} need "
            f"{first + config.test} sessions; the run has {count}"
        )
    return [
        Window(
            slice(
                0 if config.anchored else test.start - first,
                test.start - config.gap,
            ),
            test,
        )
        for test in pieces(first, count, config.test)
    ]


def choose(
    returns: Mapping[str, Array], sessions: Times, config: FoldsConfig, score: Score
) -> list[FoldChoice]:
    """Choose in every training window of ``config`` among cells, by key, whose daily ``returns``
    (n,) are all on ``sessions`` (n,), by ``score``. Ties go to the first by key.

    Raises:
        ConfigError: not even one window fits, or ``score`` needs more than returns.
    """
    score.refuse_for_windows()
    keys = sorted(returns)
    return [
        _chosen(keys, returns, Fold(window, *_days(sessions, window)), sessions, score)
        for window in windows(len(sessions), config)
    ]


def stitched(found: Sequence[FoldChoice], returns: Mapping[str, Array]) -> Array:
    """Return the ``returns`` (n,) of what was chosen in each of the ``found`` folds, chained."""
    parts = [
        returns[item.key][item.fold.window.test]
        for item in found
        if item.key is not None
    ]
    return np.concatenate([np.empty(0), *parts])


def _days(
    sessions: Times, window: Window
) -> tuple[tuple[np.datetime64, np.datetime64], tuple[np.datetime64, np.datetime64]]:
    train, test = sessions[window.train], sessions[window.test]
    return (train[0], train[-1]), (test[0], test[-1])


def _chosen(
    keys: Sequence[str],
    returns: Mapping[str, Array],
    fold: Fold,
    sessions: Times,
    score: Score,
) -> FoldChoice:
    rows, after = fold.window.train, fold.window.test
    trained = [score.of_returns(returns[key][rows], sessions[rows]) for key in keys]
    tested = [score.of_returns(returns[key][after], sessions[after]) for key in keys]
    place = score.best(trained)
    known = [score.sign * value for value in tested if value is not None]
    if place is None:
        return FoldChoice(fold, None, None, None, None, len(known))
    own = tested[place]
    rank = None
    if own is not None:
        better = sum(value > score.sign * own for value in known)
        equal = sum(value == score.sign * own for value in known)
        rank = better + 0.5 * (equal + 1)
    return FoldChoice(fold, keys[place], trained[place], own, rank, len(known))
