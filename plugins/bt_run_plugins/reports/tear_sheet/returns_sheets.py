"""pyfolio's sheets, panel by panel on pages of our own: which apply, and the returns sheet."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from bt_run import SESSIONS, BacktestResult
from bt_run_plugins.figures.pages import Panel, new_page, panel_page, text_table
from bt_run_plugins.reports.numbers import Drawdown, drawdowns
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


# sessions below which distributions, and round trips below which statistics, say nothing
FEWEST = 5
# sessions in pyfolio's rolling windows
HALF_YEAR = SESSIONS // 2
YEAR = SESSIONS
DRAWDOWNS = 5
NO_FALL = 1e-11  # what is less is rounding
MANY_YEARS = 22  # from which on the months are written small
WALL = 8  # percent: least height of the picture of years, lest one year fill it


@dataclass(frozen=True)
class Sheets:
    """The pages that apply, and a line for each sheet that does not."""

    pages: tuple[Figure, ...]
    left_out: tuple[str, ...]


def draw_sheets(result: BacktestResult) -> Sheets:
    """Draw the returns, positions, transactions and round-trip sheets."""
    given = sheet_input(result)
    count = len(given.returns)
    if count < FEWEST:
        why = f"no sheet applies: {count} sessions have a return, the sheets need {FEWEST}"
        return Sheets((), (why,))
    pages = [_cumulative_page(given), _risk_page(given)]
    left_out = []
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
    trips = len(given.trips)
    if trips >= FEWEST:
        pages += round_trip_sheet(given)
    else:
        left_out.append(
            f"round-trip sheet: {trips} round trips were made, and statistics need {FEWEST}"
        )
    return Sheets(tuple(pages), tuple(left_out))


def _cumulative_page(given: SheetInput) -> Figure:
    alone = _alone(given)
    plain = Panel(
        "Growth of 1",
        _cumulative(given),
        (0, 1, 0, 1),
    )
    logarithmic = Panel(
        "Growth of 1, logarithmic scale",
        _cumulative(given, log=True),
        (2, 2, 0, 0),
    )
    matched = Panel(
        "Growth of 1 at the benchmark's volatility",
        _cumulative(given, match=True),
        (2, 2, 1, 1),
        _flat(given) or alone,
    )
    return panel_page("Returns", (3, 2), [plain, logarithmic, matched])


def _cumulative(
    given: SheetInput,
    *,
    log: bool = False,
    match: bool = False,
) -> Callable[[Axes], object]:
    """Return a function that draws growth, at the benchmark's volatility with ``match``."""
    from matplotlib.ticker import MaxNLocator, NullLocator
    from pyfolio import plotting

    def draw(axes: Axes) -> None:
        plotting.plot_rolling_returns(
            given.returns,
            _factor(given),
            logy=log,
            volatility_match=match,
            legend_loc="upper left",
            ax=axes,
        )
        if log:  # powers of ten alone leave most growth without a number
            axes.yaxis.set_major_locator(MaxNLocator(5))
            axes.yaxis.set_minor_locator(NullLocator())

    return draw


def _risk_page(given: SheetInput) -> Figure:
    from pyfolio import plotting

    returns = given.returns
    market = given.market
    title = "Risk over time"
    daily = Panel(
        "Daily returns",
        lambda axes: plotting.plot_returns(returns, ax=axes),
        (1, 1, 1, 1),
    )
    if len(returns) <= HALF_YEAR:
        page = panel_page(title, (1, 1), [replace(daily, place=(0, 0, 0, 0))])
        why = _too_short(given, HALF_YEAR)
        text = f"Volatility, Sharpe ratio and beta roll over 6 months: {why}."
        page.text(0.955, 0.945, text, ha="right", style="italic")
        return page
    factor = _factor(given)
    volatility = Panel(
        "Volatility per year, rolling 6 months",
        lambda axes: plotting.plot_rolling_volatility(returns, factor, ax=axes),
        (0, 0, 0, 0),
    )
    sharpe = Panel(
        "Sharpe ratio, rolling 6 months",
        lambda axes: plotting.plot_rolling_sharpe(returns, factor, ax=axes),
        (0, 0, 1, 1),
        _flat(given),
    )
    beta = Panel(
        "Beta to the benchmark, rolling 6 and 12 months",
        lambda axes: _rolling_beta(returns, market, axes),
        (1, 1, 0, 0),
        _too_short(given, YEAR) or _alone(given),
    )
    return panel_page(title, (2, 2), [volatility, sharpe, beta, daily])


def _rolling_beta(
    returns: pd.Series[float],
    market: pd.Series[float],
    axes: Axes,
) -> None:
    """Draw what plot_rolling_beta draws; that one takes half a second per year of data."""
    for window, color, label in (
        (HALF_YEAR, "steelblue", "6-mo"),
        (YEAR, "grey", "12-mo"),
    ):
        covariance = returns.rolling(window).cov(market)
        beta = covariance / market.rolling(window).var()
        axes.plot(beta.index, beta.to_numpy(), color=color, alpha=0.7, label=label)
    axes.axhline(1.0, color="black", linestyle="--", lw=1)
    axes.set_ylabel("Beta")
    axes.legend(loc="best")


