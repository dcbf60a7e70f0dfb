"""The section on the limits of a written policy: how near they were, which bound or gave way."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bt_run import BacktestResult
from bt_run_plugins.page.chart_data import ChartData, Series
from bt_run_plugins.page.parts import PageTable, Section, shown
from bt_run_plugins.page.svg import Chart, Shape, line, scale_of
from bt_run_plugins.page.ticks import date_ticks
from bt_run_plugins.reports.html.curves import days_of

if TYPE_CHECKING:
    import pandas as pd

COLORS = ("run", "bench", "equal", "mix")  # of the curves; more would not be told apart
COLUMNS = (
    ("Limit", "text"),
    ("Value", "text"),
    ("Decisions", "count"),
    ("Bound", "count"),
    ("Gave way", "count"),
    ("Least slack", "pct"),
    ("Mean slack", "pct"),
)
PROPOSALS = (
    ("Decided", "text"),
    ("Status", "text"),
    ("Turnover, one way", "pct"),
    ("Tracking error", "pct"),
    ("Limits that bound", "text"),
    ("Gave way", "text"),
)
MOST = 400  # decisions that the page shows


@dataclass(frozen=True)
class _Noted:
    """The notes of one decision."""

    time: pd.Timestamp
    notes: Mapping[str, Any]

    @property
    def limits(self) -> Mapping[str, Mapping[str, Any]]:
        found: Mapping[str, Mapping[str, Any]] = self.notes["limits"]
        return found

    @property
    def relaxed(self) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.notes.get("relaxed", {})
        return found


def limit_sections(result: BacktestResult) -> tuple[Section, ...]:
    """Return the section on limits over time, where the sizer noted any."""
    noted = _noted(result)
    if not noted:
        return ()
    rows, note = shown(_proposals(noted), MOST, "decisions", "memos.parquet")
    parts: list[Chart | PageTable] = [
        PageTable("limit-list", "Each limit over the run", COLUMNS, _rows(noted)),
        PageTable(
            "proposals",
            "What each decision proposed",
            PROPOSALS,
            rows,
            note=note,
            folded=True,
        ),
    ]
    if len(noted) > 1:
        parts.insert(0, _chart(noted))
    lead = (
        "How far inside its written limits the portfolio was at each decision. A limit binds "
        "where the slack is 0; one gave way where the limits contradicted each other."
    )
    return (Section("limits", "Limits over time", lead, tuple(parts)),)


def _noted(result: BacktestResult) -> list[_Noted]:
    memos = result.memos
    own = memos[memos["component"] == "sizer"]
    found = []
    for time, text in zip(own["time"], own["notes"], strict=True):
        notes = json.loads(text)
        if isinstance(notes.get("limits"), dict):
            found.append(_Noted(time, notes))
    return found


def _names(noted: Sequence[_Noted]) -> list[str]:
    return sorted({name for one in noted for name in one.limits})


def _rows(noted: Sequence[_Noted]) -> list[tuple[Any, ...]]:
    rows = []
    for name in _names(noted):
        own = [one for one in noted if name in one.limits]
        slack = np.array([one.limits[name]["slack"] for one in own])
        usual = [one.limits[name]["value"] for one in own if name not in one.relaxed]
        rows.append(
            (
                name,
                _value_text(usual[-1] if usual else own[-1].limits[name]["value"]),
                len(own),
                sum(bool(one.limits[name]["binds"]) for one in own),
                sum(name in one.relaxed for one in own),
                float(slack.min()),
                float(slack.mean()),
            )
        )
    return rows


def _value_text(value: Any) -> str:
    if isinstance(value, list):
        return " to ".join(f"{one:g}" for one in value)
    return f"{value:g}"


def _proposals(noted: Sequence[_Noted]) -> list[tuple[Any, ...]]:
    rows = []
    for one in noted:
        bound = [name for name, limit in one.limits.items() if limit["binds"]]
        gave = [f"{name} to {_value_text(at)}" for name, at in one.relaxed.items()]
        rows.append(
            (
                f"{one.time:%Y-%m-%d}",
                one.notes["status"],
                one.notes["turnover"]["one way"],
                one.notes.get("tracking error"),
                ", ".join(bound) or "none",
                ", ".join(gave),
            )
        )
    return rows


def _chart(noted: Sequence[_Noted]) -> Chart:
    """Draw the slack of the limits that bind most often."""
    import pandas as pd

    bound = [(-row[3], row[0]) for row in _rows(noted) if row[0] != "invested"]
    names = [name for _, name in sorted(bound)][: len(COLORS)]
    index = pd.DatetimeIndex([one.time for one in noted])
    curves = []
    for name, color in zip(names, COLORS, strict=False):
        values = [one.limits.get(name, {}).get("slack", np.nan) for one in noted]
        curves.append(Series(name, color, np.array(values, dtype=np.float64)))
    scale = scale_of([curve.values for curve in curves], zero=True)
    days = days_of(index)
    last = np.append(days[1:] != days[:-1], True)
    data = tuple(Series(one.label, one.color, one.values[last]) for one in curves)
    return Chart(
        title="Slack of the limits that bound most often, in their own unit",
        text=f"{len(noted)} decisions.",
        shapes=tuple(
            Shape(one.label, one.color, line(one.values, scale))
            for one in reversed(curves)
        ),
        across=date_ticks(index),
        up=scale.ticks("pct"),
        data=ChartData(data, "pct", days=days[last], zero=True),
    )
