"""The page that lays runs side by side: metrics, growth and drawdown in one picture each,
differences.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from bt_run import DEFINITIONS, Array, Comparison
from bt_run.arrays import Indices
from bt_run_plugins.page.parts import Cell, PageTable, Section
from bt_run_plugins.page.svg import Chart, scale_of
from bt_run_plugins.page.ticks import date_ticks
from bt_run_plugins.reports.html.compared_returns import (
    COLORS,
    correlation_section,
    difference_section,
    years_section,
)
from bt_run_plugins.reports.html.curves import Curve, chart_data, drawn
from bt_run_plugins.reports.html.growth import FALL_TITLE, growth_choice
from bt_run_plugins.reports.html.summary import metric_head, unit_of
from bt_run_plugins.reports.numbers import drawdown

if TYPE_CHECKING:
    import pandas as pd

BASELINE = "benchmark of the first"
DIFFERENCE_COLUMNS = (
    ("Run", "text"),
    ("Difference", "text"),
)


def comparison_sections(comparison: Comparison) -> Iterator[Section]:
    """Yield the sections in the order of the page."""
    yield _metrics_section(comparison)
    yield from _pictures(comparison)
    yield difference_section(comparison)
    yield years_section(comparison)
    yield correlation_section(comparison)
    yield _differences_section(comparison)


def _metrics_section(comparison: Comparison) -> Section:
    heads = [(label, "ratio") for label in (*comparison.labels, BASELINE)]
    columns = (("Metric", "text"), *heads)
    found = (*comparison.metrics, comparison.benchmark)
    shown = [
        metric
        for metric in DEFINITIONS
        if any(one.get(metric) is not None for one in found)
    ]
    rows = [_metric_row(metric, found) for metric in shown]
    table = PageTable("headline", "Metrics", columns, rows)
    lead = f"Over {_periods_text(comparison)}."
    if comparison.window is not None:
        lead += " What was traded is known of whole runs only, and left out."
    return Section("metrics", "Metrics", lead, (table,))


def _periods_text(comparison: Comparison) -> str:
    if comparison.window is not None:
        return comparison.period
    periods = []
    for label, result in zip(comparison.labels, comparison.results, strict=True):
        first = result.nav.index[0]
        last = result.nav.index[-1]
        periods.append(f"{label} {first:%Y-%m-%d} to {last:%Y-%m-%d}")
    return f"each run's own period: {'; '.join(periods)}"


def _metric_row(metric: str, found: Sequence[Mapping[str, float | None]]) -> list[Cell]:
    unit = unit_of(metric)
    return [metric_head(metric), *(Cell(one.get(metric), unit) for one in found)]


def _pictures(comparison: Comparison) -> Iterator[Section]:
    """Yield growth and drawdown on the sessions of all runs together."""
    closes = [
        comparison.closes(result)["nav"].astype(float) for result in comparison.results
    ]
    index = _every_session(closes)
    growth, falls = [], []
    for number, label in enumerate(comparison.labels):
        own = closes[number]
        nav = np.asarray(own, dtype=np.float64)
        color = COLORS[number % len(COLORS)]
        rows = index.get_indexer(own.index)
        grown = _spread(nav / nav[0], rows, len(index))
        fallen = _spread(drawdown(nav), rows, len(index))
        growth.append(Curve(label, color, grown))
        falls.append(Curve(label, color, fallen))
    lead = "What 1 became, each line from the start of what is compared."
    choice = growth_choice(growth, index, _growth_text(growth))
    yield Section("growth", "Growth", lead, (choice,))
    yield Section("drawdown", "Drawdowns", "At closes.", (_fall_chart(falls, index),))


def _every_session(closes: Sequence[pd.Series[float]]) -> pd.DatetimeIndex:
    import pandas as pd

    every = pd.DatetimeIndex(closes[0].index)
    for own in closes[1:]:
        every = every.union(pd.DatetimeIndex(own.index))
    return every


def _spread(
    values: Array,
    rows: Indices,
    count: int,
) -> Array:
    """Put values (n,) on their rows of a longer index; NaN where there is none."""
    out = np.full(count, np.nan)
    out[rows] = values
    return out


def _growth_text(growth: Sequence[Curve]) -> str:
    ends = []
    for curve in growth:
        known = curve.values[np.isfinite(curve.values)]
        ends.append(f"{curve.label} ends at {known[-1]:.2f}")
    return "; ".join(ends)


def _fall_chart(falls: Sequence[Curve], index: pd.DatetimeIndex) -> Chart:
    values = [curve.values for curve in falls]
    scale = scale_of(values, zero=True)
    texts = []
    for curve in falls:
        deepest = np.nanmin(curve.values)
        texts.append(f"{curve.label} fell by {deepest:.2%}")
    return Chart(
        title=FALL_TITLE,
        text="; ".join(texts),
        shapes=drawn(falls, scale),
        across=date_ticks(index),
        up=scale.ticks("pct"),
        data=replace(chart_data(falls, index, "pct"), zero=True),
    )


def _differences_section(comparison: Comparison) -> Section:
    title = "What differs"
    rows = []
    for label, found in comparison.differences.items():
        rows += [(label, text) for text in found]
    if not rows:
        text = "Configuration, data, sources and versions are the same."
        return Section("differences", title, missing=text)
    table = PageTable("differences", "Differences", DIFFERENCE_COLUMNS, rows)
    lead = f"Beside {comparison.labels[0]}: was there, is here."
    return Section("differences", title, lead, (table,))
