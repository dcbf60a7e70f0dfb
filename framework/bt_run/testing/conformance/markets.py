"""The made markets of the conformance kit: small, the same every time, each with one kind of
trouble.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from datetime import date
from functools import cache
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bt_run.arrays import Array
from bt_run.data.assembly import assemble_bars
from bt_run.data.bars import Bars, LoadRequest, Prices
from bt_run.data.known import Table
from bt_run.data.rows import Rows
from bt_run.testing import make_rows

__all__ = ["MARKETS", "calm_rows", "market", "reversed_assets"]

COUNT, START, SHORT = 300, 60, 40
# bars: the first with a value in made tables, and from one value to the next
FIRST_KNOWN, RENEWED = 5, 7


@cache
def market(name: str) -> Bars:
    """Return one of ``MARKETS``."""
    return MARKETS[name]()


def calm_rows(count: int = COUNT) -> dict[str, Rows]:
    """Return the rows of three assets that rise and fall by about 1.5% a day, each at its own
    pace.
    """
    return {
        name: _walk(seed, count, drift)
        for seed, (name, drift) in enumerate(_DRIFTS, start=1)
    }


def reversed_assets(bars: Bars) -> Bars:
    """Return the bars with the assets' columns in reverse order under the same, sorted, names."""

    def turned(prices: Prices) -> Prices:
        return Prices(*(getattr(prices, item.name)[:, ::-1] for item in fields(prices)))

    adjusted = turned(bars.adjusted)
    tables = {
        name: table
        if table.is_series
        else replace(table, values=table.values[:, ::-1].copy())
        for name, table in bars.tables.items()
    }
    return replace(
        bars,
        tables=MappingProxyType(tables),
        adjusted=adjusted,
        traded=adjusted if bars.traded is bars.adjusted else turned(bars.traded),
        present=bars.present[:, ::-1],
        dividends=bars.dividends[:, ::-1],
        splits=bars.splits[:, ::-1],
        last_session=bars.last_session[::-1],
    )


_DRIFTS = (("AAA", 0.0006), ("BBB", 0.0), ("CCC", -0.0004))


def _walk(seed: int, count: int, drift: float) -> Rows:
    rng = np.random.default_rng(seed)
    close = 50.0 * np.exp(np.cumsum(rng.normal(drift, 0.015, count)))
    opens = close * np.exp(rng.normal(0.0, 0.004, count))
    return make_rows(
        close,
        open=opens,
        high=np.maximum(opens, close) * 1.003,
        low=np.minimum(opens, close) * 0.997,
        volume=rng.integers(1_000, 9_000, count).astype(float),
    )


def _calm() -> Bars:
    return _bars(calm_rows(), START)


def _short() -> Bars:
    return _bars(calm_rows(SHORT), 0)


def _one() -> Bars:
    return _bars({"AAA": calm_rows()["AAA"]}, START)


def _constant() -> Bars:
    return _bars(
        {
            name: make_rows(np.full(COUNT, 10.0 + i))
            for i, name in enumerate(("AAA", "BBB", "CCC"))
        },
        START,
    )


def _extreme() -> Bars:
    """Return prices from 1e-6 to 1e9, with a day that loses nine tenths and one that gains
    tenfold.
    """
    rows = calm_rows()
    jumps = np.ones(COUNT)
    jumps[120:150], jumps[200:] = 0.1, 10.0
    levels = {"AAA": 2e-8 * np.ones(COUNT), "BBB": 2e7 * np.ones(COUNT), "CCC": jumps}
    return _bars(
        {name: _scaled(item, levels[name]) for name, item in rows.items()}, START
    )


def _ugly() -> Bars:
    """Return five assets: dividends and a split, gaps, a late listing, a delisting, and one without
    trouble.
    """
    closes = {
        name: _walk(seed, COUNT, 0.0002).close
        for seed, name in enumerate(("AAA", "BBB", "CCC", "DDD"), start=11)
    }
    split, dividend = np.ones(COUNT), np.zeros(COUNT)
    split[140], dividend[70::60] = 2.0, 0.4
    paid = np.where(np.arange(COUNT) >= 140, closes["AAA"] / 2.0, closes["AAA"])
    gaps = closes["BBB"].copy()
    gaps[[START, 90, 91, 92]], gaps[180:192] = np.nan, np.nan
    late, ended = closes["CCC"].copy(), closes["DDD"].copy()
    late[:150], ended[200:] = np.nan, np.nan
    rows = {
        "AAA": make_rows(paid, split=split, dividend=dividend),
        "BBB": make_rows(gaps),
        "CCC": make_rows(late),
        "DDD": make_rows(ended),
        "EEE": calm_rows()["AAA"],
    }
    return _bars(rows, START)


def _scaled(rows: Rows, factor: Array) -> Rows:
    given = {
        name: getattr(rows, name) * factor for name in ("open", "high", "low", "close")
    }
    return replace(rows, **given)


def _bars(rows: Mapping[str, Rows], start: int) -> Bars:
    """Return bars whose benchmark is another walk of the same length."""
    own = _walk(99, COUNT, 0.0002)
    times = np.unique(np.concatenate([item.times for item in rows.values()]))
    days: list[date] = [
        time.astype("datetime64[D]").item() for time in (times[start], times[-1])
    ]
    request = LoadRequest(
        assets={name: name for name in rows},
        benchmark=("INDEX", "INDEX"),
        start=days[0],
        end=days[1],
    )
    return assemble_bars(request, rows, own, prices="as_traded")


MARKETS: Mapping[str, Callable[[], Bars]] = MappingProxyType(
    {
        "calm": _calm,
        "ugly": _ugly,
        "one": _one,
        "constant": _constant,
        "extreme": _extreme,
        "short": _short,
    }
)


def with_made_tables(bars: Bars, reads: Mapping[str, str]) -> Bars:
    """Return the bars with a made table or series for each name that a component reads, of the kind
    that it says.

    Its values change every few bars, from the fifth on; before that nothing is known.
    """
    if not reads:
        return bars
    tables = {name: _made_table(bars, name, kind) for name, kind in reads.items()}
    return replace(bars, tables=MappingProxyType({**bars.tables, **tables}))


def _made_table(bars: Bars, name: str, kind: str) -> Table:
    rows = np.maximum(0, np.arange(len(bars)) - FIRST_KNOWN) // RENEWED
    known = np.where(np.arange(len(bars)) < FIRST_KNOWN, 0, rows + 1)
    shape = (int(known.max()) + 1, *(() if kind == "series" else (len(bars.assets),)))
    rng = np.random.default_rng(list(name.encode()))
    values: NDArray[Any] = rng.normal(1.0, 0.3, shape)
    values[0] = np.nan
    if kind == "text":
        words = np.array(["calm", "wild", "odd"], dtype=object)
        values = words[rng.integers(len(words), size=shape)]
        values[0] = None
    return Table(values, known.astype(np.int64))
