"""How the pipeline calls a component: with its own memo, and its answer checked."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType
from typing import Any

import numpy as np

from bt_run.arrays import Array, own_numbers
from bt_run.decision.labels import values_by_labels
from bt_run.decision.lesson import Learner, Model
from bt_run.decision.state import (
    EMPTY,
    Memo,
    Memos,
    PortfolioState,
    Proposal,
    Verdict,
    changed,
)
from bt_run.errors import PluginError
from bt_run.guard import guarded

__all__ = ["Calls", "Stage", "at_stage"]

NO_MODELS: Mapping[str, Model] = MappingProxyType({})


@dataclass(frozen=True)
class Stage:
    """A component in the pipeline: its place there, its name in the YAML, the call, and what is
    taught where it learns.
    """

    path: str
    name: str
    call: Callable[..., Any]
    learner: Learner | None = None


class Calls:
    """The calls of one decision, and the memos and notes that came back."""

    def __init__(
        self,
        state: PortfolioState,
        memos: Memos,
        models: Mapping[str, Model] = NO_MODELS,
    ) -> None:
        self.base = state
        self.before = memos
        self.models = models
        self.memos: dict[str, Memo] = {}
        self.notes: dict[str, Memo] = {}

    def state(self, stage: Stage, tracks: int | None = None) -> PortfolioState:
        """Return the state as ``stage`` sees it: its own memo, and the first ``tracks`` tracks."""
        memo = MappingProxyType(dict(self.before.get(stage.path, EMPTY)))
        changes: dict[str, Any] = {"memo": memo}
        if self.models:
            changes["model"] = self.models.get(stage.path)
        if tracks is not None:
            changes["tracks"] = self.base.tracks.first(tracks)
        return changed(self.base, changes)

    def values(
        self, stage: Stage, state: PortfolioState, *rest: Array, nan: bool = False
    ) -> Array:
        """Return the array (N,) that a component answers.

        Raises:
            PluginError: it failed, or its answer is not a finite number (or NaN) for each asset.
        """
        answer = self._call(stage, state, *rest)
        if isinstance(answer, Proposal):
            self._keep(stage, state, answer.memo, answer.notes)
            answer = answer.values
        else:
            self._keep(stage, state, None, None)
        where = partial(at_stage, stage, state, "its answer")
        plain = guarded(where, values_by_labels, answer, state.history.assets)
        values: Array = guarded(where, own_numbers, plain)
        _check_values(stage, state, values, nan=nan)
        return values

    def verdict(self, stage: Stage, target: Array) -> Verdict:
        """Return what a trigger says about a target (N,).

        Raises:
            PluginError: it failed, or its answer is no verdict on N assets.
        """
        state = self.state(stage)
        answer = self._call(stage, state, target)
        if not isinstance(answer, Verdict):
            found = f"returned {type(answer).__name__}; expected a Verdict"
            raise PluginError(at_stage(stage, state, found))
        self._keep(stage, state, answer.memo, None)
        _check_names(stage, state, "names", answer.names, target)
        _check_names(stage, state, "blocked", answer.blocked, target)
        return answer

    def _call(self, stage: Stage, state: PortfolioState, *rest: Array) -> Any:
        return guarded(partial(_where, stage, state), stage.call, state, *rest)

    def _keep(
        self, stage: Stage, state: PortfolioState, memo: Memo | None, notes: Memo | None
    ) -> None:
        """Store a memo as JSON would, so that a run resumed from its files goes on alike."""
        if memo is None:
            self.memos[stage.path] = state.memo
        else:
            self.memos[stage.path] = _through_json(stage, state, "memo", memo)
        if notes:
            self.notes[stage.path] = _through_json(stage, state, "notes", notes)


def at_stage(stage: Stage, state: PortfolioState, text: str) -> str:
    """Return ``text`` with the component and the time it is about before it."""
    return f"{_where(stage, state)}: {text}"


def _where(stage: Stage, state: PortfolioState) -> str:
    return f"{stage.path} {stage.name!r} at {state.history.now:%Y-%m-%d %H:%M}"


def _check_values(
    stage: Stage, state: PortfolioState, values: Array, *, nan: bool
) -> None:
    expected = (len(state.history.assets),)
    if values.shape != expected:
        found = f"returned shape {values.shape}; expected (N,) = {expected}"
        raise PluginError(at_stage(stage, state, found))
    bad = np.isinf(values) if nan else ~np.isfinite(values)
    if bad.any():
        first = int(np.flatnonzero(bad)[0])
        asset = state.history.assets[first]
        found = f"returned {values[first]} for {asset}; expected a finite number"
        raise PluginError(at_stage(stage, state, found))


def _check_names(
    stage: Stage, state: PortfolioState, what: str, names: Any, target: Array
) -> None:
    if names is None:
        return
    shape, kind = np.shape(names), np.asarray(names).dtype
    if shape != target.shape or kind != np.bool_:
        found = f"returned {what} of shape {shape} and type {kind}"
        text = f"{found}; expected (N,) = {target.shape} of bool, or None"
        raise PluginError(at_stage(stage, state, text))


def _through_json(stage: Stage, state: PortfolioState, what: str, value: Memo) -> Memo:
    flat = _flat_copy(value)
    if flat is not None:
        return flat
    try:
        copy: Memo = json.loads(json.dumps(dict(value), allow_nan=False))
    except (TypeError, ValueError) as error:
        found = f"returned {what} that JSON cannot hold ({error})"
        text = f"{found}; use numbers, strings, lists and mappings"
        raise PluginError(at_stage(stage, state, text)) from error
    return copy


def _flat_copy(value: Memo) -> Memo | None:
    """Return what JSON would make of a mapping of words to single values, which most are, in a
    tenth of the time; None of others.
    """
    copy: dict[str, Any] = {}
    for key, one in value.items():
        if type(key) is not str:
            return None
        if type(one) in (str, int, bool) or one is None:
            copy[key] = one
        elif isinstance(one, float) and math.isfinite(one):
            copy[key] = float(one)
        else:
            return None
    return copy
