"""decide(): signals -> sizer -> overlays -> limits -> triggers.

Pure: no Backtrader, no files, no clock; backtest, paper and live share it. What must be remembered
is a memo.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bt_run.arrays import Array, own_numbers, read_only
from bt_run.data.bars import History
from bt_run.decision.limits import apply_limits, keep_untraded
from bt_run.decision.state import (
    EMPTY,
    Decision,
    Memo,
    Memos,
    PortfolioState,
    Proposal,
    Verdict,
    changed,
)
from bt_run.errors import PluginError
from bt_run.guard import guarded
from bt_run.terms import Limits

__all__ = ["Pipeline", "Stage", "decide"]

_TOLERANCE = 1e-9
EXITS = "exits"  # the path of the memo: asset -> side on which an exit closed it


@dataclass(frozen=True)
class Stage:
    """Name a component in the pipeline: its place there, its name in the YAML, and the call."""

    path: str
    name: str
    call: Callable[..., Any]


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """Hold the built components of a run in the order in which they act."""

    strategy: Stage
    sizer: Stage
    overlays: tuple[Stage, ...] = ()
    triggers: tuple[Stage, ...] = ()
    limits: Limits = field(default_factory=Limits)
    gives: str = "exposure"

    @property
    def weighing(self) -> tuple[Stage, ...]:
        """Return the stages that make weights: the sizer, then the overlays. Each has a track."""
        return (self.sizer, *self.overlays)


def decide(pipeline: Pipeline, state: PortfolioState, memos: Memos) -> Decision:
    """Take one decision on what the components returned as memos at the decision before."""
    calls = _Calls(state, memos)
    signal = calls.values(pipeline.strategy, calls.state(pipeline.strategy), nan=True)
    _check_signal(pipeline, signal, state)
    present = state.history.present
    signal = np.where(
        present & ~state.history.tradable, np.nan, signal
    )  # outside the universe: not eligible
    waiting = _waiting(state, signal, memos.get(EXITS, EMPTY))
    excluded = (np.isnan(signal) & present) | waiting
    calls.base = changed(state, {"signals": signal})

    weights = calls.values(pipeline.sizer, calls.state(pipeline.sizer, tracks=0))
    stages = [weights]
    for number, stage in enumerate(pipeline.overlays, start=1):
        weights = calls.values(stage, calls.state(stage, tracks=number), weights.copy())
        stages.append(weights)

    limited, cut = apply_limits(np.where(excluded, 0.0, weights), pipeline.limits)
    target = keep_untraded(limited, state.weights, present, pipeline.limits)
    fired, names, why = _triggered(pipeline, calls, target)
    traded = present & names if fired else np.zeros_like(present)
    if fired:
        target = keep_untraded(target, state.weights, traded, pipeline.limits)
    if cut:
        why = f"{why}; limits cut: {', '.join(cut)}"
    return Decision(
        bar=len(state.history) - 1,
        signal=signal,
        stages=tuple(stages),
        target=target,
        drifted=state.weights,
        traded=traded,
        fired=fired,
        reason=_reasons(why, signal, state.history, waiting),
        memos=calls.memos | _waiting_memo(state, waiting, memos.get(EXITS, EMPTY)),
        notes=calls.notes,
    )


class _Calls:
    """Call components with their own memo, and collect what they return."""

    def __init__(self, state: PortfolioState, memos: Memos) -> None:
        self.base = state
        self.before = memos
        self.memos: dict[str, Memo] = {}
        self.notes: dict[str, Memo] = {}

    def state(self, stage: Stage, tracks: int | None = None) -> PortfolioState:
        memo = MappingProxyType(dict(self.before.get(stage.path, EMPTY)))
        if tracks is None:
            return changed(self.base, {"memo": memo})
        return changed(self.base, {"memo": memo, "tracks": self.base.tracks.first(tracks)})

    def values(self, stage: Stage, state: PortfolioState, *rest: Array, nan: bool = False) -> Array:
        """Return the array (N,) that a component answers, checked."""
        answer = self._call(stage, state, *rest)
        if isinstance(answer, Proposal):
            self.keep(stage, state, answer.memo, answer.notes)
            answer = answer.values
        else:
            self.keep(stage, state, None, None)
        values: Array = guarded(partial(_at, stage, state, "its answer"), own_numbers, answer)
        expected = (len(state.history.assets),)
        if values.shape != expected:
            raise PluginError(
                _at(stage, state, f"returned shape {values.shape}; expected (N,) = {expected}")
            )
        bad = np.isinf(values) if nan else ~np.isfinite(values)
        if bad.any():
            asset = state.history.assets[int(np.flatnonzero(bad)[0])]
            raise PluginError(
                _at(
                    stage, state, f"returned {values[bad][0]} for {asset}; expected a finite number"
                )
            )
        return values

    def verdict(self, stage: Stage, target: Array) -> Verdict:
        state = self.state(stage)
        answer = self._call(stage, state, target)
        if not isinstance(answer, Verdict):
            raise PluginError(
                _at(stage, state, f"returned {type(answer).__name__}; expected a Verdict")
            )
        self.keep(stage, state, answer.memo, None)
        names = answer.names
        if names is not None and (
            np.shape(names) != target.shape or np.asarray(names).dtype != np.bool_
        ):
            text = f"returned names of shape {np.shape(names)} and type {np.asarray(names).dtype}"
            raise PluginError(
                _at(stage, state, f"{text}; expected (N,) = {target.shape} of bool, or None")
            )
        return answer

    def keep(
        self, stage: Stage, state: PortfolioState, memo: Memo | None, notes: Memo | None
    ) -> None:
        """Store a memo as JSON would, so that a run resumed from its files goes on alike."""
        self.memos[stage.path] = (
            state.memo if memo is None else _through_json(stage, state, "memo", memo)
        )
        if notes:
            self.notes[stage.path] = _through_json(stage, state, "notes", notes)

    def _call(self, stage: Stage, state: PortfolioState, *rest: Array) -> Any:
        return guarded(partial(_where, stage, state), stage.call, state, *rest)


def _triggered(
    pipeline: Pipeline, calls: _Calls, target: Array
) -> tuple[bool, NDArray[np.bool_], str]:
    """Ask all triggers: any fire and no veto trades the union of the firing names."""
    target = read_only(target)
    everything = np.ones(len(target), dtype=bool)
    if not pipeline.triggers:
        return True, everything, "scheduled"
    names, fired, vetoed = ~everything, [], []
    for stage in pipeline.triggers:
        verdict = calls.verdict(stage, target)
        text = f"{stage.name}: {verdict.reason}" if verdict.reason else stage.name
        if verdict.veto:
            vetoed.append(text)
        if verdict.fire:
            fired.append(text)
            names = names | (everything if verdict.names is None else verdict.names)
    if vetoed:
        return False, ~everything, "vetoed by " + "; ".join(vetoed)
    if not fired:
        return False, ~everything, "no trigger fired"
    return True, names, "; ".join(fired)


def _through_json(stage: Stage, state: PortfolioState, what: str, value: Memo) -> Memo:
    try:
        copy: Memo = json.loads(json.dumps(dict(value), allow_nan=False))
    except (TypeError, ValueError) as error:
        text = f"returned {what} that JSON cannot hold ({error}); use numbers, strings, lists and mappings"
        raise PluginError(_at(stage, state, text)) from error
    return copy


def _check_signal(pipeline: Pipeline, signal: Array, state: PortfolioState) -> None:
    beyond = np.abs(signal) > 1.0 + _TOLERANCE
    if pipeline.gives == "exposure" and beyond.any():
        where = int(np.flatnonzero(beyond)[0])
        asset = state.history.assets[where]
        text = f"gave {asset} an exposure of {signal[where]}; expected -1 to 1 (or declare gives = 'score')"
        raise PluginError(_at(pipeline.strategy, state, text))


def _waiting(state: PortfolioState, signal: Array, memo: Memo) -> NDArray[np.bool_]:
    """Return which assets an exit closed and whose signal still is on the side it was on then,
    (N,).
    """
    if not memo:
        return np.zeros(len(signal), dtype=bool)
    sides = np.array([memo.get(name, 0) for name in state.history.assets])
    # an asset without a bar has no signal now, which is no change of it
    unchanged = (np.sign(np.nan_to_num(signal)) == sides) | ~state.history.present
    return np.asarray((sides != 0) & unchanged)


def _waiting_memo(state: PortfolioState, waiting: NDArray[np.bool_], memo: Memo) -> dict[str, Memo]:
    if not waiting.any():
        return {}
    return {EXITS: {name: memo[name] for i, name in enumerate(state.history.assets) if waiting[i]}}


def _reasons(
    why: str, signal: Array, history: History, waiting: NDArray[np.bool_]
) -> NDArray[np.object_]:
    reason = np.full(len(signal), why, dtype=object)
    reason[waiting] = "closed by an exit; waits for its signal to change"
    reason[np.isnan(signal)] = "not eligible"
    reason[history.present & ~history.tradable] = "not in the universe"
    reason[~history.present] = "not tradable"
    return reason


def _where(stage: Stage, state: PortfolioState) -> str:
    return f"{stage.path} {stage.name!r} at {state.history.now:%Y-%m-%d %H:%M}"


def _at(stage: Stage, state: PortfolioState, text: str) -> str:
    return f"{_where(stage, state)}: {text}"
