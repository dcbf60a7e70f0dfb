"""The section about turnover and costs, by year and by asset."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bt_run import Array
from bt_run_plugins.page.parts import Cell, PageTable, Section
from bt_run_plugins.page.svg import Chart, Shape, bars, scale_of
from bt_run_plugins.page.ticks import group_ticks
from bt_run_plugins.reports.html.book import Book

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

    ``turnover`` is two-way, of the NAV at the close before; ``mean`` is that of the NAV at closes.
    """

    labels: tuple[str, ...]
    sessions: NDArray[np.int_]
    turnover: Array
    commission: Array
    slippage: Array
    mean: Array


def costs_section(book: Book) -> Section:
    """Return what was traded and what that cost."""
    title = "Turnover and costs"
    if not book.traded.any():
        text = "No order was filled: turnover and costs are 0."
        return Section("costs", title, missing=text)
    turnover = book.traded.sum(axis=1) / book.before
    whole = float(turnover.sum())
    years = _years(book, turnover)
    rows = [*_year_rows(years), _total_row(book, whole)]
    by_year = PageTable("costs-by-year", "Turnover and costs by year", YEAR_COLUMNS, rows)
    fewest, most = int(years.sessions.min()), int(years.sessions.max())
    lead = (
        "Two way counts |shares| x price without slippage over the NAV at the close before; one "
        "way is half. The first build-up is in it. "
        f"The years hold {fewest} to {most} sessions."
    )
    parts = (_turnover_chart(book, years, whole), by_year, _by_asset(book))
    return Section("costs", title, lead, parts)


def _years(book: Book, turnover: Array) -> _Years:
    commission = book.commission.sum(axis=1)
    slippage = book.slippage.sum(axis=1)
    closing_years = book.years[book.closing]
    closing_nav = book.nav[book.closing]
    numbers = np.unique(book.years)
    inside = [book.years == year for year in numbers]
    # the close of the start ends no session of the run
    sessions = [(closing_years[1:] == year).sum() for year in numbers]
    return _Years(
        labels=tuple(str(year) for year in numbers),
        sessions=np.array(sessions),
        turnover=np.array([turnover[rows].sum() for rows in inside]),
        commission=np.array([commission[rows].sum() for rows in inside]),
        slippage=np.array([slippage[rows].sum() for rows in inside]),
        mean=np.array([closing_nav[closing_years == year].mean() for year in numbers]),
    )


def _year_rows(years: _Years) -> list[tuple[object, ...]]:
    one_way = years.turnover / 2
    costs = years.commission + years.slippage
    bps = 1e4 * costs / years.mean
    columns = (one_way, years.turnover, years.commission, years.slippage, costs, bps)
    rows = []
    for number, label in enumerate(years.labels):
        values = [float(column[number]) for column in columns]
        rows.append((label, *values))
    return rows


def _total_row(book: Book, turnover: float) -> tuple[object, ...]:
    metrics = book.result.metrics
    commission = float(metrics["commission"]["run"] or 0.0)
    slippage = float(metrics["slippage"]["run"] or 0.0)
    costs = float(metrics["costs"]["run"] or 0.0)
    after = book.closing[1:]
    mean = float(book.nav[after].mean()) if len(after) else float(book.nav[0])
    return (
        Cell("All", look="sum"),
        turnover / 2,
        turnover,
        commission,
        slippage,
        costs,
        1e4 * costs / mean,
    )


def _turnover_chart(book: Book, years: _Years, turnover: float) -> Chart:
    one_way = years.turnover / 2
    scale = scale_of([one_way], zero=True)
    count = book.result.metrics["years"]["run"] or 0.0
    return Chart(
        title="Turnover by year, one way, of NAV",
        text=f"{turnover / 2:.1%} of NAV in all over {count:.1f} years.",
        shapes=(Shape("run", "run", bars(one_way, scale), "bars"),),
        across=group_ticks(years.labels),
        up=scale.ticks("pct"),
    )


def _by_asset(book: Book) -> PageTable:
    traded = book.traded.sum(axis=0)
    commission = book.commission.sum(axis=0)
    slippage = book.slippage.sum(axis=0)
    order = np.argsort(-traded, kind="stable")
    named, rest = order[:ASSETS], order[ASSETS:]
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
) -> tuple[object, ...]:
    costs = commission + slippage
    bps = 1e4 * costs / traded if traded else None
    return name, traded, commission, slippage, costs, bps
