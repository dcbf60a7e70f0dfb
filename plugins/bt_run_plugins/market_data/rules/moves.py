"""Rules on moves: those that come back, look like a split, or that nothing around them explains."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from bt_run import Array
from bt_run.arrays import Mask
from bt_run_plugins.market_data.rules.actions import (
    dividend_not_in_price,
    split_not_in_price,
)
from bt_run_plugins.market_data.rules.findings import Finding, Findings, Rule
from bt_run_plugins.market_data.rules.series import Series
from bt_run_plugins.market_data.rules.thresholds import Thresholds

__all__ = [
    "RULES",
    "bad_tick",
    "jump",
    "large_move",
    "split_like",
    "turnover_text",
    "unexplained",
]

RULES = (
    Rule(
        "bad_tick",
        "warning",
        "prices leave for a few rows and come back as if nothing had been",
    ),
    Rule(
        "split_like",
        "warning",
        "the price changed by a split's ratio and there is no split row",
    ),
    Rule(
        "jump",
        "warning",
        "a large move overnight that nothing around it explains: an action or other data",
    ),
    Rule(
        "large_move",
        "info",
        "a large move on its own day's trading: as a rule news, and true",
    ),
)
# new shares per old one
SPLITS = (2, 3, 4, 5, 6, 7, 8, 10, 15, 20, 25, 30, 50, 2.5, 1.5, 4 / 3, 1.25)
SMALLEST_SPLIT = 0.15  # log return; below it a move is too common to be called a split
DOUBLE = 0.69  # log of the smallest split that is no common move
SMALLEST_SPAN = 0.002  # log(high / low) of a day that hardly moved


def bad_tick(series: Series, limits: Thresholds) -> Findings:
    """Find prices that leave overnight on ordinary turnover and come back within ``tick_rows``
    rows.

    Both moves are unexplained (see ``unexplained``) with |move| >= tick_move and >= tick_sigmas, of
    opposite signs, and their sum is under tick_match of the larger. Dated at the first row away;
    the value is the move there.
    """
    found = []
    for away, back in _excursions(series, limits):
        text = _bad_tick_text(series, away, back - away)
        found.append(series.finding("bad_tick", away, series.move[away], text))
    return found


def _bad_tick_text(series: Series, row: int, rows: int) -> str:
    days = "1 row" if rows == 1 else f"{rows} rows"
    turnover = turnover_text(series, row)
    return (
        f"{_beyond_market(series, row)} overnight and back after {days}, on {turnover}"
    )


def split_like(series: Series, limits: Thresholds) -> Findings:
    """Find unexplained overnight moves by the ratio of a split where there is no split row.

    log(open / close before) or log(close / close before), less the market's move, is within
    split_match of the log of 2:1, 3:1, 3:2, 1:10 and so on, and |move| >= split_sigmas (twice that
    for ratios below 2). Without volume, when news cannot be told from an action, only ratios of 2
    and more count, within split_match_blind. The value is the ratio of the close to the close
    before.
    """
    found = []
    for row in np.flatnonzero(_quiet_moves(series, limits)).tolist():
        split = _nearest_split(series, row, limits)
        if split is not None:
            found.append(_split_finding(series, row, split))
    return found


def _split_finding(series: Series, row: int, split: float) -> Finding:
    ratio = series.close[row] / series.before[row]
    return series.finding(
        "split_like", row, ratio, _split_like_text(series, row, split)
    )


def _split_like_text(series: Series, row: int, split: float) -> str:
    close = series.close[row]
    before = series.before[row]
    kind = _ratio_text(split)
    return f"close {close:.6g} after {before:.6g}, near a {kind} split, and there is no split row"


def jump(series: Series, limits: Thresholds) -> Findings:
    """Find large overnight moves that nothing explains and no other rule names.

    |move| >= jump_move and >= jump_sigmas, unexplained (see ``unexplained``); or a fall of
    abrupt_move whose overnight part is abrupt_flat times the day's range, whatever the turnover: so
    falls a share whose spin-off has no row, or whose ticker another company took over. Where only
    closes are known nothing is a jump. The value is the move.
    """
    rows = _jumps(series, limits) & ~_named(series, limits)
    return series.findings("jump", rows, series.move, _jump_text)


def _jumps(series: Series, limits: Thresholds) -> Mask:
    """Return the rows (n,) with a jump, be it named by another rule or not."""
    rows = _large_overnight(series, limits) | _abrupt_fall(series, limits)
    rows &= series.sigmas >= limits.jump_sigmas
    return rows


def _jump_text(series: Series, row: int) -> str:
    return (
        f"{_beyond_market(series, row)} overnight, {series.sigmas[row]:.0f} times the usual "
        f"move, on {turnover_text(series, row)}; no split or dividend explains it"
    )


def large_move(series: Series, limits: Thresholds) -> Findings:
    """Find moves >= large_move and >= large_sigmas that no other rule names; the value is the
    move.
    """
    named = _named(series, limits) | _rows_of(series, jump(series, limits))
    rows = _large_moves(series, limits) & ~named
    return series.findings("large_move", rows, series.move, _large_text, "info")


def _large_moves(series: Series, limits: Thresholds) -> Mask:
    return (series.size >= limits.large_move) & (series.sigmas >= limits.large_sigmas)


def _large_text(series: Series, row: int) -> str:
    turnover = turnover_text(series, row)
    return f"{_beyond_market(series, row)}, on {turnover}: as a rule, news"


def unexplained(series: Series, limits: Thresholds, flat: float) -> Mask:
    """Return the rows (n,) whose move came overnight, on ordinary turnover, and left the day's own
    trading calm.

    At least 0.6 of the move lies between the close before and the open, that part is at least
    ``flat`` times the day's range, and turnover < jump_turnover. Without volume the move must be at
    least blind_move.
    """
    least = np.maximum(0.6 * series.size, flat * _day_span(series))
    return _calm(series, limits) & (_overnight_part(series) >= least)


def _overnight_part(series: Series) -> Array:
    """Return how much of each move (n,) came overnight; all of it where only closes are known."""
    overnight = np.where(np.isnan(series.gap), series.move, series.gap)
    with np.errstate(invalid="ignore"):
        return overnight * np.sign(series.move)


def _calm(series: Series, limits: Thresholds) -> Mask:
    """Return the rows (n,) with ordinary turnover; without volume, those with a very large move."""
    turnover = series.turnover
    ordinary = (turnover > 0.1) & (turnover < limits.jump_turnover)
    blind = np.isnan(turnover) & (series.size >= limits.blind_move)
    return ordinary | blind


def _day_span(series: Series) -> Array:
    return np.fmax(series.span, SMALLEST_SPAN)


def _quiet_moves(series: Series, limits: Thresholds) -> Mask:
    """Return the rows (n,) with a large, unexplained move that no split and no bad tick made."""
    rows = unexplained(series, limits, limits.jump_flat - 0.5)
    rows &= series.sigmas >= limits.split_sigmas
    rows &= series.size >= SMALLEST_SPLIT
    rows &= series.ratio == 1.0
    rows &= ~_away(series, limits)
    return rows


def _nearest_split(
    series: Series,
    row: int,
    limits: Thresholds,
) -> float | None:
    """Return the log of the new shares per old one of the split that a row's move looks like, if
    any.
    """
    apart = _apart_from_splits(series, row)
    match = limits.split_match
    blind = np.isnan(series.turnover[row])
    if blind:
        match = limits.split_match_blind
    if blind or series.sigmas[row] < 2 * limits.split_sigmas:
        apart[np.abs(_split_logs()) < DOUBLE] = np.inf
    nearest = np.argmin(apart)
    if apart[nearest] > match:
        return None
    return -float(_split_logs()[nearest])


def _split_logs() -> Array:
    """Return the log returns (m,) that splits make, reverse ones too, but for the sign."""
    logs = np.log(np.array(SPLITS))
    return np.concatenate([logs, -logs])


def _apart_from_splits(series: Series, row: int) -> Array:
    """Return how far a row's move, by open or by close, is from each split's (m,)."""
    by_open = series.gap[row]
    by_close = np.log(series.close[row] / series.before[row])
    moves = np.array([by_open, by_close]) - series.market[row]
    distances = np.abs(moves[:, None] - _split_logs())
    return np.asarray(np.nanmin(distances, axis=0))


def _large_overnight(series: Series, limits: Thresholds) -> Mask:
    """Return the rows (n,) with a large move overnight that nothing explains."""
    rows = unexplained(series, limits, limits.jump_flat)
    rows &= series.size >= limits.jump_move
    rows &= np.isfinite(series.gap)
    return rows


def _abrupt_fall(series: Series, limits: Thresholds) -> Mask:
    """Return the rows (n,) that fell overnight and hardly moved in the day."""
    rows = series.move <= -limits.abrupt_move
    rows &= _overnight_fall(series) >= limits.abrupt_flat * _day_span(series)
    return rows


def _overnight_fall(series: Series) -> Array:
    return np.where(np.isnan(series.gap), 0.0, -series.gap)


def _excursions(series: Series, limits: Thresholds) -> list[tuple[int, int]]:
    """Return (first row away, first row back) of each bad tick."""
    found: list[tuple[int, int]] = []
    for away, back in pairwise(np.flatnonzero(_odd_rows(series, limits)).tolist()):
        # the way back of one excursion is not the beginning of the next
        if found and found[-1][1] == away:
            continue
        near = back - away <= limits.tick_rows
        if near and _takes_back(
            series.move[away], series.move[back], limits.tick_match
        ):
            found.append((away, back))
    return found


def _odd_rows(series: Series, limits: Thresholds) -> Mask:
    """Return the rows (n,) with a move that a bad tick could make."""
    rows = unexplained(series, limits, 2.5)
    rows &= series.size >= limits.tick_move
    rows &= series.sigmas >= limits.tick_sigmas
    return rows


def _takes_back(one: float, other: float, most: float) -> bool:
    """Say whether a move is opposite to another one and leaves less than ``most`` of it."""
    return one * other < 0 and abs(one + other) < most * max(abs(one), abs(other))


def _away(series: Series, limits: Thresholds) -> Mask:
    """Return the rows (n,) at which a bad tick leaves or comes back."""
    rows = np.zeros(len(series), dtype=bool)
    for away, back in _excursions(series, limits):
        rows[[away, back]] = True
    return rows


def _named(series: Series, limits: Thresholds) -> Mask:
    """Return the rows (n,) whose move another rule names already."""
    rows = _away(series, limits)
    for rule in (split_like, split_not_in_price, dividend_not_in_price):
        rows |= _rows_of(series, rule(series, limits))
    return rows


def _rows_of(series: Series, findings: Findings) -> Mask:
    dates = np.array([item.date for item in findings], dtype="datetime64[ns]")
    return np.isin(series.date, dates)


def _beyond_market(series: Series, row: int) -> str:
    """Return a row's move as a sentence begins."""
    return f"{np.expm1(series.move[row]):+.1%} beyond the market"


def _ratio_text(log: float) -> str:
    """Return a split as it reads, new shares to old ones."""
    size = float(np.exp(abs(log)))
    for old in (1, 2, 3, 4):
        new = round(size * old)
        if abs(size * old - new) < 1e-6:
            return f"{new}:{old}" if log > 0 else f"{old}:{new}"
    return f"{size:.3g}:1" if log > 0 else f"1:{size:.3g}"


def turnover_text(series: Series, row: int) -> str:
    """Return a row's multiple of the usual turnover as it reads."""
    turnover = series.turnover[row]
    if np.isnan(turnover):
        return "unknown turnover"
    return f"{turnover:.2g} times the usual turnover"
