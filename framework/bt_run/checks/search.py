"""What is compared with what while the look-ahead check tries its dates."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum

import numpy as np

from bt_run.arrays import Mask
from bt_run.backtest.preparing import Prepared, prepare
from bt_run.causality.differences import (
    Difference,
    Noise,
    compare_arrays,
    compare_decisions,
    compare_fills,
    compare_orders,
)
from bt_run.checks.causes import OTHER_CAUSES, Cause, cause_of_signal
from bt_run.checks.replays import Replay, replay
from bt_run.data.bars import FIELDS, Bars
from bt_run.errors import BtRunError, PluginError
from bt_run.results.ledger import Ledger

__all__ = ["Leak", "Search", "Way", "compare_source"]


class Way(Enum):
    """A way of taking the future away; the value says it in words, before a date."""

    CUT = "the data cut off after"
    NOISE = "other prices after"
    ABSENT = "no prices after"
    CLOSE = "another close of the bar after"
    SOURCE = "the source asked for data until"


@dataclass(frozen=True)
class Leak:
    """A quantity that knew the future: of which component, where first, how much, why, the fix."""

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
class _Found:
    """A difference, and the bar and the way in which it was found."""

    t: int
    way: Way
    difference: Difference


@dataclass
class Search:
    """A run, and where it differs from its replays so far.

    ``tried`` and ``leaking`` are the bars at which a replay was compared, and differed; ``decided``
    counts the replays whose decisions were.
    """

    ready: Prepared
    due: Mask
    base: Replay
    ledger: Ledger
    noise: Noise = field(default_factory=Noise)
    skipped: list[str] = field(default_factory=list)
    tried: set[int] = field(default_factory=set)
    leaking: set[int] = field(default_factory=set)
    passes: int = 0
    failed: int = 0
    decided: int = 0
    _found: dict[tuple[str, str], _Found] = field(default_factory=dict)

    @property
    def bars(self) -> Bars:
        return self.ready.bars

    def compare(self, t: int, way: Way, bars: Bars, *, playing: bool = True) -> None:
        """Replay on ``bars``, which agree with the run's up to ``t``; keep the first differences.

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
            self.decided += 1
        except BtRunError as error:
            self.failed += 1
            self.skipped.append(f"{way.value} {self.day(t)}: {error}")
            return
        for difference in self._ledgers(t, way, ledger):
            if difference is not None:
                self.keep(t, way, difference)
                return  # what differs later follows from what differed first

    def keep(self, t: int, way: Way, difference: Difference) -> None:
        """Keep the earliest difference of each quantity."""
        self.leaking.add(t)
        key = (difference.component, difference.quantity)
        known = self._found.get(key)
        if known is None or difference.bar < known.difference.bar:
            self._found[key] = _Found(t, way, difference)

    def leaks(self) -> tuple[Leak, ...]:
        """Return what was found, earliest first, with its likely causes."""
        found = sorted(self._found.values(), key=lambda item: item.difference.bar)
        return tuple(self._leak(item) for item in found)

    def refuse_unrepeatable(self) -> None:
        """Refuse components that answer differently on the same data.

        Of such a component a difference proves nothing.

        Raises:
            PluginError: names the component.
        """
        if not self._found:
            return
        again = replay(self.ready, self.bars)
        for label, rows in self.base.signals.items():
            if compare_arrays(rows, again.signals[label], Noise()):
                raise _unrepeatable(label)
        if all(item.difference.quantity == "signals" for item in self._found.values()):
            return
        last = len(self.bars) - 1
        for difference in self._ledgers(last, Way.CUT, again.play(self.due)):
            if difference is not None:
                raise _unrepeatable(difference.component)

    def day(self, t: int) -> str:
        """Write the time of bar ``t``."""
        time = self.bars.index[t]
        return f"{time:%Y-%m-%d}" if self.bars.daily else f"{time:%Y-%m-%d %H:%M}"

    def _signals(self, t: int, way: Way, other: Replay) -> bool:
        """Keep where vectorised signals differ.

        What follows from them differs too then, and is not played.
        """
        differs = False
        for label, rows in self.base.signals.items():
            others = other.signals[label]
            found = compare_arrays(rows[: t + 1], others[: t + 1], self.noise)
            if found:
                row, column, size = found
                was, became = f"{rows[row, column]:.6g}", f"{others[row, column]:.6g}"
                asset = self.bars.assets[column]
                self.keep(
                    t, way, Difference(label, "signals", row, asset, was, became, size)
                )
                differs = True
        return differs

    def _ledgers(self, t: int, way: Way, other: Ledger) -> Iterator[Difference | None]:
        """Yield the first difference of decisions, of fills and of orders, or None of each."""
        own, assets, parts = self.ledger, self.bars.assets, self.base.parts
        if parts.pipeline is not None and way is not Way.CLOSE:
            before = [decision for decision in own.decisions if decision.bar <= t]
            after = [decision for decision in other.decisions if decision.bar <= t]
            yield compare_decisions(parts.pipeline, assets, before, after, self.noise)
        # a changed close of bar t + 1 must not move a fill at its open
        last_fill = t + 1 if way is Way.CLOSE else t
        yield compare_fills(assets, own.fills, other.fills, last_fill, self.noise)
        if parts.classic is not None and way is Way.NOISE:
            yield compare_orders(assets, own.fills, other.fills, t, self.noise)

    def _leak(self, found: _Found) -> Leak:
        difference = found.difference
        cause, fix = self._cause(found)
        return Leak(
            component=difference.component,
            quantity=difference.quantity,
            first=self.day(difference.bar),
            asset=difference.asset,
            was=difference.was,
            became=difference.became,
            size=difference.size,
            way=found.way.value,
            date=self.day(found.t),
            cause=cause,
            fix=fix,
        )

    def _cause(self, found: _Found) -> Cause:
        if found.way is Way.CLOSE:
            return OTHER_CAUSES["fill"]
        if found.way is Way.SOURCE:
            return OTHER_CAUSES["source"]
        if self.base.parts.classic is not None:
            return OTHER_CAUSES["classic"]
        for strategy in self.base.parts.vectorised:
            if strategy.label == found.difference.component:
                return cause_of_signal(strategy.evaluate, self.bars)
        return OTHER_CAUSES["stateful"]


