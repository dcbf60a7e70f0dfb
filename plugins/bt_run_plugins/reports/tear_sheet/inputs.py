"""What pyfolio's functions want, from the tables of a run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bt_run import DEFINITIONS, Array, BacktestResult
from bt_run.results.metric_definitions import format_metric
from bt_run_plugins.page.parts import Cell
from bt_run_plugins.reports.book import read_book
from bt_run_plugins.reports.numbers import STATISTICS, held_days, statistics
from bt_run_plugins.reports.tear_sheet.round_trips import find_round_trips

if TYPE_CHECKING:
    import pandas as pd

MONEY = "cash"  # pyfolio's name for the column of money
NOT_MONEY = "cash (asset)"
METRICS = (
    "total_return",
    "cagr",
    "volatility",
    "sharpe",
    "sortino",
    "calmar",
    "max_drawdown",
    "skew",
    "beta",
    "alpha",
)


@dataclass(frozen=True)
class SheetInput:
    """What pyfolio's functions want.

    ``returns`` and ``market`` are daily; ``positions`` has money per asset and cash, per session.
    ``nav`` is that of each session's close, ``numbers`` a label, the run's and the benchmark's text
    for each number, those of the page.
    """

    returns: pd.Series[float]
    market: pd.Series[float]
    positions: pd.DataFrame
    transactions: pd.DataFrame
    trips: pd.DataFrame
    nav: pd.Series[float]
    numbers: tuple[tuple[str, str, str], ...]
    intraday: bool


def sheet_input(result: BacktestResult) -> SheetInput:
    """Collect what the sheets draw."""
    import pandas as pd

    returns, positions, transactions = pyfolio_input(result)
    market = result.closes["benchmark"].pct_change(fill_method=None)
    times = pd.DatetimeIndex(result.nav.index)
    market.index = _in_utc(market.index)
    return SheetInput(
        returns=returns,
        market=market.iloc[1:].rename("benchmark"),
        positions=positions,
        transactions=transactions,
        trips=find_round_trips(read_book(result)),
        nav=result.closes["nav"].astype(float),
        numbers=tuple(_numbers(result)),
        intraday=bool((times != times.normalize()).any()),
    )


def _numbers(result: BacktestResult) -> Iterator[tuple[str, str, str]]:
    """Yield the metrics and the further statistics of the run and of its benchmark, as text."""
    for metric in METRICS:
        values = result.metrics[metric]
        own, other = (
            format_metric(metric, values[name]) for name in ("run", "benchmark")
        )
        yield DEFINITIONS[metric].label, own, other
    closes = result.closes
    change = closes["benchmark"].pct_change(fill_method=None).iloc[1:]
    market: Array = np.asarray(change, dtype=np.float64)
    run = statistics(closes["nav"].astype(float), market, held_days(closes))
    benchmark = statistics(closes["benchmark"].astype(float), market)
    for name, (label, unit, _) in STATISTICS.items():
        yield label, Cell(run[name], unit).text, Cell(benchmark[name], unit).text


def pyfolio_input(
    result: BacktestResult,
) -> tuple[pd.Series[float], pd.DataFrame, pd.DataFrame]:
    """Return daily returns, positions and transactions as pyfolio wants them, all in UTC.

    ``positions`` has one row per session from the start on, one column of money per asset ever held
    and ``cash``; a row sums to the NAV. ``transactions`` has index time and columns symbol, amount,
    price.
    """
    found = (result.returns, _positions(result), _transactions(result))
    for part in found:
        part.index = _in_utc(part.index)
    return found


def _in_utc(times: Any) -> pd.DatetimeIndex:
    """Return plain dates as UTC, which pyfolio asks for."""
    import pandas as pd

    index = pd.DatetimeIndex(times)
    return index.tz_localize("UTC") if index.tz is None else index


def _positions(result: BacktestResult) -> pd.DataFrame:
    closes = result.closes
    at_closes = result.positions["time"].isin(closes["time"])
    last = result.positions[at_closes]
    names = last["asset"].replace({MONEY: NOT_MONEY})
    held = last.assign(asset=names).pivot_table(
        index="time",
        columns="asset",
        values="value",
        aggfunc="sum",
    )
    held = held.reindex(closes["time"]).fillna(0.0)
    held = held.set_axis(closes.index, axis=0).astype(np.float64)
    return held.rename_axis(columns=None).assign(cash=closes["cash"])


def _transactions(result: BacktestResult) -> pd.DataFrame:
    done = result.fills[result.fills["filled"] != 0.0]
    transactions = done[["asset", "filled", "price"]]
    transactions = transactions.set_axis(["symbol", "amount", "price"], axis=1)
    transactions.index = done["time"].array
    transactions["symbol"] = transactions["symbol"].replace({MONEY: NOT_MONEY})
    return transactions
