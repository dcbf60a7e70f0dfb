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


def positions_sheet(given: SheetInput) -> Iterator[Figure]:
    """Yield the pages of the positions sheet."""
    from pyfolio import plotting, pos

    returns, positions = given.returns, given.positions
    share = pos.get_percent_alloc(positions)
    yield panel_page(
        "Positions",
        (2, 2),
        [
            Panel(
                "Exposure, fraction of NAV",
                lambda axes: plotting.plot_exposures(returns, positions, ax=axes),
                (0, 0, 0, 0),
            ),
            Panel(
                "Largest holdings, fraction of NAV",
                lambda axes: plotting.show_and_plot_top_positions(
                    returns, share, show_and_plot=0, legend_loc="center left", ax=axes
                ),
                (0, 0, 1, 1),
            ),
            Panel(
                "Largest and median position, fraction of NAV",
                lambda axes: plotting.plot_max_median_position_concentration(positions, ax=axes),
                (1, 1, 0, 0),
            ),
            Panel(
                "Gross leverage",
                lambda axes: plotting.plot_gross_leverage(returns, positions, ax=axes),
                (1, 1, 1, 1),
            ),
        ],
    )
    yield _holdings_page(given, share)


def _holdings_page(given: SheetInput, share: pd.DataFrame) -> Figure:
    from pyfolio import plotting, pos

    returns = given.returns
    page = panel_page(
        "Holdings",
        (2, 2),
        [
            Panel(
                "Number of holdings",
                lambda axes: plotting.plot_holdings(returns, share, ax=axes),
                (0, 0, 0, 0),
            ),
            Panel(
                "Number of long and short holdings",
                lambda axes: plotting.plot_long_short_holdings(returns, share, ax=axes),
                (0, 0, 1, 1),
            ),
        ],
    )
    longs, shorts, _ = pos.get_top_long_short_abs(share)
    for x, title, top in (
        (0.07, "Largest long holdings", longs),
        (0.54, "Largest short holdings", shorts),
    ):
        rows = [[title, "at most"], *([str(name), f"{value:.2%}"] for name, value in top.items())]
        text_table(page, (x, 0.45), rows if len(rows) > 1 else [[title, "none"]], (0.25, 0.1))
    return page


def transactions_sheet(given: SheetInput) -> Figure:
    """Return the page of the transactions sheet."""
    from matplotlib.ticker import PercentFormatter, StrMethodFormatter
    from pyfolio import plotting, txn

    returns, positions = given.returns, given.positions
    # the build-up trades the whole account on one day, and nothing could be seen beside it
    first = given.transactions.index.min()
    later = given.transactions[given.transactions.index > first]
    title = f"Transactions after the build-up of the portfolio on {first:%Y-%m-%d}"
    if later.empty:
        later, title = given.transactions, "Transactions: the build-up of the portfolio alone"
    denominator = {"turnover_denom": "portfolio_value"}

    def turnover(axes: Axes) -> None:
        plotting.plot_turnover(returns, later, positions, **denominator, ax=axes)
        axes.autoscale(axis="y")
        axes.yaxis.set_major_formatter(PercentFormatter(1.0))

    def distribution(axes: Axes) -> None:
        daily = txn.get_turnover(positions, later, "portfolio_value")
        axes.hist(daily[daily > 0.0].to_numpy(), bins=30, color="steelblue", alpha=0.8)
        axes.set(xlabel="fraction of NAV", ylabel="days")

    def money(axes: Axes) -> None:
        daily = txn.get_txn_vol(later)["txn_volume"]
        axes.vlines(daily.index, 0.0, daily.to_numpy(), color="steelblue", lw=0.8)
        axes.set_xlim(positions.index[0], positions.index[-1])
        axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        axes.set_ylabel("account's currency")

    return panel_page(
        title,
        (2, 2),
        [
            Panel("Turnover by day, two way, % of NAV", turnover, (0, 0, 0, 0)),
            Panel("Money traded by day", money, (0, 0, 1, 1)),
            Panel("Turnover of days with trades, two way", distribution, (1, 1, 0, 0), dates=False),
            Panel(
                "Trades by time of day, New York",
                lambda axes: plotting.plot_txn_time_hist(
                    given.transactions, bin_minutes=30, ax=axes
                ),
                (1, 1, 1, 1),
                None if given.intraday else "daily bars: trades have no time of day",
                dates=False,
            ),
        ],
    )


