"""The section on target against achieved: what became of what a decision asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from bt_run import Array
from bt_run.arrays import Indices
from bt_run_plugins.page.chart_data import ChartData, Series
from bt_run_plugins.page.parts import PageTable, Section
from bt_run_plugins.page.svg import Chart, Shape, line, scale_of
from bt_run_plugins.page.ticks import date_ticks
from bt_run_plugins.reports.book import Book
from bt_run_plugins.reports.html.curves import days_of
from bt_run_plugins.reports.html.decisions import CLASSIC

if TYPE_CHECKING:
    import pandas as pd

GAPS = 10
USUAL = "prices moved between the decision and the close after the fill"
GAP_COLUMNS = (
    ("Decided", "text"),
    ("Asset", "text"),
    ("Target", "pct"),
    ("Achieved", "pct"),
    ("Gap", "pct"),
    ("Why", "text"),
)
ORDER_COLUMNS = (
    ("Reason", "text"),
    ("Orders", "count"),
    ("Filled of asked, mean", "pct"),
)


def achieved_section(book: Book) -> Section:
    """Return how near to their targets the fills came."""
    title = "Target against achieved"
    fills = book.result.fills
    orders = (_orders(fills),) if len(fills) else ()
    if not len(book.result.decisions):
        if not orders:
            return Section("achieved", title, missing=CLASSIC)
        return Section("achieved", title, CLASSIC, orders)
    if not orders:
        text = "No order was ever placed, so there is nothing to compare with a target."
        return Section("achieved", title, missing=text)
    traded = _traded(book)
    if not len(traded):
        text = "No decision was traded, so there is no target to compare with."
        return Section("achieved", title, missing=text)
    chart = _gap_chart(book, traded)
    table = _gap_table(traded, _fill_reasons(fills))
    lead = (
        "The weight that a decision asked for, beside the weight at the close of the bar on which "
        "it filled. Prices move between the two, so a small gap is usual; unfilled orders say why."
    )
    return Section("achieved", title, lead, (chart, table, *orders))


def _traded(book: Book) -> pd.DataFrame:
    """Return the decisions that were traded, with the row of the bar on which each filled, what was
    held at its close, and the gap.
    """
    import pandas as pd

    decisions = book.result.decisions
    fired = decisions[decisions["fired"]]
    times = pd.DatetimeIndex(fired["time"])
    fired = fired.assign(row=book.index.get_indexer(times) + 1)
    # what is decided on the last bar fills on none
    traded = fired[fired["row"] < len(book.index)]
    rows = traded["row"].to_numpy()
    names = traded["asset"].to_numpy(dtype=object)
    held = book.weights_at(rows, names)
    return traded.assign(held=held, gap=held - traded["target"])


def _gap_chart(book: Book, traded: pd.DataFrame) -> Chart:
    bars, place = np.unique(traded["row"], return_inverse=True)
    half = traded["gap"].abs().to_numpy() / 2
    apart = np.zeros(len(bars))
    np.add.at(apart, place, half)
    scale = scale_of([apart], zero=True)
    path = line(apart, scale)
    return Chart(
        title="Half the sum of |achieved - target| after each traded decision, of NAV",
        text=f"{len(bars)} traded decisions; {apart.mean():.3%} on average and {apart.max():.2%} "
        "at most.",
        shapes=(Shape("run", "run", path),),
        across=date_ticks(book.index[bars]),
        up=scale.ticks("pct"),
        data=_gap_data(book, bars, apart),
    )


def _gap_data(book: Book, bars: Indices, apart: Array) -> ChartData:
    """Return the gaps at each of ``bars``; at the last of each day, where a day has several."""
    days = days_of(book.index[bars])
    last = np.append(days[1:] != days[:-1], True)
    series = (Series("run", "run", apart[last]),)
    return ChartData(series, "pct", days=days[last], zero=True)


def _gap_table(
    traded: pd.DataFrame, reasons: Mapping[tuple[Any, str], str]
) -> PageTable:
    size = traded["gap"].abs()
    largest = np.argsort(-size.to_numpy(), kind="stable")[:GAPS]
    rows = []
    for gap in traded.iloc[largest].itertuples(index=False):
        asset = str(gap.asset)
        why = reasons.get((gap.time, asset), USUAL)
        decided = f"{gap.time:%Y-%m-%d}"
        rows.append((decided, asset, gap.target, gap.held, gap.gap, why))
    caption = f"The {len(rows)} largest gaps"
    return PageTable("gaps", caption, GAP_COLUMNS, rows)


def _fill_reasons(fills: pd.DataFrame) -> dict[tuple[Any, str], str]:
    """Return (time of the decision, asset) -> why less was filled than asked."""
    explained = fills[fills["reason"].notna() & fills["decided_at"].notna()]
    columns = (explained["decided_at"], explained["asset"], explained["reason"])
    reasons = {}
    for time, asset, reason in zip(*columns, strict=True):
        reasons[time, str(asset)] = str(reason)
    return reasons


def _orders(fills: pd.DataFrame) -> PageTable:
    """Count the orders by what became of them."""
    ratio = fills["filled"] / fills["asked"]
    frame = fills.assign(
        reason=fills["reason"].fillna("filled as asked"),
        ratio=ratio.where(fills["asked"] != 0.0),
    )
    rows = []
    for name, own in frame.groupby("reason", sort=False):
        known = own["ratio"].notna().any()
        mean = float(own["ratio"].mean()) if known else None
        rows.append((str(name), len(own), mean))
    rows.sort(key=lambda row: (-row[1], row[0]))
    return PageTable("orders", "Orders by what became of them", ORDER_COLUMNS, rows)
