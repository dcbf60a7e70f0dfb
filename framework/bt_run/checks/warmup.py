"""How much history before the start a run needs until its outputs no longer depend on it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from bt_run.arrays import Array, Mask
from bt_run.backtest.playing import due_bars
from bt_run.backtest.preparing import Prepared, prepare
from bt_run.checks.dates import first_signal
from bt_run.checks.replays import Replay, replay
from bt_run.config.run_config import RunConfig
from bt_run.data.slices import from_bar
from bt_run.errors import CHECK_FAILED, NOTHING_TO_CHECK, BtRunError
from bt_run.results.ledger import Ledger

__all__ = ["WarmUp", "WarmUpStep", "check_warmup"]

LENGTHS = (0, 5, 10, 21, 42, 63, 126, 189, 252, 378, 504, 756, 1260, 2520)
ENOUGH = 1e-9  # of the larger of 1 and the largest value
HALVINGS = 6  # steps that the search between two lengths is expected to take


@dataclass(frozen=True)
class WarmUpStep:
    """How far the outputs with ``bars`` of history are from those with all of it.

    ``settled`` is the number of bars from the start until they agree; None when they never do.
    """

    bars: int
    difference: float
    settled: int | None
    failed: str = ""


@dataclass(frozen=True)
class WarmUp:
    """The verdict: the bars there are before the start, the bars needed, each length tried."""

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
        codes = {
            "enough": 0,
            "not settled": CHECK_FAILED,
            "nothing to check": NOTHING_TO_CHECK,
        }
        return codes[self.verdict]

    def as_json(self) -> dict[str, Any]:
        """Return the verdict for machines."""
        return {"verdict": self.verdict, "exit_code": self.exit_code, **asdict(self)}


def check_warmup(
    config: RunConfig, *, progress: Callable[[str, float], None] | None = None
) -> WarmUp:
    """Replay a run with less and less history before its start, until its outputs change.

    Compared are the signals at every bar from the start on; of event-driven strategies, and of all
    other components, the weights of each decision.

    Raises:
        BtRunError: the run itself is not possible.
    """
    ready = prepare(config)
    start = ready.bars.start
    trial = _Trial(ready, due_bars(ready.config, ready.parts, ready.bars))
    if first_signal(trial.whole) is None:
        return WarmUp(start, None, (), nothing="it never gives a signal")
    if start == 0:
        nothing = "no bar lies before the start; move data.start, or let the data begin earlier"
        return WarmUp(0, None, (), nothing=nothing)
    top = start - max(
        1, start // 10
    )  # what even this little less changes has not settled
    lengths = [*(length for length in LENGTHS if length < top), top]
    need = None
    for number, length in enumerate(reversed(lengths)):
        if progress:
            progress("warm-up", number / (len(lengths) + HALVINGS))
        if not trial.agrees(length):
            need = _between(length, need, trial.agrees) if need is not None else None
            break
        need = length
    return WarmUp(
        start, need, tuple(trial.steps[length] for length in sorted(trial.steps))
    )


@dataclass
class _Trial:
    """A run, replayed with less history; ``steps`` holds what came of each length."""

    ready: Prepared
    due: Mask
    steps: dict[int, WarmUpStep] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.whole = self._outputs(self.ready.bars.start)

    def agrees(self, length: int) -> bool:
        """Tell whether the outputs with ``length`` bars of history are those with all of it."""
        try:
            step = _step(length, self._outputs(length), self.whole)
        except BtRunError as error:
            failed = " ".join(str(error).split())
            step = WarmUpStep(length, float("inf"), None, failed=failed)
        self.steps[length] = step
        return step.settled == 0

    def _outputs(self, length: int) -> Array:
        bars = self.ready.bars
        first = bars.start - length
        played = replay(self.ready, from_bar(bars, first))
        return _outputs(played, played.play(self.due[first:]))


def _between(short: int, enough: int, agrees: Callable[[int], bool]) -> int:
    """Return the smallest length that agrees, by halving."""
    while enough - short > 1:
        middle = (short + enough) // 2
        if agrees(middle):
            enough = middle
        else:
            short = middle
    return enough


def _step(length: int, part: Array, whole: Array) -> WarmUpStep:
    known, also = np.isfinite(part), np.isfinite(whole)
    gap = np.abs(np.where(known & also, part - whole, 0.0))
    gap[known != also] = np.inf
    scale = max(1.0, float(np.abs(whole[also]).max(initial=0.0)))
    bad = np.flatnonzero((gap > ENOUGH * scale).any(axis=1))
    settled = int(bad[-1]) + 1 if len(bad) else 0
    largest = float(gap.max(initial=0.0))
    return WarmUpStep(length, largest, None if settled == len(whole) else settled)


def _outputs(played: Replay, ledger: Ledger) -> Array:
    """Return what is compared at each bar from the start on, (T, K)."""
    start = played.bars.start
    parts = [signals[start:] for signals in played.signals.values()]
    parts.append(
        _weights(played, ledger) if ledger.decisions else _orders(played, ledger)
    )
    return np.hstack(parts)


def _weights(played: Replay, ledger: Ledger) -> Array:
    """Return signals and weights of the latest decision at each bar; 0 before the first."""
    decisions, start = ledger.decisions, played.bars.start
    values = [np.concatenate([np.nan_to_num(d.signal), *d.stages]) for d in decisions]
    stages = np.array(values)
    at = np.array([decision.bar for decision in decisions]) - start
    rows = np.arange(len(played.bars) - start)
    latest = np.searchsorted(at, rows, side="right") - 1
    table = np.zeros((len(rows), stages.shape[1]))
    table[latest >= 0] = stages[latest[latest >= 0]]
    return table


def _orders(played: Replay, ledger: Ledger) -> Array:
    """Return what was filled at each bar: a Backtrader strategy has no decisions."""
    bars = played.bars
    orders = np.zeros((len(bars) - bars.start, len(bars.assets)))
    for record in ledger.fills:
        orders[record.bar - bars.start, record.assets] += record.filled
    return orders
