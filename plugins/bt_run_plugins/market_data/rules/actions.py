"""Rules on dividends and splits: actions that prices or adj_close contradict, and actions odd in
themselves.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from bt_run import Array
from bt_run.arrays import Mask
from bt_run_plugins.market_data.rules.findings import NOWHERE, Finding, Findings, Rule
from bt_run_plugins.market_data.rules.series import Series, previous
from bt_run_plugins.market_data.rules.thresholds import Thresholds

SMALL_STOCK_DIVIDENDS = (2, 3, 4, 5, 6, 8, 10)  # per cent

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


def adj_close_mismatch(series: Series, limits: Thresholds) -> Findings:
    """Find rows whose return by adj_close differs by over ``adj_close`` from the return by close
    and actions.

    By actions either (close + dividend) * split / close before, or close * split / (close before -
    dividend * split), the nearer one; for split-adjusted prices without the split. A source without
    any actions cannot disagree; adj_close written in cents is given its rounding. The value is the
    one return's ratio over the other, less 1.
    """
    if series.prices is None or not series.actions:
        return []
    if not np.isfinite(series.adj_close).any():
        return []
    apart = _apart_from_adj_close(series)
    with np.errstate(invalid="ignore", divide="ignore"):
        rows = np.abs(apart) > limits.adj_close + _rounding(series.adj_close)
    return series.findings("adj_close_mismatch", rows, apart, _mismatch_text, "error")


def _apart_from_adj_close(series: Series) -> Array:
    """Return the returns by adj_close over those by close and actions, less 1, (n,)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        adjusted = series.adj_close / previous(series.adj_close)
        by_payment = adjusted / np.exp(series.step) - 1.0
        by_reinvestment = adjusted / _reinvested(series) - 1.0
    return _nearer_to_zero(by_payment, by_reinvestment)


def _mismatch_text(series: Series, row: int) -> str:
    adjusted = series.adj_close[row] / series.adj_close[row - 1] - 1
    paid = np.exp(series.step[row]) - 1
    return f"by adj_close the return is {adjusted:+.1%}, by close, dividend and split {paid:+.1%}"


def dividend_over_price(series: Series, limits: Thresholds) -> Findings:
    """Find dividends not below the close before (per new share on the day of a split); the value is
    the dividend.
    """
    rows = series.pays & (series.dividend >= series.before / series.ratio)
    return series.findings(
        "dividend_over_price", rows, series.dividend, _over_price_text, "error"
    )


def _over_price_text(series: Series, row: int) -> str:
    worth = series.before[row] / series.ratio[row]
    return f"dividend {series.dividend[row]:.6g} on a close before of {worth:.6g}"


def split_not_in_price(series: Series, limits: Thresholds) -> Findings:
    """Find splits that the price did not follow: without the split the day's return would be an
    ordinary one.

    |log split| >= action; the move by all actions is >= action and >= action_sigmas; the best
    reading without the split leaves less than a third of it. The value is the split.
    """
    rows = _split_contradicted(series, limits)
    return series.findings("split_not_in_price", rows, series.split, _split_text)


def _split_text(series: Series, row: int) -> str:
    left = _without_split(series)[row]
    return f"split {series.split[row]:.6g} makes {_moves_text(series, row, left)}"


def dividend_not_in_price(series: Series, limits: Thresholds) -> Findings:
    """Find dividends of at least ``action`` of the price that it did not fall by; as
    ``split_not_in_price``.

    A spin-off's dividend is followed by the price and is not found. The value is the dividend.
    """
    rows = _dividend_contradicted(series, limits) & ~_split_contradicted(series, limits)
    return series.findings(
        "dividend_not_in_price", rows, series.dividend, _dividend_text
    )


def _dividend_text(series: Series, row: int) -> str:
    left = _without_dividend(series)[row]
    return f"dividend {series.dividend[row]:.6g} makes {_moves_text(series, row, left)}"


