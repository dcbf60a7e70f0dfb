"""The sections of the data page: rules, sessions, findings and cleaning, as tables."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from bt_run.text import day_text
from bt_run_plugins.market_data.rules.findings import SEVERITIES
from bt_run_plugins.market_data.rules.validation import RULES, count_findings
from bt_run_plugins.page.parts import Cell, PageTable, Section

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "cleaning_section",
    "findings_table",
    "rules_section",
    "sessions_section",
    "worst_first",
]

MOST_STEPS = 500  # rows of the cleaning log
BUSY = 10  # sessions in the table of those with the most findings
CROWD = 3  # symbols with the same finding on one day that are worth a row

_WHY = MappingProxyType({rule.name: rule.why for rule in RULES})
# the head and the unit of each column
_RULE_COLUMNS = (
    ("Rule", "text"),
    ("Severity", "text"),
    ("Findings", "count"),
    ("Symbols", "count"),
    ("Why", "text"),
)
_FINDING_COLUMNS = (
    ("Symbol", "text"),
    ("Date", "text"),
    ("Rule", "text"),
    ("Severity", "text"),
    ("Value", "shares"),
    ("What", "text"),
    ("Action", "text"),
)
_STEP_COLUMNS = (
    ("Step", "text"),
    ("Symbols", "count"),
    ("Symbols changed", "count"),
    ("Rows before", "count"),
    ("Rows after", "count"),
)
_CHANGE_COLUMNS = (
    ("Symbol", "text"),
    ("Step", "text"),
    ("Rows before", "count"),
    ("Rows after", "count"),
    ("Changed", "count"),
    ("What", "text"),
)
_SESSION_COLUMNS = (("Date", "text"), ("Rule", "text"), ("Symbols", "count"))


def rules_section(findings: pd.DataFrame) -> Section:
    """Return how often each rule found something, and why it matters."""
    lead = (
        "error: cannot be true. warning: probably wrong, or needs eyes. info: true, but worth "
        "knowing."
    )
    if not len(findings):
        return Section("rules", "Rules", lead, missing="No rule found anything.")
    rows = [_rule_row(row) for row in count_findings(findings).itertuples()]
    table = PageTable("rules", "Findings per rule", _RULE_COLUMNS, rows)
    return Section("rules", "Rules", lead, (table,))


def _rule_row(row: Any) -> tuple[object, ...]:
    why = _WHY.get(row.rule, "")
    return Cell(row.rule), _severity(row.severity), row.findings, row.symbols, why


def _severity(severity: object) -> Cell:
    return Cell(severity, look=f"s-{severity}")


def sessions_section(findings: pd.DataFrame) -> Section:
    """Return the sessions on which most symbols have the same finding: as a rule a fault of the
    source.
    """
    lead = (
        "The same finding in many symbols on one day points at the source, or at the market that "
        "day."
    )
    busiest = _busiest(findings)
    if not len(busiest):
        nothing = "No finding is shared by three symbols or more on one day."
        return Section("sessions", "Sessions", missing=nothing)
    rows = []
    for row in busiest.itertuples():
        rows.append((f"{row.date:%Y-%m-%d}", row.rule, row.symbol))
    table = PageTable(
        "sessions",
        "Findings that many symbols share on one day",
        _SESSION_COLUMNS,
        rows,
    )
    return Section("sessions", "Sessions", lead, (table,))


def _busiest(findings: pd.DataFrame) -> pd.DataFrame:
    """Return date, rule and how many symbols have that finding then, the most first."""
    # stale opens are dated at the first row of a year
    dated = findings[findings["date"].notna() & (findings["rule"] != "stale_opens")]
    groups = dated.groupby(["date", "rule"])["symbol"].nunique().reset_index()
    shared = groups[groups["symbol"] >= CROWD]
    return shared.sort_values(["symbol", "date"], ascending=[False, True]).head(BUSY)


def worst_first(findings: pd.DataFrame, most: int) -> pd.DataFrame:
    """Return the worst findings, and of each severity those of the rarest rules, which say most."""
    severity = findings["severity"].map(SEVERITIES.index).to_numpy(dtype=np.int64)
    common = findings.groupby("rule")["rule"].transform("size").to_numpy(dtype=np.int64)
    place = np.arange(len(findings))
    order = np.lexsort((place, findings["rule"], common, severity))
    return findings.iloc[order[:most]]


def findings_table(shown: pd.DataFrame) -> PageTable:
    """Return the findings that the page shows."""
    rows = [_finding_row(row) for row in shown.itertuples()]
    return PageTable(
        "findings", "Findings, the worst and rarest first", _FINDING_COLUMNS, rows
    )


def _finding_row(row: Any) -> tuple[object, ...]:
    import pandas as pd

    return (
        row.symbol,
        "" if pd.isna(row.date) else day_text(row.date),
        row.rule,
        _severity(row.severity),
        Cell(row.value, "shares"),
        Cell(row.text, look="long-text"),
        row.action,
    )


def cleaning_section(log: pd.DataFrame) -> Section:
    """Return what each step did, in all and to each symbol that it changed."""
    if not len(log):
        nothing = "The log is empty: no step changed anything."
        return Section("cleaning", "Cleaning", missing=nothing)
    summary = _steps_table(log)
    changed = log[(log["changed"] > 0) | (log["text"] != "")]
    if not len(changed):
        return Section("cleaning", "Cleaning", "No step changed anything.", (summary,))
    lead = "Nothing is changed that is not listed here."
    return Section("cleaning", "Cleaning", lead, (summary, _changes_table(changed)))


def _steps_table(log: pd.DataFrame) -> PageTable:
    steps = log.groupby("step", sort=False).agg(
        symbols=("symbol", "nunique"),
        before=("rows_before", "sum"),
        after=("rows_after", "sum"),
    )
    touched = log[log["changed"] > 0].groupby("step")["symbol"].nunique()
    rows = []
    for row in steps.itertuples():
        changed = int(touched.get(row.Index, 0))
        rows.append((row.Index, row.symbols, changed, row.before, row.after))
    return PageTable("steps", "Steps, in their order", _STEP_COLUMNS, rows)


def _changes_table(changed: pd.DataFrame) -> PageTable:
    names = ["symbol", "step", "rows_before", "rows_after", "changed", "text"]
    shown = changed[names].head(MOST_STEPS)
    rows = list(shown.itertuples(index=False, name=None))
    note = ""
    if len(changed) > MOST_STEPS:
        note = f"{MOST_STEPS} of {len(changed):,} changes are shown."
    return PageTable("log", "What each step changed", _CHANGE_COLUMNS, rows, note)
