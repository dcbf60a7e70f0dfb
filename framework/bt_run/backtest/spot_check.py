"""The small look-ahead check of every run: do signals and decisions survive without the future?

Three dates are tried. They lie in the first fifth of the run, where cutting the data costs least
and takes most of the future away.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np

from bt_run.account.market import Market
from bt_run.arrays import Mask
from bt_run.backtest.building import Parts
from bt_run.backtest.lessons import taught
from bt_run.backtest.playing import due_bars, market_of, play
from bt_run.causality.differences import (
    Noise,
    compare_arrays,
    compare_decisions,
    compare_fills,
)
from bt_run.causality.own_state import MEMO, asked_again, own_state_text
from bt_run.causality.rare_events import rare_bars
from bt_run.config.run_config import RunConfig
from bt_run.data.bars import Bars
from bt_run.data.history import History
from bt_run.data.slices import until
from bt_run.decision.lesson import Model
from bt_run.decision.pipeline import Pipeline, decide
from bt_run.decision.state import Decision, Memos, PortfolioState
from bt_run.errors import BtRunError
from bt_run.results.ledger import Ledger

__all__ = ["Causality", "SpotCheck"]

DATES = 3
RARE = 3  # rare events beside which signals alone are compared
SHARE = 0.2  # of the run's bars, from the start on
KEPT = 24  # decisions whose state is kept until it is known which of them had signals


@dataclass(frozen=True)
class Causality:
    """What the small check found: a sentence on the result, and the dates tried.

    A component that keeps ``own state`` answers the same question differently, so that nothing can
    be said of look-ahead.
    """

    verdict: Literal["no difference", "look-ahead", "own state", "not checked"]
    text: str
    dates: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """Say what was found."""
        unchecked = self.verdict in ("not checked", "own state")
        return f"not checked: {self.text}" if unchecked else self.text

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return a warning where the run knew the future, or a component cannot be asked again."""
        if self.verdict == "own state":
            return (f"{self.text}; {MEMO}",)
        if self.verdict != "look-ahead":
            return ()
        return (f"look-ahead: {self.text}; `bt-run check lookahead` says more",)


