"""Validate symbol frames: every rule, one table of findings, and whether they fail the profile."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from bt_run import Config, exchange_sessions
from bt_run_plugins.market_data.rules import across as rules_across
from bt_run_plugins.market_data.rules import actions as rules_actions
from bt_run_plugins.market_data.rules import prices as rules_prices
from bt_run_plugins.market_data.rules import schema
from bt_run_plugins.market_data.rules import sessions as rules_sessions
from bt_run_plugins.market_data.rules.findings import SEVERITIES, Finding, Rule, as_table
from bt_run_plugins.market_data.rules.series import Dates, Series, measure
from bt_run_plugins.market_data.rules.thresholds import Thresholds

if TYPE_CHECKING:
    import pandas as pd

RULES: tuple[Rule, ...] = (
    *schema.RULES,
    *rules_sessions.RULES,
    *rules_prices.RULES,
    *rules_actions.RULES,
    *rules_across.RULES,
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
    rules_sessions.missing_session,
    rules_sessions.extra_session,
    rules_sessions.time_of_day,
    rules_sessions.ticker_reuse,
    rules_sessions.intraday_rows,
)
_DAILY_RULES = (
    rules_prices.bad_tick,
    rules_prices.split_like,
    rules_prices.jump,
    rules_prices.large_move,
    rules_prices.range_spike,
    rules_prices.repeated_row,
    rules_prices.one_price,
    rules_prices.zero_volume,
    rules_prices.stale_price,
    rules_prices.stale_opens,
    rules_actions.adj_close_mismatch,
    rules_actions.split_not_in_price,
    rules_actions.dividend_not_in_price,
    rules_actions.action_ambiguous,
    rules_actions.dividend_twice,
    rules_actions.dividends_mixed,
)
_ROW_RULES = (
    rules_actions.dividend_over_price,
    rules_actions.split_odd,
    rules_actions.prices_undeclared,
)


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
    thresholds: Thresholds = Field(Thresholds(), description="what the rules compare with")


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
    frames: Mapping[str, pd.DataFrame], prices: Mapping[str, str | None], config: ValidateConfig
) -> Validation:
    """Apply every rule to symbol frames; ``prices`` says of each what its prices are. Nothing is
    changed.

    Raises:
        ConfigError: no such calendar.
    """
    found, series = _schema_findings(frames, prices)
    sessions = _sessions(series, config.calendar)
    for item in series:
        found += _symbol_findings(item, sessions, config.thresholds)
    found += rules_across.repeated_session(series, config.thresholds)
    found += rules_across.duplicate_history(series, config.thresholds)
    if config.profile == "strict":
        table = as_table(_strictly(item) for item in found)
        fails = table["severity"] == "error"
    else:
        table = as_table(found)
        fails = table["rule"].isin(FATAL)
    return Validation(table, table[fails].reset_index(drop=True))


def _schema_findings(
    frames: Mapping[str, pd.DataFrame], prices: Mapping[str, str | None]
) -> tuple[list[Finding], list[Series]]:
    """Return what single rows have wrong, and the series of the symbols that can be measured."""
    found: list[Finding] = []
    measurable = {}
    for symbol in sorted(frames):
        rows = schema.check_schema(symbol, frames[symbol])
        found += rows
        if schema.can_be_measured(rows):
            measurable[symbol] = frames[symbol]
    series = [item for item in measure(measurable, prices) if len(item.days)]
    return found, series


def _strictly(finding: Finding) -> Finding:
    return replace(finding, severity="error") if finding.rule in STRICT else finding


def count_findings(findings: pd.DataFrame) -> pd.DataFrame:
    """Return rule, severity, findings and symbols of a table of findings, the worst first."""
    groups = findings.groupby(["severity", "rule"], sort=True)["symbol"]
    counts = groups.agg(findings="size", symbols="nunique").reset_index()
    counts["order"] = counts["severity"].map(SEVERITIES.index).astype("int64")
    counts = counts.sort_values(["order", "findings", "rule"], ascending=[True, False, True])
    return counts[["rule", "severity", "findings", "symbols"]].reset_index(drop=True)


def _symbol_findings(series: Series, sessions: Dates, limits: Thresholds) -> list[Finding]:
    found: list[Finding] = []
    for dated in _SESSION_RULES:
        found += dated(series, sessions, limits)
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
    first, last = np.datetime64("2020-01-01"), np.datetime64("2020-12-31")
    if series:
        first = min(item.days[0] for item in series)
        last = max(item.days[-1] for item in series)
    return exchange_sessions(calendar, first, last)
