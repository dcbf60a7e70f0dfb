"""Sections about the returns of runs side by side: how they differ, how much of that may be luck,
their years, how they move together.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from bt_run import Array, Comparison, sessions_per_year
from bt_run.studies.bootstrap import Interval, block_length, resampled_means
from bt_run.studies.rule import SignificanceConfig
from bt_run.studies.significance import Evidence, Significance, judge
from bt_run_plugins.page.chart_data import ChartData, Series
from bt_run_plugins.page.parts import Cell, PageTable, Row, Section
from bt_run_plugins.page.svg import Chart, Shape, area, bars, line, scale_of
from bt_run_plugins.page.ticks import date_ticks, group_ticks
from bt_run_plugins.reports.html.curves import Curve, chart_data, line_ends
from bt_run_plugins.reports.numbers import period_returns

if TYPE_CHECKING:
    import pandas as pd

COLORS = ("run", "bench", "equal", "mix", "a2", "a1", "a7", "rest")
SURE = 1.96  # standard errors on each side of 95 %
FEWEST = 20  # returns
SAME = 1e-7  # of a day's return: what rounding to whole shares makes different
POINTS = 200  # of the band
RESAMPLES = 500
INTERVAL_COLUMNS = (
    ("Run", "text"),
    ("Sharpe less the first's", "ratio"),
    ("From", "ratio"),
    ("To", "ratio"),
    ("Return per year less the first's, mean", "pct"),
    ("From", "pct"),
    ("To", "pct"),
)


def difference_section(comparison: Comparison) -> Section:
    """Return how much more each run became than the first, and how much of that may be luck."""
    title = f"Less {comparison.labels[0]}"
    returns = _common_returns(comparison)
    if len(returns) < FEWEST:
        text = (
            f"The runs have {len(returns)} returns in common, and {FEWEST} are needed."
        )
        return Section("difference", title, missing=text)
    charts, rows = [], []
    for number, label in enumerate(comparison.labels[1:], start=1):
        pair = returns.iloc[:, [0, number]].to_numpy(dtype=np.float64)
        if np.abs(pair[:, 1] - pair[:, 0]).max() > SAME:
            charts.append(_difference_chart(comparison, number, pair, returns.index))
        rows += list(_interval_rows(comparison, label, pair, returns.index))
    lead = (
        "How much more 1 became than in the first run. The shaded part is where 95 of 100 lines "
        "would end that differ by luck alone, as large as daily differences resampled in blocks."
    )
    table = PageTable(
        "intervals", "Differences with 95% intervals", INTERVAL_COLUMNS, rows
    )
    return Section("difference", title, lead, (*charts, *([table] if rows else [])))


def _common_returns(comparison: Comparison) -> pd.DataFrame:
    """Return daily returns of all runs at the sessions that all have, a column each."""
    import pandas as pd

    navs = [
        comparison.closes(result)["nav"].astype(float).rename(number)
        for number, result in enumerate(comparison.results)
    ]
    together = pd.concat(navs, axis=1, join="inner")
    return (together / together.shift() - 1.0).iloc[1:]


def _difference_chart(
    comparison: Comparison, number: int, pair: Array, index: pd.Index[pd.Timestamp]
) -> Chart:
    import pandas as pd

    label = comparison.labels[number]
    ahead = np.log1p(pair[:, 1]) - np.log1p(pair[:, 0])
    grown = np.expm1(np.cumsum(ahead))
    curve = Curve(label, COLORS[number % len(COLORS)], grown)
    rows = np.unique(np.linspace(0, len(ahead) - 1, POINTS).astype(int))
    error = _daily_error(ahead, comparison.results[0].config.seed)
    reach = SURE * error * np.sqrt(rows + 1.0)
    upper, lower = np.expm1(reach), np.expm1(-reach)
    scale = scale_of([grown, upper, lower], zero=True)
    dates = pd.DatetimeIndex(index)
    return Chart(
        title=f"{label} over {comparison.labels[0]}, less 1",
        text=f"At the end {grown[-1]:+.2%}.",
        shapes=(
            Shape("by luck", "haze", area(upper, lower, scale), "area"),
            Shape(label, curve.color, line(grown, scale)),
        ),
        across=date_ticks(dates),
        up=scale.ticks("pct"),
        zero=scale.zero,
        ends=line_ends([curve], scale, "{:+.1%}".format),
        data=replace(chart_data([curve], dates, "pct"), zero=True),
    )


def _daily_error(ahead: Array, seed: int) -> float:
    """Return what the deviation of a day would be if days were independent and the mean of all as
    uncertain as it is.
    """
    block = block_length(ahead)
    means = resampled_means(ahead[:, None], block, RESAMPLES, seed)
    return float(means.std(ddof=1)) * math.sqrt(len(ahead))


def _interval_rows(
    comparison: Comparison, label: str, pair: Array, index: pd.Index[pd.Timestamp]
) -> Iterator[Row]:
    import pandas as pd

    days = pd.DatetimeIndex(index).tz_localize(None).to_numpy()
    per_year = sessions_per_year(days)
    config = comparison.results[0].config
    rate = (1.0 + float(config.risk_free)) ** (1.0 / per_year) - 1.0
    first, other = pair.T - rate
    evidence = Evidence(other, baseline=first, benchmark=first, per_year=per_year)
    found = judge(evidence, SignificanceConfig(), config.seed)
    if isinstance(found, Significance):
        beside = found.baseline
        yield [
            label,
            *_cells(beside.sharpe_difference, "ratio"),
            *_cells(beside.excess, "pct"),
        ]


def _cells(shown: Interval, unit: str) -> tuple[Cell, Cell, Cell]:
    return Cell(shown.value, unit), Cell(shown.low, unit), Cell(shown.high, unit)


def years_section(comparison: Comparison) -> Section:
    """Return the years of the runs side by side."""
    import pandas as pd

    found = [
        period_returns(comparison.closes(result)["nav"].astype(float), "Y")
        for result in comparison.results
    ]
    together = pd.concat(found, axis=1, join="outer").sort_index()
    labels = tuple(map(str, together.index))
    if not labels:
        text = "A return needs two sessions."
        return Section("years", "Years", missing=text)
    values = together.to_numpy(dtype=np.float64)
    columns = (("Year", "text"), *((label, "pct") for label in comparison.labels))
    rows = [[label, *row] for label, row in zip(labels, values.tolist(), strict=True)]
    table = PageTable("years", "Returns by year", columns, rows)
    chart = _years_chart(comparison.labels, labels, values)
    return Section("years", "Years", "", (chart, table))


def _years_chart(
    names: tuple[str, ...], labels: tuple[str, ...], values: Array
) -> Chart:
    scale = scale_of(list(values.T), zero=True)
    count = len(names)
    shapes, series = [], []
    for number, name in enumerate(names):
        color = COLORS[number % len(COLORS)]
        path = bars(values[:, number], scale, place=number, of=count)
        shapes.append(Shape(name, color, path, "bars"))
        series.append(Series(name, color, values[:, number]))
    return Chart(
        title="Returns by year",
        text=f"Bars of {count} runs for {len(labels)} years.",
        shapes=tuple(reversed(shapes)),
        across=group_ticks(labels),
        up=scale.ticks("pct"),
        zero=scale.zero,
        data=ChartData(tuple(series), "pct", labels=labels, way="bars"),
    )


def correlation_section(comparison: Comparison) -> Section:
    """Return how the daily returns of the runs move together."""
    returns = _common_returns(comparison)
    title = "Correlation"
    if len(returns) < FEWEST:
        text = (
            f"The runs have {len(returns)} returns in common, and {FEWEST} are needed."
        )
        return Section("correlation", title, missing=text)
    values = returns.corr().to_numpy(dtype=np.float64)
    columns = (("Run", "text"), *((label, "ratio") for label in comparison.labels))
    rows = [
        [label, *row]
        for label, row in zip(comparison.labels, values.tolist(), strict=True)
    ]
    table = PageTable("correlation", "Correlation of daily returns", columns, rows)
    return Section("correlation", title, "", (table,))
