"""What checks of market data return: findings, one row each, and the rules that they come from."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "FINDING_COLUMNS",
    "NOWHERE",
    "SEVERITIES",
    "Finding",
    "Findings",
    "Rule",
    "Severity",
    "as_table",
]

FINDING_COLUMNS = ("symbol", "date", "rule", "value", "severity", "action", "text")
_DTYPES = MappingProxyType({"date": "datetime64[ns]", "value": "float64"})
SEVERITIES: tuple[Severity, ...] = ("error", "warning", "info")

# the date of a finding on a symbol as a whole
NOWHERE = np.datetime64("NaT")

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True)
class Rule:
    """A check: its name, how bad what it finds is, and why it matters.

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
    """One thing found: in which row, by which rule, the number it looked at, and one sentence.

    ``date`` is NOWHERE where a finding is about the symbol as a whole; ``action`` is what was done
    about it.
    """

    symbol: str
    date: np.datetime64
    rule: str
    value: float
    severity: Severity
    text: str
    action: str = "kept"


Findings = list[Finding]


def as_table(findings: Iterable[Finding]) -> pd.DataFrame:
    """Return findings as a table with FINDING_COLUMNS, by symbol, date and rule."""
    import pandas as pd

    items = list(findings)
    columns: dict[str, Any] = {}
    for name in FINDING_COLUMNS:
        values = [getattr(item, name) for item in items]
        columns[name] = pd.Series(values, dtype=_DTYPES.get(name, "str"))
    order = ["symbol", "date", "rule", "text"]
    table = pd.DataFrame(columns)
    return table.sort_values(
        order,
        kind="stable",
        na_position="first",
        ignore_index=True,
    )
