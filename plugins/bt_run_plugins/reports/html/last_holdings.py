"""The section on what is held at the end: weight, gain, how long."""

from __future__ import annotations

import numpy as np

from bt_run import Array
from bt_run_plugins.page.parts import Cell, PageTable, Row, Section, shown
from bt_run_plugins.reports.book import Book, Trade
from bt_run_plugins.reports.html.holdings import effective_number

MOST = 50
COLUMNS = (
    ("Asset", "text"),
    ("Weight", "pct"),
    ("Value, money", "money"),
    ("Gain since opened, money", "money"),
    ("Gain, of NAV then", "pct"),
    ("Opened", "text"),
    ("Days held", "count"),
)


def last_holdings_section(book: Book) -> Section:
    """Return what is held at the end, the largest first, with how concentrated it is."""
    title = "Held at the end"
    weights = book.value[-1] / book.nav[-1]
    order = np.argsort(-np.abs(weights), kind="stable").tolist()
    held = [column for column in order if weights[column] != 0.0]
    if not held:
        text = "Nothing is held: the account is all cash."
        return Section("held", title, missing=text)
    opened = {trade.asset: trade for trade in book.trades if trade.open}
    rows = [_row(book, column, opened) for column in held]
    kept, note = shown(rows, MOST, "holdings, the largest,", "positions.parquet")
    cash = 1.0 - float(weights.sum())
    money = cash * float(book.nav[-1])
    blank = Cell("")
    last = [Cell("Cash", look="sum"), cash, money, blank, blank, blank, blank]
    table = PageTable("held", "Holdings", COLUMNS, [*kept, last], note)
    return Section("held", title, _words(weights[held]), (table,))


def _row(book: Book, column: int, opened: dict[str, Trade]) -> Row:
    asset, value = book.assets[column], float(book.value[-1, column])
    trade = opened.get(asset)
    row: list[object] = [asset, value / float(book.nav[-1]), value]
    if trade is None:
        return [*row, None, None, "", None]
    since = book.index[trade.first]
    days = (book.index[-1] - since).days
    gain = trade.profit / trade.nav
    return [*row, trade.profit, gain, f"{since:%Y-%m-%d}", days]


def _words(weights: Array) -> str:
    gross = float(np.abs(weights).sum())
    count = len(weights)
    if count == 1:
        return f"One asset, {gross:.0%} of NAV."
    ten = float(np.sort(np.abs(weights))[-10:].sum()) / gross
    largest = f", the ten largest {ten:.0%} of it" if count > 10 else ""
    return (
        f"{count} assets, {gross:.0%} of NAV{largest}; as spread as "
        f"{effective_number(weights):.1f} equal holdings. Gains are after costs, dividends "
        "included."
    )
