"""Sections about the whole way of a NAV: growth and drawdowns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from bt_run import Array
from bt_run_plugins.page.parts import Choice, PageTable, Row, Section
from bt_run_plugins.page.svg import (
    Band,
    Chart,
    Mark,
    Scale,
    band,
    reaching,
    scale_of,
    under,
)
from bt_run_plugins.page.ticks import date_ticks
from bt_run_plugins.reports.book import Book
from bt_run_plugins.reports.html.curves import (
    LOW_ROOM,
    Curve,
    chart_data,
    drawn,
    ends_text,
    line_ends,
    nav_curve,
    navs_of,
)
from bt_run_plugins.reports.numbers import Drawdown, drawdown, drawdowns

if TYPE_CHECKING:
    import pandas as pd

WORST = 10
LOGARITHMIC = "Logarithmic"
FALL_TITLE = "Fall from the highest NAV so far"
DRAWDOWN_COLUMNS = (
    ("Rank", "count"),
    ("Depth", "pct"),
    ("Peak", "text"),
    ("Lowest close", "text"),
    ("Recovered", "text"),
    ("Sessions down", "count"),
    ("Sessions in all", "count"),
)


def growth_section(book: Book, closes: pd.DataFrame) -> Section:
    """Return what 1 became in the run and its baselines, and below it how far the NAV fell, with
    the worst falls marked in both.
    """
    navs = navs_of(closes)
    curves = []
    for column, nav in navs.items():
        first = nav[np.isfinite(nav)][0]
        curves.append(nav_curve(column, nav / first))
    start = closes.index[0]
    stop = closes.index[-1]
    ends = ends_text(curves, ".2f")
    text = f"Lines from {start:%Y-%m-%d} to {stop:%Y-%m-%d}; at the end: {ends}."
    worst = drawdowns(navs["nav"])[:WORST]
    bands = tuple(_band(fall, len(closes)) for fall in worst)
    choice = growth_choice(curves, book.dates, text, bands)
    lead = (
        "What 1 became, at each session's close, and how far it fell from its highest."
    )
    if worst:
        lead += f" Shaded: {_worst_words(len(worst))}, from peak to recovery."
    if LOGARITHMIC not in choice.charts:
        lead += " A logarithmic scale does not apply: a NAV fell to 0 or below."
    fall = _fall_chart(book, navs, worst)
    return Section("growth", "Growth and drawdowns", lead, (choice, fall))


def _worst_words(count: int) -> str:
    return "the worst fall" if count == 1 else f"the {count} worst falls, by rank"


def _band(fall: Drawdown, count: int) -> Band:
    return band(fall.peak, count - 1 if fall.recovery is None else fall.recovery, count)


def growth_choice(
    curves: Sequence[Curve],
    index: pd.DatetimeIndex,
    text: str,
    bands: tuple[Band, ...] = (),
) -> Choice:
    """Return curves on a linear scale, and on a logarithmic one where none falls to 0."""
    values = [curve.values for curve in curves]
    scales = {"Linear": scale_of(values)}
    if min(float(np.nanmin(own)) for own in values) > 0.0:
        scales[LOGARITHMIC] = scale_of(values, log=True)
    charts = {}
    for kind, scale in scales.items():
        charts[kind] = Chart(
            title=f"Growth of 1, {kind.lower()} scale",
            text=text,
            shapes=drawn(curves, scale),
            across=date_ticks(index),
            up=scale.ticks("ratio"),
            bands=bands,
            ends=line_ends(curves, scale, "{:.2f}".format),
            data=replace(chart_data(curves, index, "ratio"), log=scale.log),
        )
    return Choice("growth-scale", "Scale", charts)


def drawdown_section(closes: pd.DataFrame) -> Section:
    """Return the worst falls one by one."""
    title = "Worst drawdowns"
    worst = drawdowns(navs_of(closes)["nav"])
    if not worst:
        text = "The NAV never fell below an earlier close."
        return Section("drawdown", title, missing=text)
    lead = (
        "At closes. Length counts sessions from the peak to the recovery, or to the end of the "
        "run."
    )
    return Section("drawdown", title, lead, (_drawdown_table(closes, worst),))


def _fall_chart(book: Book, navs: dict[str, Array], worst: Sequence[Drawdown]) -> Chart:
    own = nav_curve("nav", drawdown(navs["nav"]))
    curves = [own]
    if "benchmark" in navs:
        fall = drawdown(navs["benchmark"])
        curves.append(nav_curve("benchmark", fall))
    scale = reaching(scale_of([curve.values for curve in curves], zero=True))
    # the run on top: an area, and its edge
    *others, edge = drawn(curves, scale)
    path = under(own.values, scale)
    shapes = [*others, replace(edge, path=path, kind="area"), edge]
    count = len(own.values)
    return Chart(
        title=FALL_TITLE,
        text=f"The deepest fall of the run is {own.values.min():.2%}.",
        shapes=tuple(shapes),
        across=date_ticks(book.dates),
        up=scale.ticks("pct"),
        bands=tuple(_band(one, count) for one in worst),
        marks=_rank_marks(worst, scale, count),
        ends=line_ends(curves, scale, "{:.1%}".format, LOW_ROOM),
        data=replace(chart_data(curves, book.dates, "pct"), way="under"),
        low=True,
    )


def _rank_marks(
    worst: Sequence[Drawdown], scale: Scale, count: int
) -> tuple[Mark, ...]:
    """Return the rank of each fall, at its lowest point."""
    downs = scale.place(np.array([fall.depth for fall in worst])).tolist()
    places = zip(worst, downs, strict=True)
    return tuple(
        Mark(round(100.0 * fall.trough / max(1, count - 1), 2), round(down, 2), str(n))
        for n, (fall, down) in enumerate(places, start=1)
    )


def _drawdown_table(closes: pd.DataFrame, worst: Sequence[Drawdown]) -> PageTable:
    rows = []
    for place, fall in enumerate(worst[:WORST], start=1):
        rows.append(_drawdown_row(place, fall, closes.index))
    caption = "All drawdowns"
    if len(rows) < len(worst):
        caption = f"The worst {len(rows)} of {len(worst)} drawdowns"
    return PageTable("drawdowns", caption, DRAWDOWN_COLUMNS, rows)


def _drawdown_row(
    place: int,
    fall: Drawdown,
    index: pd.Index[pd.Timestamp],
) -> Row:
    if fall.recovery is None:
        recovered = "not yet"
        end = len(index) - 1
    else:
        recovered = f"{index[fall.recovery]:%Y-%m-%d}"
        end = fall.recovery
    return (
        place,
        fall.depth,
        f"{index[fall.peak]:%Y-%m-%d}",
        f"{index[fall.trough]:%Y-%m-%d}",
        recovered,
        fall.trough - fall.peak,
        end - fall.peak,
    )
