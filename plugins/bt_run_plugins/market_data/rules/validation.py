"""Validate symbol frames: every rule, one table of findings, and whether they fail the profile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from bt_run import Config, exchange_sessions
from bt_run_plugins.market_data.rules import (
    across,
    actions,
    moves,
    prices,
    schema,
    sessions,
)
from bt_run_plugins.market_data.rules.findings import (
    SEVERITIES,
    Finding,
    Findings,
    Rule,
    as_table,
)
from bt_run_plugins.market_data.rules.series import Dates, Series, measure
from bt_run_plugins.market_data.rules.thresholds import Thresholds

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "FATAL",
    "RULES",
    "STRICT",
    "ValidateConfig",
    "Validation",
    "count_findings",
    "validate",
]

RULES: tuple[Rule, ...] = (
    *schema.RULES,
    *sessions.RULES,
    *moves.RULES,
    *prices.RULES,
    *actions.RULES,
    *across.RULES,
)
FATAL = frozenset(rule.name for rule in RULES if rule.fatal)
# what a benchmark must not have: under the strict profile these warnings are errors
STRICT = frozenset(
    {
        "missing_session",
        "extra_session",
        "time_of_day",
        "ticker_reuse",
        "bad_tick",
        "split_like",
        "jump",
    }
)
_SESSION_RULES = (
    sessions.missing_session,
    sessions.extra_session,
    sessions.time_of_day,
    sessions.ticker_reuse,
    sessions.intraday_rows,
)
_DAILY_RULES = (
    moves.bad_tick,
    moves.split_like,
    moves.jump,
    moves.large_move,
    prices.range_spike,
    prices.repeated_row,
    prices.one_price,
    prices.zero_volume,
    prices.stale_price,
    prices.stale_opens,
    actions.adj_close_mismatch,
    actions.split_not_in_price,
    actions.dividend_not_in_price,
    actions.action_ambiguous,
    actions.dividend_twice,
    actions.dividends_mixed,
)
_ROW_RULES = (
    actions.dividend_over_price,
    actions.split_odd,
    actions.prices_undeclared,
)


_ANY_DAY = np.datetime64("2020-01-02")


class ValidateConfig(Config):
    """Configuration of the validation: how strictly market data are judged."""

    profile: Literal["standard", "strict"] = Field(
        "standard",
        description="standard fails on what makes a run impossible; strict on any error, with "
        "missing sessions and "
        "unexplained jumps as errors",
    )
    calendar: str = Field(
        "XNYS", description="the exchange's calendar, a name of exchange_calendars"
    )
    thresholds: Thresholds = Field(
        Thresholds(), description="what the rules compare with"
    )


@dataclass(frozen=True)
class Validation:
    """The findings (FINDING_COLUMNS) and whether they fail the profile; ``failures`` are the rows
    that do.
    """

    findings: pd.DataFrame
    failures: pd.DataFrame

    @property
    def failed(self) -> bool:
        """Return whether the profile is failed."""
        return bool(len(self.failures))

    @property
    def counts(self) -> pd.DataFrame:
        """Return rule, severity, findings and symbols: how often each rule found something, the
        worst first.
        """
        return count_findings(self.findings)


def validate(
    frames: Mapping[str, pd.DataFrame],
    conventions: Mapping[str, str | None],
    config: ValidateConfig,
) -> Validation:
    """Apply every rule to symbol frames; ``conventions`` says of each what its prices are. Nothing
    is changed.

    Raises:
        ConfigError: no such calendar.
    """
    limits = config.thresholds
    found, series = _schema_findings(frames, conventions)
    calendar = _sessions(series, config.calendar)
    for item in series:
        found += _symbol_findings(item, calendar, limits)
    found += across.repeated_session(series, limits)
    found += across.duplicate_history(series, limits)
    if config.profile == "strict":
        table = as_table(_strictly(item) for item in found)
        fails = table["severity"] == "error"
    else:
        table = as_table(found)
        fails = table["rule"].isin(FATAL)
    return Validation(table, table[fails].reset_index(drop=True))


def _schema_findings(
    frames: Mapping[str, pd.DataFrame], conventions: Mapping[str, str | None]
) -> tuple[Findings, list[Series]]:
    """Return what single rows have wrong, and the series of the symbols that can be measured."""
    found: Findings = []
    measurable = {}
    for symbol in sorted(frames):
        rows = schema.check_schema(symbol, frames[symbol])
        found += rows
        if schema.can_be_measured(rows):
            measurable[symbol] = frames[symbol]
    series = [item for item in measure(measurable, conventions) if len(item.days)]
    return found, series


def _strictly(finding: Finding) -> Finding:
    if finding.rule not in STRICT:
        return finding
    return replace(finding, severity="error")


def count_findings(findings: pd.DataFrame) -> pd.DataFrame:
    """Return rule, severity, findings and symbols of a table of findings, the worst first."""
    groups = findings.groupby(["severity", "rule"], sort=True)["symbol"]
    counts = groups.agg(findings="size", symbols="nunique").reset_index()
    counts["order"] = counts["severity"].map(SEVERITIES.index).astype("int64")
    counts = counts.sort_values(
        ["order", "findings", "rule"], ascending=[True, False, True]
    )
    return counts[["rule", "severity", "findings", "symbols"]].reset_index(drop=True)


def _symbol_findings(
    series: Series,
    calendar: Dates,
    limits: Thresholds,
) -> Findings:
    found: Findings = []
    for dated in _SESSION_RULES:
        found += dated(series, calendar, limits)
    for rule in _ROW_RULES:
        found += rule(series, limits)
    if series.daily:
        for rule in _DAILY_RULES:
            found += rule(series, limits)
    return found


def _sessions(series: Sequence[Series], calendar: str) -> Dates:
    """Return the exchange's sessions over all rows; those of one year when there is no row, to
    check the name.
    """
    if not series:
        return exchange_sessions(calendar, _ANY_DAY, _ANY_DAY)
    first = min(item.days[0] for item in series)
    last = max(item.days[-1] for item in series)
    return exchange_sessions(calendar, first, last)
