"""The section about turnover and costs, by year and by asset."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bt_run import Array
from bt_run.text import counted
from bt_run_plugins.page.chart_data import ChartData, Series
from bt_run_plugins.page.parts import Cell, PageTable, Row, Section
from bt_run_plugins.page.svg import Chart, Shape, bars, scale_of
from bt_run_plugins.page.ticks import group_ticks
from bt_run_plugins.reports.book import Book

ASSETS = 20
YEAR_COLUMNS = (
    ("Year", "text"),
    ("Turnover, one way", "pct"),
    ("Turnover, two way", "pct"),
    ("Commission, money", "money"),
    ("Slippage, money", "money"),
    ("Costs, money", "money"),
    ("Costs of mean NAV", "bps"),
)
ASSET_COLUMNS = (
    ("Asset", "text"),
    ("Traded, money", "money"),
    ("Commission, money", "money"),
    ("Slippage, money", "money"),
    ("Costs, money", "money"),
    ("Costs of what was traded", "bps"),
)


@dataclass(frozen=True)
class _Years:
    """What each year of a run traded and paid; arrays (years,).

    ``two_way`` is turnover, of the NAV at the close before; ``mean`` is that of the NAV at closes.
    """

    labels: tuple[str, ...]
    sessions: NDArray[np.int_]
    two_way: Array
    commission: Array
    slippage: Array
    mean: Array

    @property
    def one_way(self) -> Array:
        return self.two_way / 2

    @property
    def costs(self) -> Array:
        return self.commission + self.slippage

    @property
    def bps(self) -> Array:
        """Return costs in basis points of the mean NAV."""
        return 1e4 * self.costs / self.mean


def costs_section(book: Book) -> Section:
    """Return what was traded and what that cost."""
    title = "Turnover and costs"
    if not book.traded.any():
        text = "No order was filled: turnover and costs are 0."
        return Section("costs", title, missing=text)
    turnover = book.traded.sum(axis=1) / book.before
    two_way = float(turnover.sum())
    years = _years(book, turnover)
    rows = [*_year_rows(years), _total_row(book, two_way)]
    by_year = PageTable(
        "costs-by-year", "Turnover and costs by year", YEAR_COLUMNS, rows
    )
    parts: tuple[Chart | PageTable, ...] = (by_year, _by_asset(book))
    if len(years.labels) > 1:
        parts = (_turnover_chart(book, years, two_way), *parts)
    lead = (
        "Two way counts |shares| x price without slippage over the NAV at the close before; one "
        "way is half. The first build-up is in it. "
        f"{_sessions_text(years.sessions)}"
    )
    return Section("costs", title, lead, parts)


def _sessions_text(sessions: NDArray[np.int_]) -> str:
    """Say how many sessions the years (n,) of a run hold."""
    fewest, most = int(sessions.min()), int(sessions.max())
    if len(sessions) == 1:
        return f"The one year holds {counted(most, 'session')}."
    if fewest == most:
        return f"The years hold {counted(most, 'session')} each."
    return f"The years hold {fewest} to {most} sessions."


def _years(book: Book, turnover: Array) -> _Years:
    numbers = np.unique(book.years)
    closes = book.years[book.closing]
    nav = book.nav[book.closing]
    # the close of the start ends no session of the run
    sessions = [int((closes[1:] == year).sum()) for year in numbers]
    mean = [float(nav[closes == year].mean()) for year in numbers]
    commission = book.commission.sum(axis=1)
    slippage = book.slippage.sum(axis=1)
    return _Years(
        labels=tuple(map(str, numbers.tolist())),
        sessions=np.array(sessions),
        two_way=_by_year(book, turnover),
        commission=_by_year(book, commission),
        slippage=_by_year(book, slippage),
        mean=np.array(mean),
    )


def _by_year(book: Book, values: Array) -> Array:
    """Return sums (years,) of values (T,)."""
    sums = []
    for year in np.unique(book.years):
        inside = book.years == year
        sums.append(values[inside].sum())
    return np.array(sums)


def _year_rows(years: _Years) -> Iterator[Row]:
    columns = (
        years.one_way,
        years.two_way,
        years.commission,
        years.slippage,
        years.costs,
        years.bps,
    )
    table = np.column_stack(columns)
    for label, values in zip(years.labels, table.tolist(), strict=True):
        yield label, *values


def _total_row(book: Book, two_way: float) -> Row:
    commission = _of_run(book, "commission")
    slippage = _of_run(book, "slippage")
    costs = _of_run(book, "costs")
    # of the closes after the start, where there are any
    nav = book.nav[book.closing]
    mean = float(nav[1:].mean()) if len(nav) > 1 else float(nav[0])
    return (
        Cell("All", look="sum"),
        two_way / 2,
        two_way,
        commission,
        slippage,
        costs,
        1e4 * costs / mean,
    )


def _of_run(book: Book, metric: str) -> float:
    """Return a metric of the run; 0 where it is not defined."""
    return float(book.result.metrics[metric]["run"] or 0.0)


def _turnover_chart(
    book: Book,
    years: _Years,
    two_way: float,
) -> Chart:
    scale = scale_of([years.one_way], zero=True)
    path = bars(years.one_way, scale)
    count = _of_run(book, "years")
    return Chart(
        title="Turnover by year, one way, of NAV",
        text=f"{two_way / 2:.1%} of NAV in all over {count:.1f} years.",
        shapes=(Shape("run", "run", path, "bars"),),
        across=group_ticks(years.labels),
        up=scale.ticks("pct"),
        data=ChartData(
            series=(Series("run", "run", years.one_way),),
            unit="pct",
            labels=years.labels,
            way="bars",
        ),
    )


def _by_asset(book: Book) -> PageTable:
    traded = book.traded.sum(axis=0)
    commission = book.commission.sum(axis=0)
    slippage = book.slippage.sum(axis=0)
    order = np.argsort(-traded, kind="stable")
    named = order[:ASSETS]
    rest = order[ASSETS:]
    groups = [(book.assets[column], [column]) for column in named]
    if len(rest):
        groups.append((f"{len(rest)} others", rest.tolist()))
    rows = []
    for name, columns in groups:
        row = _asset_row(
            name,
            float(traded[columns].sum()),
            float(commission[columns].sum()),
            float(slippage[columns].sum()),
        )
        rows.append(row)
    return PageTable("costs-by-asset", "Costs by asset", ASSET_COLUMNS, rows)


def _asset_row(
    name: str,
    traded: float,
    commission: float,
    slippage: float,
) -> Row:
    costs = commission + slippage
    bps = 1e4 * costs / traded if traded else None
    return name, traded, commission, slippage, costs, bps
