"""Answers of components at decisions, asked again and compared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, replace
from typing import Any

import numpy as np

from bt_run.arrays import Array
from bt_run.component import BacktraderStrategy
from bt_run.decision.state import PortfolioState
from bt_run.testing.conformance.cases import Bench
from bt_run.testing.conformance.markets import MARKETS
from bt_run.testing.conformance.plays import CallAnswer, Play, answer_of

__all__ = [
    "CLOSE",
    "all_answers",
    "ask_again",
    "equal_answers",
    "frozen",
    "frozen_array",
    "is_classic",
    "is_vectorised",
    "memo_of",
    "near",
    "some_answers",
]

CALLS = 15  # of those recorded, spread over the play, that are made again
CLOSE = 1e-6


def is_classic(bench: Bench) -> bool:
    if bench.subject.role != "strategy":
        return False
    return isinstance(bench.subject.build().thing, BacktraderStrategy)


def is_vectorised(bench: Bench) -> bool:
    return bench.subject.role == "strategy" and hasattr(
        bench.subject.build().thing, "signals"
    )


def all_answers(bench: Bench) -> Iterator[tuple[str, CallAnswer]]:
    """Yield the answers of the plays on all made markets that came to one."""
    for name in MARKETS:
        yield from ((name, answer) for answer in bench.play(name).answers)


def some_answers(play: Play) -> Iterator[CallAnswer]:
    """Yield answers spread over a play."""
    step = max(1, len(play.answers) // CALLS)
    yield from play.answers[::step]


def ask_again(
    bench: Bench, answer: CallAnswer, state: PortfolioState | None, built: Any = None
) -> CallAnswer:
    """Ask a fresh object the same question."""
    built = built or bench.subject.build()
    assert state is not None
    rest = tuple(item.copy() for item in answer.rest)
    return answer_of(bench.subject.role, built.call(state, *rest), state, rest)


def equal_answers(one: CallAnswer, other: CallAnswer) -> bool:
    """Tell whether two answers have the same values, to the bit, and the same memo."""
    if one.values is None or other.values is None:
        return False
    same_values = np.array_equal(one.values, other.values, equal_nan=True)
    return same_values and bool(memo_of(one) == memo_of(other))


def memo_of(answer: CallAnswer) -> Any:
    return getattr(answer.raw, "memo", None)


def near(one: Array | None, other: Array | None) -> bool:
    """Tell whether two answers agree to what rounding leaves."""
    if one is None or other is None:
        return one is other
    return bool(np.allclose(one, other, rtol=0.0, atol=CLOSE, equal_nan=True))


def frozen(state: PortfolioState) -> PortfolioState:
    """Return a state whose arrays nobody can write into."""
    values = {field.name: getattr(state, field.name) for field in fields(state)}
    arrays = {
        name: value for name, value in values.items() if isinstance(value, np.ndarray)
    }
    return replace(
        state, **{name: frozen_array(value) for name, value in arrays.items()}
    )


def frozen_array(values: Any) -> Any:
    """Return a copy that nobody can write into."""
    own = values.copy()
    own.flags.writeable = False
    return own
