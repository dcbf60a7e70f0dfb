"""decide(): signals -> sizer -> overlays -> limits -> triggers.

Pure: no Backtrader, no files, no clock; backtest, paper and live share it. What must be remembered
is a memo.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from bt_run.arrays import Array, Mask, read_only
from bt_run.data.bars import Bars
from bt_run.data.controls import FLATTEN, HALT
from bt_run.data.history import History
from bt_run.decision.calls import Calls, Stage, at_stage
from bt_run.decision.lesson import Model, serving
from bt_run.decision.limits import apply_limits, keep_untraded
from bt_run.decision.signals import VectorisedSignal
from bt_run.decision.state import EMPTY, Decision, Memo, Memos, PortfolioState, changed
from bt_run.errors import PluginError
from bt_run.terms import Limits

__all__ = ["Pipeline", "Stage", "Trade", "decide", "triggered"]

ROUNDING = 1e-9  # by which an exposure may exceed 1
EXITS = "exits"  # the path of the memo: asset -> side on which an exit closed it


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """The built components of a run in the order in which they act.

    ``signals`` holds what its vectorised strategies, nested ones too, say on the bars to be played,
    (T, N) by path; ``on(bars)`` returns a pipeline that has them. ``nested`` holds the names of
    nested components by path; ``reads_tracks`` tells that a component says it reads tracks;
    ``models`` holds what its learners were taught, by path and rising by cutoff.
    """

    strategy: Stage
    sizer: Stage
    overlays: tuple[Stage, ...] = ()
    triggers: tuple[Stage, ...] = ()
    limits: Limits = field(default_factory=Limits)
    gives: str = "exposure"
    vectorised: tuple[VectorisedSignal, ...] = ()
    signals: Mapping[str, Array] = field(default_factory=lambda: MappingProxyType({}))
    nested: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    reads_tracks: bool = False
    models: Mapping[str, tuple[Model, ...]] = field(
        default_factory=lambda: MappingProxyType({})
    )

    @cached_property
    def names(self) -> Mapping[str, str]:
        """Return the name of each component by its path, nested ones too."""
        stages = (self.strategy, *self.weighing, *self.triggers)
        return {**self.nested, **{stage.path: stage.name for stage in stages}}

    @cached_property
    def stage_names(self) -> tuple[str, ...]:
        """Return the names of the weighing stages' columns: sized, overlay_1_NAME, ..."""
        overlays = enumerate(self.overlays, start=1)
        return ("sized", *(f"overlay_{number}_{one.name}" for number, one in overlays))

    @property
    def weighing(self) -> tuple[Stage, ...]:
        """Return the stages that make weights: the sizer, then the overlays. Each has a track."""
        return (self.sizer, *self.overlays)

    @cached_property
    def learners(self) -> tuple[Stage, ...]:
        """Return the stages that learn, in the order in which they act."""
        stages = (self.strategy, *self.overlays)
        return tuple(stage for stage in stages if stage.learner is not None)

    def models_at(self, bar: int) -> dict[str, Model]:
        """Return the model that decides at ``bar`` for each learner that has one, by path."""
        found = {path: serving(known, bar) for path, known in self.models.items()}
        return {path: model for path, model in found.items() if model is not None}

    def on(self, bars: Bars) -> Pipeline:
        """Return this pipeline with its vectorised strategies evaluated on ``bars``.

        Raises:
            PluginError: one of them failed, or broke its contract.
        """
        signals = {
            strategy.path: strategy.evaluate(bars) for strategy in self.vectorised
        }
        return replace(self, signals=MappingProxyType(signals))


@dataclass(frozen=True)
class Trade:
    """What triggers say: whether to trade, which assets (N,), and why; and why some assets may
    not, (N,), "" where nothing stands in the way. ``commanded`` from outside, it is the reason for
    every asset.
    """

    fired: bool
    names: Mask
    why: str
    blocked: NDArray[np.object_] | None = None
    commanded: bool = False


@dataclass(frozen=True)
class _Limited:
    """Weights (N,) within the limits, and the names of the limits that cut any."""

    weights: Array
    cut: tuple[str, ...]


def decide(pipeline: Pipeline, state: PortfolioState, memos: Memos) -> Decision:
    """Take one decision on what the components returned as memos at the decision before."""
    history = state.history
    calls = Calls(state, memos, pipeline.models_at(len(history) - 1))
    signal = _signal(pipeline, calls)
    exited = {**memos.get(EXITS, EMPTY), **state.exited}
    waiting = _waiting(history, signal, exited)
    calls.base = changed(state, {"signals": signal})
    stages = _weigh(pipeline, calls)

    excluded = (np.isnan(signal) & history.present) | waiting
    if state.controls.get(FLATTEN):
        excluded[:] = True
    limited = _within_limits(pipeline, state, np.where(excluded, 0.0, stages[-1]))
    target = limited.weights
    trade = _commanded(state, triggered(pipeline.triggers, calls, target))
    traded = history.present & trade.names
    if trade.fired:
        target = keep_untraded(target, state.weights, traded, pipeline.limits)
    return Decision(
        bar=len(history) - 1,
        signal=signal,
        stages=tuple(stages),
        target=target,
        cut=limited.cut,
        drifted=state.weights,
        traded=traded,
        fired=trade.fired,
        reason=_reasons(trade, signal, history, waiting),
        why=trade.why,
        memos=calls.memos | _waiting_memo(history, waiting, exited),
        notes=calls.notes,
        stage_names=pipeline.stage_names,
        halted=bool(state.controls.get(HALT)),
    )


