"""Panel mode: the pipeline on one shared clock, its baskets filled by a vectorised broker."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import backtrader as bt
import numpy as np
from numpy.typing import NDArray

from bt_run.account.account import Account
from bt_run.account.market import Market
from bt_run.account.track import Track
from bt_run.arrays import read_only
from bt_run.data.bars import Bars, History
from bt_run.decision.pipeline import EXITS, Pipeline, decide
from bt_run.decision.state import Decision, Memos, PortfolioState, Tracks
from bt_run.engine.clock import PanelClock, backtrader_days
from bt_run.errors import ExecutionError, PluginError
from bt_run.results.ledger import Ledger, ledger_of

__all__ = ["PanelRun", "portfolio_state", "run_panel"]


@dataclass(frozen=True, kw_only=True)
class PanelRun:
    """Hold what one pass through the bars needs.

    ``due`` (T,) says when the pipeline computes; ``witness`` is shown what a decision is taken on,
    ``decided`` is told of the decision, ``progress`` of the bar reached.
    """

    bars: Bars
    market: Market
    pipeline: Pipeline
    due: NDArray[np.bool_]
    decided: Callable[[Decision], None] | None = None
    witness: Callable[[PortfolioState, Memos], None] | None = None
    progress: Callable[[int], None] | None = None


class BasketBroker(bt.brokers.BackBroker):  # type: ignore[misc]
    """Fill baskets for all assets at once; orders for a single asset are refused."""

    params = (("account", None),)

    def start(self) -> None:
        super().start()
        self._bar = self.p.account.t - 1

    def next(self) -> None:
        """Reach the next bar, before the strategy does. Only a basket that waits must be filled at
        once.
        """
        self._bar += 1
        if self.p.account.waiting:
            self.settle()

    def settle(self) -> None:
        """Bring the account to the bar that the clock has reached; quiet bars are valued in one go."""
        account: Account = self.p.account
        account.advance(self._bar)
        self.cash, self._value = account.cash, float(account.nav[self._bar])

    def get_value(self, datas: Any = None, mkt: bool = False, lever: bool = False) -> float:
        self.settle()
        return float(self._value)

    getvalue = get_value

    def submit(self, order: Any, check: bool = True) -> Any:
        raise PluginError(
            f"an order for {order.size} shares was sent to the panel's broker; it takes target "
            "weights for all assets"
        )


class PipelineHost(bt.Strategy):  # type: ignore[misc]
    """Ask the pipeline at each scheduled bar and order what it decides."""

    params = (("run", None), ("account", None))

    def __init__(self) -> None:
        self.decisions: list[Decision] = []
        self._memos: dict[str, Any] = {}
        self._last_trade: int | None = None
        weighing = self.p.run.pipeline.weighing
        self._tracks = {
            stage.path: Track(replace(self.p.run.market, exits=())) for stage in weighing
        }

    def next(self) -> None:
        run: PanelRun = self.p.run
        t = run.bars.start + len(self.data) - 1
        if run.progress and t % 64 == 0:
            run.progress(t)
        if run.due[t]:
            self.broker.settle()
            self._decide(run, t)

    def stop(self) -> None:
        self.broker.settle()

    def _notify(self, qorders: Any = (), qtrades: Any = ()) -> None:
        """Send nothing: a basket has no orders of its own, and asking for the NAV each bar would
        cost.
        """

    def _decide(self, run: PanelRun, t: int) -> None:
        account: Account = self.p.account
        if account.nav[t] <= 0:
            raise ExecutionError(
                f"the account was worth {account.nav[t]:,.2f} at "
                f"{run.bars.index[t]:%Y-%m-%d %H:%M}: its losses are "
                "larger than its capital; lower limits.gross or forbid shorts"
            )
        last = self.decisions[-1].bar if self.decisions else None
        state = portfolio_state(account, self._tracks, last, self._last_trade)
        if account.exited:
            closed = {run.bars.assets[column]: side for column, side in account.exited.items()}
            self._memos[EXITS] = {**self._memos.get(EXITS, {}), **closed}
            account.exited.clear()
        if run.witness:
            run.witness(state, self._memos)
        decision = decide(run.pipeline, state, self._memos)
        self.decisions.append(decision)
        self._memos = dict(decision.memos)
        for track, weights in zip(self._tracks.values(), decision.stages, strict=True):
            track.order(t, weights)
        if decision.fired:
            self._last_trade = t
            account.order(decision.target, decision.traded)
        if run.decided:
            run.decided(decision)


def run_panel(run: PanelRun) -> Ledger:
    """Play a pipeline through the bars from ``bars.start`` on, on Backtrader's clock, and return
    the ledger.

    Raises:
        ExecutionError: the account lost more than it had.
    """
    bars, start = run.bars, run.bars.start
    account = Account(run.market, start)
    days = backtrader_days(bars.times[start:])
    blank = np.zeros(len(days))
    names = ("open", "high", "low", "close", "volume", "openinterest")
    clock = PanelClock(columns={"datetime": days, **dict.fromkeys(names, blank)})
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.broker = BasketBroker(account=account)
    cerebro.adddata(clock)
    cerebro.addstrategy(PipelineHost, run=run, account=account)
    (host,) = cerebro.run()
    stages = [f"overlay_{i}_{s.name}" for i, s in enumerate(run.pipeline.overlays, start=1)]
    return ledger_of(account, tuple(host.decisions), ("sized", *stages))


def portfolio_state(
    account: Account, tracks: Mapping[str, Track], last_decision: int | None, last_trade: int | None
) -> PortfolioState:
    """Show an account and its tracks to the components; the last two are bars."""
    t, bars = account.t, account.market.bars
    return PortfolioState(
        history=History(bars, t),
        signals=np.full(len(bars.assets), np.nan),
        weights=read_only(account.weights()),
        nav=float(account.nav[t]),
        cash=account.cash,
        shares=read_only(account.shares.copy()),
        nav_history=read_only(account.nav[bars.start : t + 1]),
        costs=account.market.broker.costs,
        tracks=Tracks({path: partial(track.nav_until, t) for path, track in tracks.items()}),
        last_decision=None if last_decision is None else bars.sessions[last_decision],
        last_trade=None if last_trade is None else bars.sessions[last_trade],
    )
