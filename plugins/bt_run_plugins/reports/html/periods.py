"""Sections about returns by calendar: months and years, crises."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from bt_run import Array
from bt_run.arrays import Times
from bt_run_plugins.page.chart_data import ChartData, Series
from bt_run_plugins.page.parts import Cell, PageTable, Row, Section
from bt_run_plugins.page.svg import Chart, Shape, bars, scale_of
from bt_run_plugins.page.ticks import group_ticks
from bt_run_plugins.reports.book import Book
from bt_run_plugins.reports.html.curves import COLORS, LABELS, navs_of
from bt_run_plugins.reports.numbers import drawdown, period_returns

if TYPE_CHECKING:
    import pandas as pd

MONTHS = (
    "Jan",
    "Feb",
    "Mar",
    "Apr",
    "May",
    "Jun",
    "Jul",
    "Aug",
    "Sep",
    "Oct",
    "Nov",
    "Dec",
)
MONTH_COLUMNS = (
    ("Year", "text"),
    *((name, "pct") for name in MONTHS),
    ("Run", "pct"),
    ("Benchmark", "pct"),
)
SHADE = 0.02  # of return for each step of a cell's colour
SHADES = 5
NO_SHADE = 5e-5  # reads as 0.00% or 0.01%
# from a high of the S&P 500 at a close to the following low
CRISES = (
    ("Crash of 1987", "1987-08-25", "1987-12-04"),
    ("Gulf crisis, 1990", "1990-07-16", "1990-10-11"),
    ("Russia and LTCM, 1998", "1998-07-17", "1998-08-31"),
    ("End of the dot-com boom", "2000-03-24", "2002-10-09"),
    ("Financial crisis", "2007-10-09", "2009-03-09"),
    ("Euro crisis, 2010", "2010-04-23", "2010-07-02"),
    ("US downgrade, 2011", "2011-04-29", "2011-10-03"),
    ("China and oil, 2015", "2015-05-21", "2016-02-11"),
    ("End of 2018", "2018-09-20", "2018-12-24"),
    ("Pandemic, 2020", "2020-02-19", "2020-03-23"),
    ("Rising rates, 2022", "2022-01-03", "2022-10-12"),
    ("Tariffs, 2025", "2025-02-19", "2025-04-08"),
)
CRISIS_COLUMNS = (
    ("Window", "text"),
    ("From", "text"),
    ("To", "text"),
    *((label, "pct") for label in LABELS.values()),
    ("Worst drawdown of the run", "pct"),
)


def months_section(closes: pd.DataFrame) -> Section:
    """Return the returns of each calendar month and year."""
    years, market = _years_of(closes)
    parts: tuple[Chart | PageTable, ...] = (
        months_table(closes),
        *_excess_months(closes),
    )
    if len(years) > 1:
        parts = (_year_chart(years, market), *parts)
    lead = (
        "The first and the last month and year hold only the sessions of the run. "
        "Blue is a gain, orange a loss."
    )
    return Section("months", "Months and years", lead, parts)


def months_table(
    closes: pd.DataFrame, most: int | None = None, name: str = "monthly"
) -> PageTable:
    """Return the table of months under the id ``name``: all years, or the last ``most``."""
    years, market = _years_of(closes)
    months = period_returns(closes["nav"].astype(float), "M")
    rows = _month_rows(months, years, market)
    caption = "Returns by month and year"
    if most is not None and len(rows) > most:
        caption = f"Returns by month, the last {most} of {len(rows)} years"
        rows = rows[-most:]
    return PageTable(name, caption, MONTH_COLUMNS, rows, kind="heat")


def _excess_months(closes: pd.DataFrame) -> Iterator[PageTable]:
    """Yield the table of months less the benchmark's; none where the benchmark has no value at
    some sessions.
    """
    nav, benchmark = closes["nav"].astype(float), closes["benchmark"].astype(float)
    if not np.isfinite(benchmark.to_numpy()).all():
        return
    months = period_returns(nav, "M") - period_returns(benchmark, "M")
    years = period_returns(nav, "Y") - period_returns(benchmark, "Y")
    rows = [row[:-1] for row in _month_rows(months, years, years)]
    columns = (*MONTH_COLUMNS[:-2], ("All year", "pct"))
    caption = "Less the benchmark: the difference of each month's and year's returns"
    yield PageTable("monthly-excess", caption, columns, rows, kind="heat")


def _years_of(closes: pd.DataFrame) -> tuple[pd.Series[float], pd.Series[float]]:
    """Return the yearly returns of the run and of the benchmark."""
    nav, benchmark = closes["nav"].astype(float), closes["benchmark"].astype(float)
    return period_returns(nav, "Y"), period_returns(benchmark, "Y")


def _month_rows(
    months: pd.Series[float],
    years: pd.Series[float],
    market: pd.Series[float],
) -> list[Row]:
    known = {str(month): float(value) for month, value in months.items()}
    rows: list[Row] = []
    for year, total, other in zip(
        years.index, years.tolist(), market.tolist(), strict=True
    ):
        found = [known.get(f"{year}-{number:02}") for number in range(1, 13)]
        cells = [_month_cell(value) for value in found]
        rows.append([str(year), *cells, Cell(total, "pct", "sum"), other])
    return rows


def _month_cell(value: float | None) -> Cell:
    if value is None:
        return Cell("")
    return Cell(value, "pct", _shade(value))


def _shade(value: float) -> str:
    """Return the class of a cell's colour: five steps of 2% each way."""
    if not abs(value) >= NO_SHADE:
        return ""
    steps = min(SHADES, int(abs(value) / SHADE) + 1)
    return f"p{steps}" if value > 0 else f"n{steps}"


