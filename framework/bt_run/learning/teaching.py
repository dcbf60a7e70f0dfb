"""Teach the learners of a pipeline, in the order in which they act."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np

from bt_run.decision.calls import Stage
from bt_run.decision.lesson import Fit, Fitted, Lesson, Model
from bt_run.decision.pipeline import Pipeline
from bt_run.errors import PluginError
from bt_run.guard import guarded
from bt_run.learning.cutoffs import checked_learner, rehearsal_cutoffs, run_cutoffs
from bt_run.learning.rehearsal import Classroom, Rehearsal, lesson_of, rehearse

__all__ = ["FitAll", "Taught", "fit_here", "fit_one", "fitted_by", "teach"]

# a stage, its cutoffs and what was rehearsed before it -> what it learned at each of them
FitAll = Callable[[Stage, Sequence[int], Rehearsal], list[Fitted | None]]


@dataclass(frozen=True)
class Taught:
    """A ``pipeline`` with the models of its learners, and the ``fits`` that they came from."""

    pipeline: Pipeline
    fits: tuple[Fit, ...]


def teach(
    room: Classroom, pipeline: Pipeline, fit_all: FitAll, serving: int | None = None
) -> Taught:
    """Teach every learner of a ``pipeline``, whose vectorised strategies were evaluated.

    ``fit_all`` makes the fits. With ``serving``, a bar, only the newest fit that decides there is
    made, and what the rehearsals need.

    Raises:
        PluginError: a learner failed, or broke its contract.
    """
    bars = room.market.bars
    rehearsed, taught = pipeline, pipeline
    kept: list[Fit] = []
    for stage in pipeline.learners:
        period, first = checked_learner(stage)
        wanted = [bar for bar in run_cutoffs(bars, period) if bar >= first]
        if serving is not None:
            wanted = [bar for bar in wanted if bar < serving][-1:]
        early: list[int] = []
        if stage is not pipeline.learners[-1]:
            early = rehearsal_cutoffs(bars, period, first)
        found = _rehearsed(room, rehearsed, stage, first)
        cutoffs = sorted({*wanted, *early})
        answers = dict(zip(cutoffs, fit_all(stage, cutoffs, found), strict=True))
        fits = [
            Fit(stage.path, stage.name, bar, answer)
            for bar, answer in answers.items()
            if answer is not None
        ]
        rehearsed = _with_models(room, rehearsed, stage, _at(fits, early))
        taught = _with_models(room, taught, stage, _at(fits, wanted))
        kept += _at(fits, wanted)
    return Taught(taught, tuple(kept))


def fit_here(
    room: Classroom,
    pipeline: Pipeline,
    stage: Stage,
    cutoffs: Sequence[int],
    found: Rehearsal,
) -> list[Fitted | None]:
    """Return what the learner of a ``stage`` learns at each cutoff, fitted in this process."""
    return [
        fit_one(stage, lesson_of(room, pipeline.limits, found, cutoff))
        for cutoff in cutoffs
    ]


def fitted_by(room: Classroom, pipeline: Pipeline) -> FitAll:
    """Return what fits in this process."""
    return partial(fit_here, room, pipeline)


def fit_one(stage: Stage, lesson: Lesson) -> Fitted | None:
    """Return what the learner of a ``stage`` makes of a ``lesson``; None where it is too short.

    Raises:
        PluginError: it failed, or gave no text.
    """
    learner = stage.learner
    assert learner is not None
    where = f"{stage.path} {stage.name!r}: fitting at {lesson.history.session}"
    answer: Any = guarded(where, learner.fit, lesson)
    if answer is None:
        return None
    if isinstance(answer, str):
        answer = Fitted(answer)
    if not isinstance(answer, Fitted) or not isinstance(answer.text, str):
        raise PluginError(
            f"{where}: gave a {type(answer).__name__}; expected a model as text, Fitted(text, ...) "
            "or None"
        )
    return answer


def _rehearsed(
    room: Classroom, pipeline: Pipeline, stage: Stage, first: int
) -> Rehearsal:
    """Rehearse the stages before a ``stage``; before the strategy there are none."""
    if stage.path == pipeline.strategy.path:
        return Rehearsal({}, {}, {})
    count = [one.path for one in pipeline.overlays].index(stage.path)
    before = replace(pipeline, overlays=pipeline.overlays[:count])
    return rehearse(room, before, first)


def _at(fits: Sequence[Fit], cutoffs: Sequence[int]) -> list[Fit]:
    return [fit for fit in fits if fit.cutoff in cutoffs]


def _with_models(
    room: Classroom, pipeline: Pipeline, stage: Stage, fits: Sequence[Fit]
) -> Pipeline:
    """Return the pipeline with what its learner reads in the texts of ``fits``."""
    models = tuple(_read(room, stage, fit) for fit in fits)
    known = MappingProxyType({**pipeline.models, stage.path: models})
    return replace(pipeline, models=known)


def _read(room: Classroom, stage: Stage, fit: Fit) -> Model:
    assert stage.learner is not None
    session: np.datetime64 = room.market.bars.sessions[fit.cutoff]
    where = f"{stage.path} {stage.name!r}: reading its model of {session}"
    value = guarded(where, stage.learner.read, fit.fitted.text)
    return Model(value, fit.cutoff, session, fit.fitted.digest)
