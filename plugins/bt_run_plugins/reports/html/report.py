"""The report ``html``: one self-contained page, readable without network, script or mouse."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from bt_run import (
    DEFINITIONS,
    BacktestResult,
    BuildContext,
    Comparison,
    Component,
    Config,
    hookimpl,
)
from bt_run_plugins.page.parts import in_currency
from bt_run_plugins.page.render import (
    SCRIPT,
    STYLE,
    chart_script,
    file_text,
    template,
)
from bt_run_plugins.reports.book import read_book
from bt_run_plugins.reports.html.against import decision_sections
from bt_run_plugins.reports.html.comparison_page import comparison_sections
from bt_run_plugins.reports.html.holdings import holdings_sections
from bt_run_plugins.reports.html.last_holdings import last_holdings_section
from bt_run_plugins.reports.html.limits_over_time import limit_sections
from bt_run_plugins.reports.html.returns import first_sections, returns_sections
from bt_run_plugins.reports.html.sheet import one_sheet
from bt_run_plugins.reports.html.summary import (
    alerts,
    analyses,
    cards,
    config_text,
    currency_of,
    metrics_section,
    provenance,
    repeat_command,
    sentences,
)
from bt_run_plugins.reports.html.tracking import tracking_sections
from bt_run_plugins.reports.html.trading import trading_sections
from bt_run_plugins.reports.html.verdict import verdict_part
from bt_run_plugins.reports.numbers import STATISTICS

FILE = "report.html"
ONE_PAGE = "one_page.html"


class HtmlReportConfig(Config):
    """Configuration of the page: there is nothing to choose."""


class OnePageConfig(Config):
    """Configuration of the sheet: there is nothing to choose."""


@dataclass(frozen=True)
class HtmlReport:
    """The writer of ``report.html``; equal results give equal bytes."""

    def write(self, result: BacktestResult, folder: Path) -> list[Path]:
        """Write the page into ``folder`` and return its path."""
        path = folder / FILE
        path.write_text(page_of_run(result), encoding="utf-8", newline="\n")
        return [path]

    def compare(self, comparison: Comparison, path: Path) -> None:
        """Write a page that lays runs side by side."""
        path.write_text(page_of_comparison(comparison), encoding="utf-8", newline="\n")


@dataclass(frozen=True)
class OnePageReport:
    """The writer of ``one_page.html``: the run on one sheet of A4 or Letter."""

    def write(self, result: BacktestResult, folder: Path) -> list[Path]:
        """Write the sheet into ``folder`` and return its path."""
        path = folder / ONE_PAGE
        path.write_text(sheet_of_run(result), encoding="utf-8", newline="\n")
        return [path]


@hookimpl
def bt_reports() -> Iterable[Component]:
    return [
        Component(
            name="html",
            config=HtmlReportConfig,
            build=_build,
            summary="one self-contained HTML page: growth, drawdowns, months, holdings, costs, "
            "decisions, trades",
        ),
        Component(
            name="one_page",
            config=OnePageConfig,
            build=_build_one_page,
            summary="the run on one sheet of A4 or Letter: verdict, eight numbers, growth, months, "
            "holdings, caveats",
        ),
    ]


def _build(_: HtmlReportConfig, __: BuildContext) -> HtmlReport:
    return HtmlReport()


def _build_one_page(_: OnePageConfig, __: BuildContext) -> OnePageReport:
    return OnePageReport()


def page_of_run(result: BacktestResult) -> str:
    """Return the page about a run."""
    book = read_book(result)
    sections = [
        *first_sections(book),
        metrics_section(result),
        *returns_sections(book),
        *decision_sections(book),
        *tracking_sections(result),
        *limit_sections(result),
        last_holdings_section(book),
        *holdings_sections(book),
        *trading_sections(book),
        analyses(result),
        provenance(result),
    ]
    glossary = [(item.label, item.text) for item in DEFINITIONS.values()]
    glossary += [(label, text) for label, _, text in STATISTICS.values()]
    currency = currency_of(result)
    return template("reports/html/report.html.j2").render(
        result=result,
        currency=currency or "the account's currency",
        sentences=sentences(result),
        verdict=verdict_part(result),
        alerts=alerts(result),
        cards=cards(result),
        sheet=one_sheet(book),
        sections=[in_currency(section, currency) for section in sections],
        chart_data=chart_script(sections),
        glossary=glossary,
        command=repeat_command(result),
        config=config_text(result),
        style=file_text(STYLE),
        script=file_text(SCRIPT),
    )


def sheet_of_run(result: BacktestResult) -> str:
    """Return the run on one sheet."""
    return template("reports/html/one_page.html.j2").render(
        result=result,
        sentences=sentences(result),
        verdict=verdict_part(result),
        sheet=one_sheet(read_book(result)),
        style=file_text(STYLE),
    )


def page_of_comparison(comparison: Comparison) -> str:
    """Return the page that lays runs side by side."""
    told = [
        ("all runs" if labels == comparison.labels else ", ".join(labels), note)
        for note, labels in comparison.caveats.items()
    ]
    sections = list(comparison_sections(comparison))
    return template("reports/html/comparison.html.j2").render(
        comparison=comparison,
        notes=told,
        sections=sections,
        chart_data=chart_script(sections),
        style=file_text(STYLE),
        script=file_text(SCRIPT),
    )
