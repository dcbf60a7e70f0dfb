"""Bars made in sight, from closes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Literal, TypedDict, Unpack

import numpy as np

from bt_run.arrays import Array
from bt_run.data.assembly import assemble_bars
from bt_run.data.bars import Bars, LoadRequest
from bt_run.data.rows import PriceConvention, Rows

__all__ = ["make_bars", "make_rows", "weekdays"]


def weekdays(
    count: int, first: str = "2020-01-01"
) -> np.ndarray[tuple[int], np.dtype[np.datetime64]]:
    """Return ``count`` weekdays from ``first`` on, datetime64[D]."""
    return np.asarray(
        np.busday_offset(np.datetime64(first, "D"), np.arange(count), roll="forward")
    )


Values = Sequence[float] | Array


class Columns(TypedDict, total=False):
    """The columns that rows may have beside the close."""

    open: Values
    high: Values
    low: Values
    volume: Values
    dividend: Values
    split: Values
    adj_close: Values


def make_rows(
    close: Values, first: str = "2020-01-01", **columns: Unpack[Columns]
) -> Rows:
    """Make the rows of one asset of ``close`` (n,), a weekday each from ``first`` on; NaN closes
    are rows that do not exist.

    ``columns`` are open, high, low, volume, dividend, split or adj_close. Without open, high and
    low all three equal the close; without volume it is a million shares.
    """
    closes = np.asarray(close, dtype=np.float64)
    there = np.isfinite(closes)
    given = {
        name: np.asarray(values, dtype=np.float64)[there]
        for name, values in columns.items()
    }
    closes = closes[there]
    opens = given.setdefault("open", closes)
    given["high"] = np.maximum(given.get("high", closes), np.maximum(opens, closes))
    given["low"] = np.minimum(given.get("low", closes), np.minimum(opens, closes))
    given.setdefault("volume", np.full(len(closes), 1e6))
    times = weekdays(len(there), first)[there].astype("datetime64[ns]")
    return Rows(times=times, close=closes, **given)


def make_bars(
    assets: Mapping[str, Rows | Sequence[float]],
    *,
    start: int = 0,
    adjust: Literal["total_return", "none"] = "total_return",
    prices: PriceConvention | None = "as_traded",
    last_session: Mapping[str, np.datetime64] | None = None,
) -> Bars:
    """Make bars of ``assets``: closes, or what ``make_rows`` returns, by name. The first bar is a
    weekday in January 2020.

    ``start`` is the bar of the first decision. ``adjust``, ``prices`` and ``last_session`` are
    those of ``LoadRequest`` and ``assemble_bars``. The benchmark is a series that never moves.

    Raises:
        DataError: a row cannot be true.
    """
    rows = {
        name: item if isinstance(item, Rows) else make_rows(item)
        for name, item in assets.items()
    }
    times = np.unique(np.concatenate([item.times for item in rows.values()]))
    days: list[date] = [
        time.astype("datetime64[D]").item() for time in (times[start], times[-1])
    ]
    request = LoadRequest(
        assets={name: name for name in rows},
        benchmark=("FLAT", "FLAT"),
        start=days[0],
        end=days[1],
        adjust=adjust,
    )
    flat = Rows(times=times, close=np.ones(len(times)))
    return assemble_bars(request, rows, flat, prices=prices, last_session=last_session)
