"""The stages before a learner, rehearsed: what they would have done alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from bt_run.account.market import Market
from bt_run.account.track import Track
from bt_run.arrays import Array, Mask, read_only
from bt_run.data.bars import Bars
from bt_run.data.controls import NO_CONTROLS, Controls
from bt_run.data.history import History
from bt_run.data.slices import until
from bt_run.decision.lesson import Lesson
from bt_run.decision.pipeline import Pipeline
from bt_run.decision.state import Memo
from bt_run.results.ledger import Ledger
from bt_run.terms import Limits

__all__ = ["Classroom", "Rehearsal", "lesson_of", "rehearse"]


@dataclass(frozen=True)
class Classroom:
    """What learners are taught in.

    Attributes:
        market: what every account of the run meets.
        due: bars -> at which of them the run decides, (T,).
        seed: the run's.
        controls: what is known from outside.
    """

    market: Market
    due: Callable[[Bars], Mask]
    seed: int = 0
    controls: Controls = NO_CONTROLS


@dataclass(frozen=True)
class Rehearsal:
    """What the stages before a learner did on all bars, by their path: targets (T, N) held, NAV
    (T,), notes (T,); of the strategy notes alone.
    """

    weights: Mapping[str, Array]
    nav: Mapping[str, Array]
    notes: Mapping[str, tuple[Memo | None, ...]]


def rehearse(room: Classroom, pipeline: Pipeline, first: int) -> Rehearsal:
    """Play a ``pipeline`` from bar ``first`` on, without triggers and exits."""
    bars = room.market.bars
    if first >= len(bars) - 1:
        return _nothing(bars, pipeline)
    market = replace(room.market, bars=replace(bars, start=first), exits=())
    alone = replace(pipeline, triggers=())
    due = room.due(market.bars)
    # not at the top: Backtrader takes its time, and help and configuration need none of it
    from bt_run.engine.panel import PanelRun, run_panel

    ledger = run_panel(PanelRun(market, alone, due, controls=room.controls))
    return _watched(ledger, market, alone)


def lesson_of(room: Classroom, limits: Limits, found: Rehearsal, cutoff: int) -> Lesson:
    """Return what a learner may know at bar ``cutoff``: rows up to it, and nothing behind them."""
    bars = room.market.bars
    cut = until(bars, cutoff) if cutoff < len(bars) - 1 else bars
    return Lesson(
        history=History(replace(cut, start=min(cut.start, cutoff)), cutoff),
        weights=_until(found.weights, cutoff),
        nav=_until(found.nav, cutoff),
        notes={path: own[: cutoff + 1] for path, own in found.notes.items()},
        costs=room.market.broker.costs,
        limits=limits,
        seed=room.seed,
    )


def _until(arrays: Mapping[str, Array], cutoff: int) -> dict[str, Array]:
    return {path: read_only(own[: cutoff + 1].copy()) for path, own in arrays.items()}


def _nothing(bars: Bars, pipeline: Pipeline) -> Rehearsal:
    count, assets = bars.close.shape
    paths = [stage.path for stage in pipeline.weighing]
    nothing: tuple[Memo | None, ...] = (None,) * count
    return Rehearsal(
        {path: np.full((count, assets), np.nan) for path in paths},
        {path: np.full(count, np.nan) for path in paths},
        dict.fromkeys((pipeline.strategy.path, *paths), nothing),
    )


def _watched(ledger: Ledger, market: Market, pipeline: Pipeline) -> Rehearsal:
    """Return what a played ledger says of each stage; of a ruined one up to its ruin."""
    bars, last = market.bars, len(ledger.bars) - 1
    blank = _nothing(bars, pipeline)
    weights, nav = dict(blank.weights), dict(blank.nav)
    notes = {path: list(own) for path, own in blank.notes.items()}
    tracks = {stage.path: Track(market) for stage in pipeline.weighing}
    for decision in ledger.decisions:
        for path, target in zip(tracks, decision.stages, strict=True):
            tracks[path].order(decision.bar, target)
            weights[path][decision.bar : last + 1] = target
        for path, noted in decision.notes.items():
            notes[path][decision.bar] = noted
    for path, track in tracks.items():
        nav[path][bars.start : last + 1] = track.nav_until(last)
    return Rehearsal(weights, nav, {path: tuple(own) for path, own in notes.items()})
