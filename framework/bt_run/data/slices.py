"""Bars up to or from a bar: what a run would have had if its data had ended or begun there.

Rows are copied, so that nothing beyond them is in memory behind them.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bt_run.data.bars import FIELDS, Bars, Prices
from bt_run.data.known import Table

__all__ = ["from_bar", "until"]


def until(bars: Bars, t: int) -> Bars:
    """Return the bars up to and including ``t``, as they would have been then."""
    return _rows(bars, slice(0, t + 1), bars.start)


def from_bar(bars: Bars, first: int) -> Bars:
    """Return the bars from ``first`` on; ``first`` is not after the start."""
    return _rows(bars, slice(first, len(bars)), bars.start - first)


def _rows(bars: Bars, rows: slice, start: int) -> Bars:
    def cut(prices: Prices) -> Prices:
        return Prices(*(prices.field(name)[rows].copy() for name in FIELDS))

    def cut_or_none(values: NDArray[Any] | None) -> NDArray[Any] | None:
        return None if values is None else values[rows].copy()

    # a delisting that was declared later was not known
    declared = bars.last_session <= bars.sessions[rows][-1]
    tables = {name: _table_rows(table, rows) for name, table in bars.tables.items()}
    adjusted = cut(bars.adjusted)
    return replace(
        bars,
        times=bars.times[rows].copy(),
        adjusted=adjusted,
        traded=adjusted if bars.traded is bars.adjusted else cut(bars.traded),
        present=bars.present[rows].copy(),
        dividends=bars.dividends[rows].copy(),
        splits=bars.splits[rows].copy(),
        last_session=np.where(declared, bars.last_session, np.datetime64("NaT")),
        benchmark=bars.benchmark[rows].copy(),
        members=cut_or_none(bars.members),
        market_shares=cut_or_none(bars.market_shares),
        tables=MappingProxyType(tables),
        start=start,
    )


def _table_rows(table: Table, rows: slice) -> Table:
    kept = table.rows[rows].copy()
    return Table(table.values[: kept[-1] + 1].copy(), kept, table.revised)
