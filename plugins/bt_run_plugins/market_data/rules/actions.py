"""Rules on dividends and splits: actions that prices or adj_close contradict, and actions odd in
themselves.
"""

from __future__ import annotations

from typing import SupportsIndex

import numpy as np

from bt_run import Array
from bt_run_plugins.market_data.rules.findings import Finding, Rule, Severity
from bt_run_plugins.market_data.rules.series import Mask, Series
from bt_run_plugins.market_data.rules.thresholds import Thresholds

RULES = (
    Rule(
        "adj_close_mismatch",
        "error",
        "adj_close and the actions tell different returns: one of them is wrong",
    ),
    Rule(
        "dividend_over_price",
        "error",
        "a dividend as large as the share was worth cannot be reinvested",
        fatal=True,
    ),
    Rule(
        "split_not_in_price",
        "warning",
        "the price did not change by the split: share counts would be wrong",
    ),
    Rule(
        "dividend_not_in_price",
        "warning",
        "the price did not fall by the dividend: it would be paid for nothing",
    ),
    Rule(
        "action_ambiguous",
        "warning",
        "a dividend on the day of a split, per old or per new share: unlike returns",
    ),
    Rule(
        "split_odd",
        "info",
        "a split factor that is no ratio of small numbers: often a spin-off in disguise",
    ),
    Rule(
        "dividend_twice",
        "warning",
        "the same dividend twice within five sessions: paid once, as a rule",
    ),
    Rule(
        "dividends_mixed",
        "warning",
        "different dividends days apart, over and over: two companies in one history",
    ),
    Rule(
        "prices_undeclared",
        "error",
        "actions or adj_close without saying what the prices are",
        fatal=True,
    ),
)


def adj_close_mismatch(series: Series, limits: Thresholds) -> list[Finding]:
    """Find rows whose return by adj_close differs by over ``adj_close`` from the return by close
    and actions.

    By actions either (close + dividend) * split / close before, or close * split / (close before -
    dividend * split), the nearer one; for split-adjusted prices without the split. A source without
    any actions cannot disagree; adj_close written in cents is given its rounding. The value is the
    one return's ratio over the other, less 1.
    """
    if series.prices is None or not series.actions or not np.isfinite(series.adj_close).any():
        return []
    adjusted = np.full(len(series), np.nan)
    with np.errstate(invalid="ignore", divide="ignore"):
        adjusted[1:] = series.adj_close[1:] / series.adj_close[:-1]
        paid = np.exp(series.step)
        vendor = series.close * series.ratio / (series.before - series.dividend * series.ratio)
        apart = np.stack([adjusted / paid, np.where(vendor > 0, adjusted / vendor, np.nan)]) - 1.0
        nearer = np.where(
            np.abs(apart[0]) <= np.nan_to_num(np.abs(apart[1]), nan=np.inf), apart[0], apart[1]
        )
        bad = np.abs(nearer) > limits.adj_close + _rounding(series.adj_close)
    return [
        _found(
            series,
            "adj_close_mismatch",
            row,
            nearer[row],
            f"by adj_close the return is {adjusted[row] - 1:+.1%}, by close, dividend and split "
            f"{paid[row] - 1:+.1%}",
            "error",
        )
        for row in np.flatnonzero(bad)
    ]


def dividend_over_price(series: Series, limits: Thresholds) -> list[Finding]:
    """Find dividends not below the close before (per new share on the day of a split); the value is
    the dividend.
    """
    worth = series.before / series.ratio
    with np.errstate(invalid="ignore"):
        rows = np.flatnonzero((series.dividend > 0) & (series.dividend >= worth))
    return [
        _found(
            series,
            "dividend_over_price",
            row,
            series.dividend[row],
            f"dividend {series.dividend[row]:.6g} on a close before of {worth[row]:.6g}",
            "error",
        )
        for row in rows
    ]


def split_not_in_price(series: Series, limits: Thresholds) -> list[Finding]:
    """Find splits that the price did not follow: without the split the day's return would be an
    ordinary one.

    |log split| >= action; the move by all actions is >= action and >= action_sigmas; the best
    reading without the split leaves less than a third of it. The value is the split.
    """
    return [
        _found(
            series,
            "split_not_in_price",
            row,
            series.split[row],
            f"split {series.split[row]:.6g} makes {np.expm1(series.move[row]):+.1%} beyond the "
            "market of the day, "
            f"without it {np.expm1(left[row]):+.1%}",
        )
        for left, rows in (_contradicted(series, limits, "split"),)
        for row in np.flatnonzero(rows)
    ]


def dividend_not_in_price(series: Series, limits: Thresholds) -> list[Finding]:
    """Find dividends of at least ``action`` of the price that it did not fall by; as
    ``split_not_in_price``.

    A spin-off's dividend is followed by the price and is not found. The value is the dividend.
    """
    _, splits = _contradicted(series, limits, "split")
    return [
        _found(
            series,
            "dividend_not_in_price",
            row,
            series.dividend[row],
            f"dividend {series.dividend[row]:.6g} makes {np.expm1(series.move[row]):+.1%} beyond "
            "the market of the "
            f"day, without it {np.expm1(left[row]):+.1%}",
        )
        for left, rows in (_contradicted(series, limits, "dividend"),)
        for row in np.flatnonzero(rows & ~splits)
    ]


