"""Panel mode: the pipeline on one shared clock, its baskets filled by a vectorised broker."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import Any

import backtrader as bt
import numpy as np

from bt_run.account.account import Account
from bt_run.account.market import Market
from bt_run.account.records import HALTED
from bt_run.account.track import Track
from bt_run.arrays import Array, Indices, Mask, read_only
from bt_run.data.controls import NO_CONTROLS, Controls
from bt_run.data.history import History
from bt_run.decision.memos import carried_memos
from bt_run.decision.pipeline import Pipeline, decide
from bt_run.decision.state import Decision, Memos, PortfolioState, Tracks, changed
from bt_run.engine.clock import PanelClock, backtrader_days
from bt_run.engine.listeners import Listeners
from bt_run.engine.portfolio import Past, portfolio_state
from bt_run.errors import PluginError
from bt_run.results.ledger import Ledger, ledger_of

__all__ = ["PanelRun", "run_panel"]

NO_TRACKS: Mapping[str, Track] = MappingProxyType({})
EVERY = 64  # bars between two words on how far the run is


@dataclass(frozen=True)
class PanelRun:
    """What one pass through the bars needs; ``due`` (T,) says when the pipeline computes.

    From each bar of ``then``, rising, its pipeline decides on the same account. ``only_traded``
    keeps of decisions that trade nothing no rows, unless a component reads tracks.
    """

    market: Market
    pipeline: Pipeline
    due: Mask
    listeners: Listeners = field(default_factory=Listeners)
    controls: Controls = NO_CONTROLS
    then: tuple[tuple[int, Pipeline], ...] = ()
    only_traded: bool = False

    @cached_property
    def steps(self) -> Indices:
        """Return the bars at which the clock ticks: the first and the last, those at which the
        pipeline computes, and those at which it is told how far the run is.

        The account finds its own way through the bars between.
        """
        bars = np.arange(len(self.market.bars))
        ticks = self.due | (bars % EVERY == 0)
        ticks[[self.market.bars.start, -1]] = True
        steps: Indices = bars[ticks & (bars >= self.market.bars.start)]
        return steps

    @property
    def leaves_out(self) -> bool:
        """Tell whether rows of decisions are left out, and tracks with them."""
        pipelines = (self.pipeline, *(later for _, later in self.then))
        return self.only_traded and not any(one.reads_tracks for one in pipelines)


class BasketBroker(bt.brokers.BackBroker):  # type: ignore[misc]
    """A broker that fills baskets for all assets at once; orders for a single asset are refused.

    ``steps`` are the bars at which the clock ticks; without them it does at every bar.
    """

    params = (("account", None), ("steps", None))

    def start(self) -> None:
        super().start()
        self._bar = self.p.account.t - 1
        self._steps = None if self.p.steps is None else iter(self.p.steps.tolist())

    def next(self) -> None:
        """Reach the next bar, before the strategy does."""
        self._bar = self._bar + 1 if self._steps is None else next(self._steps)

    def settle(self) -> None:
        """Bring the account to the bar that the clock has reached.

        Quiet bars are valued in one go.
        """
        account: Account = self.p.account
        account.advance(self._bar)
        self.cash, self._value = account.cash, float(account.nav[self._bar])

    def get_value(
        self, datas: Any = None, mkt: bool = False, lever: bool = False
    ) -> float:
        self.settle()
        return float(self._value)

    getvalue = get_value

    def submit(self, order: Any, check: bool = True) -> Any:
        raise PluginError(
            f"an order for {order.size} shares was sent to the panel's broker; it takes target "
            "weights for all assets"
        )


class PipelineHost(bt.Strategy):  # type: ignore[misc]
    """A strategy that asks the pipeline at each scheduled bar and orders what it decides."""

    params = (("run", None), ("account", None))

    def __init__(self) -> None:
        run: PanelRun = self.p.run
        self.decisions: list[Decision] = []
        self._memos: Memos = {}
        self._last_trade: int | None = None
        self._pipeline = run.pipeline
        self._then = deque(run.then)
        self._leaves_out = run.leaves_out
        self._nothing = read_only(np.full(1, np.nan))
        self._tracks = self._tracks_of(run.pipeline)

    def next(self) -> None:
        run: PanelRun = self.p.run
        t = int(run.steps[len(self.data) - 1])
        if run.listeners.progress and t % EVERY == 0:
            run.listeners.progress(t)
        if run.due[t]:
            self.broker.settle()
            if self.p.account.ruined is None:
                self._decide(run, t)
            else:
                self.env.runstop()

    def stop(self) -> None:
        self.broker.settle()

    def _notify(self, qorders: Any = (), qtrades: Any = ()) -> None:
        """Send nothing: a basket has no orders of its own, and the NAV of each bar would cost."""

    def _tracks_of(
        self, pipeline: Pipeline, kept: Mapping[str, Track] = NO_TRACKS
    ) -> dict[str, Track]:
        """Return a track for each stage: one of ``kept``, or a new one."""
        without_exits = replace(self.p.run.market, exits=())
        return {
            stage.path: kept.get(stage.path) or Track(without_exits)
            for stage in pipeline.weighing
        }

    def _go_on(self, later: Pipeline) -> None:
        """Let a later pipeline decide, with the memos and tracks of what it has in common."""
        before, after = self._pipeline.names, later.names
        self._memos = carried_memos(self._memos, before, after)
        same = {
            path: track
            for path, track in self._tracks.items()
            if before[path] == after.get(path)
        }
        self._pipeline, self._tracks = later, self._tracks_of(later, same)

    def _decide(self, run: PanelRun, t: int) -> None:
        while self._then and self._then[0][0] <= t:
            self._go_on(self._then.popleft()[1])
        account: Account = self.p.account
        state = self._state(run, account)
        if run.listeners.observer:
            run.listeners.observer(state, self._memos)
        decision = decide(self._pipeline, state, self._memos)
        self._memos = decision.memos
        if not self._leaves_out:
            for track, weights in zip(
                self._tracks.values(), decision.stages, strict=True
            ):
                track.order(t, weights)
        if decision.halted:
            account.call_off(t, HALTED)
        ordered = False
        if decision.fired:
            self._last_trade = t
            ordered = self._order(account, decision)
        if run.listeners.decided:
            run.listeners.decided(decision)
        if self._leaves_out and not ordered:
            decision = decision.without_rows(self._nothing)
        self.decisions.append(decision)

    def _order(self, account: Account, decision: Decision) -> bool:
        """Order what was decided; tell whether anything was ordered, replaced or too dear."""
        records, waiting = len(account.fills), account.waiting
        account.order(decision.target, decision.traded)
        new = waiting.decided[waiting.names] == account.t
        return bool(new.any()) or len(account.fills) > records

    def _state(self, run: PanelRun, account: Account) -> PortfolioState:
        history = History(run.market.bars, account.t, self._pipeline.signals)
        last_decision = self.decisions[-1].bar if self.decisions else None
        past = Past(last_decision, self._last_trade)
        tracks = {} if self._leaves_out else self._tracks
        state = portfolio_state(account, history, tracks, past)
        if self._leaves_out:
            left_out = dict.fromkeys(self._tracks, _no_track)
            state = changed(state, {"tracks": Tracks(left_out)})
        known = run.controls.at(run.market.bars, account.t)
        return changed(state, {"controls": known}) if known else state


def run_panel(run: PanelRun) -> Ledger:
    """Play a pipeline through the bars from their start on, on Backtrader's clock.

    An account that is worth nothing at a close ends there, and so does the ledger.
    """
    bars = run.market.bars
    account = Account(run.market, bars.start)
    days = backtrader_days(bars.times[run.steps])
    blank = np.zeros(len(days))
    names = ("open", "high", "low", "close", "volume", "openinterest")
    clock = PanelClock(columns={"datetime": days, **dict.fromkeys(names, blank)})
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.broker = BasketBroker(account=account, steps=run.steps)
    cerebro.adddata(clock)
    cerebro.addstrategy(PipelineHost, run=run, account=account)
    (host,) = cerebro.run()
    return ledger_of(account, tuple(host.decisions), memos_on_change=run.only_traded)


def _no_track() -> Array:
    raise PluginError(
        "state.tracks was read by a component that does not say so, under `ledger: {decisions: "
        "traded}`; give it `reads_tracks = True`, or keep all decisions"
    )
