"""The report ``tear_sheet``: pyfolio's sheets behind a page that says what was run on what."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bt_run import BacktestResult, BuildContext, Component, Config, hookimpl
from bt_run_plugins.figures.pages import own_style, save
from bt_run_plugins.reports.tear_sheet.cover import first_page
from bt_run_plugins.reports.tear_sheet.inputs import pyfolio_input
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
        with _quiet(), own_style(), _plain_dates():
            sheets = draw_sheets(result)
            pages = [first_page(result, sheets.left_out), *sheets.pages]
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
    """Hide what pyfolio, seaborn and pandas say to each other: nothing in it is for a report's
    reader.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@contextmanager
def _plain_dates() -> Iterator[None]:
    """Let pandas draw plain dates: its own periods do not mix with what pyfolio draws over them."""
    from pandas.plotting import plot_params

    params: Any = plot_params
    with params.use("x_compat", True):
        yield
