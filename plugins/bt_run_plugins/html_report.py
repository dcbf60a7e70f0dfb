"""The report ``html``: one self-contained page, readable without network, script or mouse."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bt_run import DEFINITIONS, BacktestResult, BuildContext, Comparison, Component, Config, hookimpl

if TYPE_CHECKING:
    from jinja2 import Template

FILE = "report.html"


class HtmlReportConfig(Config):
    """Configure the page: there is nothing to choose."""


@dataclass(frozen=True)
class HtmlReport:
    """Write ``report.html``; equal results give equal bytes."""

    def write(self, result: BacktestResult, folder: Path) -> list[Path]:
        """Write the page into ``folder`` and return its path."""
        path = folder / FILE
        path.write_text(page(result), encoding="utf-8", newline="\n")
        return [path]

    def compare(self, comparison: Comparison, path: Path) -> None:
        """Write a page that lays runs side by side."""
        path.write_text(comparison_page(comparison), encoding="utf-8", newline="\n")


@hookimpl
def bt_reports() -> Iterable[Component]:
    return [
        Component(
            name="html",
            config=HtmlReportConfig,
            build=_build,
            summary="one self-contained HTML page: growth, drawdowns, months, holdings, costs, decisions, trades",
        )
    ]


def _build(_: HtmlReportConfig, __: BuildContext) -> HtmlReport:
    return HtmlReport()


def page(result: BacktestResult) -> str:
    """Return the page about a run."""
    from bt_run_plugins._html_book import read_book
    from bt_run_plugins._html_holdings import holdings_sections, trades_section
    from bt_run_plugins._html_numbers import STATISTICS
    from bt_run_plugins._html_pictures import tracking_sections
    from bt_run_plugins._html_returns import returns_sections
    from bt_run_plugins._html_trading import trading_sections
    from bt_run_plugins._html_words import (
        alerts,
        analyses,
        cards,
        headline,
        provenance,
        sentences,
        verdict,
    )

    book = read_book(result)
    last, command, config = provenance(result)
    sections = [
        *returns_sections(book),
        *tracking_sections(result),
        *holdings_sections(book),
        *trading_sections(book),
        trades_section(book),
        analyses(result),
        last,
    ]
    glossary = [(item.label, item.text) for item in DEFINITIONS.values()]
    glossary += [(label, text) for label, _, text in STATISTICS.values()]
    return _template("_html_report.html.j2").render(
        result=result,
        sentences=sentences(result),
        verdict=verdict(result),
        alerts=alerts(result),
        cards=cards(result),
        headline=headline(result),
        sections=sections,
        glossary=glossary,
        command=command,
        config=config,
        style=_file("_html_report.css"),
        script=_file("_html_report.js"),
    )


def comparison_page(comparison: Comparison) -> str:
    """Return the page that lays runs side by side."""
    from bt_run_plugins._html_compare import comparison_sections

    notes = dict.fromkeys(note for result in comparison.results for note in result.notes)
    return _template("_html_compare.html.j2").render(
        comparison=comparison,
        notes=list(notes),
        sections=comparison_sections(comparison),
        style=_file("_html_report.css"),
        script=_file("_html_report.js"),
    )


def _template(name: str) -> Template:
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    def load(name: str) -> str:
        return (resources.files("bt_run_plugins") / name).read_text(encoding="utf-8")

    environment = Environment(
        loader=FunctionLoader(load), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.tests["picture"] = lambda part: hasattr(part, "data")
    environment.tests["chart"] = lambda part: hasattr(part, "shapes")
    environment.tests["choice"] = lambda part: hasattr(part, "charts")
    return environment.get_template(name)


def _file(name: str) -> Any:
    """Return one of our own files, not to be escaped."""
    from markupsafe import Markup

    return Markup((resources.files("bt_run_plugins") / name).read_text(encoding="utf-8"))
