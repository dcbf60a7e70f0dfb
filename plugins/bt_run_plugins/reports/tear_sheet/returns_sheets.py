"""pyfolio's sheets, drawn panel by panel on pages of our own: which apply, and the returns sheet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from bt_run import BacktestResult
from bt_run_plugins.figures.pages import Panel, new_page, panel_page, text_table
from bt_run_plugins.reports.tear_sheet.inputs import SheetInput, sheet_input
from bt_run_plugins.reports.tear_sheet.trading_sheets import (
    positions_sheet,
    round_trip_sheet,
    transactions_sheet,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


FEWEST = (
    5  # sessions below which distributions, and round trips below which statistics, say nothing
)
HALF_YEAR, YEAR = 126, 252  # sessions in pyfolio's rolling windows


@dataclass(frozen=True)
class Sheets:
    """Hold the pages that apply, and a line for each sheet that does not."""

    pages: tuple[Figure, ...]
    left_out: tuple[str, ...]


def draw_sheets(result: BacktestResult) -> Sheets:
    """Draw the returns, positions, transactions and round-trip sheets."""
    given = sheet_input(result)
    count = len(given.returns)
    if count < FEWEST:
        return Sheets(
            (), (f"no sheet applies: {count} sessions have a return, the sheets need {FEWEST}",)
        )
    pages, left_out = list(_returns_sheet(given)), []
    if _flat(given) is None:
        pages += [_drawdown_page(given), _calendar_page(given)]
    else:
        left_out.append("drawdowns, months and years: the NAV never moved")
    pages.append(_statistics_page(given))
    if given.positions.shape[1] > 1:
        pages += positions_sheet(given)
    else:
        left_out.append("positions sheet: nothing was ever held at a session's close")
    if len(given.transactions):
        pages.append(transactions_sheet(given))
    else:
        left_out.append("transactions sheet: no order was filled")
    if len(given.trips) >= FEWEST:
        pages += round_trip_sheet(given)
    else:
        left_out.append(
            f"round-trip sheet: {len(given.trips)} round trips were made, and statistics need "
            f"{FEWEST}"
        )
    return Sheets(tuple(pages), tuple(left_out))


# -- returns ---------------------------------------------------------------------------------------


def _returns_sheet(given: SheetInput) -> Iterator[Figure]:
    from matplotlib.ticker import MaxNLocator, NullLocator
    from pyfolio import plotting

    returns, market = given.returns, given.market
    flat, alone = _flat(given), _alone(given)
    factor = None if alone else market

    def cumulative(log: bool, match: bool) -> Callable[[Axes], object]:
        def draw(axes: Axes) -> None:
            plotting.plot_rolling_returns(
                returns, factor, logy=log, volatility_match=match, legend_loc="upper left", ax=axes
            )
            if log:  # powers of ten alone leave most growth without a number
                axes.yaxis.set_major_locator(MaxNLocator(5))
                axes.yaxis.set_minor_locator(NullLocator())

        return draw

    yield panel_page(
        "Returns",
        (3, 2),
        [
            Panel("Growth of 1", cumulative(False, False), (0, 1, 0, 1)),
            Panel("Growth of 1, logarithmic scale", cumulative(True, False), (2, 2, 0, 0)),
            Panel(
                "Growth of 1 at the benchmark's volatility",
                cumulative(False, True),
                (2, 2, 1, 1),
                flat or alone,
            ),
        ],
    )
    yield _risk_page(given)


def _risk_page(given: SheetInput) -> Figure:
    from pyfolio import plotting

    returns, market = given.returns, given.market
    alone = _alone(given)
    factor = None if alone else market
    daily = Panel(
        "Daily returns", lambda axes: plotting.plot_returns(returns, ax=axes), (1, 1, 1, 1)
    )
    if len(returns) <= HALF_YEAR:
        page = panel_page("Risk over time", (1, 1), [replace(daily, place=(0, 0, 0, 0))])
        text = f"Volatility, Sharpe ratio and beta roll over 6 months: {_too_short(len(returns), HALF_YEAR)}."
        page.text(0.955, 0.945, text, ha="right", style="italic")
        return page
    return panel_page(
        "Risk over time",
        (2, 2),
        [
            Panel(
                "Volatility per year, rolling 6 months",
                lambda axes: plotting.plot_rolling_volatility(returns, factor, ax=axes),
                (0, 0, 0, 0),
            ),
            Panel(
                "Sharpe ratio, rolling 6 months",
                lambda axes: plotting.plot_rolling_sharpe(returns, factor, ax=axes),
                (0, 0, 1, 1),
                _flat(given),
            ),
            Panel(
                "Beta to the benchmark, rolling 6 and 12 months",
                lambda axes: _rolling_beta(returns, market, axes),
                (1, 1, 0, 0),
                _too_short(len(returns), YEAR) or alone,
            ),
            daily,
        ],
    )


def _rolling_beta(returns: pd.Series[float], market: pd.Series[float], axes: Axes) -> None:
    """Draw what pyfolio's plot_rolling_beta draws; that one takes half a second per year of data."""
    for window, color, label in ((HALF_YEAR, "steelblue", "6-mo"), (YEAR, "grey", "12-mo")):
        beta = returns.rolling(window).cov(market) / market.rolling(window).var()
        axes.plot(beta.index, beta.to_numpy(), color=color, alpha=0.7, label=label)
    axes.axhline(1.0, color="black", linestyle="--", lw=1)
    axes.set_ylabel("Beta")
    axes.legend(loc="best")


