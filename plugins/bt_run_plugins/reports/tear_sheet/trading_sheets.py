"""pyfolio's sheets of what was held and traded: positions, transactions, round trips."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from bt_run_plugins.figures.pages import Panel, new_page, panel_page, text_table
from bt_run_plugins.reports.tear_sheet.inputs import SheetInput

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
    from pyfolio import pos

    share = pos.get_percent_alloc(given.positions)
    yield _exposure_page(given, share)
    yield _holdings_page(given, share)


def _exposure_page(given: SheetInput, share: pd.DataFrame) -> Figure:
    from pyfolio import plotting

    returns = given.returns
    positions = given.positions
    exposure = Panel(
        "Exposure, fraction of NAV",
        lambda axes: plotting.plot_exposures(returns, positions, ax=axes),
        (0, 0, 0, 0),
    )
    largest = Panel(
        "Largest holdings, fraction of NAV",
        lambda axes: plotting.show_and_plot_top_positions(
            returns,
            share,
            show_and_plot=0,
            legend_loc="center left",
            ax=axes,
        ),
        (0, 0, 1, 1),
    )
    concentration = Panel(
        "Largest and median position, fraction of NAV",
        lambda axes: plotting.plot_max_median_position_concentration(
            positions, ax=axes
        ),
        (1, 1, 0, 0),
    )
    leverage = Panel(
        "Gross leverage",
        lambda axes: plotting.plot_gross_leverage(returns, positions, ax=axes),
        (1, 1, 1, 1),
    )
    return panel_page("Positions", (2, 2), [exposure, largest, concentration, leverage])


def _holdings_page(given: SheetInput, share: pd.DataFrame) -> Figure:
    from pyfolio import plotting, pos

    returns = given.returns
    number = Panel(
        "Number of holdings",
        lambda axes: plotting.plot_holdings(returns, share, ax=axes),
        (0, 0, 0, 0),
    )
    sides = Panel(
        "Number of long and short holdings",
        lambda axes: plotting.plot_long_short_holdings(returns, share, ax=axes),
        (0, 0, 1, 1),
    )
    page = panel_page("Holdings", (2, 2), [number, sides])
    longs, shorts, _ = pos.get_top_long_short_abs(share)
    for x, title, top in (
        (0.07, "Largest long holdings", longs),
        (0.54, "Largest short holdings", shorts),
    ):
        rows = [[title, "at most"]]
        for name, value in top.items():
            rows.append([str(name), f"{value:.2%}"])
        if len(rows) == 1:
            rows = [[title, "none"]]
        text_table(page, (x, 0.45), rows, (0.25, 0.1))
    return page


def transactions_sheet(given: SheetInput) -> Figure:
    """Return the page of the transactions sheet."""
    from pyfolio import plotting

    # the build-up trades the whole account on one day, and nothing could be seen beside it
    first = given.transactions.index.min()
    later = given.transactions[given.transactions.index > first]
    title = f"Transactions after the build-up of the portfolio on {first:%Y-%m-%d}"
    if later.empty:
        later = given.transactions
        title = "Transactions: the build-up of the portfolio alone"
    turnover = Panel(
        "Turnover by day, two way, % of NAV",
        lambda axes: _turnover(given, later, axes),
        (0, 0, 0, 0),
    )
    money = Panel(
        "Money traded by day",
        lambda axes: _money_traded(given, later, axes),
        (0, 0, 1, 1),
    )
    distribution = Panel(
        "Turnover of days with trades, two way",
        lambda axes: _turnover_distribution(given, later, axes),
        (1, 1, 0, 0),
        dates=False,
    )
    times = Panel(
        "Trades by time of day, New York",
        lambda axes: plotting.plot_txn_time_hist(
            given.transactions,
            bin_minutes=30,
            ax=axes,
        ),
        (1, 1, 1, 1),
        None if given.intraday else "daily bars: trades have no time of day",
        dates=False,
    )
    return panel_page(title, (2, 2), [turnover, money, distribution, times])


def _turnover(
    given: SheetInput,
    transactions: pd.DataFrame,
    axes: Axes,
) -> None:
    from matplotlib.ticker import PercentFormatter
    from pyfolio import plotting

    plotting.plot_turnover(
        given.returns,
        transactions,
        given.positions,
        turnover_denom="portfolio_value",
        ax=axes,
    )
    axes.autoscale(axis="y")
    axes.yaxis.set_major_formatter(PercentFormatter(1.0))


def _turnover_distribution(
    given: SheetInput,
    transactions: pd.DataFrame,
    axes: Axes,
) -> None:
    from pyfolio import txn

    daily = txn.get_turnover(given.positions, transactions, "portfolio_value")
    traded = daily[daily > 0.0].to_numpy()
    axes.hist(traded, bins=BINS, color="steelblue", alpha=0.8)
    axes.set(xlabel="fraction of NAV", ylabel="days")


def _money_traded(
    given: SheetInput,
    transactions: pd.DataFrame,
    axes: Axes,
) -> None:
    from matplotlib.ticker import StrMethodFormatter
    from pyfolio import txn

    daily = txn.get_txn_vol(transactions)["txn_volume"]
    axes.vlines(daily.index, 0.0, daily.to_numpy(), color="steelblue", lw=0.8)
    axes.set_xlim(given.positions.index[0], given.positions.index[-1])
    axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    axes.set_ylabel("account's currency")


def round_trip_sheet(given: SheetInput) -> Iterator[Figure]:
    """Yield the pages of the round-trip sheet."""
    yield _round_trip_page(given.trips)
    yield _round_trip_statistics(given.trips)


def _round_trip_page(trips: pd.DataFrame) -> Figure:
    drawn = trips.tail(TRIPS_DRAWN)
    cut = "" if len(drawn) == len(trips) else f", the last {TRIPS_DRAWN:,}"
    days = trips["duration"].dt.total_seconds() / SECONDS_OF_A_DAY
    lifetimes = Panel(
        f"When trades were open{cut}",
        lambda axes: _lifetimes(drawn, axes),
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
    return panel_page("Round trips", (3, 3), [lifetimes, profit, held, returns])


def _lifetimes(trips: pd.DataFrame, axes: Axes) -> None:
    from pyfolio import plotting

    state = np.random.get_state()  # pyfolio seeds numpy for everybody
    try:
        plotting.plot_round_trip_lifetimes(trips, lsize=5, ax=axes)
    finally:
        np.random.set_state(state)
    legend = axes.get_legend()
    if legend is None:
        return
    marks = [mark for mark in legend.legend_handles if mark is not None]
    # off the lowest bars
    axes.legend(
        handles=marks,
        frameon=False,
        loc="lower right",
        bbox_to_anchor=(1, 1),
        ncols=2,
    )


def _distribution(values: pd.Series[float], label: str) -> Callable[[Axes], object]:
    def draw(axes: Axes) -> None:
        numbers = values.to_numpy(dtype=np.float64)
        axes.hist(numbers, bins=BINS, color="steelblue", alpha=0.8)
        axes.axvline(0.0, color="black", lw=0.8)
        axes.set(xlabel=label, ylabel="round trips")

    return draw


def _round_trip_statistics(trips: pd.DataFrame) -> Figure:
    from pyfolio import round_trips as pyfolio_trips

    stats = pyfolio_trips.gen_round_trip_stats(trips)
    stats["summary"].loc["Percent profitable"] *= 100
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
        table = stats[key]
        widths = [0.17] + [0.085] * table.shape[1]
        text_table(page, (x, y), _block_rows(title, table, form), widths)
    text_table(page, (0.525, 0.62), _profit_rows(trips), (0.17, 0.12, 0.12))
    return page


def _block_rows(
    title: str,
    table: pd.DataFrame,
    form: Callable[..., str],
) -> list[list[str]]:
    """Return a table of pyfolio's as text; what is not defined differs from itself."""
    rows = [[title, *(str(name).lower() for name in table.columns)]]
    for name, *values in table.itertuples(name=None):
        texts = ["n/a" if value != value else form(value) for value in values]
        rows.append([str(name).replace("_", " "), *texts])
    return rows


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


def _span_text(time: pd.Timedelta) -> str:
    days = time.total_seconds() / SECONDS_OF_A_DAY
    if days >= 3:
        return f"{days:,.0f} days"
    return f"{24 * days:,.1f} hours"
