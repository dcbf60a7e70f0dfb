"""The sheets of what was held and traded: positions, transactions, round trips."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from bt_run_plugins.figures.pages import Panel, new_page, panel_page, text_table
from bt_run_plugins.reports.tear_sheet.inputs import SheetInput
from bt_run_plugins.reports.tear_sheet.returns_panels import date_numbers, histogram
from bt_run_plugins.reports.tear_sheet.trading_panels import (
    Holdings,
    concentration,
    exposures,
    holdings_of,
    largest_holdings,
    leverage,
    lifetimes,
    money_traded,
    number_of_holdings,
    sides,
    time_of_trades,
    turnover,
    turnover_by_day,
)
from bt_run_plugins.reports.tear_sheet.trip_statistics import trip_rows

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TRIPS_DRAWN = 1500  # lines on one panel
BINS = 30
SECONDS_OF_A_DAY = 86400
NAMED = 6  # assets with the best and with the worst round trips


def positions_sheet(given: SheetInput) -> Iterator[Figure]:
    """Yield the pages of the positions sheet."""
    held = holdings_of(given.positions)
    yield _exposure_page(held)
    yield _holdings_page(given, held)


def _exposure_page(held: Holdings) -> Figure:
    panels = [
        Panel("Exposure, fraction of NAV", partial(_on, exposures, held), (0, 0, 0, 0)),
        Panel(
            "Largest holdings, fraction of NAV",
            partial(_on, largest_holdings, held),
            (0, 0, 1, 1),
        ),
        Panel(
            "Largest and median position, fraction of NAV",
            partial(_on, concentration, held),
            (1, 1, 0, 0),
        ),
        Panel("Gross leverage", partial(_on, leverage, held), (1, 1, 1, 1)),
    ]
    return panel_page("Positions", (2, 2), panels)


def _on(draw: Callable[[Axes, Holdings], None], held: Holdings, axes: Axes) -> None:
    draw(axes, held)


def _holdings_page(given: SheetInput, held: Holdings) -> Figure:
    number = Panel(
        "Number of holdings",
        lambda axes: number_of_holdings(axes, held, given.positions.index),
        (0, 0, 0, 0),
    )
    both = Panel(
        "Number of long and short holdings", partial(_on, sides, held), (0, 0, 1, 1)
    )
    page = panel_page("Holdings", (2, 2), [number, both])
    longs, shorts = held.tops()
    for x, title, top in (
        (0.07, "Largest long holdings", longs),
        (0.54, "Largest short holdings", shorts),
    ):
        rows = [[title, "at most"]]
        for name, value in top.items():
            rows.append([name, f"{value:.2%}"])
        if len(rows) > 1:
            text_table(page, (x, 0.45), rows, (0.25, 0.1))
    return page


def transactions_sheet(given: SheetInput) -> Figure:
    """Return the page of the transactions sheet."""
    # the build-up trades the whole account on one day, and nothing could be seen beside it
    first = given.transactions.index.min()
    later = given.transactions[given.transactions.index > first]
    title = f"Transactions after the build-up of the portfolio on {first:%Y-%m-%d}"
    if later.empty:
        later = given.transactions
        title = "Transactions: the build-up of the portfolio alone"
    daily = turnover_by_day(later, given.positions.sum(axis=1))
    begin, *_, end = date_numbers(given.positions.index)
    panels = [
        Panel(
            "Turnover by day, two way, % of NAV",
            lambda axes: turnover(axes, daily, begin, end),
            (0, 0, 0, 0),
        ),
        Panel(
            "Money traded by day",
            lambda axes: money_traded(axes, later, begin, end),
            (0, 0, 1, 1),
        ),
        Panel(
            "Turnover of days with trades, two way",
            lambda axes: _turnover_distribution(axes, daily),
            (1, 1, 0, 0),
            dates=False,
        ),
        Panel(
            "Trades by time of day, New York",
            lambda axes: time_of_trades(axes, given.transactions),
            (1, 1, 1, 1),
            None if given.intraday else "daily bars: trades have no time of day",
            dates=False,
        ),
    ]
    return panel_page(title, (2, 2), panels)


def _turnover_distribution(axes: Axes, daily: pd.Series[float]) -> None:
    turned = np.asarray(daily, dtype=np.float64)
    histogram(axes, turned[turned > 0.0], BINS)
    axes.set(xlabel="fraction of NAV", ylabel="days")


def round_trip_sheet(given: SheetInput) -> Iterator[Figure]:
    """Yield the pages of the round-trip sheet."""
    yield _round_trip_page(given.trips)
    yield _round_trip_statistics(given.trips)


def _round_trip_page(trips: pd.DataFrame) -> Figure:
    drawn = trips.tail(TRIPS_DRAWN)
    cut = "" if len(drawn) == len(trips) else f", the last {TRIPS_DRAWN:,}"
    days = trips["duration"].dt.total_seconds() / SECONDS_OF_A_DAY
    opened = Panel(
        f"When trades were open{cut}",
        lambda axes: lifetimes(axes, drawn),
        (0, 1, 0, 2),
        thickest=5.0,
    )
    profit = Panel(
        "Profit of a trade",
        _distribution(trips["pnl"], "account's currency"),
        (2, 2, 0, 0),
        dates=False,
    )
    held = Panel(
        "Days held",
        _distribution(days, "calendar days"),
        (2, 2, 1, 1),
        dates=False,
    )
    returns = Panel(
        "Return of a trade",
        _distribution(100 * trips["rt_returns"], "% of the most money held"),
        (2, 2, 2, 2),
        dates=False,
    )
    return panel_page("Round trips", (3, 3), [opened, profit, held, returns])


def _distribution(values: pd.Series[float], label: str) -> Callable[[Axes], object]:
    def draw(axes: Axes) -> None:
        histogram(axes, np.asarray(values, dtype=np.float64), BINS)
        axes.axvline(0.0, color="black", lw=0.8)
        axes.set(xlabel=label, ylabel="round trips")

    return draw


def _round_trip_statistics(trips: pd.DataFrame) -> Figure:
    days = trips["duration"].dt.total_seconds() / SECONDS_OF_A_DAY
    timed = trips.assign(days=days)
    page = new_page("Round trips: statistics")
    page.text(
        0.07,
        0.905,
        "A trade is one holding from nothing to nothing, as on the page: after all costs, income "
        "included. What is still held is closed at the last price.",
        size=8,
        style="italic",
    )
    blocks = (
        ("summary", "Number", 0.07, 0.87, _count_text),
        ("pnl", "Profit, money", 0.07, 0.68, _money_text),
        ("duration", "Time held", 0.07, 0.38, _span_text),
        ("returns", "Return, % of NAV", 0.525, 0.87, _percent_text),
    )
    for key, title, x, y, form in blocks:
        heads, rows = trip_rows(timed, key, form)
        widths = [0.17] + [0.085] * len(heads)
        text_table(page, (x, y), [[title, *heads], *rows], widths)
    text_table(page, (0.525, 0.62), _profit_rows(trips), (0.17, 0.12, 0.12))
    return page


def _profit_rows(trips: pd.DataFrame) -> list[list[str]]:
    total = trips["pnl"].sum()
    earned = trips.groupby("symbol")["pnl"].sum().sort_values(ascending=False)
    title = "Profit by asset"
    if len(earned) > 2 * NAMED:
        ends = [*range(NAMED), *range(-NAMED, 0)]
        earned = earned.iloc[ends]
        title = f"Profit by asset, best and worst {NAMED}"
    rows = [[title, "money", "of the total"]]
    for name, value in earned.items():
        of_total = f"{value / total:.1%}" if total else "n/a"
        rows.append([str(name), f"{value:,.0f}", of_total])
    return rows


def _count_text(value: float) -> str:
    return f"{value:,.0f}"


def _money_text(value: float) -> str:
    return f"{value:z,.2f}"


def _percent_text(value: float) -> str:
    return f"{100 * value:z,.3f}%"


def _span_text(days: float) -> str:
    if days >= 3:
        return f"{days:,.0f} days"
    return f"{24 * days:,.1f} hours"