def _drawdown_page(given: SheetInput) -> Figure:
    from matplotlib.ticker import PercentFormatter
    from pyfolio import plotting, timeseries

    returns = given.returns
    table = timeseries.gen_drawdown_table(returns, top=5)
    table = table[table["Net drawdown in %"].fillna(0.0).astype(float) > 1e-9]

    def underwater(axes: Axes) -> None:
        plotting.plot_drawdown_underwater(returns, ax=axes)
        axes.yaxis.set_major_formatter(PercentFormatter())

    dry = None if len(table) else "the NAV never closed below its highest close"
    page = panel_page(
        "Drawdowns",
        (3, 1),
        [
            Panel(
                "Growth of 1 and the worst drawdowns",
                lambda axes: plotting.plot_drawdown_periods(
                    returns, top=max(len(table), 1), ax=axes
                ),
                (0, 0, 0, 0),
                dry,
            ),
            Panel(
                "Below the highest close",
                underwater,
                (1, 1, 0, 0),
                dry,
            ),
        ],
    )
    rows = [["Worst drawdowns", "Fall", "Peak", "Valley", "Recovery", "Weekdays"]]
    for _, row in table.sort_values("Net drawdown in %", ascending=False).iterrows():
        days = "n/a" if row["Duration"] != row["Duration"] else f"{row['Duration']:.0f}"
        dates = [_day(row[f"{name} date"]) for name in ("Peak", "Valley", "Recovery")]
        rows.append([str(len(rows)), f"{-row['Net drawdown in %']:.2f}%", *dates, days])
    if len(rows) > 1:
        text_table(page, (0.07, 0.29), rows, (0.14, 0.12, 0.14, 0.14, 0.14, 0.12))
    return page


def _calendar_page(given: SheetInput) -> Figure:
    from pyfolio import plotting

    returns = given.returns
    months = len({(day.year, day.month) for day in returns.index})
    few = None if months > 1 else "all sessions lie in one month"
    years = len({day.year for day in returns.index})
    size = 8 if years < 22 else 6
    return panel_page(
        "Months and years",
        (2, 3),
        [
            Panel(
                "Returns by month, %",
                lambda axes: _heatmap(returns, axes, size),
                (0, 1 if years > 6 else 0, 0, 1),
                dates=False,
            ),
            Panel(
                "Distribution of monthly returns",
                lambda axes: plotting.plot_monthly_returns_dist(returns, ax=axes),
                (0, 0, 2, 2),
                few,
                dates=False,
            ),
            Panel(
                "Daily, weekly and monthly returns",
                lambda axes: plotting.plot_return_quantiles(
                    returns, ax=axes, linewidth=0.8, fliersize=2
                ),
                (1, 1, 2, 2),
                few,
                dates=False,
            ),
        ],
    )


def _heatmap(returns: pd.Series[float], axes: Axes, size: int) -> None:
    from pyfolio import plotting

    plotting.plot_monthly_returns_heatmap(returns, ax=axes, fmt=".1f")
    axes.tick_params(axis="y", labelrotation=0)
    axes.grid(False)
    axes.set(xlabel="", ylabel="")
    known = {(day.year, day.month) for day in returns.index}
    months = [
        (year, month)
        for year in sorted({y for y, _ in known})
        for month in sorted({m for _, m in known})
    ]
    for text, month in zip(axes.texts, months, strict=True):
        text.set_fontsize(size)
        if month not in known:
            text.set_text("")  # pyfolio puts 0 where there is nothing


def _statistics_page(given: SheetInput) -> Figure:
    from matplotlib.ticker import PercentFormatter
    from pyfolio import plotting, timeseries

    turnover = {"turnover_denom": "portfolio_value"}
    factor = None if given.market.isna().any() else given.market
    run = timeseries.perf_stats(
        given.returns, factor, given.positions, given.transactions, **turnover
    )
    market = {} if factor is None else timeseries.perf_stats(factor)
    page = new_page("Statistics")
    rows = [["pyfolio's statistics, risk-free rate 0", "run", "benchmark"]]
    for name, value in run.items():
        percent = name in plotting.STAT_FUNCS_PCT
        rows.append([str(name), _number(value, percent), _number(market.get(name), percent)])
    text_table(page, (0.07, 0.88), rows, (0.26, 0.09, 0.10))
    axes = page.add_axes((0.6, 0.30, 0.35, 0.56))
    plotting.plot_annual_returns(given.returns, ax=axes)
    axes.set_title("")
    axes.set_title("Returns by year", loc="left")
    axes.xaxis.set_major_formatter(PercentFormatter())
    axes.set_ylim(min(axes.get_ylim()[0], axes.get_ylim()[1] - 8), None)  # one year is no wall
    axes.set_ylabel("")
    return page


def _flat(given: SheetInput) -> str | None:
    return None if given.returns.std() > 0.0 else "the NAV never moved"


def _alone(given: SheetInput) -> str | None:
    return "the benchmark has no returns" if given.market.isna().any() else None


def _too_short(have: int, need: int) -> str | None:
    return None if have > need else f"needs more than {need} sessions; there are {have}"


def _number(value: float | None, percent: bool) -> str:
    if value is None or not np.isfinite(value):
        return "n/a"
    return f"{value:z.2%}" if percent else f"{value:z,.2f}"


def _day(date: pd.Timestamp) -> str:
    return f"{date:%Y-%m-%d}" if date == date else "not yet"
