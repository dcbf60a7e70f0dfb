"""Play one component on a made market and keep what it answered, right or wrong, without stopping
at a fault.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bt_run.account.market import Market
from bt_run.arrays import Array, Mask
from bt_run.component import BacktraderStrategy
from bt_run.data.bars import Bars
from bt_run.decision.pipeline import Pipeline, Stage
from bt_run.decision.state import Decision, PortfolioState, Proposal, Verdict
from bt_run.engine.classic import ClassicRun, run_classic
from bt_run.engine.listeners import Listeners
from bt_run.engine.panel import PanelRun, run_panel
from bt_run.terms import BrokerTerms, Limits
from bt_run.testing import MadeCosts
from bt_run.testing.conformance.subjects import Built, Subject, Watch

__all__ = ["CallAnswer", "Play", "answer_of", "kit_pipeline", "play_on", "scheduled"]

EVERY = 5  # bars from one decision to the next


@dataclass(frozen=True)
class CallAnswer:
    """One call and its answer as it came: ``values`` (N,), or None where it was no array of
    that shape.
    """

    bar: int
    raw: Any
    values: Array | None
    state: PortfolioState | None = None
    rest: tuple[Array, ...] = ()


@dataclass(frozen=True)
class Play:
    """The answers on one market; ``error`` is what stopped the component, ``at`` the bar, if
    anything did.
    """

    bars: Bars
    answers: tuple[CallAnswer, ...]
    error: Exception | None = None
    at: int | None = None

    def until(self, bar: int) -> tuple[CallAnswer, ...]:
        """Return the answers up to and including ``bar``."""
        return tuple(answer for answer in self.answers if answer.bar <= bar)

    @property
    def digest(self) -> str:
        """Return a hash of every answer, bit by bit."""
        sha = hashlib.sha256()
        for answer in self.answers:
            sha.update(f"{answer.bar} {_memo_text(answer.raw)}".encode())
            sha.update(b"" if answer.values is None else answer.values.tobytes())
        return sha.hexdigest()


def scheduled(bars: Bars) -> Mask:
    """Return at which bars the kit decides, (T,)."""
    due = np.zeros(len(bars), dtype=bool)
    due[bars.start :: EVERY] = True
    return due


def play_on(subject: Subject, bars: Bars, watch: Watch | None = None) -> Play:
    """Build ``subject`` anew and play it on ``bars``."""
    built = subject.build(watch)
    if isinstance(built.thing, BacktraderStrategy):
        return play_classic(built.thing, bars)
    if subject.role == "strategy" and hasattr(built.thing, "signals"):
        return play_rows(built.thing.signals, bars)
    return _play_calls(subject, built, bars)


def play_rows(signals: Callable[[Bars], Any], bars: Bars) -> Play:
    """Call a vectorised strategy once; each row from the start on is an answer."""
    try:
        raw = signals(bars)
    except Exception as error:
        return Play(bars, (), error)
    rows = _numbers(raw, (len(bars), len(bars.assets)))
    return Play(
        bars,
        tuple(
            CallAnswer(t, raw, None if rows is None else rows[t])
            for t in range(bars.start, len(bars))
        ),
    )


def play_classic(
    strategy: BacktraderStrategy, bars: Bars, *, runonce: bool = True
) -> Play:
    """Run a Backtrader strategy; the shares filled at a bar are its answer there."""
    broker = BrokerTerms(cash=1e6, fill="next_open", costs=MadeCosts(0.0005, 0.0005))
    try:
        ledger = run_classic(
            ClassicRun(bars=bars, broker=broker, strategy=strategy, runonce=runonce)
        )
    except Exception as error:
        return Play(bars, (), error)
    filled = np.zeros((len(bars), len(bars.assets)))
    for fill in ledger.fills:
        if fill.bar >= 0:
            filled[fill.bar, fill.assets] += fill.filled
    return Play(
        bars,
        tuple(
            CallAnswer(t, filled[t], filled[t]) for t in range(bars.start, len(bars))
        ),
    )


def kit_pipeline(
    subject: Subject | None = None,
    call: Callable[..., Any] | None = None,
    scores: bool = False,
) -> Pipeline:
    """Return a pipeline of the kit's own plain stages, with ``call`` in the place of the subject's
    role.
    """
    role = subject.role if subject else ""
    own = {role: (Stage(role, role, call),)} if call else {}
    return Pipeline(
        strategy=own.get(
            "strategy", (Stage("strategy", "kit", _scores if scores else _exposures),)
        )[0],
        sizer=own.get("sizer", (Stage("sizer", "kit", _shares),))[0],
        overlays=own.get("overlay", ()),
        triggers=own.get("trigger", ()),
        limits=Limits(gross=1.0),
        gives="score" if scores else "exposure",
    )


def _play_calls(subject: Subject, built: Built, bars: Bars) -> Play:
    """Play the pipeline with a recorder in the place of the subject."""
    recorder = _Recorder(subject, built)
    scores = _wants_scores(subject, built)
    pipeline = replace(
        kit_pipeline(subject, recorder, scores), vectorised=built.vectorised
    )
    decisions = play_pipeline(pipeline, bars)
    assert decisions is not None
    return Play(bars, tuple(recorder.answers), recorder.error, recorder.at)


def play_pipeline(
    pipeline: Pipeline, bars: Bars, decided: Callable[[Decision], None] | None = None
) -> Any:
    """Run a pipeline on the engine and return its ledger."""
    broker = BrokerTerms(cash=1e6, fill="next_close", costs=MadeCosts(0.0005, 0.0005))
    market = Market(bars, broker, 1.0, False)
    return run_panel(
        PanelRun(market, pipeline.on(bars), scheduled(bars), Listeners(decided=decided))
    )


class _Recorder:
    """Stand in for the subject: ask it, keep the answer as it came, and hand on one that the
    pipeline takes.
    """

    def __init__(self, subject: Subject, built: Built) -> None:
        self.role, self.call = subject.role, built.call
        self.scores = (
            _wants_scores(subject, built)
            or getattr(built.thing, "gives", "exposure") == "score"
        )
        self.answers: list[CallAnswer] = []
        self.error: Exception | None = None
        self.at: int | None = None

    def __call__(self, state: PortfolioState, *rest: Array) -> Any:
        given = tuple(item.copy() for item in rest)
        neutral = given[0] if self.role == "overlay" else np.zeros(len(state.weights))
        raw: Any = neutral
        if self.error is None:
            assert self.call is not None
            try:
                raw = self.call(state, *rest)
                self.answers.append(answer_of(self.role, raw, state, given))
            except Exception as error:
                self.error, self.at, raw = error, len(state.history) - 1, neutral
        return self._acceptable(raw, neutral)

    def _acceptable(self, raw: Any, neutral: Array) -> Any:
        """Return an answer that lets the play go on; what was wrong is kept and told by its own
        case.
        """
        if self.role == "trigger":
            if not isinstance(raw, Verdict):
                return Verdict(True)
            names = raw.names if _is_mask(raw.names, len(neutral)) else None
            return Verdict(
                bool(raw.fire), bool(raw.veto), names, str(raw.reason), _plain(raw.memo)
            )
        values = _numbers(
            raw.values if isinstance(raw, Proposal) else raw, neutral.shape
        )
        values = neutral if values is None else values
        if self.role != "strategy":
            values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
        elif not self.scores:
            values = np.clip(values, -1.0, 1.0)
        return Proposal(
            values, memo=_plain(raw.memo if isinstance(raw, Proposal) else None)
        )


def answer_of(
    role: str, raw: Any, state: PortfolioState, rest: tuple[Array, ...]
) -> CallAnswer:
    """Return the answer with its values (N,); a verdict becomes 1 for each name that fires, -1 for
    a veto.
    """
    count = len(state.weights)
    bar = len(state.history) - 1
    if role != "trigger":
        return CallAnswer(
            bar,
            raw,
            _numbers(raw.values if isinstance(raw, Proposal) else raw, (count,)),
            state,
            rest,
        )
    if not isinstance(raw, Verdict):
        return CallAnswer(bar, raw, None, state, rest)
    names = (
        np.ones(count) if raw.names is None else np.asarray(raw.names, dtype=np.float64)
    )
    values = np.full(count, -1.0) if raw.veto else names * bool(raw.fire)
    return CallAnswer(
        bar, raw, values if values.shape == (count,) else None, state, rest
    )


def _wants_scores(subject: Subject, built: Built) -> bool:
    return subject.role == "sizer" and "exposure" not in getattr(
        built.thing, "accepts", ("exposure",)
    )


def _exposures(state: PortfolioState) -> Array:
    """Give each asset an exposure in [0, 1] that follows its last five returns; NaN until it has
    them.
    """
    return np.clip(0.5 + 8.0 * _scores(state), 0.0, 1.0)


def _scores(state: PortfolioState) -> Array:
    closes = state.history.close(6, asset_bars=True)
    if len(closes) < 6:
        return np.where(state.history.tradable, 0.0, np.nan)
    return np.where(state.history.tradable, np.log(closes[-1] / closes[0]), np.nan)


def _shares(state: PortfolioState) -> Array:
    return np.clip(np.nan_to_num(state.signals), 0.0, 1.0) / len(state.signals)


def _numbers(raw: Any, shape: tuple[int, ...]) -> Array | None:
    """Return numbers of that shape, or None."""
    try:
        values = np.array(raw)
    except ValueError:
        return None
    fits = values.shape == shape and values.dtype.kind in "fiub"
    return values.astype(np.float64) if fits else None


def _is_mask(names: Any, count: int) -> bool:
    return (
        names is not None
        and np.shape(names) == (count,)
        and np.asarray(names).dtype == np.bool_
    )


def _plain(memo: Any) -> Any:
    """Return a memo as JSON would hold it, its odd values as numbers or text."""
    if memo is None:
        return None
    try:
        found = json.loads(
            json.dumps(dict(memo), default=_number_or_text, skipkeys=True)
        )
    except (TypeError, ValueError):
        return {}
    return json.loads(
        json.dumps(found).replace("NaN", "null").replace("Infinity", "null")
    )


def _number_or_text(value: Any) -> Any:
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else str(value)


def _memo_text(raw: Any) -> str:
    memo = getattr(raw, "memo", None)
    return "" if memo is None else json.dumps(_plain(memo), sort_keys=True)
