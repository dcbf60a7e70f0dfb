"""What a component that learns is taught with, what it gives back, and what was learned when."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np

from bt_run.arrays import Array
from bt_run.data.history import History
from bt_run.decision.state import EMPTY, Memo
from bt_run.terms import Costs, Limits

__all__ = ["Fit", "Fitted", "FoldRows", "Learner", "Lesson", "Model", "serving"]

DIGITS = 16  # of a digest
NO_ARRAYS: Mapping[str, Array] = MappingProxyType({})
NO_NOTES: Mapping[str, Sequence[Memo | None]] = MappingProxyType({})


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """All that a fit may know. It ends at its cutoff: n bars, the last of them the cutoff.

    The stages were rehearsed on an account of their own, so the lesson says what they would have
    done alone.

    Attributes:
        history: the bars up to the cutoff, with nothing behind them.
        weights: path of each stage before the learner -> the target (n, N) held at each bar, NaN
            before the rehearsal.
        nav: the same paths -> the value (n,) of an account that follows the stage, NaN before.
        notes: paths -> what the stage noted at each bar, (n,) mappings or None.
        costs: what prices a trade. limits: the bounds of the run's weights.
        seed: the run's.
    """

    history: History
    weights: Mapping[str, Array] = field(default_factory=lambda: NO_ARRAYS)
    nav: Mapping[str, Array] = field(default_factory=lambda: NO_ARRAYS)
    notes: Mapping[str, Sequence[Memo | None]] = field(default_factory=lambda: NO_NOTES)
    costs: Costs | None = None
    limits: Limits = field(default_factory=Limits)
    seed: int = 0


@dataclass(frozen=True)
class FoldRows:
    """Rows that a fit used for one purpose.

    Attributes:
        kind: to train, to validate or to calibrate.
        first, last: the first and the last row, bars.
        label_end: the last bar that a label of them looks at.
        rows: how many were used.
        effective: how many they are worth, since labels overlap.
    """

    kind: Literal["train", "validate", "calibrate"]
    first: int
    last: int
    label_end: int
    rows: int
    effective: float


@dataclass(frozen=True)
class Fitted:
    """A model as text, and what the tables of the run say of it.

    Attributes:
        text: all that ``read`` needs: a library's own text format, or JSON; never a pickle.
        summary: a small JSON-able mapping for the reader.
        folds: the rows that it was made of.
    """

    text: str
    summary: Memo = field(default_factory=lambda: EMPTY)
    folds: tuple[FoldRows, ...] = ()

    @cached_property
    def digest(self) -> str:
        """Return the first 16 hexadecimal digits of the text's sha256."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:DIGITS]


@dataclass(frozen=True)
class Fit:
    """What the learner at ``path``, called ``name``, learned from the bars up to ``cutoff``."""

    path: str
    name: str
    cutoff: int
    fitted: Fitted


@dataclass(frozen=True)
class Model:
    """What a component was taught: what it made of the newest text.

    Attributes:
        value: what ``read(text)`` returned.
        cutoff: the last bar of its lesson; it serves decisions at later bars.
        session: the session of that bar.
        digest: the first 16 hexadecimal digits of the text's sha256.
    """

    value: Any
    cutoff: int
    session: np.datetime64
    digest: str


@runtime_checkable
class Learner(Protocol):
    """An overlay, or an event-driven strategy, that learns from the past of its run.

    ``fit`` is asked at the bar before the run's start and at the first bar of every later
    ``refit`` period, with bars that end there; the model decides from the next bar on, as
    ``state.model``.
    """

    @property
    def refit(self) -> str:
        """Return the period: session, week, month, quarter or year."""
        ...

    @property
    def learn_from(self) -> int:
        """Return how many bars its first lesson needs: the rehearsal begins at that bar."""
        ...

    def fit(self, lesson: Lesson) -> str | Fitted | None:
        """Return a model as text; None where the lesson has too few rows."""
        ...

    def read(self, text: str) -> Any:
        """Return what ``state.model.value`` shall be, made of the text of a fit."""
        ...


def serving(models: Sequence[Model], bar: int) -> Model | None:
    """Return the newest of the ``models``, rising by cutoff, that may decide at ``bar``."""
    found = None
    for model in models:
        if model.cutoff >= bar:
            break
        found = model
    return found
