"""At which bars a learner is taught."""

from __future__ import annotations

import numpy as np

from bt_run.data.bars import Bars
from bt_run.data.schedule import period_of
from bt_run.decision.calls import Stage
from bt_run.errors import PluginError

__all__ = ["PERIODS", "checked_learner", "rehearsal_cutoffs", "run_cutoffs"]

PERIODS = ("session", "week", "month", "quarter", "year")


def run_cutoffs(bars: Bars, period: str) -> list[int]:
    """Return at which bars a learner of a run is taught: the bar before the start, and the first
    bar of each later ``period``. What it learns there serves from the next bar on.
    """
    return [bars.start - 1, *_first_bars(bars, period, bars.start + 1)]


def rehearsal_cutoffs(bars: Bars, period: str, first: int) -> list[int]:
    """Return at which bars it is taught to rehearse before a later learner: the first bar of each
    ``period``, from bar ``first`` on.
    """
    return _first_bars(bars, period, first)


def checked_learner(stage: Stage) -> tuple[str, int]:
    """Return the period and the first bar of the learner of ``stage``.

    Raises:
        PluginError: they are none.
    """
    learner = stage.learner
    assert learner is not None
    period, first = learner.refit, learner.learn_from
    if period not in PERIODS:
        raise PluginError(
            f"{stage.path} {stage.name!r}: refit was {period!r}; expected one of "
            f"{', '.join(PERIODS)}"
        )
    if not isinstance(first, int | np.integer) or first < 0:
        raise PluginError(
            f"{stage.path} {stage.name!r}: learn_from was {first!r}; expected a number of bars, 0 "
            "or more"
        )
    return period, int(first)


def _first_bars(bars: Bars, period: str, first: int) -> list[int]:
    label = period_of(bars.sessions, period)
    new = np.flatnonzero(label[1:] != label[:-1]) + 1
    return [int(bar) for bar in new if bar >= first]
