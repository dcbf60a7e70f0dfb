"""What a cell keeps of a run: metrics and daily returns, on arrays."""

from __future__ import annotations

import numpy as np

from bt_run.account.performance import track_record
from bt_run.arrays import Array, Indices, Times
from bt_run.backtest.baselines import benchmark_nav
from bt_run.backtest.playing import market_of
from bt_run.backtest.preparing import Prepared
from bt_run.backtest.studying import play
from bt_run.results.ledger import Ledger
from bt_run.results.metric_definitions import YEARLY
from bt_run.results.metrics import (
    ABOUT_A_YEAR,
    closing_rows,
    record_metrics,
    traded_value,
)
from bt_run.text import day_text

__all__ = ["measured"]

Measured = tuple[dict[str, float | None], Times, Array, tuple[str, ...]]


def measured(ready: Prepared) -> Measured:
    """Play ``ready`` and return its metrics, the sessions (n,) and daily returns (n,) of its NAV,
    and its warnings. There are no baselines but the benchmark, which costs nothing.
    """
    ledger = play(ready)
    bars = ledger.bars
    rows, sessions = _closes(bars.sessions[bars.start :])
    flows = None if ledger.flows is None else ledger.flows[bars.start :]
    nav = track_record(ledger.nav[bars.start :], flows)[rows]
    market = market_of(ready.config, ready.parts, bars)
    benchmark = benchmark_nav(market)[bars.start :][rows]
    metrics = record_metrics(sessions, nav, benchmark, float(ready.config.risk_free))
    gross, _ = ledger.exposure()
    held = gross[bars.start :][rows][1:]
    metrics["average_gross"] = float(held.mean()) if len(held) else None
    metrics |= _traded(ledger, metrics["years"] or 0.0)
    warnings = ready.warnings
    if ledger.ruined:
        metrics |= dict.fromkeys(YEARLY & metrics.keys())
        warnings = (f"ruined on {day_text(bars.index[-1])}", *warnings)
    # a NAV that is not positive before the last close has no returns
    returns = nav[1:] / nav[:-1] - 1.0
    return metrics, sessions[1:], returns, warnings


def _closes(sessions: Times) -> tuple[Indices, Times]:
    """Return the rows (n,) of each session's last bar, and the sessions (n,); a start inside a
    session is a close of the day before.
    """
    last, inside = closing_rows(sessions[1:] != sessions[:-1])
    days = sessions[last]
    if inside:
        days[0] -= np.timedelta64(1, "D")
    return np.flatnonzero(last), days


def _traded(ledger: Ledger, years: float) -> dict[str, float | None]:
    """Return turnover a year, costs and the number of fills."""
    records = ledger.fills
    filled = _joined([record.filled for record in records])
    price = _joined([record.price for record in records])
    slippage = _joined([record.slippage for record in records])
    commission = _joined([record.commission for record in records])
    bars = _joined(
        [np.full(len(record.filled), float(record.bar)) for record in records]
    )
    done = filled != 0.0
    paid = traded_value(filled[done], price[done], slippage[done])
    before = np.maximum(bars[done].astype(np.intp) - 1, ledger.bars.start)
    turnover = float((paid / ledger.nav[before]).sum())
    enough = years >= ABOUT_A_YEAR
    return {
        "turnover_one_way": 0.5 * turnover / years if enough else None,
        "costs": float(commission[done].sum() + slippage[done].sum()),
        "fills": float(done.sum()),
    }


def _joined(parts: list[Array]) -> Array:
    return np.concatenate([np.empty(0), *parts])
