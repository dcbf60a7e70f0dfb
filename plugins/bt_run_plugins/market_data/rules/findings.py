"""What checks of market data return: findings, one row each, and the rules that they come from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

FINDING_COLUMNS = ("symbol", "date", "rule", "value", "severity", "action", "text")
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True)
class Rule:
    """Name a check, how bad what it finds is, and why it matters.

    error: cannot be true, or contradicts itself. warning: probably wrong, or needs eyes. info:
    true, but a user should know. ``fatal`` findings make a run impossible: the framework refuses
    such rows.
    """

    name: str
    severity: Severity
    why: str
    fatal: bool = False


@dataclass(frozen=True)
class Finding:
    """Hold one thing found: in which row, by which rule, the number it looked at, and one sentence.

    ``date`` is NaT where a finding is about the symbol as a whole; ``action`` is what was done
    about it.
    """

    symbol: str
    date: np.datetime64
    rule: str
    value: float
    severity: Severity
    text: str
    action: str = "kept"


def as_table(findings: Iterable[Finding]) -> pd.DataFrame:
    """Return findings as a table with FINDING_COLUMNS, by symbol, date and rule."""
    import pandas as pd

    items = list(findings)
    table = pd.DataFrame(
        {
            "symbol": pd.Series([item.symbol for item in items], dtype="str"),
            "date": np.array([item.date for item in items], dtype="datetime64[ns]"),
            "rule": pd.Series([item.rule for item in items], dtype="str"),
            "value": np.array([item.value for item in items], dtype=np.float64),
            "severity": pd.Series([item.severity for item in items], dtype="str"),
            "action": pd.Series([item.action for item in items], dtype="str"),
            "text": pd.Series([item.text for item in items], dtype="str"),
        },
        columns=list(FINDING_COLUMNS),
    )
    order = ["symbol", "date", "rule", "text"]
    return table.sort_values(order, kind="stable", na_position="first", ignore_index=True)


def day(date: np.datetime64) -> str:
    """Write a row's date: the day alone for a daily bar."""
    return str(date.astype("datetime64[m]")).removesuffix("T00:00").replace("T", " ")
