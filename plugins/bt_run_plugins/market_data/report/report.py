"""The data page: what was checked, what is there, what was found and what was cleaned, in one file
without network.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bt_run import DataError
from bt_run.text import counted, listed
from bt_run_plugins.market_data.report.coverage import Coverage, measure_coverage
from bt_run_plugins.market_data.report.sections import (
    cleaning_section,
    findings_table,
    rules_section,
    sessions_section,
    worst_first,
)
from bt_run_plugins.market_data.report.strips import (
    LEVELS,
    Strip,
    Year,
    coverage_strips,
    year_marks,
)
from bt_run_plugins.market_data.rules.findings import SEVERITIES
from bt_run_plugins.market_data.rules.validation import FATAL
from bt_run_plugins.page.parts import PageTable, Section
from bt_run_plugins.page.render import SCRIPT, STYLE, file_text, template

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["csv_beside", "report_page", "write_report"]

MOST = 3000  # findings on the page; beyond, the worst, and all of them in a csv file beside it

# label, number and what stands beside it
Card = tuple[str, str, str]


@dataclass(frozen=True, kw_only=True)
class CoveragePicture:
    """The picture of the coverage: a strip for each symbol, and what explains them."""

    strips: list[Strip]
    periods: int
    unit: str
    years: list[Year]
    levels: list[tuple[float, str]]


@dataclass(frozen=True, kw_only=True)
class ShownFindings:
    """The findings on the page, what they can be chosen by, and the file with all of them."""

    table: PageTable
    rules: list[str]
    severities: list[str]
    total: int
    beside: str


@dataclass(frozen=True, kw_only=True)
class Page:
    """What the template writes."""

    title: str
    sentence: str
    verdict: str
    failed: bool
    cards: list[Card]
    picture: CoveragePicture
    counts: Section
    busy: Section
    findings: ShownFindings
    cleaning: Section
    facts: list[tuple[str, str]]


def write_report(
    path: Path,
    frames: Mapping[str, pd.DataFrame],
    findings: pd.DataFrame,
    log: pd.DataFrame,
    facts: Mapping[str, Any],
) -> Path:
    """Write the page, and beside it NAME.findings.csv when there are more findings than it shows;
    return its path.

    ``facts`` are shown as they are, in their order; ``title``, ``calendar`` (default XNYS),
    ``profile`` and ``failed`` are read too. Equal input gives equal bytes.

    Raises:
        ConfigError: no such calendar.
        DataError: the file cannot be written.
    """
    text = report_page(frames, findings, log, facts, path.name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")
        if len(findings) > MOST:
            findings.to_csv(csv_beside(path), index=False, lineterminator="\n")
    except OSError as error:
        raise DataError(
            f"{path}: the report cannot be written: {error.strerror}"
        ) from error
    return path


def csv_beside(path: Path) -> Path:
    """Return the file that holds all findings when the page does not."""
    return path.with_name(f"{path.stem}.findings.csv")


def report_page(
    frames: Mapping[str, pd.DataFrame],
    findings: pd.DataFrame,
    log: pd.DataFrame,
    facts: Mapping[str, Any],
    name: str = "data.html",
) -> str:
    """Return the page; ``name`` is the file it is meant for.

    Raises:
        ConfigError: no such calendar.
    """
    calendar = str(facts.get("calendar", "XNYS"))
    coverage = measure_coverage(frames, calendar)
    page = Page(
        title=str(facts.get("title", "Market data")),
        sentence=_sentence(coverage, calendar),
        verdict=_verdict(findings, facts),
        failed=bool(facts.get("failed", False)),
        cards=_cards(coverage, findings),
        picture=_picture(coverage),
        counts=rules_section(findings),
        busy=sessions_section(findings),
        findings=_shown(findings, Path(name)),
        cleaning=cleaning_section(log),
        facts=_facts(facts),
    )
    return _rendered(page)


def _picture(coverage: Coverage) -> CoveragePicture:
    return CoveragePicture(
        strips=coverage_strips(coverage),
        periods=len(coverage.periods),
        unit=coverage.unit,
        years=year_marks(coverage),
        levels=[*LEVELS, (0.0, "none")],
    )


def _shown(findings: pd.DataFrame, path: Path) -> ShownFindings:
    """Return the findings that a page at ``path`` shows."""
    beside = ""
    if len(findings) > MOST:
        beside = csv_beside(path).name
    present = set(findings["severity"])
    return ShownFindings(
        table=findings_table(worst_first(findings, MOST)),
        rules=sorted(set(findings["rule"])),
        severities=[severity for severity in SEVERITIES if severity in present],
        total=len(findings),
        beside=beside,
    )


def _rendered(page: Page) -> str:
    style = file_text(STYLE) + file_text("market_data/report/report.css")
    script = file_text(SCRIPT)
    return template("market_data/report/report.html.j2").render(
        page=page, style=style, script=script
    )


def _sentence(coverage: Coverage, calendar: str) -> str:
    """Say how many symbols and rows there are, over which span."""
    count = len(coverage.symbols)
    symbols = "1 symbol" if count == 1 else f"{count:,} symbols"
    if not len(coverage.periods):
        return f"{symbols} without any row on a session of {calendar}."
    first, last = np.nanmin(coverage.first), np.nanmax(coverage.last)
    rows = int(coverage.rows.sum())
    whole = int(coverage.whole.sum())
    sessions = int(coverage.sessions.sum())
    return (
        f"{symbols}, {rows:,} daily rows, {first} to {last}, on the calendar {calendar}; "
        f"{whole:,} of {count:,} cover all of its {sessions:,} sessions."
    )


def _verdict(findings: pd.DataFrame, facts: Mapping[str, Any]) -> str:
    """Say whether the profile is passed, and which rules say no."""
    if "failed" not in facts:
        return ""
    profile = facts.get("profile", "standard")
    errors = findings[findings["severity"] == "error"]
    if facts["failed"]:
        failing = errors
        if profile != "strict":
            failing = errors[errors["rule"].isin(FATAL)]
        reasons = _failing_text(failing) or "see the errors below"
        return f"Fails the profile {profile}: {reasons}."
    if len(errors):
        let = counted(len(errors), "error")
        return f"Passes the profile {profile}, which lets {let} pass; see below."
    return f"Passes the profile {profile}."


def _failing_text(failing: pd.DataFrame) -> str:
    """Return each rule that fails the profile, with its symbols."""
    reasons = []
    for rule, rows in failing.groupby("rule"):
        reasons.append(f"{rule} ({_symbols_text(rows)})")
    return "; ".join(reasons)


def _symbols_text(findings: pd.DataFrame) -> str:
    return listed(sorted(set(findings["symbol"])))


def _cards(coverage: Coverage, findings: pd.DataFrame) -> list[Card]:
    """Return label, number and what stands beside it."""
    whole = int(coverage.whole.sum())
    missing = int(coverage.missing.sum())
    lacking = int((coverage.missing > 0).sum())
    cards = [
        ("Symbols", f"{len(coverage.symbols):,}", f"{whole:,} cover all sessions"),
        ("Missing sessions", f"{missing:,}", f"in {lacking} symbols"),
    ]
    for severity, label in zip(
        SEVERITIES, ("Errors", "Warnings", "Information"), strict=True
    ):
        cards.append(_severity_card(findings[findings["severity"] == severity], label))
    return cards


def _severity_card(own: pd.DataFrame, label: str) -> Card:
    return label, f"{len(own):,}", f"in {own['symbol'].nunique()} symbols"


def _facts(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what the page says about where its rows come from."""
    rows = []
    for key, value in facts.items():
        if key != "title":
            rows.append((str(key).replace("_", " "), _value_text(value)))
    return rows


def _value_text(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_value_text(item)}" for key, item in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(_value_text(item) for item in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    if value is None:
        return "none"
    return str(value)
