"""The sections about returns, in the order of the page."""

from __future__ import annotations

from collections.abc import Iterator

from bt_run_plugins.page.parts import Section
from bt_run_plugins.reports.book import Book
from bt_run_plugins.reports.html.daily_returns import (
    distribution_section,
    rolling_section,
)
from bt_run_plugins.reports.html.growth import drawdown_section, growth_section
from bt_run_plugins.reports.html.periods import crises_section, months_section

# what a run of one session has none of
NEED_TWO = (
    ("growth", "Growth and drawdowns"),
    ("months", "Months and years"),
)


def first_sections(book: Book) -> Iterator[Section]:
    """Yield what is looked at first: growth with drawdowns, months and years."""
    closes = book.closes
    if len(closes) < 2:
        why = "The run has one session, and a return needs two."
        for name, title in NEED_TWO:
            yield Section(name, title, missing=why)
        return
    yield growth_section(book, closes)
    yield months_section(closes)


def returns_sections(book: Book) -> Iterator[Section]:
    """Yield the worst drawdowns, distribution, rolling numbers and crises."""
    closes = book.closes
    if len(closes) < 2:
        return
    yield drawdown_section(closes)
    yield distribution_section(closes)
    yield rolling_section(book, closes)
    yield crises_section(book, closes)