def action_ambiguous(series: Series, limits: Thresholds) -> Findings:
    """Find days with a split and a dividend whose return depends on which share the dividend is
    paid on.

    |log((c + d) * s / (c * s + d))| > action_readings; the framework takes d per new share. The
    value is that log.
    """
    apart = _readings_apart(series)
    both = series.pays & (series.ratio != 1.0)
    rows = both & (np.abs(apart) > limits.action_readings)
    return series.findings("action_ambiguous", rows, apart, _ambiguous_text)


def _readings_apart(series: Series) -> Array:
    """Return the log of the return with a dividend per new share over that per old one, (n,)."""
    worth = series.close * series.ratio
    per_new_share = worth + series.dividend * series.ratio
    return np.log(per_new_share / (worth + series.dividend))


def _ambiguous_text(series: Series, row: int) -> str:
    step = series.step[row]
    new = np.expm1(step)
    old = np.expm1(step - _readings_apart(series)[row])
    return (
        f"dividend {series.dividend[row]:.6g} with split {series.split[row]:.6g}: per new "
        f"share the return is {new:+.1%}, per old share {old:+.1%}"
    )


def split_odd(series: Series, limits: Thresholds) -> Findings:
    """Find split factors that are not p:q with q (or p, for a reverse split) at most 5, within 0.1
    %.

    Stock dividends of 2, 3, 4, 5, 6, 8 and 10 % count as ordinary. The value is the split.
    """
    return series.findings(
        "split_odd", _odd_splits(series), series.split, _odd_text, "info"
    )


def _odd_splits(series: Series) -> Mask:
    """Return the rows (n,) with a split that is no ordinary one."""
    rows: Mask = series.split != 1.0
    for row in np.flatnonzero(rows):
        rows[row] = not _is_ordinary(float(series.split[row]))
    return rows


def _odd_text(series: Series, row: int) -> str:
    return f"split {series.split[row]:.6g} new shares per old one: no ratio of small numbers"


def dividend_twice(series: Series, limits: Thresholds) -> Findings:
    """Find a dividend with the amount of one at most five rows before; the value is the amount."""
    found = []
    for earlier, row in pairwise(_dividend_rows(series)):
        later = row - earlier
        dividend = series.dividend[row]
        if later <= 5 and np.isclose(dividend, series.dividend[earlier], rtol=1e-6):
            text = f"dividend {dividend:.6g}, {later} rows after the same amount"
            found.append(series.finding("dividend_twice", row, dividend, text))
    return found


def dividends_mixed(series: Series, limits: Thresholds) -> Findings:
    """Find symbols with ``dividend_pairs`` pairs of different dividends within ``dividend_days``
    calendar days.

    One finding, at the first pair; the value is the number of pairs.
    """
    days = limits.dividend_days
    rows = _near_dividends(series, days)
    if len(rows) < limits.dividend_pairs:
        return []
    text = (
        f"{len(rows)} times two different dividends within {days} days: "
        "the dividends of two companies may be mixed"
    )
    return [series.finding("dividends_mixed", rows[0], len(rows), text)]


def _near_dividends(series: Series, days: int) -> list[int]:
    """Return the rows with another dividend than the one at most some days before."""
    rows = []
    for earlier, row in pairwise(_dividend_rows(series)):
        later = series.date[row] - series.date[earlier]
        if later > np.timedelta64(days, "D"):
            continue
        if series.dividend[row] != series.dividend[earlier]:
            rows.append(row)
    return rows


def prices_undeclared(series: Series, limits: Thresholds) -> Findings:
    """Find symbols that have actions or adj_close while nothing says if their prices are adjusted
    for splits.

    The value is the number of rows with an action; adj_close alone counts as 0.
    """
    if series.prices is not None:
        return []
    count = int(((series.dividend != 0) | (series.split != 1.0)).sum())
    if not count and not np.isfinite(series.adj_close).any():
        return []
    text = (
        "has actions or adj_close, and nothing says whether prices are as_traded or "
        "split_adjusted"
    )
    return [
        Finding(
            series.symbol, NOWHERE, "prices_undeclared", float(count), "error", text
        )
    ]