def compare_source(search: Search, *, t: int) -> None:
    """Ask the source for the data up to bar ``t`` only, and compare them with those of the run."""
    bars, config = search.bars, search.ready.config
    session = bars.sessions[t].astype("datetime64[D]").item()
    if session <= config.data.start:
        return
    data = config.data.model_copy(update={"end": session})
    try:
        early = prepare(config.model_copy(update={"data": data}), offline=True).bars
    except BtRunError as error:
        search.skipped.append(f"{Way.SOURCE.value} {search.day(t)}: {error}")
        return
    for name in FIELDS:
        difference = _field_difference(search, early, name)
        if difference is not None:
            search.keep(t, Way.SOURCE, difference)
            return


def _field_difference(search: Search, early: Bars, name: str) -> Difference | None:
    """Return the first value of a field that was another when the source was asked for less."""
    rows = min(len(early), len(search.bars))
    whole = search.bars.adjusted.field(name)[:rows]
    part = early.adjusted.field(name)[:rows]
    scale = np.nanmax(np.abs(whole), initial=1.0)
    found = compare_arrays(whole / scale, part / scale, search.noise)
    if not found:
        return None
    row, column, size = found
    return Difference(
        f"source {search.ready.config.data.source_names}",
        name,
        row,
        search.bars.assets[column],
        f"{whole[row, column]:.6g}",
        f"{part[row, column]:.6g}",
        size,
    )


def _unrepeatable(component: str) -> PluginError:
    return PluginError(
        f"{component}: gave other answers on the same data, so look-ahead cannot be told from "
        "chance; take random numbers from a generator seeded by context.seed, and read no clock"
    )
