"""The same past with another future: bars cut off, or altered, after a bar. Pure functions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bt_run.arrays import Array
from bt_run.data.bars import FIELDS, Bars, Prices, forward_fill
from bt_run.data.known import Table
from bt_run.data.slices import until

__all__ = ["absent_after", "noise_after", "other_close", "shaken_at"]

LEVEL = (
    4.0  # the other future lies at this multiple of the last price, or at one over it
)
STEP = 0.05  # standard deviation of its log returns
UNLISTED = 40.0  # the last price of an asset that has none


def absent_after(bars: Bars, t: int, ahead: int) -> Bars:
    """Return the bars up to ``t`` and ``ahead`` more in which no asset has a row."""
    bars = until(bars, min(t + ahead, len(bars) - 1))
    present = bars.present.copy()
    present[t + 1 :] = False
    benchmark = bars.benchmark.copy()
    benchmark[t + 1 :] = np.nan

    def without(prices: Prices) -> Prices:
        fields = [np.where(present, prices.field(name), np.nan) for name in FIELDS]
        return Prices(*fields)

    return replace(_with_prices(bars, without), present=present, benchmark=benchmark)


def noise_after(bars: Bars, t: int, ahead: int, rng: np.random.Generator) -> Bars:
    """Return the bars up to ``t`` and ``ahead`` more that are noise, at another level of prices.

    Every asset has a row in them, no actions, and tables and members change too.
    """
    bars = until(bars, min(t + ahead, len(bars) - 1))
    later = slice(t + 1, len(bars))
    noise = _Noise.drawn(bars.close[later].shape, rng)
    changed = _with_prices(bars, lambda prices: noise.after(prices, t))
    benchmark = _changed(bars.benchmark, later, _noisy_benchmark(bars, t, rng))
    members = bars.members
    if members is not None:
        members = _changed(members, later, rng.random(noise.path.shape) > 0.5)
    tables = {name: _noisy_table(table, t, rng) for name, table in bars.tables.items()}
    return replace(
        changed,
        present=_changed(bars.present, later, True),
        benchmark=benchmark,
        dividends=_changed(bars.dividends, later, 0.0),
        splits=_changed(bars.splits, later, 1.0),
        members=members,
        tables=MappingProxyType(tables),
    )


@dataclass(frozen=True)
class _Noise:
    """A made future of some bars: how prices move (n, N), how far a bar spreads, its volume."""

    path: Array
    spread: Array
    volume: Array

    @classmethod
    def drawn(cls, shape: tuple[int, ...], rng: np.random.Generator) -> _Noise:
        jump = LEVEL ** rng.choice([-1.0, 1.0], shape[1])
        steps = rng.normal(0.0, STEP, shape)
        return cls(
            path=jump * np.exp(np.cumsum(steps, axis=0)),
            spread=np.exp(rng.uniform(0.0, 0.02, (3, *shape))),
            volume=np.exp(rng.normal(12.0, 1.0, shape)),
        )

    def after(self, prices: Prices, t: int) -> Prices:
        """Return prices whose rows after ``t`` are this noise, at a multiple of the last price."""
        last = forward_fill(prices.close[: t + 1])[-1]
        close = self.path * np.nan_to_num(last, nan=UNLISTED)
        opened = close * self.spread[0]
        new = {
            "close": close,
            "open": opened,
            "high": np.maximum(close, opened) * self.spread[1],
            "low": np.minimum(close, opened) / self.spread[2],
            "volume": self.volume,
        }
        fields = []
        for name in FIELDS:
            values = prices.field(name).copy()
            # a field that the data do not have stays away
            there = name == "close" or np.isfinite(values).any()
            values[t + 1 :] = new[name] if there else np.nan
            fields.append(values)
        return Prices(*fields)


def other_close(bars: Bars, t: int) -> Bars:
    """Return the bars up to ``t``, with the closes of bar ``t`` alone a tenth higher.

    Its highs follow.
    """
    bars = until(bars, t)

    def higher(prices: Prices) -> Prices:
        close, high = prices.close.copy(), prices.high.copy()
        close[t] *= 1.1
        high[t] = np.fmax(high[t], close[t])
        return Prices(prices.open, high, prices.low, close, prices.volume)

    return _with_prices(bars, higher)


def shaken_at(bars: Bars, rows: slice, factor: float) -> Bars:
    """Return the bars with the prices and volumes of some ``rows`` multiplied.

    No row comes or goes.
    """

    def shaken(prices: Prices) -> Prices:
        fields = [prices.field(name).copy() for name in FIELDS]
        for values in fields:
            values[rows] *= factor
        return Prices(*fields)

    benchmark = bars.benchmark.copy()
    benchmark[rows] *= factor
    return replace(_with_prices(bars, shaken), benchmark=benchmark)


def _changed(values: NDArray[Any], rows: slice, new: Any) -> NDArray[Any]:
    """Return a copy with other values in some rows."""
    out = values.copy()
    out[rows] = new
    return out


def _noisy_benchmark(bars: Bars, t: int, rng: np.random.Generator) -> Array:
    """Return a made benchmark for the bars after ``t``, at a multiple of its last close."""
    past = bars.benchmark[: t + 1]
    known = past[np.isfinite(past)]
    last = known[-1] if len(known) else 1.0
    steps = rng.normal(0, STEP, len(bars) - t - 1)
    return np.asarray(last * LEVEL * np.exp(np.cumsum(steps)))


def _noisy_table(table: Table, t: int, rng: np.random.Generator) -> Table:
    known = int(table.rows[t])
    values = table.values.copy()
    later = values[known + 1 :]
    if values.dtype == object:
        later[...] = "something else"
    else:
        later[:] = later * rng.uniform(0.2, 5.0, later.shape) + rng.normal(
            0.0, 1.0, later.shape
        )
    return Table(values, table.rows.copy(), table.revised)


def _with_prices(bars: Bars, change: Callable[[Prices], Prices]) -> Bars:
    adjusted = change(bars.adjusted)
    return replace(
        bars,
        adjusted=adjusted,
        traded=adjusted if bars.traded is bars.adjusted else change(bars.traded),
    )
