"""The sections about trading, in the order of the page."""

from __future__ import annotations

from collections.abc import Iterator

from bt_run_plugins.page.parts import Section
from bt_run_plugins.reports.book import Book
from bt_run_plugins.reports.html.achieved import achieved_section
from bt_run_plugins.reports.html.costs import costs_section
from bt_run_plugins.reports.html.decisions import decisions_section
from bt_run_plugins.reports.html.trades import trades_section


def trading_sections(book: Book) -> Iterator[Section]:
    """Yield turnover and costs, target against achieved, decisions and trades."""
    yield costs_section(book)
    yield achieved_section(book)
    yield decisions_section(book)
    yield trades_section(book)