@dataclass
class SpotCheck:
    """The states that some decisions were taken on, to take them again without the future.

    ``parts`` are those of ``parts.on(bars)``, evaluated on the bars of ``market``.
    """

    config: RunConfig
    parts: Parts
    market: Market
    due: Mask
    kept: dict[int, tuple[PortfolioState, Memos]] = field(default_factory=dict)
    taken: dict[int, Decision] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._wanted = _early_decisions(self.due, self.market.bars)

    def observe(self, state: PortfolioState, memos: Memos) -> None:
        """Keep the state of a decision, if it is one of those that may be taken again."""
        t = len(state.history) - 1
        if t in self._wanted:
            self.kept[t] = (state, memos)

    def decided(self, decision: Decision) -> None:
        """Keep what was decided on a state that was kept."""
        if decision.bar in self.kept:
            self.taken[decision.bar] = decision

    def result(self, ledger: Ledger) -> Causality:
        """Take three decisions again on data that end there; say whether anything differs."""
        chosen = self._chosen()
        if not chosen:
            return Causality(
                "not checked", "no decision with a signal in its first fifth"
            )
        days = tuple(self._day(t) for t in chosen)
        try:
            for t in chosen:
                found = self._at(ledger, t)
                if found is not None:
                    return replace(found, dates=days)
            found = self._at_rare_bars() or self._models(chosen[-1])
            if found is not None:
                return replace(found, dates=days)
        except BtRunError as error:
            text = f"without its future the run fails: {' '.join(str(error).split())}"
            return Causality("not checked", text, days)
        *first, last = days
        told = f"{', '.join(first)} and {last}" if first else last
        text = (
            f"none found: with all later prices hidden, it decides the same on {told}"
        )
        return Causality("no difference", text, days)

    def _chosen(self) -> list[int]:
        """Return the middle of each third of the kept decisions that had a signal."""
        if self.parts.pipeline is None:
            return _early_bars(self.market.bars)
        alive = [
            bar
            for bar, decision in self.taken.items()
            if np.nan_to_num(decision.signal).any()
        ]
        thirds = np.array_split(np.array(alive, dtype=int), DATES)
        return [int(third[len(third) // 2]) for third in thirds if len(third)]

    def _at(self, ledger: Ledger, t: int) -> Causality | None:
        """Return what differs without the future of bar ``t``; None where nothing does."""
        bars = until(self.market.bars, t)
        if self.parts.pipeline is None:
            return self._orders(ledger, bars, t)
        cut = self.parts.pipeline.on(bars)
        return self._signals(self.parts.pipeline, cut, t) or self._decision(
            cut, bars, t
        )

    def _models(self, t: int) -> Causality | None:
        """Fit once more, on data that end at bar ``t``, the models that decide there."""
        if not self.parts.learns:
            return None
        assert self.parts.pipeline is not None
        was = self.parts.pipeline.models_at(t)
        again = self._taught(until(self.market.bars, t), t)
        for path, model in was.items():
            if path in again and again[path].digest == model.digest:
                continue
            name = f"{path} {self.parts.pipeline.names[path]}"
            day = self._day(model.cutoff)
            same = self._taught(self.market.bars, t)
            if path not in same or same[path].digest != model.digest:
                text = f"{name}: fitted again on the bars up to {day} it learns differently"
                return Causality("own state", text)
            text = f"{name}: what it learned at {day} uses later data"
            return Causality("look-ahead", text)
        return None

    def _taught(self, bars: Bars, t: int) -> dict[str, Model]:
        """Return the models that decide at bar ``t``, fitted on ``bars``."""
        parts, _ = taught(self.config, self.parts.on(bars), bars, serving=t)
        assert parts.pipeline is not None
        return parts.pipeline.models_at(t)

    def _at_rare_bars(self) -> Causality | None:
        """Compare vectorised signals alone beside rare events of the first fifth."""
        pipeline, bars = self.parts.pipeline, self.market.bars
        if pipeline is None or not pipeline.vectorised:
            return None
        end = bars.start + SHARE * (len(bars) - bars.start)
        early = [kind[kind < end] for kind in rare_bars(bars)]
        for kind in [kind for kind in early if len(kind)][:RARE]:
            t = int(kind[len(kind) // 2])
            found = self._signals(pipeline, pipeline.on(until(bars, t)), t)
            if found is not None:
                return found
        return None

    def _signals(self, whole: Pipeline, cut: Pipeline, t: int) -> Causality | None:
        """Compare the rows of vectorised strategies up to bar ``t``."""
        for strategy in whole.vectorised:
            before = whole.signals[strategy.path][: t + 1]
            found = compare_arrays(before, cut.signals[strategy.path], Noise())
            if found:
                row, column, _ = found
                asset = self.market.bars.assets[column]
                text = f"{strategy.label}: signals of {asset} at {self._day(row)} use later data"
                return Causality("look-ahead", text)
        return None

    def _decision(self, cut: Pipeline, bars: Bars, t: int) -> Causality | None:
        """Take the decision at bar ``t`` again: on its own state, then on data that end there."""
        state, memos = self.kept[t]
        was = self.taken[t]
        found = asked_again(cut, was, state, memos)
        if found:
            return Causality("own state", own_state_text(found, self._day(found.bar)))
        without_future = replace(state, history=History(bars, t, cut.signals))
        again = decide(cut, without_future, memos)
        found = compare_decisions(cut, bars.assets, [was], [again], Noise())
        if found:
            day = self._day(found.bar)
            text = f"{found.component}: the {found.quantity} at {day} uses later data"
            return Causality("look-ahead", text)
        return None

    def _orders(self, ledger: Ledger, bars: Bars, t: int) -> Causality | None:
        """Run a Backtrader strategy on the data up to bar ``t``, and compare its orders."""
        market = market_of(self.config, self.parts, bars)
        other = play(
            self.config, self.parts, market, due_bars(self.config, self.parts, bars)
        )
        found = compare_fills(bars.assets, ledger.fills, other.fills, t, Noise())
        if not found:
            return None
        name, day = self.config.strategy.use, self._day(found.bar)
        return Causality(
            "look-ahead", f"strategy {name}: its orders at {day} use later data"
        )

    def _day(self, t: int) -> str:
        return f"{self.market.bars.index[t]:%Y-%m-%d}"


def _early_decisions(due: Mask, bars: Bars) -> frozenset[int]:
    """Return bars of the first fifth at which the run decides, evenly spread."""
    end = bars.start + max(DATES, round(SHARE * (len(bars) - bars.start)))
    early = np.flatnonzero(due[:end])
    if len(early) < DATES:  # so rare that there is no early part
        early = np.flatnonzero(due)[: 2 * DATES]
    early = early[early < len(bars) - 1]
    if not len(early):
        return frozenset()
    spread = np.linspace(0, len(early) - 1, KEPT).round().astype(int)
    return frozenset(int(bar) for bar in early[spread])


def _early_bars(bars: Bars) -> list[int]:
    """Return bars of the first fifth, once all assets have begun."""
    begun = int(np.argmax(bars.present, axis=0).max())
    first = max(bars.start, begun)
    step = SHARE * (len(bars) - first) / DATES
    early = [first + round(step * number) for number in range(1, DATES + 1)]
    return [t for t in early if t < len(bars) - 1]
