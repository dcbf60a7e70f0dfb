"""The report ``tear_sheet``: the sheets of pyfolio behind the run on one sheet and an index."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bt_run import BacktestResult, BuildContext, Component, Config, hookimpl
from bt_run_plugins.figures.pages import own_style, save
from bt_run_plugins.reports.book import read_book
from bt_run_plugins.reports.tear_sheet.facts import facts_page
from bt_run_plugins.reports.tear_sheet.inputs import pyfolio_input
from bt_run_plugins.reports.tear_sheet.one_sheet import sheet_page
from bt_run_plugins.reports.tear_sheet.returns_sheets import draw_sheets

__all__ = ["TearSheet", "TearSheetConfig", "bt_reports", "pyfolio_input"]

FILE = "tear_sheet.pdf"


class TearSheetConfig(Config):
    """Configuration of the tear sheet: there is nothing to choose."""


@dataclass(frozen=True)
class TearSheet:
    """The writer of ``tear_sheet.pdf``; equal results give equal bytes."""

    def write(self, result: BacktestResult, folder: Path) -> list[Path]:
        """Write the PDF into ``folder`` and return its path."""
        path = folder / FILE
        with _quiet(), own_style():
            sheets = draw_sheets(result)
            titles = [page.texts[0].get_text() for page in sheets.pages]
            facts = facts_page(result, sheets.left_out, titles)
            pages = [sheet_page(read_book(result)), facts, *sheets.pages]
            save(path, pages, f"{result.config.name}   run {result.run_id}")
        return [path]


@hookimpl
def bt_reports() -> Iterable[Component]:
    return [
        Component(
            name="tear_sheet",
            config=TearSheetConfig,
            build=_build,
            summary="PDF with pyfolio's sheets: returns, positions, transactions, round trips",
        )
    ]


def _build(_: TearSheetConfig, __: BuildContext) -> TearSheet:
    return TearSheet()


@contextmanager
def _quiet() -> Iterator[None]:
    """Hide what numpy says of days without a position: nothing in it is for a report's reader."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
