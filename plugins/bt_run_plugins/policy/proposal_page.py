"""The page of a proposal: what to trade and why, what it costs, what is better afterwards."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from bt_run.text import counted
from bt_run_plugins.page.parts import PageTable, Section
from bt_run_plugins.page.render import SCRIPT, STYLE, file_text, template
from bt_run_plugins.policy.limit_values import limit_words
from bt_run_plugins.policy.measures import Measures
from bt_run_plugins.policy.rebalancing import LimitLine, RebalanceResult

__all__ = ["page_of_proposal", "sentences_of"]

TRADES = (
    ("Name", "text"),
    ("Trade, shares", "shares"),
    ("Held", "shares"),
    ("Target", "shares"),
    ("Price", "price"),
    ("Weight now", "pct"),
    ("Weight then", "pct"),
    ("Cost", "money"),
    ("Why", "text"),
)
FIGURES = (("Figure", "text"), ("Before", "pct"), ("After", "pct"))
BY_SECTOR = (("Sector", "text"), *FIGURES[1:], ("Benchmark", "pct"))
LIMITS = (
    ("Limit", "text"),
    ("Value", "text"),
    ("Before", "ratio"),
    ("After", "ratio"),
    ("Slack", "text"),
    ("State", "text"),
)


def page_of_proposal(result: RebalanceResult, changes: tuple[str, ...] = ()) -> str:
    """Return the page of a proposal; ``changes`` are what another limit would have changed."""
    sections = [section for section in _sections(result, changes) if section.parts]
    return template("policy/proposal.html.j2").render(
        title=f"{result.portfolio_id} under {result.policy_id}",
        sentences=sentences_of(result),
        sections=sections,
        style=file_text(STYLE),
        script=file_text(SCRIPT),
    )


def sentences_of(result: RebalanceResult) -> list[str]:
    """Return the proposal in a few sentences."""
    told = [
        f"{counted(len(result.trades), 'trade')}, {result.total_turnover_pct:.2%} of the portfolio "
        f"two-way ({result.one_way_turnover_pct:.2%} one-way), for "
        f"{cents(result.estimated_total_cost)}; cash afterwards "
        f"{cents(result.cash_after)}.",
        f"Prices of pack {result.pricing_pack_id} as of {result.as_of}; policy {result.policy_id} "
        f"({result.policy_sha256[:12]}).",
    ]
    if result.te_before is not None and result.te_after is not None:
        told.append(
            f"Tracking error {result.te_before:.2%} before, {result.te_after:.2%} after, a year, "
            "ex ante."
        )
    if result.inherited:
        names = ", ".join(map(limit_words, result.inherited))
        told.append(f"The portfolio breaks these limits as it is: {names}.")
    if result.relaxed:
        gave = ", ".join(
            f"{name} to {value_text(value)}" for name, value in result.relaxed.items()
        )
        told.append(f"The limits contradict each other, and gave way: {gave}.")
    if result.conflict:
        told.append(result.conflict)
    told += [
        f"{line.limit} is missed by {line.missed:.6g}: {line.cause}."
        for line in result.limits
        if line.missed
    ]
    return told + list(result.notes)


def cents(money: Decimal) -> str:
    """Return an amount to the cent."""
    return f"{money:,.2f}"


def value_text(value: Any) -> str:
    """Return the value of a limit: a number, or the two ends of what is invested."""
    if isinstance(value, tuple):
        return " to ".join(f"{one:.6g}" for one in value)
    return f"{value:.6g}"


def _sections(result: RebalanceResult, changes: tuple[str, ...]) -> Iterator[Section]:
    yield Section(
        "trades", "Trades", "What to buy and sell, and why.", (_trades(result),)
    )
    yield Section(
        "figures",
        "Before and after",
        "Measured on the book in whole lots, after costs.",
        (_figures(result), _sectors(result)),
    )
    yield Section("limits", "Limits", "", (_limits(result), *_prices(result)))
    rows = [(one.symbol, one.weight_pct, one.reason) for one in result.left_alone]
    table = PageTable(
        "left",
        "Names left alone",
        (("Name", "text"), ("Weight", "pct"), ("Why", "text")),
        rows,
    )
    yield Section("left", "Left alone", "", (table,) if rows else ())
    what_if = PageTable(
        "what-if",
        "With the other limits",
        (("What changes", "text"),),
        [(text,) for text in changes],
    )
    yield Section("what-if", "What if", "", (what_if,) if changes else ())


def _trades(result: RebalanceResult) -> PageTable:
    rows = [
        (
            trade.symbol,
            float(trade.delta_shares),
            float(trade.current_shares),
            float(trade.target_shares),
            float(trade.price),
            trade.current_weight_pct,
            trade.target_weight_pct,
            float(trade.estimated_cost),
            trade.reason,
        )
        for trade in result.trades
    ]
    costs = result.costs
    note = (
        f"Costs: {cents(costs.commission)} commission, {cents(costs.impact)} market "
        "impact."
    )
    return PageTable("trades", "Trades", TRADES, rows, note=note)


def _figures(result: RebalanceResult) -> PageTable:
    rows: list[tuple[Any, ...]] = [
        (name, getattr(result.before, key), getattr(result.after, key))
        for name, key in (
            ("Tracking error, a year", "tracking_error"),
            ("Volatility, a year", "volatility"),
            ("Invested", "invested"),
            ("Cash", "cash"),
            ("Largest weight", "largest"),
            ("Weight below the quality", "below_quality"),
        )
    ]
    return PageTable("figures", "Figures", FIGURES, rows, note=_quality(result))


def _quality(result: RebalanceResult) -> str:
    before, after = result.before.quality, result.after.quality
    if before is None or after is None:
        return ""
    return f"Mean rating by weight: {before:.2f} before, {after:.2f} after."


def _sectors(result: RebalanceResult) -> PageTable:
    def of(measures: Measures, sector: str) -> float:
        return measures.sectors.get(sector, 0.0)

    names = sorted({*result.before.sectors, *result.benchmark_sectors})
    rows = [
        (
            sector,
            of(result.before, sector),
            of(result.after, sector),
            result.benchmark_sectors.get(sector),
        )
        for sector in names
    ]
    return PageTable("sectors", "Sectors", BY_SECTOR, rows)


def _limits(result: RebalanceResult) -> PageTable:
    rows = []
    for line in result.limits:
        rows.append(
            (
                line.limit,
                value_text(line.value),
                line.before,
                line.after,
                f"{line.slack:.6f}",
                _state(line),
            )
        )
    return PageTable("limits", "Limits", LIMITS, rows)


def _state(line: LimitLine) -> str:
    if line.missed:
        return f"missed by {line.missed:.6f}: {line.cause}"
    return "binds" if line.active else "kept"


def _prices(result: RebalanceResult) -> tuple[PageTable, ...]:
    rows = [(one.text,) for one in result.shadow_prices]
    if not rows:
        return ()
    return (
        PageTable(
            "prices", "What a looser limit would bring", (("Price", "text"),), rows
        ),
    )
