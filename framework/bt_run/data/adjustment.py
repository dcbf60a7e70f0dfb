"""Adjustment forward from the first bar: what a first-day share has become."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from bt_run.arrays import Array
from bt_run.data.rows import PriceConvention, Rows, day_of
from bt_run.errors import DataError

__all__ = ["actions_of", "as_traded", "forward_factor", "later_splits"]


def forward_factor(name: str, rows: Rows, prices: PriceConvention | None) -> Array:
    """Return the units of a first-day share (n,): 1 on the first row, growing with actions.

    On an ex-date with split s and dividend d per new share: A_t = A_(t-1) * s * c / (c - d), where
    c is the close before, in new shares; that is the dividend reinvested at the ex-dividend price.

    Raises:
        DataError: a dividend is not less than the share was worth.
    """
    count = len(rows.close)
    if not count:
        return np.ones(0)
    if rows.dividend is None and rows.adj_close is not None:
        ratio = rows.adj_close / rows.close
        return np.asarray(ratio / ratio[0])
    split = actions_of(rows, "split") if prices == "as_traded" else np.ones(count)
    dividend = actions_of(rows, "dividend")
    before = np.append(rows.close[0], rows.close[:-1]) / split
    split[0], dividend[0] = 1.0, 0.0
    impossible = np.flatnonzero(dividend >= before)
    if len(impossible):
        at = int(impossible[0])
        raise DataError(
            f"{name}: dividend was {dividend[at]} at {day_of(rows.times[at])}, on a close before "
            f"of {before[at]:.6g}; expected less than the share was worth"
        )
    return np.asarray(np.cumprod(split * (before / (before - dividend))))


def actions_of(rows: Rows, field: str) -> Array:
    """Return dividends (0 where none) or splits (1 where none), (n,), in an array of their own."""
    none = 0.0 if field == "dividend" else 1.0
    values = rows.field(field)
    if values is None:
        return np.full(len(rows.close), none)
    return np.where(np.isnan(values) | (values == 0.0), none, values)


def later_splits(rows: Rows) -> Array:
    """Return by what split-adjusted prices were divided, (n,): new shares of the splits after each
    row per share then.
    """
    split = actions_of(rows, "split")
    after = np.append(split[1:], 1.0)
    return np.asarray(np.cumprod(after[::-1])[::-1])


def as_traded(rows: Rows, later: Array) -> Rows:
    """Return split-adjusted rows as they were traded; ``later`` (n,) is what ``later_splits``
    says.
    """

    def times(values: Array | None) -> Array | None:
        return None if values is None else values * later

    return replace(
        rows,
        open=times(rows.open),
        high=times(rows.high),
        low=times(rows.low),
        close=rows.close * later,
        dividend=times(rows.dividend),
        volume=None if rows.volume is None else rows.volume / later,
    )
