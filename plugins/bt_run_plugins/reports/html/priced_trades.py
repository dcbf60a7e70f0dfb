"""The trades of some assets on their prices, where the run's analyzer `asset_prices` kept these."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import numpy as np

from bt_run import Array, BacktestResult
from bt_run.arrays import Indices
from bt_run_plugins.analyzers.asset_prices import NAME
from bt_run_plugins.page.chart_data import ChartData, Series
from bt_run_plugins.page.parts import Cell, Choice, PageTable, Row, shown
from bt_run_plugins.page.svg import Chart, Shape, dots, line, scale_of
from bt_run_plugins.page.ticks import date_ticks
from bt_run_plugins.reports.book import Book
from bt_run_plugins.reports.html.curves import days_of

if TYPE_CHECKING:
    import pandas as pd

FILLS = 200
BOUGHT, SOLD = "bought", "sold"
COLORS: Mapping[str, str] = MappingProxyType({BOUGHT: "equal", SOLD: "bench"})
COLUMNS = (
    ("Filled", "text"),
    ("Asset", "text"),
    ("Order", "text"),
    ("Shares on the market", "shares"),
    ("Market price", "price"),
    ("Weight after", "pct"),
    ("Reason", "text"),
)


def kept_prices(result: BacktestResult) -> pd.DataFrame | None:
    """Return session, asset and price of the run's analyzer ``asset_prices``; None without it."""
    if all(one.use != NAME for one in result.config.analyzers):
        return None
    return result.analyses.get(NAME)


def priced_parts(book: Book) -> tuple[Choice | PageTable, ...]:
    """Return a picture for each asset whose prices were kept, and their fills with reasons."""
    prices = kept_prices(book.result)
    if prices is None or len(book.dates) < 2:
        return ()
    names = list(dict.fromkeys(prices["asset"]))
    fills = book.result.fills
    done = fills[(fills["filled"] != 0.0) & fills["asset"].isin(names)]
    charts = {}
    for name in names:
        own = prices["price"][prices["asset"] == name].to_numpy(dtype=np.float64)
        charts[str(name)] = _chart(book, str(name), own, done[done["asset"] == name])
    return Choice("priced", "Asset", charts), _fills_table(book, done)


def _chart(book: Book, name: str, price: Array, fills: pd.DataFrame) -> Chart:
    """Draw a price (n,) with what was bought and sold on it, at the prices that were paid."""
    filled = fills["filled"].to_numpy(dtype=np.float64)
    paid = _paid(fills)
    rows = np.searchsorted(book.closing, _bars_of(book, fills))
    curves = [Series(name, "run", price)]
    shapes = []
    for label, sign in ((BOUGHT, 1.0), (SOLD, -1.0)):
        spots = np.full(len(price), np.nan)
        there = np.sign(filled) == sign
        spots[rows[there]] = paid[there]
        curves.append(Series(label, COLORS[label], spots, dots=True))
    scale = scale_of([curve.values for curve in curves])
    for curve in curves:
        path = dots(curve.values, scale) if curve.dots else line(curve.values, scale)
        kind = "dots" if curve.dots else "line"
        shapes.append(Shape(curve.label, curve.color, path, kind))
    count = len(filled)
    return Chart(
        title=f"{name}: price on the market, and fills",
        text=f"{count:,} fills, {int((filled > 0.0).sum()):,} of them bought.",
        shapes=tuple(shapes),
        across=date_ticks(book.dates),
        up=scale.ticks("ratio"),
        data=ChartData(tuple(curves), "ratio", days_of(book.dates)),
    )


def _bars_of(book: Book, fills: pd.DataFrame) -> Indices:
    """Return the bar (n,) of each fill."""
    import pandas as pd

    return np.asarray(book.index.get_indexer(pd.DatetimeIndex(fills["time"])))


def _paid(fills: pd.DataFrame) -> Array:
    """Return the market price (n,) of fills, or what was paid where the source knows no splits."""
    market = fills["market_price"].to_numpy(dtype=np.float64)
    return np.where(
        np.isfinite(market), market, fills["price"].to_numpy(dtype=np.float64)
    )


def _fills_table(book: Book, fills: pd.DataFrame) -> PageTable:
    ordered = fills.iloc[::-1]
    kept, note = shown(
        range(len(ordered)), FILLS, "fills, the newest,", "fills.parquet"
    )
    part = ordered.iloc[: len(kept)]
    weights = book.weights_at(_bars_of(book, part), part["asset"])
    reasons = _reasons(book.result, part)
    cells: list[Row] = []
    columns = zip(part["time"], part["asset"], part["filled"], strict=True)
    for (time, asset, filled), shares, price, weight, reason in zip(
        columns, _shares(part), _paid(part), weights.tolist(), reasons, strict=True
    ):
        order = BOUGHT if filled > 0.0 else SOLD
        day = (
            f"{time:%Y-%m-%d}" if time == time.normalize() else f"{time:%Y-%m-%d %H:%M}"
        )
        cells.append([day, str(asset), order, shares, price, weight, Cell(reason)])
    return PageTable(
        "priced-fills", "Their fills, newest first", COLUMNS, cells, note, search=True
    )


def _shares(fills: pd.DataFrame) -> Sequence[float]:
    market = fills["market_shares"].to_numpy(dtype=np.float64)
    own = fills["filled"].to_numpy(dtype=np.float64)
    shares: list[float] = np.where(np.isfinite(market), market, own).tolist()
    return shares


def _reasons(result: BacktestResult, fills: pd.DataFrame) -> list[str]:
    """Return why each order was given: its own reason where it has one, that of its decision, or
    nothing.
    """
    decisions = result.decisions
    known: dict[tuple[Any, str], str] = {}
    if len(decisions):
        keys = zip(decisions["time"], decisions["asset"], strict=True)
        known = dict(zip(keys, decisions["reason"], strict=True))
    found = []
    for decided, asset, own in zip(
        fills["decided_at"], fills["asset"], fills["reason"], strict=True
    ):
        word = own if isinstance(own, str) and own else known.get((decided, asset), "")
        found.append(str(word))
    return found
