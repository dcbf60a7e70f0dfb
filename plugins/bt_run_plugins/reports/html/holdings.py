"""Sections about what was held: weights, exposure, contributions, trades."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from bt_run import Array
from bt_run_plugins.page.parts import Cell, Section, Table, shown
from bt_run_plugins.page.svg import Chart, Scale, Shape, area, date_ticks, line, scale_of
from bt_run_plugins.reports.html.book import Book, Trade

LARGEST = 8  # assets drawn by name; the rest is one area
POINTS = 400  # of an area over time
ASSETS = 20  # rows of a table of assets
TRADES = 200


def holdings_sections(book: Book) -> Iterator[Section]:
    """Yield the sections in the order of the page."""
    yield _weights(book)
    yield _exposure(book)
    yield _contribution(book)


def _weights(book: Book) -> Section:
    title = "Weights over time"
    if not book.value.any():
        return Section("weights", title, missing="Nothing was ever held: the account was all cash.")
    rows = book.closing
    share = book.value[rows] / book.nav[rows, None]
    mean = np.abs(share).mean(axis=0)
    order = np.argsort(-mean, kind="stable")
    named, rest = order[:LARGEST], order[LARGEST:]
    parts = [share[:, column] for column in named]
    labels = [book.assets[column] for column in named]
    if len(rest):
        # longs and shorts among the others would hide each other in one sum
        others = share[:, rest]
        parts += [np.maximum(others, 0.0).sum(axis=1), np.minimum(others, 0.0).sum(axis=1)]
        labels += [f"{len(rest)} others, long", f"{len(rest)} others, short"]
    step = max(1, -(-len(rows) // POINTS))
    take = np.unique(np.append(np.arange(0, len(rows), step), len(rows) - 1))
    shapes, scale = _stack([values[take] for values in parts], labels)
    every = "each session" if step == 1 else f"every {step}th session"
    chart = Chart(
        title="Fractions of NAV, shorts below zero",
        text=f"Stacked areas, drawn at {every}; at the end: "
        + ", ".join(f"{name} {values[-1]:.1%}" for name, values in zip(labels, parts, strict=True))
        + ".",
        shapes=shapes,
        across=date_ticks(book.dates[take]),
        up=scale.ticks("pct"),
        zero=scale.zero,
    )
    last, most = share[-1], np.abs(share).max(axis=0)
    lines = [(book.assets[c], float(mean[c]), float(most[c]), float(last[c])) for c in order]
    kept, note = shown(lines, ASSETS, "assets", "positions.parquet")
    columns = (
        ("Asset", "text"),
        ("Mean |weight|", "pct"),
        ("Largest |weight|", "pct"),
        ("At the end", "pct"),
    )
    lead = f"At closes, drawn at {every}. What is missing to 100% is cash."
    return Section(
        "weights", title, lead, (chart, Table("weights", "Weights by asset", columns, kept, note))
    )


def _stack(parts: list[Array], labels: list[str]) -> tuple[tuple[Shape, ...], Scale]:
    """Stack longs upwards and shorts downwards from zero."""
    up, down = np.zeros(len(parts[0])), np.zeros(len(parts[0]))
    bands = []
    for number, (values, label) in enumerate(zip(parts, labels, strict=True)):
        color = f"a{number}" if number < LARGEST else "rest"
        for part, side in ((np.maximum(values, 0.0), "up"), (np.minimum(values, 0.0), "down")):
            if not part.any():
                continue
            low = up if side == "up" else down
            high = low + part
            up, down = (high, down) if side == "up" else (up, high)
            bands.append((label, color, high, low))
    scale = scale_of([up, down], zero=True)
    return tuple(
        Shape(label, color, area(high, low, scale), "area") for label, color, high, low in bands
    ), scale


def _exposure(book: Book) -> Section:
    nav = book.result.nav
    if not book.value.any():
        return Section(
            "exposure",
            "Exposure",
            missing="Nothing was ever held, so gross and net exposure are 0.",
        )
    gross, net = (nav[name].to_numpy(dtype=np.float64)[book.closing] for name in ("gross", "net"))
    scale = scale_of([gross, net], zero=True)
    same = bool(np.allclose(gross, net, rtol=0.0, atol=1e-12))
    shapes = [] if same else [Shape("net", "bench", line(net, scale))]
    shapes.append(Shape("gross and net" if same else "gross", "run", line(gross, scale)))
    chart = Chart(
        title="Gross and net exposure, fractions of NAV",
        text=f"Gross is {gross.mean():.1%} on average and {gross.max():.1%} at most; net "
        f"{net.mean():.1%}.",
        shapes=tuple(shapes),
        across=date_ticks(book.dates),
        up=scale.ticks("pct"),
        zero=scale.zero,
    )
    stale = int(book.result.positions["stale"].sum())
    lead = "Sum of |position| and sum of positions over NAV, at closes."
    if stale:
        lead += f" {stale:,} marks are at an older price, because the asset had no bar then."
    return Section("exposure", "Exposure", lead, (chart,))


def _contribution(book: Book) -> Section:
    title = "Contribution by asset"
    if not len(book.assets):
        return Section(
            "contribution", title, missing="Nothing was held or traded, so nothing contributed."
        )
    profit, start = book.profit.sum(axis=0), float(book.nav[0])
    costs = (book.commission + book.slippage).sum(axis=0)
    held = (book.value != 0.0).sum(axis=0)
    order = np.argsort(-profit, kind="stable")
    total = float(book.nav[-1] - book.nav[0])
    most = float(np.abs(profit).max()) or 1.0
    half = ASSETS // 2
    ends = order if len(order) <= ASSETS else np.concatenate([order[:half], order[-half:]])
    rows: list[list[object]] = [
        [
            book.assets[c],
            Cell(float(profit[c]), "money", bar=float(profit[c] / most)),
            float(profit[c] / start),
            float(costs[c]),
            int(held[c]),
        ]
        for c in ends
    ]
    rest = np.setdiff1d(order, ends)
    if len(rest):
        rows.insert(
            half,
            [
                f"{len(rest)} others between them",
                float(profit[rest].sum()),
                float(profit[rest].sum() / start),
                float(costs[rest].sum()),
                int(held[rest].max()),
            ],
        )
    gap = total - float(profit.sum())
    if abs(gap) > 1e-6 * max(1.0, abs(start)):
        rows.append(["Interest on cash, and rounding", gap, gap / start, 0.0, None])
    rows.append([Cell("All", look="sum"), total, total / start, float(costs.sum()), None])
    columns = (
        ("Asset", "text"),
        ("Profit after costs, money", "money"),
        ("Of the NAV at the start", "pct"),
        ("Costs, money", "money"),
        ("Bars held", "count"),
    )
    note = "" if not len(rest) else f"The best and the worst {half} assets are shown by name."
    lead = "Change of value less what was paid, plus income, commissions and slippage taken off: adds up to the NAV."
    return Section(
        "contribution",
        title,
        lead,
        (Table("contribution", "Profit by asset", columns, rows, note),),
    )


def trades_section(book: Book) -> Section:
    """Return the section of holdings from nothing to nothing."""
    trades, title = book.trades, "Trades"
    if not trades:
        return Section(
            "trades",
            title,
            missing="No asset was ever held over a close, so there is no trade to list.",
        )
    largest = sorted(trades, key=lambda trade: -abs(trade.profit))
    kept, note = shown(
        largest,
        TRADES,
        "trades, the largest gains and losses,",
        "fills.parquet and positions.parquet",
    )
    ordered = sorted(kept, key=lambda trade: (trade.first, trade.asset))
    rows = [_trade_row(book, trade) for trade in ordered]
    columns = (
        ("Asset", "text"),
        ("Side", "text"),
        ("Opened", "text"),
        ("Closed", "text"),
        ("Bars held", "count"),
        ("Profit, money", "money"),
        ("Profit, of NAV", "pct"),
        ("Best on the way, of NAV", "pct"),
        ("Worst on the way, of NAV", "pct"),
    )
    lead = (
        "A trade is one holding from nothing to nothing, whatever was bought and sold in between. "
        "Profit is after "
        "costs. Best and worst are the largest gain and loss on the way, at closes; all over the "
        "NAV before the trade."
    )
    table = Table("trades", "Trades", columns, rows, note, search=True)
    return Section("trades", title, lead, (_trade_numbers(trades), table))


def _trade_row(book: Book, trade: Trade) -> tuple[object, ...]:
    closed = "still held" if trade.open else f"{book.index[trade.last]:%Y-%m-%d}"
    return (
        trade.asset,
        trade.side,
        f"{book.index[trade.first]:%Y-%m-%d}",
        closed,
        trade.last - trade.first,
        trade.profit,
        trade.profit / trade.nav,
        trade.best / trade.nav,
        trade.worst / trade.nav,
    )


def _trade_numbers(trades: tuple[Trade, ...]) -> Table:
    profit = np.array([trade.profit for trade in trades])
    bars = np.array([trade.last - trade.first for trade in trades])
    won, lost = profit[profit > 0.0], profit[profit < 0.0]
    rows = [
        ("Trades", Cell(len(trades), "count")),
        ("Still held at the end", Cell(sum(trade.open for trade in trades), "count")),
        ("Trades with a gain", Cell(float((profit > 0.0).mean()), "pct")),
        ("Mean gain, money", Cell(float(won.mean()) if len(won) else None, "money")),
        ("Mean loss, money", Cell(float(lost.mean()) if len(lost) else None, "money")),
        ("Gains over losses", Cell(float(won.sum() / -lost.sum()) if len(lost) else None, "ratio")),
        ("Median bars held", Cell(float(np.median(bars)), "count")),
    ]
    return Table(
        "trade-numbers", "All trades in numbers", (("Number", "text"), ("Value", "ratio")), rows
    )
