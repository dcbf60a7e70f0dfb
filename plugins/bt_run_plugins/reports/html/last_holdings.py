"""The section on what is held at the end: weight, gain, how long."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from bt_run import Array, BacktestResult
from bt_run_plugins.analyzers.sectors import NAME
from bt_run_plugins.page.parts import Cell, PageTable, Row, Section, shown
from bt_run_plugins.reports.book import Book, Trade
from bt_run_plugins.reports.html.holdings import effective_number

if TYPE_CHECKING:
    import pandas as pd

MOST = 50
SECTOR_COLUMNS = (("Sector", "text"), ("Assets", "count"), ("Weight", "pct"))
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
    names = [book.assets[column] for column in held]
    parts = (table, *_by_sector(book.result, names, weights[held]))
    return Section("held", title, _words(weights[held]), parts)


def kept_sectors(result: BacktestResult) -> pd.DataFrame | None:
    """Return asset and sector of the run's analyzer ``sectors``; None without it."""
    if all(one.use != NAME for one in result.config.analyzers):
        return None
    return result.analyses.get(NAME)


def _by_sector(
    result: BacktestResult, names: list[str], weights: Array
) -> Iterator[PageTable]:
    """Yield the table of what is held by sector, the largest first."""
    sectors = kept_sectors(result)
    if sectors is None:
        return
    words = dict(zip(sectors["asset"], sectors["sector"], strict=True))
    sums: dict[str, list[float]] = {}
    for name, weight in zip(names, weights.tolist(), strict=True):
        sums.setdefault(words[name], []).append(weight)
    rows: list[Row] = [[word, len(own), sum(own)] for word, own in sums.items()]
    rows.sort(key=lambda row: (-abs(row[2]), row[0]))
    yield PageTable("sectors", "By sector", SECTOR_COLUMNS, rows)


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
