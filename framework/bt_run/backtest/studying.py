"""Play many configurations on bars that are loaded once."""

from __future__ import annotations

from bt_run.backtest.playing import market_of
from bt_run.backtest.playing import play as play_market
from bt_run.backtest.preparing import Prepared
from bt_run.data.schedule import scheduled
from bt_run.results.ledger import Ledger

__all__ = ["play"]


def play(prepared: Prepared) -> Ledger:
    """Play what ``prepare`` or ``prepared.changed`` returned, and nothing else: no baselines, no
    reports, no checks. The ledger is that of the run.

    Raises:
        BtRunError: a plugin broke its contract.
    """
    config, bars = prepared.config, prepared.bars
    parts = prepared.parts.on(bars)
    due = scheduled(bars, config.schedule)
    return play_market(config, parts, market_of(config, parts, bars), due)
