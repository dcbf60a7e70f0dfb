"""Play built components through bars: the pass that a run makes, and that a check repeats on other
bars.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bt_run.account.market import Market
from bt_run.backtest.building import Parts
from bt_run.config.run_config import RunConfig
from bt_run.data.bars import Bars
from bt_run.decision.state import Decision, Memos, PortfolioState
from bt_run.guard import guarded
from bt_run.results.ledger import Ledger

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


__all__ = ["Listeners", "evaluate_signals", "market_of", "play"]


@dataclass(frozen=True)
class Listeners:
    """Hold who is told while a pass goes on: of each decision, of what it was taken on, of the bar
    reached.
    """

    decided: Callable[[Decision], None] | None = None
    witness: Callable[[PortfolioState, Memos], None] | None = None
    progress: Callable[[int], None] | None = None


def evaluate_signals(parts: Parts, bars: Bars) -> None:
    """Evaluate the vectorised strategies on all bars."""
    for rows in parts.vectorised:
        rows.prepare(bars)


def market_of(config: RunConfig, parts: Parts, bars: Bars) -> Market:
    """Return what every account of a run meets."""
    whole = config.data.adjust == "none" and not parts.broker.fractional
    return Market(bars, parts.broker, config.limits.gross, whole, parts.exits)


def play(
    config: RunConfig,
    parts: Parts,
    market: Market,
    due: NDArray[np.bool_],
    listeners: Listeners | None = None,
) -> Ledger:
    """Play the bars on Backtrader's engine: the pipeline, or a Backtrader strategy of its own."""
    told = listeners or Listeners()
    # not at the top: Backtrader takes its time, and help and configuration need none of it
    from bt_run.engine.classic import ClassicRun, run_classic
    from bt_run.engine.panel import PanelRun, run_panel

    if parts.classic is not None:
        classic = ClassicRun(
            bars=market.bars, broker=parts.broker, strategy=parts.classic, progress=told.progress
        )
        played: Ledger = guarded(f"strategy {config.strategy.use!r}", run_classic, classic)
        return played
    assert parts.pipeline is not None
    return run_panel(
        PanelRun(
            bars=market.bars,
            market=market,
            pipeline=parts.pipeline,
            due=due,
            decided=told.decided,
            witness=told.witness,
            progress=told.progress,
        )
    )
