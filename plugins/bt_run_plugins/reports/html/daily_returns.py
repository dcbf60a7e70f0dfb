"""Sections about daily returns: their distribution, and numbers over a rolling window."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bt_run import SESSIONS, Array, sessions_per_year
from bt_run_plugins.page.chart_data import ChartData, Series
from bt_run_plugins.page.parts import Cell, PageTable, Section
from bt_run_plugins.page.svg import Chart, Scale, Shape, bars, line, scale_of
from bt_run_plugins.page.ticks import Tick, date_ticks
from bt_run_plugins.reports.book import Book
from bt_run_plugins.reports.html.curves import (
    COLORS,
    LABELS,
    chart_data,
    drawn,
    ends_text,
    line_ends,
    nav_curve,
    navs_of,
    returns_of,
)
from bt_run_plugins.reports.numbers import STATISTICS, held_days, rolling, statistics

if TYPE_CHECKING:
    import pandas as pd

CLEAR = 12.0  # percent of the width that a label at an end needs
WINDOW = SESSIONS // 2  # sessions: half a year
BINS = 41
TAILS = (0.5, 99.5)  # percentiles beyond which returns share the last bar
STATISTIC_COLUMNS = (
    ("Statistic", "text"),
    *((label, "ratio") for label in LABELS.values()),
)
# what rolls, its label and unit, and whose it is
ROLLING = (
    ("sharpe", "Sharpe ratio", "ratio", ("nav", "benchmark")),
    ("volatility", "Volatility per year", "pct", ("nav", "benchmark")),
)


def distribution_section(closes: pd.DataFrame) -> Section:
    """Return how often each daily return came, and more statistics of them."""
    navs = navs_of(closes)
    own = returns_of(navs["nav"])
    market = np.zeros(0)
    if "benchmark" in navs:
        market = returns_of(navs["benchmark"])
    table = _statistics_table(closes, market)
    title = "Distribution of returns"
    if not np.isfinite(own).all() or not np.ptp(own) > 0.0:
        lead = "A distribution does not apply: the daily returns are all the same."
        return Section("distribution", title, lead, (table,))
    return Section("distribution", title, "", (_histogram(own, market), table))


def _statistics_table(closes: pd.DataFrame, market: Array) -> PageTable:
    numbers = {}
    for column in LABELS:
        held = held_days(closes) if column == "nav" else None
        numbers[column] = statistics(closes[column].astype(float), market, held)
    rows = []
    for key, (label, unit, text) in STATISTICS.items():
        row = [Cell(label, look="head", hint=text)]
        row += [Cell(numbers[column][key], unit) for column in LABELS]
        rows.append(row)
    caption = "More statistics of daily returns"
    return PageTable("statistics", caption, STATISTIC_COLUMNS, rows)


def _histogram(own: Array, market: Array) -> Chart:
    """Draw how often each daily return came, the run's beside the benchmark's."""
    finite = market[np.isfinite(market)]
    ends = np.percentile(np.concatenate([own, finite]), TAILS)
    reach = max(float(np.abs(ends).max()), 1e-6)
    edge = reach * (1.0 - 2.0 / BINS)  # where the last bar begins
    counts = _counts(own, reach)
    other = _counts(finite, reach)
    scale = scale_of([counts, other], zero=True)
    # an outline of steps: each count is as wide as its bar
    outline = np.repeat(other, 2) if len(market) else np.zeros(0)
    run = Shape(
        LABELS["nav"],
        COLORS["nav"],
        bars(counts, scale),
        "bars",
    )
    beside = Shape(
        LABELS["benchmark"],
        COLORS["benchmark"],
        line(outline, scale),
    )
    return Chart(
        title="Daily returns, number of sessions",
        text=f"Bars count the run's {len(own)} sessions by return, an outline those of the "
        f"benchmark. The first bar holds all below {-edge:.2%}, the last all above {edge:.2%}.",
        shapes=(run, beside),
        across=_return_ticks(reach, edge),
        up=scale.ticks("count"),
        data=_histogram_data(reach, counts, other),
    )


def _histogram_data(reach: float, counts: Array, other: Array) -> ChartData:
    edges = np.linspace(-reach, reach, BINS + 1)
    labels = [f"{low:.2%} to {high:.2%}" for low, high in pairwise(edges.tolist())]
    labels[0] = f"below {edges[1]:.2%}"
    labels[-1] = f"above {edges[-2]:.2%}"
    columns = {"nav": counts, "benchmark": other}
    return ChartData(
        series=tuple(
            Series(LABELS[name], COLORS[name], own) for name, own in columns.items()
        ),
        unit="count",
        labels=tuple(labels),
        way="bars",
    )


def _counts(returns: Array, reach: float) -> Array:
    """Count returns by bins from -reach to reach; what lies beyond is in the last bins."""
    edges = np.linspace(-reach, reach, BINS + 1)
    clipped = np.clip(returns, -reach, reach)
    counts: NDArray[np.int_] = np.histogram(clipped, edges)[0]
    return counts.astype(np.float64)


def _return_ticks(reach: float, edge: float) -> tuple[Tick, ...]:
    """Return labels from left to right: those of a scale read from the bottom up, and at its ends
    what the first and the last bar hold.
    """
    ticks = []
    for number, tick in enumerate(Scale(-reach, reach).ticks("pct")):
        at = round(100.0 - tick.at, 2)
        if CLEAR < at < 100.0 - CLEAR:
            ticks.append(Tick(at, tick.text, spare=number % 2 == 1))
    below, above = Tick(0.0, f"< {-edge:.1%}"), Tick(100.0, f"> {edge:.1%}")
    return (below, *ticks, above)


def rolling_section(book: Book, closes: pd.DataFrame) -> Section:
    """Return Sharpe ratio and volatility over the last half year, session by session."""
    title = f"Rolling {WINDOW} sessions"
    navs = navs_of(closes)
    own = returns_of(navs["nav"])
    if len(own) <= WINDOW:
        text = f"The window is {WINDOW} sessions, half a year; the run has {len(own)} returns."
        return Section("rolling", title, missing=text)
    market = np.full(len(own), np.nan)
    if "benchmark" in navs:
        market = returns_of(navs["benchmark"])
    per_year = sessions_per_year(book.dates.tz_localize(None).to_numpy())
    found = {
        "nav": rolling(own, market, WINDOW, per_year),
        "benchmark": rolling(market, market, WINDOW, per_year),
    }
    charts = []
    for key, label, unit, columns in ROLLING:
        series = {column: found[column][key] for column in columns}
        chart = _rolling_chart(label, unit, series, book.dates[WINDOW:])
        if chart is not None:
            charts.append(chart)
    if not charts:
        text = "The daily returns never vary, so none of these is defined."
        return Section("rolling", title, missing=text)
    lead = (
        "Over half a year up to each session, at a risk-free rate of 0; a line is missing where "
        "returns do not vary."
    )
    return Section("rolling", title, lead, tuple(charts))


def _rolling_chart(
    label: str,
    unit: str,
    series: Mapping[str, Array],
    dates: pd.DatetimeIndex,
) -> Chart | None:
    """Draw what is defined anywhere; None where nothing is."""
    curves = []
    for column, values in series.items():
        if np.isfinite(values).any():
            curves.append(nav_curve(column, values))
    if not curves:
        return None
    # a volatility is read from zero up
    scale = scale_of([curve.values for curve in curves], zero=unit == "pct")
    ends = ends_text(curves, ".2f")
    first = dates[0]
    last = dates[-1]
    return Chart(
        title=label,
        text=f"{label} over the last {WINDOW} sessions, from {first:%Y-%m-%d} to "
        f"{last:%Y-%m-%d}; at the end: {ends}.",
        shapes=drawn(curves, scale),
        across=date_ticks(dates),
        up=scale.ticks(unit),
        zero=scale.zero,
        ends=line_ends(
            curves, scale, "{:.1%}".format if unit == "pct" else "{:.2f}".format
        ),
        data=replace(chart_data(curves, dates, unit), zero=unit == "pct"),
    )