def action_ambiguous(series: Series, limits: Thresholds) -> list[Finding]:
    """Find days with a split and a dividend whose return depends on which share the dividend is
    paid on.

    |log((c + d) * s / (c * s + d))| > action_readings; the framework takes d per new share. The
    value is that log.
    """
    worth = series.close * series.ratio
    apart = np.log((worth + series.dividend * series.ratio) / (worth + series.dividend))
    rows = np.flatnonzero(
        (series.dividend > 0) & (series.ratio != 1.0) & (np.abs(apart) > limits.action_readings)
    )
    return [
        _found(
            series,
            "action_ambiguous",
            row,
            apart[row],
            f"dividend {series.dividend[row]:.6g} with split {series.split[row]:.6g}: per new "
            "share the return is "
            f"{np.expm1(series.step[row]):+.1%}, per old share "
            f"{np.expm1(series.step[row] - apart[row]):+.1%}",
        )
        for row in rows
    ]


def split_odd(series: Series, limits: Thresholds) -> list[Finding]:
    """Find split factors that are not p:q with q (or p, for a reverse split) at most 5, within 0.1
    %.

    Stock dividends of 2, 3, 4, 5, 6, 8 and 10 % count as ordinary. The value is the split.
    """
    rows = np.flatnonzero(series.split != 1.0)
    return [
        _found(
            series,
            "split_odd",
            row,
            series.split[row],
            f"split {series.split[row]:.6g} new shares per old one: no ratio of small numbers",
            "info",
        )
        for row in rows
        if not _ordinary(float(series.split[row]))
    ]


def dividend_twice(series: Series, limits: Thresholds) -> list[Finding]:
    """Find a dividend with the amount of one at most five rows before; the value is the amount."""
    rows = np.flatnonzero(series.dividend > 0)
    again = (np.diff(rows) <= 5) & np.isclose(
        series.dividend[rows[1:]], series.dividend[rows[:-1]], rtol=1e-6
    )
    return [
        _found(
            series,
            "dividend_twice",
            row,
            series.dividend[row],
            f"dividend {series.dividend[row]:.6g}, {row - earlier} rows after the same amount",
        )
        for earlier, row in zip(rows[:-1][again], rows[1:][again], strict=True)
    ]


def dividends_mixed(series: Series, limits: Thresholds) -> list[Finding]:
    """Find symbols with ``dividend_pairs`` pairs of different dividends within ``dividend_days``
    calendar days.

    One finding, at the first pair; the value is the number of pairs.
    """
    rows = np.flatnonzero(series.dividend > 0)
    near = np.diff(series.date[rows]) <= np.timedelta64(limits.dividend_days, "D")
    pairs = np.flatnonzero(near & (series.dividend[rows[1:]] != series.dividend[rows[:-1]]))
    if len(pairs) < limits.dividend_pairs:
        return []
    text = (
        f"{len(pairs)} times two different dividends within {limits.dividend_days} days: "
        "the dividends of two companies may be mixed"
    )
    return [_found(series, "dividends_mixed", int(rows[pairs[0] + 1]), float(len(pairs)), text)]


def prices_undeclared(series: Series, limits: Thresholds) -> list[Finding]:
    """Find symbols that have actions or adj_close while nothing says if their prices are adjusted
    for splits.

    The value is the number of rows with an action; adj_close alone counts as 0.
    """
    actions = (series.dividend != 0) | (series.split != 1.0)
    if series.prices is not None or not (actions.any() or np.isfinite(series.adj_close).any()):
        return []
    text = (
        "has actions or adj_close, and nothing says whether prices are as_traded or split_adjusted"
    )
    nowhere = np.datetime64("NaT")
    return [
        Finding(series.symbol, nowhere, "prices_undeclared", float(actions.sum()), "error", text)
    ]


def _contradicted(series: Series, limits: Thresholds, what: str) -> tuple[Array, Mask]:
    """Return the move without an action (n,), by the best reading, and the rows that speak against
    the action.
    """
    split = np.log(series.ratio)
    dividend = np.log1p(series.dividend / series.close)
    if what == "split":
        readings, size = [series.move - split, series.move - split - dividend], np.abs(split)
    else:
        readings, size = [series.move - dividend, series.move - dividend - split], dividend
    stack = np.stack(readings)
    left = np.take_along_axis(
        stack, np.abs(np.nan_to_num(stack, nan=np.inf)).argmin(axis=0)[None], axis=0
    )[0]
    with np.errstate(invalid="ignore"):
        odd = (np.abs(series.move) >= limits.action) & (
            np.abs(series.sigmas) >= limits.action_sigmas
        )
        return left, np.asarray(
            odd & (size >= limits.action) & (np.abs(left) <= np.abs(series.move) / 3)
        )


def _rounding(prices: Array) -> Array | float:
    """Return what rounding to cents can do to a ratio of prices (n,); 0 where they are not in
    cents.
    """
    if not np.allclose(prices * 100, np.round(prices * 100), rtol=0, atol=1e-4, equal_nan=True):
        return 0.0
    out = np.zeros(len(prices))
    out[1:] = 0.005 / prices[1:] + 0.005 / prices[:-1]
    return out


def _ordinary(split: float) -> bool:
    size = max(split, 1.0 / split)
    if any(abs(split - 1.0 - percent / 100) < 1e-4 for percent in (2, 3, 4, 5, 6, 8, 10)):
        return True
    return any(
        abs(size * old / round(size * old) - 1.0) < 1e-3 and round(size * old) != old
        for old in range(1, 6)
    )


def _found(
    series: Series,
    rule: str,
    row: SupportsIndex,
    value: float,
    text: str,
    severity: Severity = "warning",
) -> Finding:
    return Finding(series.symbol, series.date[row], rule, float(value), severity, text)
