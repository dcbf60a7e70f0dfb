"""Play built components through bars: the pass of a run, and what a check repeats on other bars."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bt_run.account.market import Market
from bt_run.arrays import Mask
from bt_run.backtest.building import Parts, whole_shares
from bt_run.config.run_config import RunConfig
from bt_run.data.bars import Bars
from bt_run.data.schedule import scheduled
from bt_run.decision.pipeline import Pipeline
from bt_run.engine.listeners import Listeners
from bt_run.guard import guarded
from bt_run.results.ledger import Ledger

if TYPE_CHECKING:
    pass

__all__ = ["due_bars", "load_engine", "market_of", "play"]


def market_of(config: RunConfig, parts: Parts, bars: Bars) -> Market:
    """Return what every account of a run meets."""
    whole = whole_shares(config, parts.broker)
    return Market(bars, parts.broker, config.limits.gross, whole, parts.exits)


def due_bars(config: RunConfig, parts: Parts, bars: Bars) -> Mask:
    """Return at which bars the run decides, (T,): by its schedule, and where money came or left, so
    that it neither waits in cash nor leaves debts until the next period.
    """
    due = scheduled(bars, config.schedule)
    if parts.broker.flows is not None:
        came = parts.broker.flows(bars.sessions).amount != 0.0
        came[: bars.start] = False
        due |= came
    return due


def load_engine() -> None:
    """Import now what plays bars, so that the first run takes no longer than the next."""
    import pandas  # noqa: F401

    from bt_run.engine.classic import ClassicRun  # noqa: F401
    from bt_run.engine.panel import PanelRun  # noqa: F401


def play(
    config: RunConfig,
    parts: Parts,
    market: Market,
    due: Mask,
    listeners: Listeners | None = None,
    then: tuple[tuple[int, Pipeline], ...] = (),
) -> Ledger:
    """Play the market's bars on Backtrader's engine: the pipeline, or a Backtrader strategy.

    ``parts`` are those of ``parts.on(bars)``; from each bar of ``then`` on its pipeline decides.
    """
    # not at the top: Backtrader takes its time, and help and configuration need none of it
    from bt_run.engine.classic import ClassicRun, run_classic
    from bt_run.engine.panel import PanelRun, run_panel

    told = listeners or Listeners()
    if parts.pipeline is not None:
        return run_panel(
            PanelRun(
                market,
                parts.pipeline,
                due,
                told,
                controls=parts.controls,
                then=then,
                only_traded=config.ledger.decisions == "traded",
            )
        )
    assert parts.classic is not None
    classic = ClassicRun(
        bars=market.bars,
        broker=parts.broker,
        strategy=parts.classic,
        progress=told.progress,
        # feeds stand in the order of the file: a strategy knows them by their number
        order=tuple(market.bars.assets.index(name) for name in config.data.assets),
    )
    played: Ledger = guarded(f"strategy {config.strategy.use!r}", run_classic, classic)
    return played
