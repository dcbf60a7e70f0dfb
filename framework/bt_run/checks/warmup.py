"""Measure how much history before the start a run needs until its outputs no longer depend on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from bt_run.arrays import Array
from bt_run.backtest.preparing import prepare
from bt_run.causality.futures import from_bar
from bt_run.checks.dates import first_signal
from bt_run.checks.replays import Replay, replay
from bt_run.config.run_config import RunConfig
from bt_run.data.schedule import scheduled
from bt_run.errors import BtRunError
from bt_run.results.ledger import Ledger

__all__ = ["WarmUp", "WarmUpStep", "check_warmup"]

LENGTHS = (0, 5, 10, 21, 42, 63, 126, 189, 252, 378, 504, 756, 1260, 2520)
ENOUGH = 1e-9  # of the larger of 1 and the largest value


@dataclass(frozen=True)
class WarmUpStep:
    """Say how far the outputs with ``bars`` of history before the start are from those with all of
    it.

    ``settled`` is the number of bars from the start until they agree; None when they never do.
    """

    bars: int
    difference: float
    settled: int | None
    failed: str = ""


@dataclass(frozen=True)
class WarmUp:
    """Hold the verdict: the bars there are before the start, the bars needed, and each length
    tried.
    """

    have: int
    need: int | None
    steps: tuple[WarmUpStep, ...]
    nothing: str = ""

    @property
    def verdict(self) -> str:
        if self.nothing:
            return "nothing to check"
        return "enough" if self.need is not None else "not settled"

    @property
    def exit_code(self) -> int:
        return {"enough": 0, "not settled": 6, "nothing to check": 7}[self.verdict]

    def as_json(self) -> dict[str, Any]:
        """Return the verdict for machines."""
        return {"verdict": self.verdict, "exit_code": self.exit_code, **asdict(self)}


def check_warmup(
    config: RunConfig, *, progress: Callable[[str, float], None] | None = None
) -> WarmUp:
    """Replay a run with less and less history before its start, until its outputs are no longer
    those with all of it.

    Compared are the signals at every bar from the start on; of event-driven strategies, and of all
    other components, the weights of each decision.

    Raises:
        BtRunError: the run itself is not possible.
    """
    ready = prepare(config)
    bars, start = ready.bars, ready.bars.start
    due = scheduled(bars, ready.config.schedule)

    def outputs(length: int) -> Array:
        first = start - length
        part = from_bar(bars, first)
        played = replay(ready, part)
        return _outputs(played, played.play(due[first:]))

    whole = outputs(start)
    if first_signal(whole) is None:
        return WarmUp(start, None, (), nothing="it never gives a signal")
    if start == 0:
        return WarmUp(
            0,
            None,
            (),
            nothing="no bar lies before the start; move data.start, or let the data begin earlier",
        )
    top = start - max(1, start // 10)  # what even this little less changes has not settled
    lengths = [length for length in LENGTHS if length < top] + [top]
    steps: dict[int, WarmUpStep] = {}

    def agrees(length: int) -> bool:
        try:
            steps[length] = _step(length, outputs(length), whole)
        except BtRunError as error:
            steps[length] = WarmUpStep(
                length, float("inf"), None, failed=" ".join(str(error).split())
            )
        return steps[length].settled == 0

    need = None
    for number, length in enumerate(reversed(lengths)):
        if progress:
            progress("warm-up", number / (len(lengths) + 6))
        if not agrees(length):
            need = _between(length, need, agrees) if need is not None else None
            break
        need = length
    return WarmUp(start, need, tuple(steps[length] for length in sorted(steps)))


def _between(short: int, enough: int, agrees: Callable[[int], bool]) -> int:
    """Return the smallest length that agrees, by halving."""
    while enough - short > 1:
        middle = (short + enough) // 2
        short, enough = (short, middle) if agrees(middle) else (middle, enough)
    return enough


def _step(length: int, part: Array, whole: Array) -> WarmUpStep:
    known, also = np.isfinite(part), np.isfinite(whole)
    gap = np.abs(np.where(known & also, part - whole, 0.0))
    gap[known != also] = np.inf
    scale = max(1.0, float(np.abs(whole[also]).max(initial=0.0)))
    bad = np.flatnonzero((gap > ENOUGH * scale).any(axis=1))
    settled = int(bad[-1]) + 1 if len(bad) else 0
    return WarmUpStep(
        length, float(gap.max(initial=0.0)), None if settled == len(whole) else settled
    )


def _outputs(played: Replay, ledger: Ledger) -> Array:
    """Return what is compared at each bar from the start on, (T, K): signals and the weights of
    decisions.
    """
    bars = played.bars
    rows = len(bars) - bars.start
    parts = [signals[bars.start :] for signals in played.signals.values()]
    decisions = ledger.decisions
    if decisions:
        stages = np.array([np.concatenate([np.nan_to_num(d.signal), *d.stages]) for d in decisions])
        table = np.zeros((rows, stages.shape[1]))
        at = np.array([d.bar for d in decisions]) - bars.start
        # between decisions the last one stands
        latest = np.searchsorted(at, np.arange(rows), side="right") - 1
        table[latest >= 0] = stages[latest[latest >= 0]]
        parts.append(table)
    else:
        orders = np.zeros((rows, len(bars.assets)))
        for record in ledger.fills:
            orders[record.bar - bars.start, record.assets] += record.filled
        parts.append(orders)
    return np.hstack(parts)