def _signal(pipeline: Pipeline, calls: Calls) -> Array:
    """Ask the strategy; what is outside the universe is not eligible."""
    stage, history = pipeline.strategy, calls.base.history
    signal = calls.values(stage, calls.state(stage), nan=True)
    beyond = np.abs(signal) > 1.0 + ROUNDING
    if pipeline.gives == "exposure" and beyond.any():
        first = int(np.flatnonzero(beyond)[0])
        found = f"gave {history.assets[first]} an exposure of {signal[first]}"
        text = f"{found}; expected -1 to 1 (or declare gives = 'score')"
        raise PluginError(at_stage(stage, calls.base, text))
    outside = history.present & ~history.tradable
    return np.where(outside, np.nan, signal)


def _weigh(pipeline: Pipeline, calls: Calls) -> list[Array]:
    """Return the weights (N,) after the sizer and after each overlay."""
    weights = calls.values(pipeline.sizer, calls.state(pipeline.sizer, tracks=0))
    stages = [weights]
    for number, stage in enumerate(pipeline.overlays, start=1):
        weights = calls.values(stage, calls.state(stage, tracks=number), weights.copy())
        stages.append(weights)
    return stages


def _within_limits(
    pipeline: Pipeline, state: PortfolioState, weights: Array
) -> _Limited:
    """Cut weights (N,) to the limits; what has no bar now keeps its drifted weight."""
    cut_weights, cut = apply_limits(weights, pipeline.limits)
    present = state.history.present
    kept = keep_untraded(cut_weights, state.weights, present, pipeline.limits)
    return _Limited(kept, cut)


def triggered(triggers: tuple[Stage, ...], calls: Calls, target: Array) -> Trade:
    """Ask triggers about a target (N,): any fire and no veto trades what the firing ones name."""
    target = read_only(target)
    everything = np.ones(len(target), dtype=bool)
    nothing = ~everything
    if not triggers:
        return Trade(True, everything, "scheduled")
    names, fired, vetoed, blocked = nothing, [], [], None
    for stage in triggers:
        verdict = calls.verdict(stage, target)
        text = f"{stage.name}: {verdict.reason}" if verdict.reason else stage.name
        if verdict.veto:
            vetoed.append(text)
        if verdict.blocked is not None and verdict.blocked.any():
            blocked = _blocked_by(blocked, verdict.blocked, text)
        if verdict.fire:
            fired.append(text)
            names = names | (everything if verdict.names is None else verdict.names)
    if vetoed:
        return Trade(False, nothing, "vetoed by " + "; ".join(vetoed))
    if not fired:
        return Trade(False, nothing, "no trigger fired")
    why = "; ".join(fired)
    if blocked is None:
        return Trade(True, names, why)
    return Trade(True, names & (blocked == ""), why, blocked)


def _commanded(state: PortfolioState, trade: Trade) -> Trade:
    """Return what the controls make of a trade: nothing of it, or everything."""
    everything = np.ones(len(trade.names), dtype=bool)
    if state.controls.get(HALT):
        return Trade(False, ~everything, "halted by the controls", commanded=True)
    if state.controls.get(FLATTEN):
        return Trade(True, everything, "flattened by the controls", commanded=True)
    return trade


def _blocked_by(
    before: NDArray[np.object_] | None, names: Mask, text: str
) -> NDArray[np.object_]:
    """Return the reasons (N,) with ``text`` added to those of ``names``."""
    found = np.full(len(names), "", dtype=object) if before is None else before
    for place in np.flatnonzero(names):
        found[place] = f"{found[place]}; {text}" if found[place] else text
    return found


# -- what an exit closed waits until its signal changes
# -----------------------------------------------


def _waiting(history: History, signal: Array, exited: Memo) -> Mask:
    """Return which assets an exit closed and whose signal still is on the side it was on, (N,)."""
    if not exited:
        return np.zeros(len(signal), dtype=bool)
    sides = np.array([exited.get(name, 0) for name in history.assets])
    # an asset without a bar has no signal now, which is no change of it
    unchanged = (np.sign(np.nan_to_num(signal)) == sides) | ~history.present
    return np.asarray((sides != 0) & unchanged)


def _waiting_memo(history: History, waiting: Mask, exited: Memo) -> dict[str, Memo]:
    if not waiting.any():
        return {}
    names = [name for name, waits in zip(history.assets, waiting, strict=True) if waits]
    return {EXITS: {name: exited[name] for name in names}}


def _reasons(
    trade: Trade, signal: Array, history: History, waiting: Mask
) -> NDArray[np.object_]:
    reason = np.full(len(signal), trade.why, dtype=object)
    if trade.commanded:
        if trade.fired:
            reason[~history.present] = "not tradable"
        return reason
    present, tradable = history.present, history.tradable
    for names, text in (
        (waiting, "closed by an exit; waits for its signal to change"),
        (np.isnan(signal), "not eligible"),
        (present & ~tradable, "not in the universe"),
        (~present, "not tradable"),
    ):
        if names.any():
            reason[names] = text
    if trade.blocked is not None:
        kept = trade.blocked != ""
        reason[kept] = "blocked by " + trade.blocked[kept]
    return reason