def _reinvested(series: Series) -> Array:
    """Return the vendors' returns (n,), by a dividend taken off the close before; NaN where that
    leaves nothing.
    """
    returns = (
        series.close * series.ratio / (series.before - series.dividend * series.ratio)
    )
    return np.where(returns > 0, returns, np.nan)


def _dividend_rows(series: Series) -> list[int]:
    return np.flatnonzero(series.pays).tolist()


def _split_part(series: Series) -> Array:
    """Return how much of the moves (n,) splits make."""
    return np.log(series.ratio)


def _dividend_part(series: Series) -> Array:
    """Return how much of the moves (n,) dividends make."""
    return np.log1p(series.dividend / series.close)


def _without_split(series: Series) -> Array:
    """Return the moves (n,) without the splits."""
    return _move_without(series, _split_part(series), _dividend_part(series))


def _without_dividend(series: Series) -> Array:
    """Return the moves (n,) without the dividends."""
    return _move_without(series, _dividend_part(series), _split_part(series))


def _move_without(series: Series, action: Array, other: Array) -> Array:
    """Return the moves (n,) without an action: with the other action of the day or without it,
    whichever leaves less.
    """
    with_other = series.move - action
    return _nearer_to_zero(with_other, with_other - other)


def _nearer_to_zero(one: Array, other: Array) -> Array:
    """Return the smaller of two readings (n,), whatever their signs; the first where they are
    alike.
    """
    return np.where(_distance(other) < _distance(one), other, one)


def _distance(reading: Array) -> Array:
    """Return how far a reading (n,) is from zero; where it is not known, farther than any other."""
    return np.abs(np.nan_to_num(reading, nan=np.inf))


def _split_contradicted(series: Series, limits: Thresholds) -> Mask:
    """Return the rows (n,) whose price speaks against their split."""
    size = np.abs(_split_part(series))
    return _contradicted(series, limits, size, _without_split(series))


def _dividend_contradicted(series: Series, limits: Thresholds) -> Mask:
    """Return the rows (n,) whose price speaks against their dividend."""
    size = _dividend_part(series)
    return _contradicted(series, limits, size, _without_dividend(series))


def _contradicted(
    series: Series,
    limits: Thresholds,
    size: Array,
    left: Array,
) -> Mask:
    """Return the rows (n,) in which an action of some size makes an ordinary return a large one."""
    large = np.minimum(size, series.size) >= limits.action
    rows = large & (series.sigmas >= limits.action_sigmas)
    return rows & (np.abs(left) <= series.size / 3)


def _moves_text(series: Series, row: int, left: float) -> str:
    """Return a row's move with an action and without it, as a sentence goes on."""
    move = np.expm1(series.move[row])
    without = np.expm1(left)
    return f"{move:+.1%} beyond the market of the day, without it {without:+.1%}"


def _rounding(prices: Array) -> Array | float:
    """Return what rounding to cents can do to a ratio of prices (n,); 0 where they are not in
    cents.
    """
    cents = prices * 100
    whole = np.round(cents)
    if not np.allclose(cents, whole, rtol=0, atol=1e-4, equal_nan=True):
        return 0.0
    share = 0.005 / prices
    out = np.zeros(len(prices))
    out[1:] = share[1:] + share[:-1]
    return out


def _is_ordinary(split: float) -> bool:
    """Say whether a split is a ratio of small numbers, or a usual stock dividend."""
    return _is_stock_dividend(split) or _is_small_ratio(split)


def _is_stock_dividend(split: float) -> bool:
    return any(
        abs(split - 1.0 - percent / 100) < 1e-4 for percent in SMALL_STOCK_DIVIDENDS
    )


def _is_small_ratio(split: float) -> bool:
    size = max(split, 1.0 / split)
    for old in range(1, 6):
        new = round(size * old)
        if new != old and abs(size * old / new - 1.0) < 1e-3:
            return True
    return False
