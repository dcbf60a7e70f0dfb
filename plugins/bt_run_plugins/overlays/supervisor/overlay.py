"""The overlay supervisor: w = P aggressive + (1 - P) defensive."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bt_run import (
    SESSIONS,
    Array,
    BuildContext,
    Component,
    ConfigError,
    Fitted,
    History,
    Lesson,
    PortfolioState,
    Proposal,
    hookimpl,
)
from bt_run_plugins.learning.calibrate import with_gain
from bt_run_plugins.learning.classifiers import Rows, TreeCaps
from bt_run_plugins.learning.features import (
    BOOK_ROWS,
    SERIES_ROWS,
    Table,
    book_features,
    series_features,
)
from bt_run_plugins.learning.labels import (
    beats,
    effective_rows,
    triple_barrier,
    uniqueness,
)
from bt_run_plugins.learning.skill import Choice, Learned, Recipe, learn
from bt_run_plugins.learning.splits import Purge
from bt_run_plugins.overlays.supervisor.confidence import Path, next_confidence
from bt_run_plugins.overlays.supervisor.config import SupervisorConfig

__all__ = ["LAG", "Supervisor", "bt_overlays"]

LAG = 1  # bars from a decision to its fill
FEWEST = 12.0  # independent rows of a first lesson
STRANGE = (
    0.3  # the share of features beyond training from which a row is out of distribution
)


@dataclass(frozen=True)
class _Said:
    """What a model says now: a confidence, a state, and what it rests on."""

    raw: float
    state: str
    strange: float = 0.0


class Supervisor:
    """A learned confidence P that the aggressive book, the weights that come in, beats the
    defensive one over the next ``horizon`` bars; what is missing to 1 goes there, or into cash.

    It keeps the confidence and the bar of the last decision as its memo.
    """

    def __init__(self, config: SupervisorConfig, context: BuildContext) -> None:
        self.config = config
        self.refit = config.refit
        self.learn_from = config.learn_from
        self.defensive = context.children.get("defensive")
        self.reads = dict.fromkeys(config.series, "series")
        self.purge = Purge(config.horizon, LAG, config.embargo)
        self.path = Path(config.alpha, config.max_change, config.floor)

    # -- what it decides ---------------------------------------------------------------------------

    def adjust(self, state: PortfolioState, weights: Array) -> Proposal:
        """Return the blend (N,) of ``weights`` (N,) with the defensive book."""
        said = self._said(state, weights)
        now = len(state.history)
        before = state.memo.get("p")
        sessions = (
            (now - state.memo.get("bars", now)) * SESSIONS / state.history.bars_per_year
        )
        p = next_confidence(before, said.raw, self.path, sessions)
        book, memo = self._defensive(state)
        notes = {"raw": said.raw, "p": p, "state": said.state, "strange": said.strange}
        if state.model is not None:
            notes["model"] = state.model.digest
        return Proposal(
            p * weights + (1.0 - p) * book,
            memo={"p": p, "bars": now} | memo,
            notes=notes,
        )

    def _said(self, state: PortfolioState, weights: Array) -> _Said:
        """Return the confidence before smoothing, and its state."""
        config, model = self.config, state.model
        if model is None:
            return _Said(config.fallback, "no model")
        learned: Learned = model.value
        if len(state.history) - 1 - model.cutoff > config.max_age:
            return _Said(config.fallback, "stale")
        if learned.kind == "base":
            return _Said(learned.base, "no skill")
        table = self._features(state.history, weights[None, :])
        columns = [table.names.index(name) for name in learned.columns]
        x = np.ascontiguousarray(table.values[-1:, columns])
        if not np.isfinite(x).all():
            return _Said(learned.base, "fallback")
        p = float(with_gain(learned.raw(x), learned.base, config.gain)[0])
        strange = learned.strange(x[0])
        return _Said(p, "out of distribution" if strange > STRANGE else "ok", strange)

    def _defensive(self, state: PortfolioState) -> tuple[Array, dict[str, Any]]:
        """Return the defensive weights (N,), and the memo that its sizer asks to keep."""
        if self.defensive is None:
            return np.zeros(len(state.weights)), {}
        answer = self.defensive(state.child("defensive"))
        if not isinstance(answer, Proposal):
            return np.asarray(answer), {}
        memo = state.memo.get("defensive") if answer.memo is None else answer.memo
        return np.asarray(answer.values), {} if memo is None else {"defensive": memo}

    # -- what it learns ----------------------------------------------------------------------------

    def fit(self, lesson: Lesson) -> Fitted | None:
        """Return what the rows of a lesson teach, as JSON; None where there are too few.

        Raises:
            ConfigError: there are more features than the rows can carry.
        """
        held = list(lesson.weights.values())[-1]
        labels = self._labels(lesson, held)
        table = self._features(lesson.history, held)
        rows = _unbroken(np.isfinite(labels) & np.isfinite(table.values).all(axis=1))
        count = rows.stop - rows.start
        worth = effective_rows(count, self.config.horizon, LAG)
        if worth < FEWEST:
            return None
        _refuse_columns(table, worth)
        own = Rows(
            np.ascontiguousarray(table.values[rows]),
            labels[rows],
            uniqueness(labels, self.config.horizon, LAG)[rows],
            table.signs,
        )
        found = learn(own, table.names, rows.start, self._recipe(lesson.seed))
        if found is None:
            return None
        learned, choice, folds = found
        text = json.dumps(learned.told(), sort_keys=True)
        summary = _summary(learned, choice, len(table.names))
        return Fitted(text, summary=summary, folds=tuple(folds))

    def read(self, text: str) -> Learned:
        """Return what ``fit`` wrote."""
        return Learned.of(json.loads(text))

    def _labels(self, lesson: Lesson, held: Array) -> Array:
        """Return the labels (n,) of the aggressive book, its costs as it would have paid them."""
        config = self.config
        value = list(lesson.nav.values())[-1]
        if config.barrier is not None:
            return triple_barrier(
                value, config.horizon, LAG, config.barrier, config.barrier
            )
        defensive = self._defensive_value(lesson)
        return beats(value, defensive, config.horizon, LAG, config.switch_bps / 1e4)

    def _defensive_value(self, lesson: Lesson) -> Array:
        """Return the value (n,) of the defensive book as its sizer makes it at the cutoff, held
        through the lesson; of cash 1.
        """
        history = lesson.history
        count = len(history)
        if self.defensive is None:
            return np.ones(count)
        assets = len(history.assets)
        state = PortfolioState(
            history=history,
            signals=np.where(history.tradable, 1.0, np.nan),
            weights=np.zeros(assets),
            nav=1.0,
            cash=1.0,
            shares=np.zeros(assets),
            nav_history=np.ones(1),
            costs=lesson.costs,  # type: ignore[arg-type]
        )
        book, _ = self._defensive(state)
        own = history.returns(count)[:, book != 0.0]
        moved = np.nan_to_num(own) @ book[book != 0.0]
        value = np.cumprod(1.0 + moved)
        # before each of its assets was there the book is unknown
        known = np.logical_or.accumulate(np.isfinite(own), axis=0).all(axis=1)
        return np.where(known, value, np.nan)

    def _features(self, history: History, weights: Array) -> Table:
        """Return the features (n, K) of books (n, N) at the last n bars of ``history``."""
        known = len(history)
        count = len(weights)
        returns = history.returns(min(known, BOOK_ROWS + count - 1))
        book = book_features(weights, returns)
        if not self.config.series:
            return book
        series: Mapping[str, Array] = {
            name: history.series(name, min(known, SERIES_ROWS + count - 1))
            for name in self.config.series
        }
        macro = series_features(series, self.config.series)
        kept = Table(macro.names, macro.values[-count:], macro.signs)
        return book.beside(kept)

    def _recipe(self, seed: int) -> Recipe:
        config = self.config
        caps = TreeCaps(config.depth, config.trees, config.rate, seed)
        return Recipe(self.purge, caps, shrink=config.shrink, model=config.model)


def _unbroken(usable: NDArray[np.bool_]) -> slice:
    """Return the last rows of (n,) bool that are usable without a break."""
    good = np.flatnonzero(usable)
    if not len(good):
        return slice(0, 0)
    stop = int(good[-1]) + 1
    bad = np.flatnonzero(~usable[:stop])
    return slice(int(bad[-1]) + 1 if len(bad) else 0, stop)


def _refuse_columns(table: Table, worth: float) -> None:
    if len(table.names) > worth / 3.0:
        raise ConfigError(
            f"supervisor: {len(table.names)} features for {worth:.0f} independent rows at the "
            f"first cutoff; expected {int(worth / 3.0)} at most: fewer series, or an earlier "
            "`history_from`"
        )


def _summary(learned: Learned, choice: Choice, columns: int) -> dict[str, Any]:
    return {
        "model": learned.kind,
        "base rate": learned.base,
        "effective rows": learned.effective,
        "features": columns,
        "kept": list(learned.columns),
        "losses": dict(choice.losses),
        "tree over twin, standard errors": choice.tree_over_twin,
        "over the base rate, standard errors": choice.over_base,
    }


def _libraries(config: SupervisorConfig) -> Mapping[str, str]:
    """Return the modules that it needs, with what brings them."""
    needed = {"sklearn": "bt-run[learning]"}
    if config.model in ("best", "tree"):
        needed["xgboost"] = "bt-run[learning]"
    return needed


@hookimpl
def bt_overlays() -> list[Component]:
    return [
        Component(
            name="supervisor",
            config=SupervisorConfig,
            build=Supervisor,
            summary="blends with a defensive book by a learned probability",
            libraries=_libraries,
        )
    ]
