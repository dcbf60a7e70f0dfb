"""What pyfolio's functions want, from the tables of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bt_run import BacktestResult
from bt_run_plugins.reports.tear_sheet.round_trips import find_round_trips

if TYPE_CHECKING:
    import pandas as pd

MONEY = "cash"  # pyfolio's name for the column of money
NOT_MONEY = "cash (asset)"


@dataclass(frozen=True)
class SheetInput:
    """What pyfolio's functions want.

    ``returns`` and ``market`` are daily; ``positions`` has money per asset and cash, per session.
    """

    returns: pd.Series[float]
    market: pd.Series[float]
    positions: pd.DataFrame
    transactions: pd.DataFrame
    trips: pd.DataFrame
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
        trips=find_round_trips(result),
        intraday=bool((times != times.normalize()).any()),
    )


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
