"""The prices of a pack as a proposal needs them: the last of each name, and a window of returns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from bt_run import Array, DataError, LoadRequest
from bt_run.arrays import Mask
from bt_run.text import did_you_mean, listed
from bt_run_plugins.market_data.sources import PackConfig, PackSource
from bt_run_plugins.market_data.store.frames import rows_of_columns
from bt_run_plugins.market_data.store.packs import Pack, open_pack, read_part
from bt_run_plugins.market_data.store.store import Store

__all__ = ["PackPrices", "filled_returns", "prices_in_pack", "refuse_old"]


@dataclass(frozen=True, kw_only=True, eq=False)
class PackPrices:
    """Prices frozen at a day.

    Attributes:
        id: of the pack. as_of: its day.
        price: symbol -> its last price as traded, money a share.
        last: symbol -> the day of that price.
        closes: symbol -> (T,) closes of the total-return series at the newest sessions, NaN where
            there is none.
        benchmark: (T,) the same of the benchmark, or None.
    """

    id: str
    as_of: date
    price: Mapping[str, float]
    last: Mapping[str, date]
    closes: Mapping[str, Array]
    benchmark: Array | None = None


def prices_in_pack(
    store: Store,
    pack_id: str,
    symbols: Sequence[str],
    benchmark: str | None,
    sessions: int,
) -> PackPrices:
    """Return the prices of ``symbols`` in a pack, with the closes of its last ``sessions`` + 1.

    Raises:
        DataError: there is no such pack, it was altered, its bars are not daily, or a name has no
            price in it.
    """
    pack = open_pack(store, pack_id)
    if pack.interval != "1d":
        raise DataError(
            f"pack {pack_id} has bars of {pack.interval}; a proposal needs daily ones, 1d"
        )
    asked = sorted({*symbols, *([benchmark] if benchmark else [])})
    parts = {part.symbol: part for part in pack.parts}
    for symbol in asked:
        if symbol not in parts:
            raise DataError(
                f"pack {pack_id} has no price of {symbol!r}{did_you_mean(symbol, parts)}; it has "
                f"{listed(sorted(parts))}"
            )
    price, last = {}, {}
    for symbol in asked:
        rows = rows_of_columns(read_part(pack, parts[symbol]))
        price[symbol] = float(rows.close[-1])
        last[symbol] = rows.times[-1].astype("datetime64[D]").item()
    closes = _closes(store, pack, asked, max(last.values()))
    window = {name: values[-sessions - 1 :] for name, values in closes.items()}
    return PackPrices(
        id=pack.id,
        as_of=pack.as_of,
        price={symbol: price[symbol] for symbol in symbols},
        last={symbol: last[symbol] for symbol in symbols},
        closes={symbol: window[symbol] for symbol in symbols},
        benchmark=window[benchmark] if benchmark else None,
    )


def refuse_old(prices: PackPrices, on: date, max_age: int) -> None:
    """Refuse a pack that is older than ``max_age`` days on a day.

    Raises:
        DataError: it is.
    """
    if prices.as_of + timedelta(days=max_age) < on:
        age = (on - prices.as_of).days
        raise DataError(
            f"pack {prices.id} is as of {prices.as_of}, {age} days before {on}; expected at most "
            f"{max_age}: set --max-age, or make a newer pack with `bt-run data pack create "
            f"--as-of {on}`"
        )


def _closes(
    store: Store, pack: Pack, symbols: Sequence[str], last: date
) -> dict[str, Array]:
    """Return the total-return closes (T,) of each symbol over all sessions of the pack."""
    source = PackSource(PackConfig(id=pack.id, store=store.folder))
    bars = source.load(
        LoadRequest(
            assets={symbol: symbol for symbol in symbols},
            benchmark=(symbols[0], symbols[0]),
            start=last,
            end=pack.as_of,
            calendar=pack.calendar,
        )
    )
    close = bars.adjusted.close
    return {name: close[:, place] for place, name in enumerate(bars.assets)}


def filled_returns(closes: Array) -> tuple[Array, Mask]:
    """Return simple returns (T, n) of closes (T + 1, n), and which names have too few of them.

    A return across missing closes lands on the first day back. A day without one gets the name's
    mean, and its other differences from the mean are stretched by sqrt((T-1)/(c-1)), c being how
    many it has: mean and variance stay what its own days say. Fewer than half are too few.
    """
    known = np.isfinite(closes)
    rows = np.where(known, np.arange(len(closes))[:, None], -1)
    before = np.maximum.accumulate(rows, axis=0)[:-1]
    there = known[1:] & (before >= 0)
    columns = np.arange(closes.shape[1])
    earlier = closes[np.maximum(before, 0), columns]
    with np.errstate(invalid="ignore", divide="ignore"):
        returns = np.where(there, closes[1:] / earlier - 1.0, 0.0)
    counts = there.sum(axis=0)
    T = len(returns)
    mean = returns.sum(axis=0) / np.maximum(counts, 1)
    stretch = np.sqrt(max(T - 1, 0) / np.maximum(counts - 1, 1))
    complete = counts == T
    filled = np.where(there, mean + (returns - mean) * stretch, mean)
    return np.where(complete, returns, filled), 2 * counts < T