def _drawdown_page(given: SheetInput) -> Figure:
    from matplotlib.ticker import PercentFormatter
    from pyfolio import plotting

    returns = given.returns
    falls = drawdowns(np.asarray(given.nav, dtype=np.float64))
    worst = [fall for fall in falls if -fall.depth > NO_FALL]

    def periods(axes: Axes) -> None:
        top = max(min(len(worst), DRAWDOWNS), 1)
        plotting.plot_drawdown_periods(returns, top=top, ax=axes)

    def underwater(axes: Axes) -> None:
        plotting.plot_drawdown_underwater(returns, ax=axes)
        axes.yaxis.set_major_formatter(PercentFormatter())

    dry = None if worst else "the NAV never closed below its highest close"
    panels = [
        Panel("Growth of 1 and the worst drawdowns", periods, (0, 0, 0, 0), dry),
        Panel("Below the highest close", underwater, (1, 1, 0, 0), dry),
    ]
    page = panel_page("Drawdowns", (3, 1), panels)
    rows = _drawdown_rows(given, worst[:DRAWDOWNS])
    if len(rows) > 1:
        text_table(page, (0.07, 0.29), rows, (0.14, 0.12, 0.14, 0.14, 0.14, 0.12))
    return page


def _drawdown_rows(given: SheetInput, worst: Sequence[Drawdown]) -> list[list[str]]:
    """Return the worst falls, their length in sessions as on the page."""
    rows = [["Worst drawdowns", "Fall", "Peak", "Valley", "Recovery", "Sessions"]]
    days = given.nav.index
    for place, fall in enumerate(worst, start=1):
        end = len(days) - 1 if fall.recovery is None else fall.recovery
        cells = [
            str(place),
            f"{fall.depth:.2%}",
            f"{days[fall.peak]:%Y-%m-%d}",
            f"{days[fall.trough]:%Y-%m-%d}",
            "not yet" if fall.recovery is None else f"{days[end]:%Y-%m-%d}",
            str(end - fall.peak),
        ]
        rows.append(cells)
    return rows


def _calendar_page(given: SheetInput) -> Figure:
    from pyfolio import plotting

    returns = given.returns
    months = len({(day.year, day.month) for day in returns.index})
    few = None if months > 1 else "all sessions lie in one month"
    years = len({day.year for day in returns.index})
    size = 8 if years < MANY_YEARS else 6
    last_row = 1 if years > 6 else 0
    heat = Panel(
        "Returns by month, %",
        lambda axes: _heatmap(returns, axes, size),
        (0, last_row, 0, 1),
        dates=False,
    )
    monthly = Panel(
        "Distribution of monthly returns",
        lambda axes: plotting.plot_monthly_returns_dist(returns, ax=axes),
        (0, 0, 2, 2),
        few,
        dates=False,
    )
    quantiles = Panel(
        "Daily, weekly and monthly returns",
        lambda axes: plotting.plot_return_quantiles(
            returns,
            ax=axes,
            linewidth=0.8,
            fliersize=2,
        ),
        (1, 1, 2, 2),
        few,
        dates=False,
    )
    return panel_page("Months and years", (2, 3), [heat, monthly, quantiles])


def _heatmap(
    returns: pd.Series[float],
    axes: Axes,
    size: int,
) -> None:
    from pyfolio import plotting

    plotting.plot_monthly_returns_heatmap(returns, ax=axes, fmt=".1f")
    axes.tick_params(axis="y", labelrotation=0)
    axes.grid(False)
    axes.set(xlabel="", ylabel="")
    known = {(day.year, day.month) for day in returns.index}
    years = sorted({year for year, _ in known})
    months = sorted({month for _, month in known})
    cells = [(year, month) for year in years for month in months]
    for text, cell in zip(axes.texts, cells, strict=True):
        text.set_fontsize(size)
        if cell not in known:
            text.set_text("")  # pyfolio puts 0 where there is nothing


def _statistics_page(given: SheetInput) -> Figure:
    from matplotlib.ticker import PercentFormatter
    from pyfolio import plotting

    page = new_page("Statistics")
    text_table(page, (0.07, 0.88), _statistics_rows(given), (0.26, 0.09, 0.10))
    axes = page.add_axes((0.6, 0.30, 0.35, 0.56))
    plotting.plot_annual_returns(given.returns, ax=axes)
    axes.set_title("")
    axes.set_title("Returns by year", loc="left")
    axes.xaxis.set_major_formatter(PercentFormatter())
    low, high = axes.get_ylim()
    axes.set_ylim(min(low, high - WALL), None)
    axes.set_ylabel("")
    return page


def _statistics_rows(given: SheetInput) -> list[list[str]]:
    return [
        ["Statistics, as on the page", "run", "benchmark"],
        *map(list, given.numbers),
    ]


def _factor(given: SheetInput) -> pd.Series[float] | None:
    """Return the benchmark's returns, where it has them all."""
    return None if _alone(given) else given.market


def _flat(given: SheetInput) -> str | None:
    return None if given.returns.std() > 0.0 else "the NAV never moved"


def _alone(given: SheetInput) -> str | None:
    return "the benchmark has no returns" if given.market.isna().any() else None


def _too_short(given: SheetInput, need: int) -> str | None:
    have = len(given.returns)
    return None if have > need else f"needs more than {need} sessions; there are {have}"
