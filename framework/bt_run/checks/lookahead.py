"""Check a run for look-ahead: take its future away in several ways, and see whether its past
changes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bt_run.arrays import Array
from bt_run.backtest.preparing import Prepared, prepare
from bt_run.causality.differences import (
    Difference,
    Noise,
    compare_arrays,
    compare_decisions,
    compare_fills,
    compare_orders,
)
from bt_run.causality.futures import absent_after, noise_after, other_close, until
from bt_run.checks.causes import OTHER_CAUSES, Cause, cause_of_signal
from bt_run.checks.dates import choose_dates, first_signal
from bt_run.checks.replays import Replay, replay
from bt_run.config.run_config import RunConfig
from bt_run.data.bars import FIELDS, Bars
from bt_run.data.schedule import scheduled
from bt_run.errors import BtRunError, PluginError
from bt_run.results.ledger import Ledger

__all__ = ["Leak", "Lookahead", "check_lookahead"]

ENOUGH = 3  # dates at which leaks were found; more would tell nothing new
AHEAD = 63  # bars of another future: a quarter, enough for windows and labels
CUT, NOISE, ABSENT, CLOSE, SOURCE = (
    "the data cut off after",
    "other prices after",
    "no prices after",
    "another close of the bar after",
    "the source asked for data until",
)


@dataclass(frozen=True)
class Leak:
    """Say which quantity of which component knew the future, where first, how much, why, and how to
    mend it.
    """

    component: str
    quantity: str
    first: str
    asset: str
    was: str
    became: str
    size: float
    way: str
    date: str
    cause: str
    fix: str


@dataclass(frozen=True)
class Lookahead:
    """Hold the verdict: ``leaks`` found, ``dates`` tried, rows compared, the rounding met, what
    could not be tried.
    """

    leaks: tuple[Leak, ...]
    dates: tuple[str, ...]
    passes: int
    rows: int
    rounding: float
    skipped: tuple[str, ...]
    nothing: str = ""

    @property
    def verdict(self) -> Literal["clean", "leak", "nothing to check"]:
        if self.leaks:
            return "leak"
        return "nothing to check" if self.nothing else "clean"

    @property
    def exit_code(self) -> int:
        return {"clean": 0, "leak": 6, "nothing to check": 7}[self.verdict]

    @property
    def missed_share(self) -> float:
        """Return the share of dates that could leak and yet, with a chance of 1 in 20, none of them
        be tried.
        """
        return float(1.0 - 0.05 ** (1.0 / max(len(self.dates), 1)))

    def as_json(self) -> dict[str, Any]:
        """Return the verdict for machines."""
        return {"verdict": self.verdict, "exit_code": self.exit_code, **asdict(self)}


@dataclass
class _Search:
    """Hold what is compared with what while the dates are tried."""

    ready: Prepared
    due: NDArray[np.bool_]
    base: Replay
    ledger: Ledger
    noise: Noise
    found: dict[tuple[str, str], tuple[int, str, Difference]]
    skipped: list[str]
    tried: set[int] = field(default_factory=set)
    leaking: set[int] = field(default_factory=set)
    passes: int = 0
    failed: int = 0

    def compare(
        self, t: int, way: str, bars: Bars, *, fills_until: int, playing: bool = True
    ) -> None:
        """Replay on ``bars``, which agree with the run's up to ``t``, and keep the first
        differences.

        Without ``playing`` only vectorised signals are compared, which costs little.
        """
        self.passes += 1
        self.tried.add(t)
        due = np.zeros(len(bars), dtype=bool)
        due[: t + 1] = self.due[: t + 1]
        try:
            other = replay(self.ready, bars)
            if self._signals(t, way, other) or not playing:
                return
            ledger = other.play(due)
        except BtRunError as error:
            self.failed += 1
            self.skipped.append(f"{way} {self.day(t)}: {error}")
            return
        for difference in self._ledgers(t, way, ledger, fills_until):
            if difference is not None:
                self.keep(t, way, difference)
                break  # what differs later follows from what differed first

    def _signals(self, t: int, way: str, other: Replay) -> bool:
        """Keep where vectorised signals differ; what follows from them differs too then, and is not
        played.
        """
        differs = False
        for path, rows in self.base.signals.items():
            found = compare_arrays(rows[: t + 1], other.signals[path][: t + 1], self.noise)
            if found:
                row, column, size = found
                was, became = (f"{array[row, column]:.6g}" for array in (rows, other.signals[path]))
                self.keep(
                    t, way, Difference(path, "signals", row, self.assets[column], was, became, size)
                )
                differs = True
        return differs

    def _ledgers(
        self, t: int, way: str, yours: Ledger, fills_until: int
    ) -> Iterator[Difference | None]:
        mine = self.ledger
        if self.base.parts.pipeline is not None and way != CLOSE:
            one = [d for d in mine.decisions if d.bar <= t]
            two = [d for d in yours.decisions if d.bar <= t]
            yield compare_decisions(self.base.parts.pipeline, self.assets, one, two, self.noise)
        yield compare_fills(self.assets, mine.fills, yours.fills, fills_until, self.noise)
        if self.base.parts.classic is not None and way == NOISE:
            yield compare_orders(self.assets, mine.fills, yours.fills, t, self.noise)

    def keep(self, t: int, way: str, difference: Difference) -> None:
        """Keep the earliest difference of each component."""
        self.leaking.add(t)
        key = (difference.component, difference.quantity)
        if key not in self.found or difference.bar < self.found[key][2].bar:
            self.found[key] = (t, way, difference)

    def leaks(self) -> tuple[Leak, ...]:
        """Return what was found, earliest first, with its likely causes."""
        return tuple(
            self._leak(t, way, difference)
            for t, way, difference in sorted(self.found.values(), key=lambda item: item[2].bar)
        )

    def _leak(self, t: int, way: str, difference: Difference) -> Leak:
        cause, fix = self._cause(way, difference)
        told = {
            name: getattr(difference, name)
            for name in ("component", "quantity", "asset", "was", "became", "size")
        }
        return Leak(
            **told, first=self.day(difference.bar), way=way, date=self.day(t), cause=cause, fix=fix
        )

    def _cause(self, way: str, difference: Difference) -> Cause:
        if way == CLOSE:
            return OTHER_CAUSES["fill"]
        if way == SOURCE:
            return OTHER_CAUSES["source"]
        if self.base.parts.classic is not None:
            return OTHER_CAUSES["classic"]
        for strategy in self.base.parts.vectorised:
            if strategy.label == difference.component:
                return cause_of_signal(strategy.evaluate, self.ready.bars)
        return OTHER_CAUSES["stateful"]

    @property
    def assets(self) -> tuple[str, ...]:
        return self.ready.bars.assets

    def day(self, t: int) -> str:
        """Write the time of bar ``t``."""
        time = self.ready.bars.index[t]
        return f"{time:%Y-%m-%d}" if self.ready.bars.daily else f"{time:%Y-%m-%d %H:%M}"


def check_lookahead(
    config: RunConfig,
    *,
    dates: int = 6,
    seed: int = 0,
    progress: Callable[[str, float], None] | None = None,
) -> Lookahead:
    """Compare every signal, weight, memo, order and fill of a run with those it has when its future
    is another.

    At each of ``dates`` bars the data are cut off, and replaced by noise or by nothing; at two of
    them only the close of the fill bar is changed; once the source is asked for less.

    Raises:
        BtRunError: the run itself is not possible.
        PluginError: a component answers differently on the same data, so that nothing can be told.
    """
    ready = prepare(config)
    tell = progress or (lambda phase, fraction: None)
    tell("the run", 0.0)
    due = scheduled(ready.bars, ready.config.schedule)
    base = replay(ready, ready.bars)
    ledger = base.play(due)
    rows = _signal_rows(base, ledger)
    # vectorised signals have a value at every bar, not only where the run decides
    chosen = choose_dates(ready.bars, np.ones_like(due) if base.signals else due, rows, dates, seed)
    silent = first_signal(rows) is None
    if silent or not chosen:
        reason = "it never gives a signal" if silent else "it has no decision to take a future from"
        return Lookahead((), (), 1, 0, 0.0, (), nothing=reason)
    search = _Search(ready, due, base, ledger, Noise(), {}, [])
    rng = np.random.default_rng([seed, 1])
    steps = _steps(ready, ledger, chosen, rng)
    for number, step in enumerate(steps):
        if len(search.leaking) == ENOUGH:
            break
        tell("look-ahead", number / len(steps))
        step(search)
    tell("look-ahead", 1.0)
    if search.found:
        _refuse_unrepeatable(search)
    compared = search.passes - search.failed
    nothing = "" if compared else f"no other future could be played: {search.skipped[0]}"
    return Lookahead(
        leaks=search.leaks(),
        dates=tuple(search.day(t) for t in chosen if t in search.tried),
        passes=search.passes,
        rows=search.noise.rows,
        rounding=search.noise.largest,
        skipped=tuple(search.skipped),
        nothing=nothing,
    )


def _steps(
    ready: Prepared, ledger: Ledger, chosen: tuple[int, ...], rng: np.random.Generator
) -> list[Callable[[_Search], None]]:
    """Return what is tried: at each date two futures, at two dates another close, and the source
    once.

    Where signals are vectorised they are compared in both futures of each date, and the decisions
    in one of the two.
    """
    both = not ready.parts.vectorised
    steps: list[Callable[[_Search], None]] = []
    for number, t in enumerate(chosen):
        steps.append(partial(_cut, t=t, playing=both or number % 2 == 0))
        change = _nothing_after if number % 3 == 1 else _noise_after
        steps.append(partial(change, t=t, rng=rng, playing=both or number % 2 == 1))
    if ready.parts.broker.fill == "next_open" and ready.parts.classic is None:
        filled = sorted(
            {record.bar - 1 for record in ledger.fills if record.filled.any() and record.bar > 0}
        )
        steps += [
            partial(_close_after, t=t) for t in sorted(int(t) for t in rng.permutation(filled)[:2])
        ]
    steps.append(partial(_compare_source, t=chosen[len(chosen) // 2]))
    return steps


# the other bars are made when their turn comes, so that only one set of them is held at a time


def _cut(search: _Search, *, t: int, playing: bool) -> None:
    search.compare(t, CUT, until(search.ready.bars, t), fills_until=t, playing=playing)


def _noise_after(search: _Search, *, t: int, rng: np.random.Generator, playing: bool) -> None:
    search.compare(
        t, NOISE, noise_after(search.ready.bars, t, AHEAD, rng), fills_until=t, playing=playing
    )


def _nothing_after(search: _Search, *, t: int, rng: np.random.Generator, playing: bool) -> None:
    search.compare(
        t, ABSENT, absent_after(search.ready.bars, t, AHEAD), fills_until=t, playing=playing
    )


def _close_after(search: _Search, *, t: int) -> None:
    search.compare(t, CLOSE, other_close(search.ready.bars, t + 1), fills_until=t + 1)


def _compare_source(search: _Search, t: int) -> None:
    """Ask the source for the data up to bar ``t`` only, and compare them with those of the run."""
    bars, config = search.ready.bars, search.ready.config
    session = bars.sessions[t].astype("datetime64[D]").item()
    if session <= config.data.start:
        return
    shorter = config.model_copy(update={"data": config.data.model_copy(update={"end": session})})
    try:
        early = prepare(shorter, offline=True).bars
    except BtRunError as error:
        search.skipped.append(f"{SOURCE} {search.day(t)}: {error}")
        return
    rows = min(len(early), len(bars))
    for name in FIELDS:
        pair = [getattr(item.adjusted, name)[:rows] for item in (bars, early)]
        scale = np.nanmax(np.abs(pair[0]), initial=1.0)
        found = compare_arrays(pair[0] / scale, pair[1] / scale, search.noise)
        if found:
            row, column, size = found
            was, became = (f"{array[row, column]:.6g}" for array in pair)
            what = Difference(
                f"source {config.data.source.use}",
                name,
                row,
                bars.assets[column],
                was,
                became,
                size,
            )
            search.keep(t, SOURCE, what)
            return


def _refuse_unrepeatable(search: _Search) -> None:
    """Raise where a component answers differently on the same data: then a difference proves
    nothing.
    """
    again = replay(search.ready, search.ready.bars)
    last = len(search.ready.bars) - 1
    for path, rows in search.base.signals.items():
        if compare_arrays(rows, again.signals[path], Noise()):
            raise PluginError(_unrepeatable(path))
    if all(difference.quantity == "signals" for _, _, difference in search.found.values()):
        return
    for difference in search._ledgers(last, CUT, again.play(search.due), last):
        if difference is not None:
            raise PluginError(_unrepeatable(difference.component))


def _unrepeatable(component: str) -> str:
    return (
        f"{component}: gave other answers on the same data, so look-ahead cannot be told from "
        "chance; take random "
        "numbers from a generator seeded by context.seed, and read no clock"
    )


def _signal_rows(base: Replay, ledger: Ledger) -> Array:
    """Return the signals at each bar (T, N): of the strategy, or where a Backtrader strategy
    ordered.
    """
    pipeline = base.parts.pipeline
    if pipeline is not None and pipeline.strategy.path in pipeline.signals:
        return pipeline.signals[pipeline.strategy.path]
    out = np.full((len(base.bars), len(base.bars.assets)), np.nan)
    for decision in ledger.decisions:
        out[decision.bar] = decision.signal
    for record in ledger.fills if base.parts.classic is not None else ():
        decided = np.broadcast_to(record.decided, len(record.assets))
        out[decided, record.assets] = 1.0 + record.bar % 2
    return out
