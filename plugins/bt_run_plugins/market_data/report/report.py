"""The data page: what was checked, what is there, what was found and what was cleaned, in one file
without network.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from bt_run import DataError
from bt_run_plugins.market_data.report.coverage import Coverage, measure_coverage
from bt_run_plugins.market_data.rules.findings import SEVERITIES
from bt_run_plugins.market_data.rules.validation import FATAL, RULES, count_findings
from bt_run_plugins.page.parts import Cell, Section, Table
from bt_run_plugins.page.render import SCRIPT, STYLE, file_text, template

if TYPE_CHECKING:
    import pandas as pd

MOST = 3000  # findings on the page; beyond, the worst, and all of them in a csv file beside it
MOST_STEPS = 500  # rows of the cleaning log
BUSY = 10  # sessions in the table of those with the most findings
LEVELS = ((1.0, "all sessions"), (0.9, "90 % or more"), (0.5, "half or more"), (1e-9, "fewer"))


@dataclass(frozen=True)
class Strip:
    """Hold the coverage of a symbol: one path per level, in units of periods, and its numbers."""

    symbol: str
    paths: tuple[tuple[int, str], ...]
    text: str
    rows: int
    missing: int
    whole: bool


@dataclass(frozen=True, kw_only=True)
class Page:
    """Hold what the template writes."""

    title: str
    sentence: str
    verdict: str
    failed: bool
    cards: list[tuple[str, str, str]]
    strips: list[Strip]
    periods: int
    unit: str
    years: list[tuple[str, float, bool]]
    levels: list[tuple[float, str]]
    counts: Section
    busy: Section
    findings: Table
    rules: list[str]
    severities: list[str]
    total: int
    beside: str
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
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(
            report_page(frames, findings, log, facts, path.name), encoding="utf-8", newline="\n"
        )
        if len(findings) > MOST:
            findings.to_csv(csv_beside(path), index=False, lineterminator="\n")
    except OSError as error:
        raise DataError(f"{path}: the report cannot be written: {error.strerror}") from error
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
    """Return the page; ``name`` is the file it is meant for."""
    coverage = measure_coverage(frames, str(facts.get("calendar", "XNYS")))
    page = Page(
        title=str(facts.get("title", "Market data")),
        sentence=_sentence(coverage, facts),
        verdict=_verdict(findings, facts),
        failed=bool(facts.get("failed", False)),
        cards=_cards(coverage, findings),
        strips=_strips(coverage),
        periods=len(coverage.periods),
        unit=coverage.unit,
        years=_years(coverage),
        levels=[*LEVELS, (0.0, "none")],
        counts=_counts(findings),
        busy=_busy(findings),
        findings=_findings(_worst_first(findings)),
        rules=sorted(set(findings["rule"])),
        severities=[
            severity for severity in SEVERITIES if (findings["severity"] == severity).any()
        ],
        total=len(findings),
        beside=csv_beside(Path(name)).name if len(findings) > MOST else "",
        cleaning=_cleaning(log),
        facts=[
            (str(key).replace("_", " "), _plain(value))
            for key, value in facts.items()
            if key != "title"
        ],
    )
    style = file_text(STYLE) + file_text("market_data/report/report.css")
    return template("market_data/report/report.html.j2").render(
        page=page, style=style, script=file_text(SCRIPT)
    )


def _sentence(coverage: Coverage, facts: Mapping[str, Any]) -> str:
    count = len(coverage.symbols)
    words = "1 symbol" if count == 1 else f"{count:,} symbols"
    calendar = str(facts.get("calendar", "XNYS"))
    if not len(coverage.periods):
        return f"{words} without any row on a session of {calendar}."
    first, last = np.nanmin(coverage.first), np.nanmax(coverage.last)
    whole = int(coverage.whole.sum())
    return (
        f"{words}, {int(coverage.rows.sum()):,} daily rows, {first} to {last}, on the calendar "
        f"{calendar}; "
        f"{whole:,} of {count:,} cover all of its {int(coverage.sessions.sum()):,} sessions."
    )


def _verdict(findings: pd.DataFrame, facts: Mapping[str, Any]) -> str:
    """Say whether the profile is passed, and which rules say no."""
    if "failed" not in facts:
        return ""
    profile = facts.get("profile", "standard")
    errors = findings[findings["severity"] == "error"]
    if not facts["failed"]:
        return f"Passes the profile {profile}" + (
            f", with {len(errors):,} errors to look at." if len(errors) else "."
        )
    reasons = errors if profile == "strict" else errors[errors["rule"].isin(FATAL)]
    told = [f"{rule} ({_few(rows['symbol'])})" for rule, rows in reasons.groupby("rule")]
    return f"Fails the profile {profile}: {'; '.join(told) or 'see the errors below'}."


def _few(symbols: pd.Series[str]) -> str:
    names = sorted(set(symbols))
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")


def _cards(coverage: Coverage, findings: pd.DataFrame) -> list[tuple[str, str, str]]:
    """Return label, number and what stands beside it."""
    out = [
        (
            "Symbols",
            f"{len(coverage.symbols):,}",
            f"{int(coverage.whole.sum()):,} cover all sessions",
        ),
        (
            "Missing sessions",
            f"{int(coverage.missing.sum()):,}",
            f"in {int((coverage.missing > 0).sum())} symbols",
        ),
    ]
    for severity, label in zip(SEVERITIES, ("Errors", "Warnings", "Information"), strict=True):
        chosen = findings[findings["severity"] == severity]
        out.append((label, f"{len(chosen):,}", f"in {chosen['symbol'].nunique()} symbols"))
    return out


def _strips(coverage: Coverage) -> list[Strip]:
    levels = np.zeros(coverage.rows.shape, dtype=np.int64)
    for number, (least, _) in reversed(list(enumerate(LEVELS, start=1))):
        levels[coverage.share >= least] = number
    out = []
    for number, symbol in enumerate(coverage.symbols):
        rows, missing = int(coverage.rows[number].sum()), int(coverage.missing[number])
        text = f"{symbol}: {rows} rows, {coverage.first[number]} to {coverage.last[number]}, {missing} missing between"
        whole = bool(coverage.whole[number])
        out.append(Strip(symbol, _paths(levels[number]), text, rows, missing, whole))
    return out


def _paths(levels: np.ndarray[tuple[int, ...], np.dtype[np.int64]]) -> tuple[tuple[int, str], ...]:
    """Return one SVG path per level above 0, a box per run of equal cells, one unit a cell."""
    edges = np.flatnonzero(np.diff(np.concatenate([[-1], levels, [-1]])))
    parts: dict[int, str] = {}
    for start, end in pairwise(edges):
        level = int(levels[start])
        if level:
            parts[level] = parts.get(level, "") + f"M{start} 0h{end - start}v1h-{end - start}z"
    return tuple(sorted(parts.items()))


def _years(coverage: Coverage) -> list[tuple[str, float, bool]]:
    """Return label, place in percent and whether it may go on a narrow screen, of the years that
    begin.
    """
    years = coverage.periods.astype("datetime64[Y]")
    starts = [place for place in range(1, len(years)) if years[place] != years[place - 1]]
    each = max(1, -(-len(starts) // 14))
    return [
        (str(years[place]), 100.0 * place / len(years), number % (3 * each) > 0)
        for number, place in enumerate(starts)
        if number % each == 0
    ]


def _counts(findings: pd.DataFrame) -> Section:
    lead = "error: cannot be true. warning: probably wrong, or needs eyes. info: true, but worth knowing."
    if not len(findings):
        return Section("rules", "Rules", lead, missing="No rule found anything.")
    why = {rule.name: rule.why for rule in RULES}
    rows = [
        (
            Cell(row.rule),
            Cell(row.severity, look=f"s-{row.severity}"),
            row.findings,
            row.symbols,
            why.get(str(row.rule), ""),
        )
        for row in count_findings(findings).itertuples()
    ]
    columns = (
        ("Rule", "text"),
        ("Severity", "text"),
        ("Findings", "count"),
        ("Symbols", "count"),
        ("Why", "text"),
    )
    return Section("rules", "Rules", lead, (Table("rules", "Findings per rule", columns, rows),))


def _busy(findings: pd.DataFrame) -> Section:
    """Return the sessions on which most symbols have the same finding: as a rule a fault of the
    source.
    """
    lead = "The same finding in many symbols on one day points at the source, or at the market that day."
    dated = findings[findings["date"].notna() & (findings["rule"] != "stale_opens")]
    groups = dated.groupby(["date", "rule"])["symbol"].nunique().reset_index()
    groups = (
        groups[groups["symbol"] >= 3]
        .sort_values(["symbol", "date"], ascending=[False, True])
        .head(BUSY)
    )
    if not len(groups):
        return Section(
            "sessions",
            "Sessions",
            missing="No finding is shared by three symbols or more on one day.",
        )
    rows = [(f"{row.date:%Y-%m-%d}", row.rule, row.symbol) for row in groups.itertuples()]
    columns = (("Date", "text"), ("Rule", "text"), ("Symbols", "count"))
    table = Table("sessions", "Findings that many symbols share on one day", columns, rows)
    return Section("sessions", "Sessions", lead, (table,))


def _worst_first(findings: pd.DataFrame) -> pd.DataFrame:
    """Return the worst findings, and of each severity those of the rarest rules, which say most."""
    severity = findings["severity"].map(SEVERITIES.index).to_numpy(dtype=np.int64)
    common = findings.groupby("rule")["rule"].transform("size").to_numpy(dtype=np.int64)
    return findings.iloc[
        np.lexsort((np.arange(len(findings)), findings["rule"], common, severity))[:MOST]
    ]


def _findings(shown: pd.DataFrame) -> Table:
    dates = shown["date"].dt.strftime("%Y-%m-%d %H:%M").str.removesuffix(" 00:00").fillna("")
    rows = [
        (
            row.symbol,
            date,
            row.rule,
            Cell(row.severity, look=f"s-{row.severity}"),
            Cell(value, "shares"),
            Cell(row.text, look="long-text"),
            row.action,
        )
        for date, value, row in zip(dates, shown["value"].tolist(), shown.itertuples(), strict=True)
    ]
    heads = ("Symbol", "Date", "Rule", "Severity")
    columns = (
        *((head, "text") for head in heads),
        ("Value", "shares"),
        ("What", "text"),
        ("Action", "text"),
    )
    return Table("findings", "Findings, the worst and rarest first", columns, rows)


def _cleaning(log: pd.DataFrame) -> Section:
    if not len(log):
        return Section(
            "cleaning", "Cleaning", missing="The log is empty: no step changed anything."
        )
    steps = log.groupby("step", sort=False).agg(
        symbols=("symbol", "nunique"), before=("rows_before", "sum"), after=("rows_after", "sum")
    )
    changed = log[(log["changed"] > 0) | (log["text"] != "")]
    touched = log[log["changed"] > 0].groupby("step")["symbol"].nunique()
    rows = [
        (step, row.symbols, int(touched.get(step, 0)), row.before, row.after)
        for step, row in zip(steps.index, steps.itertuples(), strict=True)
    ]
    heads: tuple[str, ...] = ("Symbols", "Symbols changed", "Rows before", "Rows after")
    summary = Table(
        "steps",
        "Steps, in their order",
        (("Step", "text"), *((head, "count") for head in heads)),
        rows,
    )
    if not len(changed):
        return Section("cleaning", "Cleaning", "No step changed anything.", (summary,))
    heads = ("Rows before", "Rows after", "Changed")
    columns = (
        ("Symbol", "text"),
        ("Step", "text"),
        *((head, "count") for head in heads),
        ("What", "text"),
    )
    details = [
        (row.symbol, row.step, row.rows_before, row.rows_after, row.changed, row.text)
        for row in changed.head(MOST_STEPS).itertuples()
    ]
    note = (
        f"{MOST_STEPS} of {len(changed):,} changes are shown." if len(changed) > MOST_STEPS else ""
    )
    lead = "Nothing is changed that is not listed here."
    return Section(
        "cleaning",
        "Cleaning",
        lead,
        (summary, Table("log", "What each step changed", columns, details, note)),
    )


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_plain(item)}" for key, item in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(_plain(item) for item in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value is None else str(value)
