"""The section about trades: holdings from nothing to nothing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from bt_run import Array
from bt_run_plugins.page.parts import Cell, PageTable, Section, shown
from bt_run_plugins.reports.html.book import Book, Trade

TRADES = 200
COLUMNS = (
    ("Asset", "text"),
    ("Side", "text"),
    ("Opened", "text"),
    ("Closed", "text"),
    ("Bars held", "count"),
    ("Profit, money", "money"),
    ("Profit, of NAV", "pct"),
    ("Best on the way, of NAV", "pct"),
    ("Worst on the way, of NAV", "pct"),
)
NUMBER_COLUMNS = (
    ("Number", "text"),
    ("Value", "ratio"),
)


def trades_section(book: Book) -> Section:
    """Return the section of holdings from nothing to nothing."""
    trades = book.trades
    if not trades:
        text = "No asset was ever held over a close, so there is no trade to list."
        return Section("trades", "Trades", missing=text)
    lead = (
        "A trade is one holding from nothing to nothing, whatever was bought and sold in between. "
        "Profit is after costs. Best and worst are the largest gain and loss on the way, at "
        "closes; all over the NAV before the trade."
    )
    return Section("trades", "Trades", lead, (_trade_numbers(trades), _trade_table(book)))


def _trade_table(book: Book) -> PageTable:
    kept, note = shown(
        sorted(book.trades, key=lambda trade: -abs(trade.profit)),
        TRADES,
        "trades, the largest gains and losses,",
        "fills.parquet and positions.parquet",
    )
    ordered = sorted(kept, key=lambda trade: (trade.first, trade.asset))
    rows = [_trade_row(book, trade) for trade in ordered]
    return PageTable("trades", "Trades", COLUMNS, rows, note, search=True)


def _trade_row(book: Book, trade: Trade) -> tuple[object, ...]:
    opened = book.index[trade.first]
    closed = book.index[trade.last]
    return (
        trade.asset,
        trade.side,
        f"{opened:%Y-%m-%d}",
        "still held" if trade.open else f"{closed:%Y-%m-%d}",
        trade.last - trade.first,
        trade.profit,
        trade.profit / trade.nav,
        trade.best / trade.nav,
        trade.worst / trade.nav,
    )


def _trade_numbers(trades: Sequence[Trade]) -> PageTable:
    profit = np.array([trade.profit for trade in trades])
    bars = np.array([trade.last - trade.first for trade in trades])
    still_held = sum(trade.open for trade in trades)
    gains = profit[profit > 0.0]
    losses = profit[profit < 0.0]
    ratio = float(gains.sum() / -losses.sum()) if len(losses) else None
    rows = (
        ("Trades", Cell(len(trades), "count")),
        ("Still held at the end", Cell(still_held, "count")),
        ("Trades with a gain", Cell(len(gains) / len(trades), "pct")),
        ("Mean gain, money", Cell(_mean(gains), "money")),
        ("Mean loss, money", Cell(_mean(losses), "money")),
        ("Gains over losses", Cell(ratio, "ratio")),
        ("Median bars held", Cell(float(np.median(bars)), "count")),
    )
    return PageTable("trade-numbers", "All trades in numbers", NUMBER_COLUMNS, rows)


def _mean(values: Array) -> float | None:
    return float(values.mean()) if len(values) else None
