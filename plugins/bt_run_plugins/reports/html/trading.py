"""Sections about trading: turnover and costs, target against achieved, decisions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bt_run import Array
from bt_run_plugins.page.parts import Cell, Section, Table, shown
from bt_run_plugins.page.svg import Chart, Shape, bars, date_ticks, group_ticks, line, scale_of
from bt_run_plugins.reports.html.book import Book

if TYPE_CHECKING:
    import pandas as pd

Rows = NDArray[np.intp]
ASSETS = 20
DECISIONS = 600
GAPS = 10
REASONS = 3
CLASSIC = "A Backtrader strategy placed its own orders (classic mode), so the run has no decisions."


def trading_sections(book: Book) -> Iterator[Section]:
    """Yield the sections in the order of the page."""
    yield _costs(book)
    yield _achieved(book)
    yield _decisions(book)


def _costs(book: Book) -> Section:
    title = "Turnover and costs"
    if not book.traded.any():
        return Section("costs", title, missing="No order was filled: turnover and costs are 0.")
    turnover = book.traded.sum(axis=1) / book.before
    spent = [part.sum(axis=1) for part in (book.commission, book.slippage)]
    years = np.unique(book.years)
    sessions = np.array([(book.years[book.closing[1:]] == year).sum() for year in years])
    sums = [np.array([v[book.years == year].sum() for year in years]) for v in (turnover, *spent)]
    mean = [
        float(book.nav[book.closing][book.years[book.closing] == year].mean()) for year in years
    ]
    rows: list[tuple[Any, ...]] = [
        (str(y), float(t / 2), float(t), float(c), float(s), float(c + s), float(1e4 * (c + s) / m))
        for y, t, c, s, m in zip(years, *sums, mean, strict=True)
    ]
    total = book.result.metrics
    years_run = total["years"]["run"] or 0.0
    all_two = float(turnover.sum())
    cost = [float(total[name]["run"] or 0.0) for name in ("commission", "slippage", "costs")]
    whole = (
        float(book.nav[book.closing][1:].mean()) if len(book.closing) > 1 else float(book.nav[0])
    )
    rows.append((Cell("All", look="sum"), all_two / 2, all_two, *cost, 1e4 * cost[2] / whole))
    columns = (
        ("Year", "text"),
        ("Turnover, one way", "pct"),
        ("Turnover, two way", "pct"),
        ("Commission, money", "money"),
        ("Slippage, money", "money"),
        ("Costs, money", "money"),
        ("Costs of mean NAV", "bps"),
    )
    scale = scale_of([sums[0] / 2], zero=True)
    chart = Chart(
        title="Turnover by year, one way, of NAV",
        text=f"{all_two / 2:.1%} of NAV in all over {years_run:.1f} years.",
        shapes=(Shape("run", "run", bars(sums[0] / 2, scale), "bars"),),
        across=group_ticks([str(year) for year in years]),
        up=scale.ticks("pct"),
    )
    lead = (
        "Two way counts |shares| x price without slippage over the NAV at the close before; one "
        "way is half. The "
        f"first build-up is in it. The years hold {int(sessions.min())} to {int(sessions.max())} "
        "sessions."
    )
    return Section(
        "costs",
        title,
        lead,
        (
            chart,
            Table("costs-by-year", "Turnover and costs by year", columns, rows),
            _costs_by_asset(book),
        ),
    )


def _costs_by_asset(book: Book) -> Table:
    traded, commission, slippage = (
        v.sum(axis=0) for v in (book.traded, book.commission, book.slippage)
    )
    order = np.argsort(-traded, kind="stable")

    def row(name: str, columns: Any) -> list[object]:
        parts = [float(values[columns].sum()) for values in (traded, commission, slippage)]
        return [
            name,
            *parts,
            parts[1] + parts[2],
            1e4 * (parts[1] + parts[2]) / parts[0] if parts[0] else None,
        ]

    rows = [row(book.assets[c], [c]) for c in order[:ASSETS]]
    if len(order) > ASSETS:
        rows.append(row(f"{len(order) - ASSETS} others", order[ASSETS:]))
    columns = (
        ("Asset", "text"),
        ("Traded, money", "money"),
        ("Commission, money", "money"),
        ("Slippage, money", "money"),
        ("Costs, money", "money"),
        ("Costs of what was traded", "bps"),
    )
    return Table("costs-by-asset", "Costs by asset", columns, rows)


def _achieved(book: Book) -> Section:
    import pandas as pd

    title = "Target against achieved"
    decisions, fills = book.result.decisions, book.result.fills
    if not len(decisions):
        if not len(fills):
            return Section("achieved", title, missing=CLASSIC)
        return Section("achieved", title, CLASSIC, (_orders(fills),))
    index = book.index
    fired = decisions[decisions["fired"]]
    at = index.get_indexer(pd.DatetimeIndex(fired["time"])) + 1
    fired, at = fired[at < len(index)], at[at < len(index)]
    if not len(fired):
        return Section(
            "achieved",
            title,
            missing="No decision was traded, so there is no target to compare with.",
        )
    held = book.weights_at(at, fired["asset"].to_numpy(dtype=object))
    target = fired["target"].to_numpy(dtype=np.float64)
    gap = held - target
    rows, where = np.unique(at, return_inverse=True)
    apart = np.zeros(len(rows))
    np.add.at(apart, where, np.abs(gap) / 2)
    chart = _gap_chart(book, rows, apart)
    worst = np.argsort(-np.abs(gap), kind="stable")[:GAPS]
    why = _fill_reasons(fills)
    lines = []
    for row in worst:
        day, asset = fired["time"].iloc[row], str(fired["asset"].iloc[row])
        reason = why.get(
            (day, asset), "prices moved between the decision and the close after the fill"
        )
        lines.append(
            (
                f"{day:%Y-%m-%d}",
                asset,
                float(target[row]),
                float(held[row]),
                float(gap[row]),
                reason,
            )
        )
    heads = (
        ("Decided", "text"),
        ("Asset", "text"),
        ("Target", "pct"),
        ("Achieved", "pct"),
        ("Gap", "pct"),
    )
    table = Table("gaps", f"The {len(lines)} largest gaps", (*heads, ("Why", "text")), lines)
    lead = (
        "The weight that a decision asked for, beside the weight at the close of the bar on which "
        "it filled. "
        "Prices move between the two, so a small gap is usual; unfilled orders say why."
    )
    return Section(
        "achieved", title, lead, (chart, table, *([_orders(fills)] if len(fills) else []))
    )


def _gap_chart(book: Book, rows: Rows, apart: Array) -> Chart:
    scale = scale_of([apart], zero=True)
    places = book.index[rows]
    return Chart(
        title="Half the sum of |achieved - target| after each traded decision, of NAV",
        text=f"{len(rows)} traded decisions; {apart.mean():.3%} on average and {apart.max():.2%} "
        "at most.",
        shapes=(Shape("run", "run", line(apart, scale)),),
        across=date_ticks(places),
        up=scale.ticks("pct"),
    )


def _fill_reasons(fills: pd.DataFrame) -> dict[tuple[Any, str], str]:
    """Return (time of the decision, asset) -> why less was filled than asked."""
    told = fills[fills["reason"].notna() & fills["decided_at"].notna()]
    return {
        (t, str(a)): str(r)
        for t, a, r in zip(told["decided_at"], told["asset"], told["reason"], strict=True)
    }


def _orders(fills: pd.DataFrame) -> Table:
    """Count the orders by what became of them."""
    reason = fills["reason"].fillna("filled as asked")
    frame = fills.assign(
        reason=reason, ratio=(fills["filled"] / fills["asked"]).where(fills["asked"] != 0.0)
    )
    rows = [
        (str(name), len(own), float(own["ratio"].mean()) if own["ratio"].notna().any() else None)
        for name, own in frame.groupby("reason", sort=False)
    ]
    rows.sort(key=lambda row: (-row[1], row[0]))
    columns = (("Reason", "text"), ("Orders", "count"), ("Filled of asked, mean", "pct"))
    return Table("orders", "Orders by what became of them", columns, rows)


def _decisions(book: Book) -> Section:
    import pandas as pd

    title, table = "Decisions", book.result.decisions
    if not len(table):
        return Section("decisions", title, missing=CLASSIC)

    stamps = pd.DatetimeIndex(table["time"]).tz_localize(None).to_numpy()
    times, starts = np.unique(stamps, return_index=True)
    drifted, target = (table[name].to_numpy(dtype=np.float64) for name in ("drifted", "target"))
    fired = table["fired"].to_numpy(dtype=bool)
    change = np.where(fired, target - drifted, 0.0)
    sums = {
        "before": np.add.reduceat(np.abs(drifted), starts),
        "after": np.add.reduceat(np.where(fired, np.abs(target), np.abs(drifted)), starts),
        "one_way": np.add.reduceat(np.abs(change), starts) / 2,
        "names": np.add.reduceat((change != 0.0).astype(float), starts),
    }
    reasons = _reasons(table, starts)
    rows = [
        (
            _moment(times[row]),
            "traded" if sums["names"][row] else "kept",
            int(sums["names"][row]),
            float(sums["before"][row]),
            float(sums["after"][row]),
            float(sums["one_way"][row]),
            reasons[row],
        )
        for row in range(len(times))
    ]
    newest = rows[::-1]
    kept, note = shown(newest, DECISIONS, "decisions, the newest,", "decisions.parquet")
    columns = (
        ("Decided", "text"),
        ("Result", "text"),
        ("Assets traded", "count"),
        ("Gross before", "pct"),
        ("Gross asked", "pct"),
        ("Turnover asked, one way", "pct"),
        ("Reason", "text"),
    )
    done = int((sums["names"] > 0).sum())
    lead = (
        f"{len(times):,} decisions, {done:,} of them traded. The command bt-run explain takes one "
        "apart, from the "
        "signal to the fill."
    )
    parts = (
        Table("decisions", "Decisions, newest first", columns, kept, note, search=True),
        _last(table),
    )
    return Section("decisions", title, lead, parts)


def _reasons(table: pd.DataFrame, starts: Rows) -> list[str]:
    """Return the reasons of each decision, the most frequent first, with the number of assets."""
    import pandas as pd

    codes, words = pd.factorize(table["reason"])
    ends = np.append(starts[1:], len(codes)).astype(int)
    out = []
    for first, end in zip(starts.astype(int), ends, strict=True):
        found, counts = np.unique(codes[first:end], return_counts=True)
        order = np.argsort(-counts, kind="stable")
        told = [
            f"{words[found[n]]} ({counts[n]})" if len(found) > 1 else str(words[found[n]])
            for n in order[:REASONS]
        ]
        out.append(
            "; ".join(told) + (f"; {len(found) - REASONS} more" if len(found) > REASONS else "")
        )
    return out


def _last(table: pd.DataFrame) -> Table:
    """Show the newest decision asset by asset, each stage in its column."""
    last = table[table["time"] == table["time"].iloc[-1]]
    stages = [str(name) for name in table.columns[3 : list(table.columns).index("target")]]
    order = last.reindex(last["target"].abs().sort_values(ascending=False, kind="stable").index)
    rows = [
        (
            str(row["asset"]),
            *(float(row[name]) for name in ("signal", *stages, "target", "drifted")),
            str(row["reason"]),
        )
        for _, row in order.head(ASSETS * 2).iterrows()
    ]
    note = (
        f"{len(rows)} of {len(last)} assets are shown; all are in decisions.parquet."
        if len(rows) < len(last)
        else ""
    )
    columns = (
        ("Asset", "text"),
        ("Signal", "ratio"),
        *((name.replace("_", " "), "pct") for name in stages),
        ("Target", "pct"),
        ("Weight before", "pct"),
        ("Reason", "text"),
    )
    return Table(
        "last-decision",
        f"The decision of {_moment(last['time'].iloc[0])} by asset",
        columns,
        rows,
        note,
    )


def _moment(time: Any) -> str:
    """Write a time: the date alone when it stands for a whole session."""
    import pandas as pd

    stamp = pd.Timestamp(time)
    return f"{stamp:%Y-%m-%d}" if stamp == stamp.normalize() else f"{stamp:%Y-%m-%d %H:%M}"
