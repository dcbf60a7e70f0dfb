"""The first page of a tear sheet: the run on one sheet of paper, the parts of the page's own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from textwrap import wrap
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from bt_run import Array, BacktestResult
from bt_run.studies.judging import judge_run
from bt_run.studies.significance_text import significance_sentence
from bt_run_plugins.figures.pages import (
    BENCHMARK,
    EQUAL,
    GREY,
    INK,
    LOSS,
    MARGIN,
    MIX,
    PORTRAIT,
    RULE,
    RUN,
    fitting,
    new_page,
    text_table,
    tidy_dates,
    write_lines,
)
from bt_run_plugins.page.parts import Cell, PageTable
from bt_run_plugins.reports.book import Book
from bt_run_plugins.reports.html.curves import LABELS, navs_of
from bt_run_plugins.reports.html.sheet import OneSheet, one_sheet
from bt_run_plugins.reports.html.summary import Card, sentences
from bt_run_plugins.reports.numbers import drawdown

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH = 1.0 - 2.0 * MARGIN
VERDICT, WHAT = (102, 0.0165), (138, 0.0128)  # characters and height of a line
CARDS = 0.066  # height of the row of numbers
COLUMN = 0.68  # where the right column begins
ASIDE = (40, 0.0118)  # characters and height of its lines
MONTH_ROW = 0.0122
FLOOR = 0.05
PICTURES = (0.50, 0.27, 0.23)  # shares of the height: growth, fall, exposure
ABOVE = 0.026  # of a picture, for its title
CELL = 9  # letters of a column of months
LETTER, MONTH_SIZE = 0.60205, 6.3  # width of a letter, of its size; points
MONTH_LOOK: Mapping[str, Any] = MappingProxyType(
    {"family": "DejaVu Sans Mono", "size": MONTH_SIZE}
)
STRONG = 0.10  # return at which a month's colour is full
COLORS: Mapping[str, str] = MappingProxyType(
    {
        "nav": RUN,
        "benchmark": BENCHMARK,
        "equal_weight": EQUAL,
        "constant_mix": MIX,
    }
)


def sheet_page(book: Book) -> Figure:
    """Return the page: verdict, what was run, eight numbers, growth, fall, exposure, what is held,
    what to know, months.
    """
    result = book.result
    sheet = one_sheet(book)
    page = new_page(result.config.name, PORTRAIT)
    about = f"Backtest, {result.period}"
    page.text(1.0 - MARGIN, 0.945, about, size=9, ha="right")
    sentence = significance_sentence(judge_run(result))
    y = write_lines(
        page, (MARGIN, 0.92), sentence, VERDICT, {"size": 9, "weight": "bold"}
    )
    y = write_lines(page, (MARGIN, y - 0.004), " ".join(sentences(result)), WHAT)
    _cards(page, y - 0.006, sheet.cards)
    top, floor = y - 0.006 - CARDS - 0.014, FLOOR
    if sheet.months is not None:
        floor += MONTH_ROW * (len(sheet.months.rows) + 2) + 0.012
        _months(page, floor - 0.012, sheet.months)
    _pictures(page, (top, floor), result)
    _aside(page, (top, floor), sheet)
    return page


def _cards(page: Figure, top: float, cards: Sequence[Card]) -> None:
    """Write each number below its label, what stands beside it below both."""
    from matplotlib.patches import Rectangle

    wide = WIDTH / max(1, len(cards))
    for number, card in enumerate(cards):
        x = MARGIN + number * wide
        corner = (x, top - CARDS)
        box = Rectangle(corner, 0.95 * wide, CARDS, fill=False, color=RULE, lw=0.6)
        page.add_artist(box)
        label = "\n".join(wrap(card.label, 17)[:2])
        page.text(x + 0.005, top - 0.006, label, va="top", size=5.6, color=GREY)
        page.text(x + 0.005, top - 0.041, card.run.text, size=9, weight="bold")
        if card.beside is not None:
            beside = f"{card.whose} {card.beside.text}"
            page.text(x + 0.005, top - 0.058, beside, size=5.6, color=GREY)


def _pictures(page: Figure, ends: tuple[float, float], result: BacktestResult) -> None:
    """Draw growth, the fall and exposure below one another between two heights of the page."""
    top, floor = ends
    closes = result.closes
    if len(closes) < 2:
        text = "The run has one session, and a return needs two."
        page.text(MARGIN, top - 0.02, text, size=8, style="italic")
        return
    room = top - floor - 0.02
    for share, draw in zip(PICTURES, (_growth, _fall, _exposure), strict=True):
        low = top - share * room
        corner = (MARGIN + 0.055, low + 0.012)
        size = (COLUMN - MARGIN - 0.085, share * room - ABOVE - 0.012)
        axes = page.add_axes((*corner, *size))
        draw(axes, closes)
        tidy_dates(axes)
        if draw is not _exposure:
            axes.tick_params(
                axis="x", labelbottom=False
            )  # the lowest tells the dates of all
        top = low


def _growth(axes: Axes, closes: pd.DataFrame) -> None:
    from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator

    navs = navs_of(closes)
    grown = {name: nav / nav[np.isfinite(nav)][0] for name, nav in navs.items()}
    every = np.concatenate([values[np.isfinite(values)] for values in grown.values()])
    log = bool(0.0 < every.min() < 0.1 * every.max())
    for name, values in reversed(grown.items()):
        axes.plot(closes.index, values, color=COLORS[name], lw=0.9, label=LABELS[name])
    if log:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(MaxNLocator(5))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    title = "Growth of 1, logarithmic" if log else "Growth of 1"
    axes.set_title(title, loc="left", y=1.0)
    axes.legend(
        loc="lower right",
        bbox_to_anchor=(1.02, 0.96),
        ncols=4,
        frameon=False,
        fontsize=6,
        columnspacing=1.0,
        reverse=True,
    )


def _fall(axes: Axes, closes: pd.DataFrame) -> None:
    navs = navs_of(closes)
    own = drawdown(navs["nav"])
    axes.fill_between(closes.index, 0.0, own, color=RUN, alpha=0.3, lw=0)
    axes.plot(closes.index, own, color=RUN, lw=0.7)
    if "benchmark" in navs:
        other = drawdown(navs["benchmark"])
        axes.plot(closes.index, other, color=BENCHMARK, lw=0.7)
    axes.set_title("Fall from the highest so far", loc="left", y=1.0)
    _in_per_cent(axes)


def _exposure(axes: Axes, closes: pd.DataFrame) -> None:
    gross, net = closes["gross"], closes["net"]
    if np.allclose(gross, net, rtol=0.0, atol=1e-12):
        title = "Exposure, of NAV"
    else:
        title = "Exposure, of NAV: gross, and net dashed"
        axes.plot(closes.index, net, color=RUN, lw=0.7, ls="--")
    axes.plot(closes.index, gross, color=RUN, lw=0.7)
    axes.set_title(title, loc="left", y=1.0)
    _in_per_cent(axes)


def _in_per_cent(axes: Axes) -> None:
    from matplotlib.ticker import MaxNLocator, PercentFormatter

    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))


def _aside(page: Figure, ends: tuple[float, float], sheet: OneSheet) -> None:
    """Write what is held at the end and what to know, one below the other."""
    top, floor = ends
    width, step = ASIDE
    if sheet.holdings is None:
        page.text(COLUMN, top, "At the end nothing is held: all is cash.", va="top")
        y = top - 2.0 * step
    else:
        heads = [head for head, _ in sheet.holdings.columns]
        rows = [[cell.text for cell in row] for row in sheet.holdings.cells]
        widths = (0.2, 1.0 - MARGIN - COLUMN - 0.2)
        y = text_table(page, (COLUMN, top), [heads, *rows], widths, 0.0148) - 0.012
    page.text(COLUMN, y, "Read this first", va="top", size=8, weight="bold")
    y -= 0.016
    texts = sheet.caveats or ("Nothing to note about the data.",)
    for text in fitting(texts, int((y - floor) / step), width):
        page.text(COLUMN, y, "\N{BULLET}", va="top", size=7)
        y = write_lines(page, (COLUMN + 0.012, y), text, ASIDE, {"size": 7})


def _months(page: Figure, top: float, months: PageTable) -> None:
    """Write returns by month and year, each on a colour as strong as it is large; a row is one text
    of letters as wide as each other, since each text takes its time.
    """
    rows = months.cells
    height = MONTH_ROW * (len(rows) + 1)
    page.text(MARGIN, top - 0.002, months.caption, va="top", size=8, weight="bold")
    low = top - MONTH_ROW - height
    letters = CELL * len(months.columns)
    wide = letters * LETTER * MONTH_SIZE / (72.0 * PORTRAIT[0])
    axes = page.add_axes((MARGIN, low, wide, height))
    axes.set_axis_off()
    axes.set(xlim=(0.0, len(months.columns)), ylim=(len(rows) + 1.0, 0.0))
    _shades(axes, rows)
    heads = [head for head, _ in months.columns]
    texts = [heads, *[[cell.text for cell in row] for row in rows]]
    for number, row in enumerate(texts):
        *first, last = row
        line = "".join(text.rjust(CELL) for text in first) + last.rjust(CELL + 1)
        color = GREY if number == 0 else INK
        axes.text(0.0, number + 0.5, line, va="center", color=color, **MONTH_LOOK)


def _shades(axes: Axes, rows: Sequence[Sequence[Cell]]) -> None:
    """Colour the twelve months of each row: gains blue, losses orange."""
    from matplotlib.colors import LinearSegmentedColormap

    shades = LinearSegmentedColormap.from_list("returns", [LOSS, "#ffffff", RUN])
    values: Array = np.array(
        [[cell.value if cell.number else np.nan for cell in row[1:13]] for row in rows],
        dtype=np.float64,
    )
    down = np.arange(1, len(rows) + 2)
    across = np.arange(1, 14) + 0.5 / CELL
    axes.pcolormesh(
        across, down, values, cmap=shades, vmin=-2 * STRONG, vmax=2 * STRONG, zorder=0
    )