def round_trip_sheet(given: SheetInput) -> Iterator[Figure]:
    """Yield the pages of the round-trip sheet."""
    from pyfolio import plotting

    trips = given.trips
    drawn = trips.tail(TRIPS_DRAWN)
    cut = "" if len(drawn) == len(trips) else f", the last {TRIPS_DRAWN:,}"
    won = int((trips["pnl"] > 0).sum())
    sided = (
        None
        if 0 < won < len(trips)
        else "every round trip " + ("won" if won else "lost or broke even")
    )
    days = trips["duration"].dt.total_seconds() / 86400
    yield panel_page(
        "Round trips",
        (3, 3),
        [
            Panel(
                f"When trades were open{cut}",
                lambda axes: _lifetimes(drawn, axes),
                (0, 1, 0, 2),
                thickest=5.0,
            ),
            Panel(
                "Chance that a trade wins",
                lambda axes: plotting.plot_prob_profit_trade(trips.copy(), ax=axes),
                (2, 2, 0, 0),
                sided,
                dates=False,
            ),
            Panel("Days held", _distribution(days, "calendar days"), (2, 2, 1, 1), dates=False),
            Panel(
                "Return of a trade",
                _distribution(100 * trips["rt_returns"], "% of the money put in"),
                (2, 2, 2, 2),
                dates=False,
            ),
        ],
    )
    yield _round_trip_statistics(trips)


def _lifetimes(trips: pd.DataFrame, axes: Axes) -> None:
    from pyfolio import plotting

    state = np.random.get_state()  # pyfolio seeds numpy for everybody
    try:
        plotting.plot_round_trip_lifetimes(trips, lsize=5, ax=axes)
    finally:
        np.random.set_state(state)
    legend = axes.get_legend()
    if legend is not None:  # off the lowest bars
        marks = [mark for mark in legend.legend_handles if mark is not None]
        axes.legend(handles=marks, frameon=False, loc="lower right", bbox_to_anchor=(1, 1), ncols=2)


def _distribution(values: pd.Series[float], label: str) -> Callable[[Axes], object]:
    def draw(axes: Axes) -> None:
        axes.hist(values.to_numpy(dtype=np.float64), bins=30, color="steelblue", alpha=0.8)
        axes.axvline(0.0, color="black", lw=0.8)
        axes.set(xlabel=label, ylabel="round trips")

    return draw


def _round_trip_statistics(trips: pd.DataFrame) -> Figure:
    from pyfolio import round_trips as pyfolio_trips

    stats = pyfolio_trips.gen_round_trip_stats(trips)
    won = stats["summary"].loc["Percent profitable"]
    stats["summary"].loc["Percent profitable"] = 100 * won
    page = new_page("Round trips: statistics")
    page.text(
        0.07,
        0.905,
        "Each closing trade against the shares bought or sold first; slippage included, "
        "commissions and"
        " dividends not. What is still held is closed at the last price.",
        size=8,
        style="italic",
    )
    blocks = (
        ("summary", "Number", 0.07, 0.87, lambda v: f"{v:,.0f}"),
        ("pnl", "Profit, money", 0.07, 0.68, lambda v: f"{v:z,.2f}"),
        ("duration", "Time held", 0.07, 0.38, _span),
        ("returns", "Return, % of NAV", 0.525, 0.87, lambda v: f"{100 * v:z,.3f}%"),
    )
    for key, title, x, y, form in blocks:
        table = stats[key]
        rows = [[title, *(str(name).lower() for name in table.columns)]]
        rows += [
            [str(name).replace("_", " "), *("n/a" if v != v else form(v) for v in values)]
            for name, *values in table.itertuples(name=None)
        ]
        text_table(page, (x, y), rows, (0.17, *[0.085] * table.shape[1]))
    total = trips["pnl"].sum()
    earned = trips.groupby("symbol")["pnl"].sum().sort_values(ascending=False)
    title = "Profit by asset"
    if len(earned) > 12:
        earned, title = earned.iloc[[*range(6), *range(-6, 0)]], "Profit by asset, best and worst 6"
    rows = [[title, "money", "of the total"]]
    rows += [
        [str(name), f"{value:,.0f}", f"{value / total:.1%}" if total else "n/a"]
        for name, value in earned.items()
    ]
    text_table(page, (0.525, 0.62), rows, (0.17, 0.12, 0.12))
    return page


def _span(time: pd.Timedelta) -> str:
    days = time.total_seconds() / 86400
    return f"{days:,.0f} days" if days >= 3 else f"{24 * days:,.1f} hours"
