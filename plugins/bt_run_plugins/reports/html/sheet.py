"""The run on one sheet of paper: what was run, the verdict, eight numbers, growth, drawdown,
months, exposure, what is held now, and what to know about the data.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from bt_run import Array
from bt_run.text import counted
from bt_run_plugins.page.parts import Cell, PageTable
from bt_run_plugins.page.svg import Chart, Shape, line, reaching, scale_of, under
from bt_run_plugins.page.ticks import date_ticks
from bt_run_plugins.reports.book import Book
from bt_run_plugins.reports.html.curves import (
    Curve,
    line_ends,
    nav_curve,
    navs_of,
)
from bt_run_plugins.reports.html.periods import months_table
from bt_run_plugins.reports.html.summary import Card, alerts, cards
from bt_run_plugins.reports.numbers import drawdown

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from bt_run_plugins.page.svg import Scale

NUMBERS = 8
LABEL_ROOM = 16.0  # percent of a low picture's height that a label at its end needs
PIXELS = 160  # as wide as a picture of the sheet is drawn
YEARS = 20  # of months that fit
HOLDINGS = 8
CAVEATS, LETTERS = 6, 170  # lines, and characters of each
HOLDING_COLUMNS = (("Held at the end", "text"), ("Weight", "pct"))


@dataclass(frozen=True)
class OneSheet:
    """The parts of the sheet; a picture or table is None where there is nothing to show."""

    cards: list[Card]
    growth: Chart | None
    fall: Chart | None
    exposure: Chart | None
    months: PageTable | None
    holdings: PageTable | None
    caveats: tuple[str, ...]


def one_sheet(book: Book) -> OneSheet:
    """Return the parts of the sheet about a run."""
    result = book.result
    closes = book.closes
    long = len(closes) > 1
    navs = navs_of(closes)
    return OneSheet(
        cards=cards(result, NUMBERS),
        growth=_growth(book, navs) if long else None,
        fall=_fall(book, navs) if long else None,
        exposure=_exposure(book) if long else None,
        months=_months(closes) if long else None,
        holdings=_holdings(book),
        caveats=_caveats(alerts(result)),
    )


def _months(closes: pd.DataFrame) -> PageTable:
    return replace(months_table(closes, YEARS, "sheet-months"), printed=True)


def _growth(book: Book, navs: dict[str, Array]) -> Chart:
    curves = []
    for column, nav in navs.items():
        first = nav[np.isfinite(nav)][0]
        curves.append(nav_curve(column, nav / first))
    lowest = min(float(np.nanmin(curve.values)) for curve in curves)
    highest = max(float(np.nanmax(curve.values)) for curve in curves)
    # on a linear axis ten times as much hides the years before
    log = lowest > 0.0 and highest > 10.0 * lowest
    scale = scale_of([curve.values for curve in curves], log=log)
    return Chart(
        title="Growth of 1, logarithmic" if log else "Growth of 1",
        text="Growth of the run and its baselines.",
        shapes=_lines(curves, scale),
        across=date_ticks(book.dates),
        up=scale.ticks("ratio"),
        ends=line_ends(curves, scale, "{:.2f}".format),
    )


def _fall(book: Book, navs: dict[str, Array]) -> Chart:
    curves = [
        nav_curve(column, drawdown(navs[column]))
        for column in ("nav", "benchmark")
        if column in navs
    ]
    scale = reaching(scale_of([curve.values for curve in curves], zero=True))
    *others, edge = _lines(curves, scale)
    path = under(curves[0].values, scale, PIXELS)
    return Chart(
        title="Fall from the highest so far",
        text="Drawdowns of the run and of the benchmark.",
        shapes=(*others, replace(edge, path=path, kind="area"), edge),
        across=date_ticks(book.dates),
        up=scale.ticks("pct"),
        ends=line_ends(curves, scale, "{:.0%}".format, LABEL_ROOM),
    )


def _exposure(book: Book) -> Chart:
    nav = book.result.nav
    gross = nav["gross"].to_numpy(dtype=np.float64)[book.closing]
    net = nav["net"].to_numpy(dtype=np.float64)[book.closing]
    curves = [Curve("gross", "run", gross)]
    if not np.allclose(gross, net, rtol=0.0, atol=1e-12):
        curves.append(Curve("net", "bench", net))
    scale = scale_of([gross, net], zero=True)
    return Chart(
        title="Exposure, of NAV",
        text=f"Gross is {gross.mean():.1%} on average.",
        shapes=_lines(curves, scale),
        across=date_ticks(book.dates),
        up=scale.ticks("pct"),
        zero=scale.zero,
    )


def _lines(curves: Sequence[Curve], scale: Scale) -> tuple[Shape, ...]:
    """Return curves as coarse lines, the first drawn last and so on top."""
    return tuple(
        Shape(curve.label, curve.color, line(curve.values, scale, PIXELS))
        for curve in reversed(curves)
    )


def _holdings(book: Book) -> PageTable | None:
    weights = book.value[-1] / book.nav[-1]
    order = np.argsort(-np.abs(weights), kind="stable")
    held = [column for column in order.tolist() if weights[column] != 0.0]
    if not held:
        return None
    rows = [(book.assets[column], float(weights[column])) for column in held[:HOLDINGS]]
    rest = held[HOLDINGS:]
    if rest:
        rows.append((f"{len(rest)} others", float(weights[rest].sum())))
    cash = 1.0 - float(weights.sum())
    rows.append((Cell("Cash", look="sum"), cash))
    return PageTable("sheet-holdings", "", HOLDING_COLUMNS, rows, printed=True)


def _caveats(texts: Sequence[str]) -> tuple[str, ...]:
    """Return the first of ``texts``, cut where they are long, and how many are left out."""
    shown = []
    for text in texts[:CAVEATS]:
        cut = (
            text if len(text) <= LETTERS else f"{text[:LETTERS].rsplit(' ', 1)[0]} ..."
        )
        shown.append(cut)
    left = len(texts) - len(shown)
    if left:
        shown.append(f"and {counted(left, 'more note')} in the whole report")
    return tuple(shown)
