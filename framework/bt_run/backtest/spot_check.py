"""The small look-ahead check of every run: at three dates, do signals and decisions survive without
the future?

The dates lie in the first fifth of the run, where cutting the data costs least and takes most of
the future away.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bt_run.account.market import Market
from bt_run.backtest.building import Parts
from bt_run.backtest.playing import market_of, play
from bt_run.causality.differences import (
    Difference,
    Noise,
    compare_arrays,
    compare_decisions,
    compare_fills,
)
from bt_run.causality.futures import until
from bt_run.config.run_config import RunConfig
from bt_run.data.bars import Bars, History
from bt_run.data.schedule import scheduled
from bt_run.decision.pipeline import decide
from bt_run.decision.state import Memos, PortfolioState
from bt_run.errors import BtRunError
from bt_run.results.ledger import Ledger

__all__ = ["Causality", "SpotCheck"]

DATES = 3
SHARE = 0.2  # of the run's bars, from the start on
KEPT = 24  # decisions whose state is kept until it is known which of them had signals


@dataclass(frozen=True)
class Causality:
    """Hold what the small check found: dates tried, a sentence on the result."""

    verdict: Literal["no difference", "look-ahead", "not checked"]
    text: str
    dates: tuple[str, ...] = ()

    @property
    def sentence(self) -> str:
        """Say what was found."""
        return self.text if self.verdict == "no difference" else f"{self.verdict}: {self.text}"

    @property
    def warnings(self) -> tuple[str, ...]:
        """Return a warning where the run knew the future."""
        if self.verdict != "look-ahead":
            return ()
        return (f"look-ahead: {self.text}; `bt-run check lookahead` says more",)


@dataclass
class SpotCheck:
    """Keep what some decisions were taken on, and take them again without the future."""

    config: RunConfig
    parts: Parts
    market: Market
    due: NDArray[np.bool_]
    kept: dict[int, tuple[PortfolioState, Memos]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        bars = self.market.bars
        end = bars.start + max(DATES, round(SHARE * (len(bars) - bars.start)))
        early = np.flatnonzero(self.due[:end])
        if len(early) < DATES:  # so rare that there is no early part
            early = np.flatnonzero(self.due)[: 2 * DATES]
        early = early[early < len(bars) - 1]
        self._wanted = (
            frozenset(
                int(early[i]) for i in np.linspace(0, len(early) - 1, KEPT).round().astype(int)
            )
            if len(early)
            else frozenset()
        )

    def witness(self, state: PortfolioState, memos: Memos) -> None:
        """Keep the state of a decision, if it is one of those that may be taken again."""
        t = len(state.history) - 1
        if t in self._wanted:
            self.kept[t] = (state, memos)

    def result(self, ledger: Ledger) -> Causality:
        """Take three decisions again on data that end there; say whether anything differs."""
        chosen = self._chosen(ledger)
        if not chosen:
            return Causality("not checked", "no decision with a signal in its first fifth")
        days = tuple(f"{self.market.bars.index[t]:%Y-%m-%d}" for t in chosen)
        try:
            for t in chosen:
                bars = until(self.market.bars, t)
                found = (
                    self._classic(ledger, bars, t)
                    if self.parts.classic
                    else self._again(ledger, bars, t)
                )
                if found:
                    return Causality(
                        "not checked" if found[0] == "?" else "look-ahead",
                        found.removeprefix("?"),
                        days,
                    )
        except BtRunError as error:
            return Causality(
                "not checked",
                f"without its future the run fails: {' '.join(str(error).split())}",
                days,
            )
        return Causality(
            "no difference",
            f"none found; without their future, {', '.join(days)} stay the same",
            days,
        )

    def _chosen(self, ledger: Ledger) -> list[int]:
        """Return the middle of each third of the kept decisions that had a signal."""
        if self.parts.classic:
            bars = self.market.bars
            begun = int(np.argmax(bars.present, axis=0).max())
            first = max(bars.start, begun)
            return [
                t
                for t in (first + round(SHARE * (len(bars) - first) * k / DATES) for k in (1, 2, 3))
                if t < len(bars) - 1
            ]
        alive = [
            d.bar
            for d in ledger.decisions
            if d.bar in self.kept and (np.nan_to_num(d.signal) != 0.0).any()
        ]
        parts = [part for part in np.array_split(np.array(alive, dtype=int), DATES) if len(part)]
        return [int(part[len(part) // 2]) for part in parts]

    def _again(self, ledger: Ledger, bars: Bars, t: int) -> str:
        """Return what differs without the future, with a ? in front when it differs anyway; or
        nothing.
        """
        noise = Noise()
        for rows in self.parts.vectorised:
            found = compare_arrays(rows.rows[: t + 1], rows.evaluate(bars), noise)
            if found:
                row, column, _ = found
                first = self.market.bars.index[row]
                return f"{rows.path} {rows.name}: signals of {bars.assets[column]} at {first:%Y-%m-%d} use later data"
        assert self.parts.pipeline is not None
        state, memos = self.kept[t]
        (was,) = (decision for decision in ledger.decisions if decision.bar == t)
        for history in (state.history, History(bars, t)):
            again = decide(self.parts.pipeline, replace(state, history=history), memos)
            found_too = compare_decisions(self.parts.pipeline, bars.assets, [was], [again], noise)
            if found_too:
                return self._words(found_too, repeatable=history is not state.history)
        return ""

    def _words(self, found: Difference, *, repeatable: bool) -> str:
        day = f"{self.market.bars.index[found.bar]:%Y-%m-%d}"
        if not repeatable:
            return f"?{found.component}: asked again at {day} it answers differently; it keeps state of its own"
        return f"{found.component}: the {found.quantity} at {day} uses later data"

    def _classic(self, ledger: Ledger, bars: Bars, t: int) -> str:
        """Run a Backtrader strategy on the data up to ``t``."""
        market = market_of(self.config, self.parts, bars)
        other = play(self.config, self.parts, market, scheduled(bars, self.config.schedule))
        found = compare_fills(bars.assets, ledger.fills, other.fills, t, Noise())
        return (
            f"strategy {self.config.strategy.use}: its orders at {bars.index[found.bar]:%Y-%m-%d} "
            "use later data"
            if found
            else ""
        )
