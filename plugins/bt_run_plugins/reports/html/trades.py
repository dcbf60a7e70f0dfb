"""The section about trades: holdings from nothing to nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from bt_run import Array
from bt_run_plugins.page.parts import Cell, PageTable, Row, Section, shown
from bt_run_plugins.reports.book import Book, Trade
from bt_run_plugins.reports.html.priced_trades import priced_parts

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
    ("Market price, first fill", "price"),
    ("Market price, last fill", "price"),
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
        "closes; all over the NAV before the trade. Market prices are what a chart shows, slippage "
        "included; they are missing where the source knows no splits."
    )
    parts = (*priced_parts(book), _trade_numbers(trades), _trade_table(book))
    return Section("trades", "Trades", lead, parts)


def _trade_table(book: Book) -> PageTable:
    kept, note = shown(
        sorted(book.trades, key=lambda trade: -abs(trade.profit)),
        TRADES,
        "trades, the largest gains and losses,",
        "fills.parquet and positions.parquet",
    )
    ordered = sorted(kept, key=lambda trade: (trade.first, trade.asset))
    prices = _market_prices(book)
    rows = [_trade_row(book, trade, prices) for trade in ordered]
    return PageTable("trades", "One by one", COLUMNS, rows, note, search=True)


def _market_prices(book: Book) -> dict[tuple[Any, str], float]:
    """Return the market price of each bar's last fill, by time and asset."""
    done = book.result.fills[book.result.fills["filled"] != 0.0]
    keys = zip(done["time"], done["asset"], strict=True)
    return dict(zip(keys, done["market_price"].astype(float), strict=True))


def _trade_row(
    book: Book, trade: Trade, prices: Mapping[tuple[Any, str], float]
) -> Row:
    opened = book.index[trade.first]
    closed = book.index[trade.last]
    until = "still held" if trade.open else f"{closed:%Y-%m-%d}"
    bars = trade.last - trade.first
    profit = trade.profit / trade.nav
    best = trade.best / trade.nav
    worst = trade.worst / trade.nav
    since = f"{opened:%Y-%m-%d}"
    return (
        trade.asset,
        trade.side,
        since,
        until,
        bars,
        trade.profit,
        profit,
        best,
        worst,
        prices.get((opened, trade.asset)),
        Cell("") if trade.open else prices.get((closed, trade.asset)),
    )


def _trade_numbers(trades: Sequence[Trade]) -> PageTable:
    profit = np.array([trade.profit for trade in trades])
    gains = profit[profit > 0.0]
    losses = profit[profit < 0.0]
    count = len(trades)
    still_held = sum(trade.open for trade in trades)
    bars = float(np.median([trade.last - trade.first for trade in trades]))
    share = len(gains) / count
    gain = _mean(gains)
    loss = _mean(losses)
    ratio = float(gains.sum() / -losses.sum()) if len(losses) else None
    numbers = (
        ("Trades", count, "count"),
        ("Still held at the end", still_held, "count"),
        ("Trades with a gain", share, "pct"),
        ("Mean gain, money", gain, "money"),
        ("Mean loss, money", loss, "money"),
        ("Gains over losses", ratio, "ratio"),
        ("Median bars held", bars, "count"),
    )
    rows = [(label, Cell(value, unit)) for label, value, unit in numbers]
    return PageTable("trade-numbers", "All trades in numbers", NUMBER_COLUMNS, rows)


def _mean(values: Array) -> float | None:
    return float(values.mean()) if len(values) else None
