"""Round trips: the trades of a run, from nothing to nothing, in pyfolio's columns."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from bt_run_plugins.reports.book import Book, Trade

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = (
    "pnl",
    "open_dt",
    "close_dt",
    "long",
    "rt_returns",
    "symbol",
    "duration",
    "returns",
)


def find_round_trips(book: Book) -> pd.DataFrame:
    """Return one row per trade, with pyfolio's columns.

    A trade is one holding from nothing to nothing, as on the page. ``pnl`` is money after costs,
    income included; ``rt_returns`` is that over the most money held, ``returns`` over the NAV
    before. What is still held is closed at the last price.
    """
    import pandas as pd

    rows = [_row(book, trade) for trade in book.trades]
    trips = pd.DataFrame(rows, columns=list(COLUMNS))
    return trips.sort_values(["close_dt", "symbol"], ignore_index=True)


def _row(book: Book, trade: Trade) -> tuple[object, ...]:
    held = book.value[trade.first : trade.last + 1, book.assets.index(trade.asset)]
    most = float(np.abs(held).max())
    opened, closed = book.index[trade.first], book.index[trade.last]
    return (
        trade.profit,
        opened,
        closed,
        trade.side == "long",
        trade.profit / most if most else 0.0,
        trade.asset,
        closed - opened,
        trade.profit / trade.nav,
    )
