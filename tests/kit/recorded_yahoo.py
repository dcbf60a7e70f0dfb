"""Answers in the shape of ``yfinance.download``, made of the sample prices: what stands between the
tests and Yahoo.

The shape is that of yfinance 1.7, which tests/plugins/market_data/test_yahoo.py proves on the
library itself.
"""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pandas as pd

from bt_run_plugins.sources.sample import rows_of

# symbol at Yahoo -> set and symbol of the sample that plays it
PLAYED = {"SPY": ("indices", "SP500"), "QQQ": ("indices", "NASDAQ")}
STOCKS = ("AAPL", "MSFT", "IBM")
PRICES = {
    "open": "Open",
    "high": "High",
    "low": "Low",
    "close": "Close",
    "volume": "Volume",
}


def recorded(symbol: str) -> pd.DataFrame | None:
    """Return one symbol's columns as Yahoo names them, or None for one that it does not know."""
    large = rows_of("large_caps")
    if symbol in PLAYED:
        name, own = PLAYED[symbol]
        rows = rows_of(name)[own]
    elif symbol in large:
        rows = large[symbol]
    else:
        return None
    columns = {
        title: rows.close if getattr(rows, field) is None else getattr(rows, field)
        for field, title in PRICES.items()
    }
    if rows.volume is None:
        columns["Volume"] = np.full(len(rows.close), 1e6)
    frame = pd.DataFrame(columns, index=pd.DatetimeIndex(rows.times, name="Date"))
    # a dividend of half a percent at the first session of each quarter, as the ETFs pay
    quarters = frame.index.to_period("Q")
    first = np.append(False, quarters[1:] != quarters[:-1])
    frame["Dividends"] = np.where(
        first & (symbol in PLAYED), np.round(0.005 * frame["Close"], 4), 0.0
    )
    frame["Stock Splits"] = 0.0
    before = frame["Close"].shift().fillna(frame["Close"])
    factor = np.cumprod((1 - frame["Dividends"] / before).to_numpy())
    frame["Adj Close"] = frame["Close"] * (factor[-1] / factor) ** -1
    return frame


def download(
    tickers: list[str], start: str | None = None, end: str | None = None, **options: Any
) -> pd.DataFrame:
    """Answer as ``yfinance.download`` does: ``end`` is excluded, an unknown symbol is only
    logged.
    """
    assert options["auto_adjust"] is False
    assert options["actions"] is True
    parts = {}
    for symbol in tickers:
        frame = recorded(symbol)
        if frame is None:
            logging.getLogger("yfinance").error(
                f"['{symbol}']: possibly delisted; no timezone found"
            )
            continue
        inside = frame.index < pd.Timestamp(end) if end else slice(None)
        frame = frame[inside]
        parts[symbol] = (
            frame if start is None else frame[frame.index >= pd.Timestamp(start)]
        )
    if not parts:
        return pd.DataFrame()
    joined = pd.concat(parts, axis=1).swaplevel(axis=1).sort_index(axis=1)
    return joined.rename_axis(columns=["Price", "Ticker"])
