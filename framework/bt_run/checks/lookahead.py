"""Check a run for look-ahead: take its future away, and see whether its past changes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any, Literal

import numpy as np

from bt_run.arrays import Array, Mask
from bt_run.backtest.playing import due_bars
from bt_run.backtest.preparing import Prepared, prepare
from bt_run.causality.futures import absent_after, noise_after, other_close
from bt_run.causality.outside_reads import OutsideRead, watched_reads
from bt_run.causality.own_state import asked_again, own_state_text
from bt_run.causality.reading import Suspicion, suspicions
from bt_run.checks.dates import choose_cuts, choose_dates, first_signal
from bt_run.checks.replays import Replay, rebuilt
from bt_run.checks.search import Leak, Search, Way, compare_source
from bt_run.component import BacktraderStrategy
from bt_run.config.run_config import RunConfig
from bt_run.data.slices import until
from bt_run.decision.state import Memos, PortfolioState
from bt_run.engine.listeners import Listeners
from bt_run.errors import CHECK_FAILED, NOTHING_TO_CHECK
from bt_run.results.ledger import Ledger

__all__ = ["CUTS", "Lookahead", "check_lookahead"]

ENOUGH = 3  # dates at which leaks were found; more would tell nothing new
AHEAD = 63  # bars of another future: a quarter, enough for windows and labels
CUTS = 150  # further dates at which vectorised signals alone are compared
CLOSES = 2  # dates at which the close of the fill bar alone is changed

_Step = Callable[[Search], None]


@dataclass(frozen=True)
class Lookahead:
    """The verdict: leaks found, dates tried, rows compared, rounding met, what was not tried.

    ``cuts`` are further dates at which vectorised signals alone were compared. ``own_state`` names
    a component that answers the same question differently a second time. ``suspicions`` are lines
    of source that look as if they reached ahead, ``outside`` what was read while the run decided.
    """

    leaks: tuple[Leak, ...]
    dates: tuple[str, ...]
    passes: int
    rows: int
    rounding: float
    skipped: tuple[str, ...]
    nothing: str = ""
    own_state: str = ""
    cuts: int = 0
    suspicions: tuple[Suspicion, ...] = ()
    outside: tuple[OutsideRead, ...] = ()

    @property
    def verdict(self) -> Literal["clean", "leak", "own state", "nothing to check"]:
        if self.leaks:
            return "leak"
        if self.own_state:
            return "own state"
        return "nothing to check" if self.nothing else "clean"

    @property
    def exit_code(self) -> int:
        codes = {"clean": 0, "nothing to check": NOTHING_TO_CHECK}
        return codes.get(self.verdict, CHECK_FAILED)

    @property
    def strict_exit_code(self) -> int:
        """Return the exit code where suspicions count as leaks."""
        doubtful = self.suspicions or self.outside
        return CHECK_FAILED if doubtful and not self.exit_code else self.exit_code

    @property
    def missed_share(self) -> float:
        """Return the share of dates that could leak without any of them having been tried.

        With a chance of 1 in 20, that is.
        """
        return _missed(len(self.dates))

    @property
    def missed_share_of_signals(self) -> float:
        """Return the same of vectorised signals, which were compared at more dates."""
        return _missed(len(self.dates) + self.cuts)

    def as_json(self) -> dict[str, Any]:
        """Return the verdict for machines."""
        return {"verdict": self.verdict, "exit_code": self.exit_code, **asdict(self)}


def _missed(dates: int) -> float:
    return float(1.0 - 0.05 ** (1.0 / max(dates, 1)))


def check_lookahead(
    config: RunConfig,
    *,
    dates: int = 6,
    cuts: int = CUTS,
    seed: int = 0,
    progress: Callable[[str, float], None] | None = None,
) -> Lookahead:
    """Compare what a run decides with what it decides when its future is another.

    Signals, weights, memos, orders and fills are compared. At each of ``dates`` bars the data are
    cut off, and replaced by noise or by nothing; at two of them only the close of the fill bar is
    changed; once the source is asked for less. Vectorised signals alone are compared at ``cuts``
    more bars, beside rare events among them. The source of the components is read for what looks
    as if it reached ahead.

    Raises:
        BtRunError: the run itself is not possible.
        PluginError: a component answers differently on the same data, so that nothing can be said.
    """
    ready = prepare(config)
    tell = progress or (lambda phase, fraction: None)
    tell("the run", 0.0)
    due = due_bars(ready.config, ready.parts, ready.bars)
    kept: dict[int, tuple[PortfolioState, Memos]] = {}
    wanted = _evenly(due, dates)

    def keep(state: PortfolioState, memos: Memos) -> None:
        if len(state.history) - 1 in wanted:
            kept[len(state.history) - 1] = (state, memos)

    modules = [bound.offer.module for bound in ready.bound if bound.role != "source"]
    fresh = rebuilt(ready)
    with watched_reads(modules) as outside:
        base = fresh.on(ready.bars)
        ledger = base.play(due, Listeners(observer=keep))
    rows = _signal_rows(base, ledger)
    told = _Told(suspicions(_own_code(base)), tuple(outside))
    # vectorised signals have a value at every bar, not only where the run decides
    possible = np.ones_like(due) if base.signals else due
    chosen = choose_dates(ready.bars, possible, rows, dates, seed)
    if first_signal(rows) is None:
        return _nothing("it never gives a signal", told)
    if not chosen:
        return _nothing("it has no decision to take a future from", told)
    search = Search(ready, due, base, ledger)
    further: tuple[int, ...] = ()
    if base.signals:
        further = choose_cuts(ready.bars, rows, cuts, seed, chosen)
    steps = _steps(ready, ledger, chosen, seed)
    steps += [partial(_cut, t=t, playing=False) for t in further]
    for number, step in enumerate(steps):
        if len(search.leaking) == ENOUGH:
            break
        tell("look-ahead", number / len(steps))
        step(search)
    tell("look-ahead", 1.0)
    search.refuse_unrepeatable()
    return replace(
        _verdict(search, chosen),
        own_state=_own_state(search, kept),
        cuts=sum(t in search.tried for t in further),
        suspicions=told.suspicions,
        outside=told.outside,
    )


@dataclass(frozen=True)
class _Told:
    """What is said of the code beside the verdict."""

    suspicions: tuple[Suspicion, ...]
    outside: tuple[OutsideRead, ...]


def _own_code(base: Replay) -> dict[str, Any]:
    """Return the built components that signal, weigh, trigger or exit, by their paths."""
    found = {}
    for path, thing in base.parts.built.items():
        if path.split(".")[0] in ("strategy", "sizer", "overlays", "triggers", "exits"):
            classic = isinstance(thing, BacktraderStrategy)
            found[path] = thing.cls if classic else thing
    return found


def _evenly(due: Mask, count: int) -> frozenset[int]:
    """Return some bars at which the run decides, evenly spread."""
    bars = np.flatnonzero(due)
    if not len(bars):
        return frozenset()
    places = np.linspace(0, len(bars) - 1, max(2, count)).round().astype(int)
    return frozenset(int(bar) for bar in bars[places])


def _own_state(search: Search, kept: Mapping[int, tuple[PortfolioState, Memos]]) -> str:
    """Return which component answers differently when it is asked again, and when; "" for none."""
    pipeline = search.base.parts.pipeline
    if pipeline is None:
        return ""
    for decision in search.ledger.decisions:
        if decision.bar in kept:
            found = asked_again(pipeline, decision, *kept[decision.bar])
            if found:
                return own_state_text(found, search.day(found.bar))
    return ""


def _nothing(reason: str, told: _Told) -> Lookahead:
    return Lookahead(
        leaks=(),
        dates=(),
        passes=1,
        rows=0,
        rounding=0.0,
        skipped=(),
        nothing=reason,
        suspicions=told.suspicions,
        outside=told.outside,
    )


def _verdict(search: Search, chosen: tuple[int, ...]) -> Lookahead:
    nothing = ""
    if search.failed and not search.decided:
        nothing = f"no other future could be played: {search.skipped[0]}"
    return Lookahead(
        leaks=search.leaks(),
        dates=tuple(search.day(t) for t in chosen if t in search.tried),
        passes=search.passes,
        rows=search.noise.rows,
        rounding=search.noise.largest,
        skipped=tuple(search.skipped),
        nothing=nothing,
    )


def _signal_rows(base: Replay, ledger: Ledger) -> Array:
    """Return the signals at each bar (T, N); of a Backtrader strategy, where it ordered."""
    pipeline = base.parts.pipeline
    if pipeline is not None and pipeline.strategy.path in pipeline.signals:
        return pipeline.signals[pipeline.strategy.path]
    out = np.full((len(base.bars), len(base.bars.assets)), np.nan)
    for decision in ledger.decisions:
        out[decision.bar] = decision.signal
    for record in ledger.fills if pipeline is None else ():
        decided = np.broadcast_to(record.decided, len(record.assets))
        out[decided, record.assets] = 1.0 + record.bar % 2
    return out


def _steps(
    ready: Prepared, ledger: Ledger, chosen: tuple[int, ...], seed: int
) -> list[_Step]:
    """Return what is tried: at each date two futures, at two dates another close, the source once.

    Where signals are vectorised they are compared in both futures of each date, and the decisions
    in one of the two.
    """
    both = not ready.parts.vectorised
    steps: list[_Step] = []
    for number, t in enumerate(chosen):
        steps.append(partial(_cut, t=t, playing=both or number % 2 == 0))
        change = _nothing_after if number % 3 == 1 else _noise_after
        # a future of its own for each date, whatever was tried at the others
        rng = np.random.default_rng([seed, 1, t])
        steps.append(partial(change, t=t, rng=rng, playing=both or number % 2 == 1))
    if ready.parts.broker.fill == "next_open" and ready.parts.classic is None:
        filled = {record.bar - 1 for record in ledger.fills if record.filled.any()}
        possible = sorted(bar for bar in filled if bar >= 0)
        before = np.random.default_rng([seed, 1]).permutation(possible)
        steps += [partial(_close_after, t=t) for t in sorted(before[:CLOSES].tolist())]
    middle = chosen[len(chosen) // 2]
    steps.append(partial(compare_source, t=middle))
    return steps


# the other bars are made when their turn comes, so that only one set of them is held at a time


def _cut(search: Search, *, t: int, playing: bool) -> None:
    search.compare(t, Way.CUT, until(search.bars, t), playing=playing)


def _noise_after(
    search: Search, *, t: int, rng: np.random.Generator, playing: bool
) -> None:
    search.compare(
        t, Way.NOISE, noise_after(search.bars, t, AHEAD, rng), playing=playing
    )


def _nothing_after(
    search: Search, *, t: int, rng: np.random.Generator, playing: bool
) -> None:
    search.compare(t, Way.ABSENT, absent_after(search.bars, t, AHEAD), playing=playing)


def _close_after(search: Search, *, t: int) -> None:
    search.compare(t, Way.CLOSE, other_close(search.bars, t + 1))
