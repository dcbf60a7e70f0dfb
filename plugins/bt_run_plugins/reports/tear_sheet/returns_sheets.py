"""The sheets of pyfolio, panel by panel: which apply, and the returns sheet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from bt_run import SESSIONS, Array, BacktestResult
from bt_run_plugins.figures.pages import Panel, new_page, panel_page, text_table
from bt_run_plugins.reports.numbers import Drawdown, drawdowns
from bt_run_plugins.reports.tear_sheet.inputs import SheetInput, sheet_input
from bt_run_plugins.reports.tear_sheet.returns_panels import (
    box_plots,
    daily_returns,
    date_numbers,
    drawdown_periods,
    growth,
    heatmap,
    month_numbers,
    monthly_distribution,
    plain_days,
    rolling_beta,
    rolling_sharpe,
    rolling_volatility,
    underwater,
    yearly_bars,
)
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
WALL = 8  # percent: least width of the picture of years, lest one year fill it


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
    worst = [fall for fall in drawdowns(_array(given.nav)) if -fall.depth > NO_FALL]
    if worst:
        pages.append(_drawdown_page(given, worst[:DRAWDOWNS]))
    else:
        left_out.append("drawdowns: the NAV never closed below its highest close")
    if _flat(given) is None:
        pages.append(_calendar_page(given))
    else:
        left_out.append("months and years: the NAV never moved")
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
    x, returns = date_numbers(given.returns.index), _array(given.returns)
    market = None if _alone(given) else _array(given.market)
    plain = Panel(
        "Growth of 1",
        lambda axes: growth(axes, x, returns, market),
        (0, 1, 0, 1),
    )
    logarithmic = Panel(
        "Growth of 1, logarithmic scale",
        lambda axes: _logarithmic(axes, x, returns, market),
        (2, 2, 0, 0),
    )
    matched = Panel(
        "Growth of 1 at the benchmark's volatility",
        lambda axes: growth(axes, x, _matched(given), market),
        (2, 2, 1, 1),
        _flat(given) or _alone(given),
    )
    return panel_page("Returns", (3, 2), [plain, logarithmic, matched])


def _logarithmic(axes: Axes, x: Array, returns: Array, market: Array | None) -> None:
    from matplotlib.ticker import MaxNLocator, NullLocator

    growth(axes, x, returns, market, log=True)
    # powers of ten alone leave most growth without a number
    axes.yaxis.set_major_locator(MaxNLocator(5))
    axes.yaxis.set_minor_locator(NullLocator())


def _matched(given: SheetInput) -> Array:
    """Return the run's returns at the volatility of the benchmark's."""
    returns, market = _array(given.returns), _array(given.market)
    return np.asarray(returns / returns.std(ddof=1) * market.std(ddof=1))


def _risk_page(given: SheetInput) -> Figure:
    returns, market = given.returns, given.market
    x = date_numbers(returns.index)
    title = "Risk over time"
    daily = Panel(
        "Daily returns",
        lambda axes: daily_returns(axes, x, _array(returns)),
        (1, 1, 1, 1),
    )
    if len(returns) <= HALF_YEAR:
        page = panel_page(title, (1, 1), [replace(daily, place=(0, 0, 0, 0))])
        why = _too_short(given, HALF_YEAR)
        text = f"Volatility, Sharpe ratio and beta roll over 6 months: {why}."
        page.text(0.955, 0.945, text, ha="right", style="italic")
        return page
    factor = None if _alone(given) else market
    volatility = Panel(
        "Volatility per year, rolling 6 months",
        lambda axes: rolling_volatility(axes, x, returns, factor),
        (0, 0, 0, 0),
    )
    sharpe = Panel(
        "Sharpe ratio, rolling 6 months",
        lambda axes: rolling_sharpe(axes, x, returns, factor),
        (0, 0, 1, 1),
        _flat(given),
    )
    beta = Panel(
        "Beta to the benchmark, rolling 6 and 12 months",
        lambda axes: rolling_beta(axes, x, returns, market),
        (1, 1, 0, 0),
        _too_short(given, YEAR) or _alone(given),
    )
    return panel_page(title, (2, 2), [volatility, sharpe, beta, daily])


def _drawdown_page(given: SheetInput, drawn: Sequence[Drawdown]) -> Figure:
    nav = _array(given.nav)
    x = date_numbers(given.nav.index)
    panels = [
        Panel(
            "Growth of 1 and the worst drawdowns",
            lambda axes: drawdown_periods(axes, x, nav, drawn),
            (0, 0, 0, 0),
        ),
        Panel(
            "Below the highest close",
            lambda axes: underwater(axes, x, nav),
            (1, 1, 0, 0),
        ),
    ]
    page = panel_page("Drawdowns", (3, 1), panels)
    rows = _drawdown_rows(given, drawn)
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
    days, returns = plain_days(given.returns.index), _array(given.returns)
    months = len(np.unique(month_numbers(days)))
    few = None if months > 1 else "all sessions lie in one month"
    years = len(np.unique(days.astype("datetime64[Y]")))
    size = 8 if years < MANY_YEARS else 6
    last_row = 1 if years > 6 else 0
    heat = Panel(
        "Returns by month, %",
        lambda axes: heatmap(axes, days, returns, size),
        (0, last_row, 0, 1),
        dates=False,
    )
    monthly = Panel(
        "Distribution of monthly returns",
        lambda axes: monthly_distribution(axes, days, returns),
        (0, 0, 2, 2),
        few,
        dates=False,
    )
    quantiles = Panel(
        "Daily, weekly and monthly returns",
        lambda axes: box_plots(axes, days, returns),
        (1, 1, 2, 2),
        few,
        dates=False,
    )
    return panel_page("Months and years", (2, 3), [heat, monthly, quantiles])


def _statistics_page(given: SheetInput) -> Figure:
    page = new_page("Statistics")
    text_table(page, (0.07, 0.88), _statistics_rows(given), (0.26, 0.09, 0.10))
    axes = page.add_axes((0.6, 0.30, 0.35, 0.56))
    yearly_bars(axes, plain_days(given.returns.index), _array(given.returns), WALL)
    axes.set_title("Returns by year", loc="left")
    return page


def _statistics_rows(given: SheetInput) -> list[list[str]]:
    return [
        ["Statistics, as on the page", "run", "benchmark"],
        *map(list, given.numbers),
    ]


def _array(values: pd.Series[float]) -> Array:
    return np.asarray(values, dtype=np.float64)


def _flat(given: SheetInput) -> str | None:
    return None if given.returns.std() > 0.0 else "the NAV never moved"


def _alone(given: SheetInput) -> str | None:
    return "the benchmark has no returns" if given.market.isna().any() else None


def _too_short(given: SheetInput, need: int) -> str | None:
    have = len(given.returns)
    return None if have > need else f"needs more than {need} sessions; there are {have}"
