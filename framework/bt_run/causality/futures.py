"""The same past with another future: bars cut off, or altered, after a bar. Pure functions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from types import MappingProxyType

import numpy as np

from bt_run.data.bars import FIELDS, Bars, Prices, forward_fill
from bt_run.data.known import Table

__all__ = ["absent_after", "from_bar", "noise_after", "other_close", "shaken_at", "until"]

LEVEL = 4.0  # the other future lies at this multiple of the last price, or at one over it


def until(bars: Bars, t: int) -> Bars:
    """Return the bars up to and including ``t``, as they would have been then."""
    return _rows(bars, slice(0, t + 1), bars.start)


def from_bar(bars: Bars, first: int) -> Bars:
    """Return the bars from ``first`` on; ``first`` is not after the start."""
    return _rows(bars, slice(first, len(bars)), bars.start - first)


def absent_after(bars: Bars, t: int, ahead: int) -> Bars:
    """Return the bars up to ``t`` and ``ahead`` more in which no asset has a row."""
    bars = until(bars, min(t + ahead, len(bars) - 1))
    gone = np.zeros_like(bars.present)
    gone[: t + 1] = bars.present[: t + 1]

    def without(prices: Prices) -> Prices:
        return Prices(*(np.where(gone, getattr(prices, name), np.nan) for name in FIELDS))

    benchmark = bars.benchmark.copy()
    benchmark[t + 1 :] = np.nan
    return replace(_with_prices(bars, without), present=gone, benchmark=benchmark)


def noise_after(bars: Bars, t: int, ahead: int, rng: np.random.Generator) -> Bars:
    """Return the bars up to ``t`` and ``ahead`` more that are noise, at another level of prices.

    Every asset has a row in them, no actions, and tables and members change too.
    """
    bars = until(bars, min(t + ahead, len(bars) - 1))
    later = slice(t + 1, len(bars))
    shape = bars.close[later].shape
    jump = LEVEL ** rng.choice([-1.0, 1.0], shape[1])
    path = jump * np.exp(np.cumsum(rng.normal(0.0, 0.05, shape), axis=0))
    spread = np.exp(rng.uniform(0.0, 0.02, (3, *shape)))
    volume = np.exp(rng.normal(12.0, 1.0, shape))

    def noisy(prices: Prices) -> Prices:
        level = np.nan_to_num(forward_fill(prices.close[: t + 1])[-1], nan=40.0)
        close = path * level
        new = {"close": close, "open": close * spread[0], "volume": volume}
        new["high"] = np.maximum(close, new["open"]) * spread[1]
        new["low"] = np.minimum(close, new["open"]) / spread[2]
        out = {}
        for name in FIELDS:
            values = getattr(prices, name).copy()
            # a field that the data do not have stays away
            values[later] = new[name] if np.isfinite(values).any() or name == "close" else np.nan
            out[name] = values
        return Prices(**out)

    present = bars.present.copy()
    present[later] = True
    dividends, splits = bars.dividends.copy(), bars.splits.copy()
    dividends[later], splits[later] = 0.0, 1.0
    benchmark = bars.benchmark.copy()
    known = benchmark[: t + 1][np.isfinite(benchmark[: t + 1])]
    benchmark[later] = (
        (known[-1] if len(known) else 1.0)
        * LEVEL
        * np.exp(np.cumsum(rng.normal(0, 0.05, shape[0])))
    )
    members = bars.members
    if members is not None:
        members = members.copy()
        members[later] = rng.random(shape) > 0.5
    tables = MappingProxyType(
        {name: _noisy_table(table, t, rng) for name, table in bars.tables.items()}
    )
    return replace(
        _with_prices(bars, noisy),
        present=present,
        benchmark=benchmark,
        dividends=dividends,
        splits=splits,
        members=members,
        tables=tables,
    )


def other_close(bars: Bars, t: int) -> Bars:
    """Return the bars up to ``t``, with the closes of bar ``t`` alone a tenth higher; its high
    follows.
    """
    bars = until(bars, t)

    def higher(prices: Prices) -> Prices:
        close, high = prices.close.copy(), prices.high.copy()
        close[t] *= 1.1
        high[t] = np.fmax(high[t], close[t])
        return Prices(prices.open, high, prices.low, close, prices.volume)

    return _with_prices(bars, higher)


def shaken_at(bars: Bars, rows: slice, factor: float) -> Bars:
    """Return the bars with the prices and volumes of some ``rows`` multiplied; no row comes or
    goes.
    """

    def shaken(prices: Prices) -> Prices:
        out = {name: getattr(prices, name).copy() for name in FIELDS}
        for values in out.values():
            values[rows] *= factor
        return Prices(**out)

    benchmark = bars.benchmark.copy()
    benchmark[rows] *= factor
    return replace(_with_prices(bars, shaken), benchmark=benchmark)


def _rows(bars: Bars, rows: slice, start: int) -> Bars:
    def cut(prices: Prices) -> Prices:
        return Prices(*(getattr(prices, item.name)[rows] for item in fields(prices)))

    sessions = bars.sessions[rows]
    # a delisting that was declared later was not known
    known = np.where(bars.last_session <= sessions[-1], bars.last_session, np.datetime64("NaT"))
    adjusted = cut(bars.adjusted)
    return replace(
        bars,
        times=bars.times[rows],
        adjusted=adjusted,
        traded=adjusted if bars.traded is bars.adjusted else cut(bars.traded),
        present=bars.present[rows],
        dividends=bars.dividends[rows],
        splits=bars.splits[rows],
        last_session=known,
        benchmark=bars.benchmark[rows],
        members=None if bars.members is None else bars.members[rows],
        tables=MappingProxyType(
            {name: _table_rows(table, rows) for name, table in bars.tables.items()}
        ),
        start=start,
    )


def _table_rows(table: Table, rows: slice) -> Table:
    kept = table.rows[rows].copy()
    return Table(table.values[: kept[-1] + 1].copy(), kept, table.revised)


def _noisy_table(table: Table, t: int, rng: np.random.Generator) -> Table:
    known = int(table.rows[t])
    values = table.values.copy()
    later = values[known + 1 :]
    if values.dtype == object:
        later[...] = "something else"
    else:
        later[:] = later * rng.uniform(0.2, 5.0, later.shape) + rng.normal(0.0, 1.0, later.shape)
    return Table(values, table.rows.copy(), table.revised)


def _with_prices(bars: Bars, change: Callable[[Prices], Prices]) -> Bars:
    adjusted = change(bars.adjusted)
    return replace(
        bars,
        adjusted=adjusted,
        traded=adjusted if bars.traded is bars.adjusted else change(bars.traded),
    )
