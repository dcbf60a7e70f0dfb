"""Sections about what was held: weights, exposure, contributions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bt_run import Array
from bt_run.arrays import Indices
from bt_run_plugins.page.parts import Cell, PageTable, Row, Section, shown
from bt_run_plugins.page.svg import Chart, Scale, Shape, area, scale_of
from bt_run_plugins.page.ticks import date_ticks
from bt_run_plugins.reports.book import Book
from bt_run_plugins.reports.html.curves import Curve, chart_data, drawn, ends_text

LARGEST = 8  # assets drawn by name; the rest is one area
MANY = 40  # assets held, from which on a picture by rank says more than one by name
# from which rank to which; what comes after the last is one area
RANKS = ((1, 1), (2, 5), (6, 10), (11, 20), (21, 50))
RANK_LABELS = ("largest", "2nd to 5th", "6th to 10th", "11th to 20th", "21st to 50th")
POINTS = 400  # of an area over time
ASSETS = 20  # rows of a table of assets
ROUNDING = 1e-6  # of the NAV at the start: what is less needs no row of its own
RANKED_TITLE = "Fractions of NAV by rank of the holding"
WEIGHT_COLUMNS = (
    ("Asset", "text"),
    ("Mean |weight|", "pct"),
    ("Largest |weight|", "pct"),
    ("At the end", "pct"),
)
CONTRIBUTION_COLUMNS = (
    ("Asset", "text"),
    ("Profit after costs, money", "money"),
    ("Of the NAV at the start", "pct"),
    ("Costs, money", "money"),
    ("Bars held", "count"),
)

Columns = Indices


def holdings_sections(book: Book) -> Iterator[Section]:
    """Yield the sections in the order of the page."""
    yield _weights_section(book)
    yield _exposure_section(book)
    yield _contribution_section(book)


def _weights_section(book: Book) -> Section:
    title = "Weights over time"
    if not book.value.any():
        text = "Nothing was ever held: the account was all cash."
        return Section("weights", title, missing=text)
    nav = book.nav[book.closing]
    weights = book.value[book.closing] / nav[:, None]
    mean = np.abs(weights).mean(axis=0)
    order = np.argsort(-mean, kind="stable")
    step = max(1, -(-len(weights) // POINTS))
    every = "each session" if step == 1 else f"every {step}th session"
    many = int((mean > 0.0).sum()) > MANY
    bands = _ranked_bands(weights) if many else _bands(book, weights, order)
    chart = _weights_chart(book, bands, step, every)
    table = _weights_table(book, weights, order)
    lead = f"At closes, drawn at {every}. {_cash_words(weights)}"
    if many:
        chart = replace(chart, title=f"{RANKED_TITLE}, shorts below zero")
        lead += f" {_concentration_words(weights)}"
    return Section("weights", title, lead, (chart, table))


def _cash_words(weights: Array) -> str:
    """Say what is not drawn: cash, where there are neither shorts nor leverage."""
    if (weights < 0.0).any():
        return "Shorts hang below zero; what they brought and what leverage borrowed is cash."
    if (weights.sum(axis=1) > 1.0 + 1e-9).any():
        return "What is missing to 100% is cash; what lies above 100% is borrowed."
    return "What is missing to 100% is cash."


def _bands(
    book: Book,
    weights: Array,
    order: Columns,
) -> list[Curve]:
    """Return the weights of the largest assets one by one, and those of the others together."""
    bands = []
    for number, column in enumerate(order[:LARGEST]):
        band = Curve(book.assets[column], f"a{number}", weights[:, column])
        bands.append(band)
    rest = order[LARGEST:]
    if len(rest):
        # longs and shorts among the others would hide each other in one sum
        others = weights[:, rest]
        longs = np.maximum(others, 0.0).sum(axis=1)
        shorts = np.minimum(others, 0.0).sum(axis=1)
        bands.append(Curve(f"{len(rest)} others, long", "rest", longs))
        bands.append(Curve(f"{len(rest)} others, short", "rest", shorts))
    return bands


def _ranked_bands(weights: Array) -> list[Curve]:
    """Return what the largest holdings of each day made up, by rank, and the shorts together."""
    longs = -np.sort(-np.maximum(weights, 0.0), axis=1)
    bands = []
    for place, ((first, last), label) in enumerate(
        zip(RANKS, RANK_LABELS, strict=True)
    ):
        own = longs[:, first - 1 : last].sum(axis=1)
        bands.append(Curve(label, f"c{place}", own))
    rest = longs[:, RANKS[-1][1] :].sum(axis=1)
    shorts = np.minimum(weights, 0.0).sum(axis=1)
    bands.append(Curve("all others", f"c{len(RANKS)}", rest))
    if shorts.any():
        bands.append(Curve("shorts", "rest", shorts))
    return bands


def _concentration_words(weights: Array) -> str:
    """Say how concentrated the last holdings are."""
    last = np.abs(weights[-1])
    if not last.any():
        return "At the end nothing was held."
    shares = last / last.sum()
    ten = float(np.sort(shares)[-10:].sum())
    held = int((last > 0.0).sum())
    return (
        f"At the end {held} assets were held, the ten largest made up {ten:.0%} of the gross "
        f"exposure, and it was as spread as {effective_number(last):.0f} equal holdings."
    )


def effective_number(weights: Array) -> float:
    """Return as how many equal holdings ``weights`` (n,) are spread: (sum |w|)^2 / sum w^2, the
    inverse of the Herfindahl index; 0 where nothing is held.
    """
    squares = float((weights**2).sum())
    return float(np.abs(weights).sum()) ** 2 / squares if squares > 0.0 else 0.0


def _weights_chart(
    book: Book,
    bands: Sequence[Curve],
    step: int,
    every: str,
) -> Chart:
    last = len(book.closing) - 1
    regular = np.arange(0, last + 1, step)
    rows = np.unique(np.append(regular, last))
    shapes, scale = _stack(bands, rows)
    ends = ends_text(bands, ".1%")
    return Chart(
        title="Fractions of NAV, shorts below zero",
        text=f"Stacked areas, drawn at {every}; at the end: {ends}.",
        shapes=shapes,
        across=date_ticks(book.dates[rows]),
        up=scale.ticks("pct"),
        zero=scale.zero,
        data=replace(
            chart_data(
                [replace(band, values=band.values[rows]) for band in bands],
                book.dates[rows],
                "pct",
            ),
            way="stack",
        ),
    )


def _stack(
    bands: Sequence[Curve],
    rows: Columns,
) -> tuple[tuple[Shape, ...], Scale]:
    """Stack longs upwards and shorts downwards from zero."""
    up = np.zeros(len(rows))
    down = np.zeros(len(rows))
    layers = []
    for band in bands:
        values = band.values[rows]
        longs = np.maximum(values, 0.0)
        shorts = np.minimum(values, 0.0)
        if longs.any():
            layers.append((band, up + longs, up))
            up = up + longs
        if shorts.any():
            layers.append((band, down + shorts, down))
            down = down + shorts
    # only now is it known how high the stack is
    scale = scale_of([up, down], zero=True)
    shapes = []
    for band, outer, inner in layers:
        path = area(outer, inner, scale)
        shapes.append(Shape(band.label, band.color, path, "area"))
    return tuple(shapes), scale


def _weights_table(
    book: Book,
    weights: Array,
    order: Columns,
) -> PageTable:
    size = np.abs(weights)
    mean = size.mean(axis=0)
    largest = size.max(axis=0)
    last = weights[-1]
    numbers = np.column_stack([mean, largest, last])
    rows = [(book.assets[column], *numbers[column].tolist()) for column in order]
    kept, note = shown(rows, ASSETS, "assets", "positions.parquet")
    return PageTable("weights", "Weights by asset", WEIGHT_COLUMNS, kept, note)


def _exposure_section(book: Book) -> Section:
    if not book.value.any():
        text = "Nothing was ever held, so gross and net exposure are 0."
        return Section("exposure", "Exposure", missing=text)
    lead = "Sum of |position| and sum of positions over NAV, at closes."
    stale = int(book.result.positions["stale"].sum())
    if stale:
        lead += f" {stale:,} marks are at an older price, because the asset had no bar then."
    return Section("exposure", "Exposure", lead, (_exposure_chart(book),))


def _exposure_chart(book: Book) -> Chart:
    nav = book.result.nav
    gross = nav["gross"].to_numpy(dtype=np.float64)[book.closing]
    net = nav["net"].to_numpy(dtype=np.float64)[book.closing]
    if np.allclose(gross, net, rtol=0.0, atol=1e-12):
        curves = [Curve("gross and net", "run", gross)]
    else:
        curves = [Curve("gross", "run", gross), Curve("net", "bench", net)]
    scale = scale_of([gross, net], zero=True)
    return Chart(
        title="Gross and net exposure, fractions of NAV",
        text=f"Gross is {gross.mean():.1%} on average and {gross.max():.1%} at most; net "
        f"{net.mean():.1%}.",
        shapes=drawn(curves, scale),
        across=date_ticks(book.dates),
        up=scale.ticks("pct"),
        zero=scale.zero,
        data=replace(chart_data(curves, book.dates, "pct"), zero=True),
    )


def _contribution_section(book: Book) -> Section:
    title = "Contribution by asset"
    if not len(book.assets):
        text = "Nothing was held or traded, so nothing contributed."
        return Section("contribution", title, missing=text)
    found = _Contribution(
        book=book,
        profit=book.profit.sum(axis=0),
        costs=(book.commission + book.slippage).sum(axis=0),
    )
    order = np.argsort(-found.profit, kind="stable")
    half = ASSETS // 2
    note = ""
    if len(order) > ASSETS:
        best = order[:half]
        worst = order[-half:]
        rows = [found.row(column) for column in best]
        rows.append(found.rest(order[half:-half]))
        rows += [found.row(column) for column in worst]
        note = f"The best and the worst {half} assets are shown by name."
    else:
        rows = [found.row(column) for column in order]
    rows += found.totals()
    table = PageTable(
        "contribution",
        "Profit by asset",
        CONTRIBUTION_COLUMNS,
        rows,
        note,
    )
    lead = (
        "Change of value less what was paid, plus income, commissions and slippage taken off: "
        "adds up to the NAV."
    )
    return Section("contribution", title, lead, (table,))


@dataclass(frozen=True)
class _Contribution:
    """What each asset earned and cost in all, money; arrays (N,)."""

    book: Book
    profit: Array
    costs: Array

    @property
    def start(self) -> float:
        """Return the NAV at the start."""
        return float(self.book.nav[0])

    @cached_property
    def held(self) -> NDArray[np.int_]:
        """Return on how many bars each asset was held."""
        return np.asarray((self.book.value != 0.0).sum(axis=0))

    @cached_property
    def most(self) -> float:
        """Return the largest gain or loss; 1 where there is none."""
        return float(np.abs(self.profit).max()) or 1.0

    def row(self, column: int) -> Row:
        """Return the row of one asset."""
        earned = float(self.profit[column])
        return [
            self.book.assets[column],
            Cell(earned, "money", bar=earned / self.most),
            earned / self.start,
            float(self.costs[column]),
            int(self.held[column]),
        ]

    def rest(self, columns: Columns) -> Row:
        """Return the row of the assets that are not shown by name."""
        columns = np.sort(columns)  # sums must not depend on who earned more
        earned = float(self.profit[columns].sum())
        return [
            f"{len(columns)} others between them",
            earned,
            earned / self.start,
            float(self.costs[columns].sum()),
            int(self.held[columns].max()),
        ]

    def totals(self) -> Iterator[Row]:
        """Yield what no asset earned, where there is such, and the change of the NAV."""
        start, blank = self.start, Cell("")
        total = float(self.book.nav[-1]) - start
        flows = self.book.result.cash_flows
        came = float(flows["amount"][flows["kind"] == "external"].sum())
        if came:
            yield ["Contributions less withdrawals", came, came / start, 0.0, blank]
        gap = total - came - float(self.profit.sum())
        if abs(gap) > ROUNDING * max(1.0, abs(start)):
            yield ["Interest on cash, and rounding", gap, gap / start, 0.0, blank]
        costs = float(self.costs.sum())
        yield [Cell("All", look="sum"), total, total / start, costs, blank]