def _year_chart(years: pd.Series[float], market: pd.Series[float]) -> Chart:
    own = np.asarray(years, dtype=np.float64)
    other = np.asarray(market, dtype=np.float64)
    scale = scale_of([own, other], zero=True)
    beside = Shape(
        LABELS["benchmark"],
        COLORS["benchmark"],
        bars(other, scale, place=1, of=2),
        "bars",
    )
    run = Shape(
        LABELS["nav"],
        COLORS["nav"],
        bars(own, scale, place=0, of=2),
        "bars",
    )
    labels = [str(year) for year in years.index]
    return Chart(
        title="Returns by year",
        text=f"Bars of the run and of the benchmark for {len(labels)} years, {labels[0]} "
        f"to {labels[-1]}.",
        shapes=(beside, run),
        across=group_ticks(labels),
        up=scale.ticks("pct"),
        zero=scale.zero,
        data=ChartData(
            series=tuple(
                Series(LABELS[name], COLORS[name], values)
                for name, values in (("nav", own), ("benchmark", other))
            ),
            unit="pct",
            labels=tuple(labels),
            way="bars",
        ),
    )


def crises_section(book: Book, closes: pd.DataFrame) -> Section:
    """Return what the run and its baselines earned in crises that lie wholly inside the run."""
    navs = navs_of(closes)
    days = book.dates.tz_localize(None).to_numpy()
    rows, partly = [], []
    for name, start, end in CRISES:
        begin, stop = np.datetime64(start), np.datetime64(end)
        if days[0] <= begin and stop <= days[-1]:
            window = _window(days, begin, stop)
            rows.append((name, start, end, *_crisis_returns(navs, window)))
        elif begin <= days[-1] and days[0] <= stop:
            partly.append(name)
    more = ""
    if partly:
        more = f" Only partly inside the run, so not shown: {', '.join(partly)}."
    if not rows:
        first = book.dates[0]
        last = book.dates[-1]
        text = (
            "No crisis window of the S&P 500 lies wholly between "
            f"{first:%Y-%m-%d} and {last:%Y-%m-%d}.{more}"
        )
        return Section("crises", "Crises", missing=text)
    table = PageTable("crises", "Returns in crisis windows", CRISIS_COLUMNS, rows)
    lead = f"Each window runs from a high of the S&P 500 at a close to the low that followed.{more}"
    return Section("crises", "Crises", lead, (table,))


def _window(
    days: Times,
    begin: np.datetime64,
    stop: np.datetime64,
) -> slice:
    """Return the rows from the close of ``begin`` to that of ``stop``."""
    first = int(np.searchsorted(days, begin, "right")) - 1
    end = int(np.searchsorted(days, stop, "right"))
    return slice(first, end)


def _crisis_returns(navs: Mapping[str, Array], window: slice) -> list[float]:
    """Return what each NAV earned in a window, and the run's worst drawdown there."""
    found = [_return_over(navs.get(column), window) for column in LABELS]
    fall = drawdown(navs["nav"][window])
    return [*found, float(fall.min())]


def _return_over(nav: Array | None, window: slice) -> float:
    if nav is None:
        return math.nan
    inside = nav[window]
    return float(inside[-1] / inside[0] - 1.0)
