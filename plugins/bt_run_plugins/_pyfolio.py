"""pyfolio's sheets, drawn panel by panel on pages of our own, from the tables of a run."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bt_run_plugins._pages import Panel, new_page, panel_page, text_table

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from bt_run import BacktestResult

FEWEST = 5  # sessions below which distributions, and round trips below which statistics, say nothing
HALF_YEAR, YEAR = 126, 252  # sessions in pyfolio's rolling windows
TRIPS_DRAWN = 1500  # lines on one panel
DUST = 1e-9  # relative difference of shares that is rounding


@dataclass(frozen=True)
class Sheets:
    """Hold the pages that apply, and a line for each sheet that does not."""

    pages: tuple[Figure, ...]
    left_out: tuple[str, ...]


@dataclass(frozen=True)
class _Input:
    """Hold what pyfolio's functions want.

    ``returns`` and ``market`` are daily; ``positions`` has money per asset and cash, per session.
    """

    returns: pd.Series[float]
    market: pd.Series[float]
    positions: pd.DataFrame
    transactions: pd.DataFrame
    trips: pd.DataFrame
    intraday: bool


def pyfolio_input(result: BacktestResult) -> tuple[pd.Series[float], pd.DataFrame, pd.DataFrame]:
    """Return daily returns, positions and transactions as pyfolio wants them, all in UTC.

    ``positions`` has one row per session from the start on, one column of money per asset ever held and
    ``cash``; a row sums to the NAV. ``transactions`` has index time and columns symbol, amount, price.
    """
    closes = result.closes
    last = result.positions[result.positions["time"].isin(closes["time"])]
    # pyfolio takes the column ``cash`` for money
    names = last["asset"].replace({"cash": "cash (asset)"})
    held = last.assign(asset=names).pivot_table(index="time", columns="asset", values="value", aggfunc="sum")
    held = held.reindex(closes["time"]).fillna(0.0).set_axis(closes.index, axis=0).astype(np.float64)
    positions = held.rename_axis(columns=None).assign(cash=closes["cash"])
    done = result.fills[result.fills["filled"] != 0.0]
    transactions = done[["asset", "filled", "price"]].set_axis(["symbol", "amount", "price"], axis=1)
    transactions.index = done["time"].array
    transactions["symbol"] = transactions["symbol"].replace({"cash": "cash (asset)"})
    return result.returns, positions, transactions


def draw_sheets(result: BacktestResult) -> Sheets:
    """Draw the returns, positions, transactions and round-trip sheets."""
    import pandas as pd

    returns, positions, transactions = pyfolio_input(result)
    market = result.closes["benchmark"].pct_change(fill_method=None).iloc[1:].rename("benchmark")
    intraday = bool((result.nav.index != pd.DatetimeIndex(result.nav.index).normalize()).any())
    given = _Input(returns, market, positions, transactions, round_trips(result), intraday)
    if len(returns) < FEWEST:
        why = f"no sheet applies: {len(returns)} sessions have a return, and the sheets need {FEWEST}"
        return Sheets((), (why,))
    pages = [*_returns_sheet(given), _statistics_page(given)]
    left_out = []
    if positions.shape[1] > 1:
        pages += _positions_sheet(given)
    else:
        left_out.append("positions sheet: nothing was ever held at a session's close")
    if len(transactions):
        pages.append(_transactions_sheet(given))
    else:
        left_out.append("transactions sheet: no order was filled")
    if len(given.trips) >= FEWEST:
        pages += _round_trip_sheet(given)
    else:
        left_out.append(
            f"round-trip sheet: {len(given.trips)} round trips were made, and statistics need {FEWEST}"
        )
    return Sheets(tuple(pages), tuple(left_out))


# -- returns -------------------------------------------------------------------------------------------


def _returns_sheet(given: _Input) -> Iterator[Figure]:
    from pyfolio import plotting

    returns, market = given.returns, given.market
    flat = None if returns.std() > 0 else "the NAV never moved"
    beside = "no benchmark returns" if market.isna().any() else None
    both = None if beside is None else beside
    factor = None if beside else market

    def cumulative(log: bool, match: bool) -> Any:
        return lambda axes: plotting.plot_rolling_returns(
            returns, factor, logy=log, volatility_match=match, legend_loc="upper left", ax=axes
        )

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
                flat or both,
            ),
        ],
    )
    half = _too_short(len(returns), HALF_YEAR)
    yield panel_page(
        "Risk over time",
        (2, 2),
        [
            Panel(
                "Volatility per year, rolling 6 months",
                lambda axes: plotting.plot_rolling_volatility(returns, factor, ax=axes),
                (0, 0, 0, 0),
                half,
            ),
            Panel(
                "Sharpe ratio, rolling 6 months",
                lambda axes: plotting.plot_rolling_sharpe(returns, factor, ax=axes),
                (0, 0, 1, 1),
                half or flat,
            ),
            Panel(
                "Beta to the benchmark, rolling 6 and 12 months",
                lambda axes: plotting.plot_rolling_beta(returns, factor, ax=axes),
                (1, 1, 0, 0),
                _too_short(len(returns), YEAR) or both,
            ),
            Panel(
                "Daily returns", lambda axes: plotting.plot_returns(returns, ax=axes), (1, 1, 1, 1)
            ),
        ],
    )
    yield _drawdown_page(given)
    yield _calendar_page(given)


def _drawdown_page(given: _Input) -> Figure:
    from pyfolio import plotting, timeseries

    returns = given.returns
    table = timeseries.gen_drawdown_table(returns, top=5)
    table = table[table["Net drawdown in %"].fillna(0.0).astype(float) > 1e-9]
    dry = None if len(table) else "the NAV never closed below its highest close"
    page = panel_page(
        "Drawdowns",
        (3, 1),
        [
            Panel(
                "Growth of 1 and the worst drawdowns",
                lambda axes: plotting.plot_drawdown_periods(returns, top=max(len(table), 1), ax=axes),
                (0, 0, 0, 0),
                dry,
            ),
            Panel(
                "Below the highest close",
                lambda axes: plotting.plot_drawdown_underwater(returns, ax=axes),
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


def _calendar_page(given: _Input) -> Figure:
    from pyfolio import plotting

    returns = given.returns
    months = len({(day.year, day.month) for day in returns.index})
    few = None if months > 1 else "all sessions lie in one month"
    size = 8 if months < 260 else 6
    return panel_page(
        "Months and years",
        (2, 3),
        [
            Panel(
                "Returns by month, %",
                lambda axes: _heatmap(returns, axes, size),
                (0, 1, 0, 1),
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
                lambda axes: plotting.plot_return_quantiles(returns, ax=axes, linewidth=0.8, fliersize=2),
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
    for text in axes.texts:
        text.set_size(size)


def _statistics_page(given: _Input) -> Figure:
    from pyfolio import plotting, timeseries

    turnover = {"turnover_denom": "portfolio_value"}
    factor = None if given.market.isna().any() else given.market
    run = timeseries.perf_stats(given.returns, factor, given.positions, given.transactions, **turnover)
    market = {} if factor is None else timeseries.perf_stats(factor)
    page = new_page("Statistics")
    rows = [["pyfolio's statistics, risk-free rate 0", "run", "benchmark"]]
    for name, value in run.items():
        percent = name in plotting.STAT_FUNCS_PCT
        rows.append([str(name), _number(value, percent), _number(market.get(name), percent)])
    text_table(page, (0.07, 0.88), rows, (0.26, 0.09, 0.10))
    axes = page.add_axes((0.6, 0.30, 0.35, 0.56))
    plotting.plot_annual_returns(given.returns, ax=axes)
    axes.set_title("Returns by year", loc="left")
    axes.set_ylabel("")
    return page
