"""Rules on prices and volume: moves that nothing explains, rows that repeat, rows in which nothing
traded.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from bt_run import Array
from bt_run_plugins.market_data.rules.actions import dividend_not_in_price, split_not_in_price
from bt_run_plugins.market_data.rules.findings import Finding, Rule
from bt_run_plugins.market_data.rules.series import Mask, Series
from bt_run_plugins.market_data.rules.thresholds import Thresholds

RULES = (
    Rule("bad_tick", "warning", "prices leave for a few rows and come back as if nothing had been"),
    Rule("split_like", "warning", "the price changed by a split's ratio and there is no split row"),
    Rule(
        "jump",
        "warning",
        "a large move overnight that nothing around it explains: an action or other data",
    ),
    Rule("large_move", "info", "a large move on its own day's trading: as a rule news, and true"),
    Rule(
        "range_spike",
        "warning",
        "a high or low far from all other prices: stops and limits would fill there",
    ),
    Rule("repeated_row", "error", "prices and volume are those of the row before: a copy"),
    Rule(
        "one_price",
        "warning",
        "a liquid symbol that traded at one price all day: the range is not known",
    ),
    Rule(
        "zero_volume",
        "warning",
        "nothing traded in a symbol that usually does: no order would have filled",
    ),
    Rule("zero_volume_thin", "info", "nothing traded in a thin symbol: no order would have filled"),
    Rule(
        "stale_price", "warning", "the same row again and again: a price carried on, not a market"
    ),
    Rule("stale_opens", "info", "opens that repeat the close before are no prices to fill at"),
)
# new shares per old one
SPLITS = (2, 3, 4, 5, 6, 7, 8, 10, 15, 20, 25, 30, 50, 2.5, 1.5, 4 / 3, 1.25)
SMALLEST_SPLIT = 0.15  # log return; below it a move is too common to be called a split
SMALLEST_SPAN = 0.002  # log(high / low) of a day that hardly moved


def bad_tick(series: Series, limits: Thresholds) -> list[Finding]:
    """Find prices that leave overnight on ordinary turnover and come back within ``tick_rows``
    rows.

    Both moves are unexplained (see ``unexplained``) with |move| >= tick_move and >= tick_sigmas, of
    opposite signs, and their sum is under tick_match of the larger. Dated at the first row away;
    the value is the move there.
    """
    found = []
    for away, back in _excursions(series, limits):
        move = series.move[away]
        days = "1 row" if back - away == 1 else f"{back - away} rows"
        text = (
            f"{np.expm1(move):+.1%} beyond the market overnight and back after {days}, "
            f"on {_turnover_text(series.turnover[away])}"
        )
        found.append(series.finding("bad_tick", away, move, text))
    return found


def split_like(series: Series, limits: Thresholds) -> list[Finding]:
    """Find unexplained overnight moves by the ratio of a split where there is no split row.

    log(open / close before) or log(close / close before), less the market's move, is within
    split_match of the log of 2:1, 3:1, 3:2, 1:10 and so on, and |move| >= split_sigmas (twice that
    for ratios below 2). Without volume, when news cannot be told from an action, only ratios of 2
    and more count, within split_match_blind. The value is the ratio of the close to the close
    before.
    """
    large = np.abs(series.sigmas) >= limits.split_sigmas
    large &= np.abs(series.move) >= SMALLEST_SPLIT
    quiet = unexplained(series, limits, limits.jump_flat - 0.5) & large
    quiet &= (series.ratio == 1.0) & ~_away(series, limits)
    found = []
    for row in np.flatnonzero(quiet):
        split = _nearest_split(series, int(row), limits)
        if split is None:
            continue
        close, before = series.close[row], series.before[row]
        text = (
            f"close {close:.6g} after {before:.6g}, near a {_split_text(split)} split, "
            "and there is no split row"
        )
        found.append(series.finding("split_like", row, close / before, text))
    return found


def _nearest_split(series: Series, row: int, limits: Thresholds) -> float | None:
    """Return the log of the new shares per old one of the split that a row's move looks like, if
    any.
    """
    logs = np.log(np.array(SPLITS))
    logs = np.concatenate([logs, -logs])
    by_close = np.log(series.close[row] / series.before[row])
    moves = np.array([series.gap[row], by_close]) - series.market[row]
    apart = np.nanmin(np.abs(moves[:, None] - logs[None, :]), axis=0)
    blind = np.isnan(series.turnover[row])
    if blind or abs(series.sigmas[row]) < 2 * limits.split_sigmas:
        apart[np.abs(logs) < 0.69] = np.inf
    near = int(np.argmin(apart))
    match = limits.split_match_blind if blind else limits.split_match
    return None if apart[near] > match else -float(logs[near])


def jump(series: Series, limits: Thresholds) -> list[Finding]:
    """Find large overnight moves that nothing explains and no other rule names.

    |move| >= jump_move and >= jump_sigmas, unexplained (see ``unexplained``); or a fall of
    abrupt_move whose overnight part is abrupt_flat times the day's range, whatever the turnover: so
    falls a share whose spin-off has no row, or whose ticker another company took over. Where only
    closes are known nothing is a jump. The value is the move.
    """
    sigmas = np.abs(series.sigmas)
    rows = _jumps(series, limits) & (sigmas >= limits.jump_sigmas) & ~_named(series, limits)
    found = []
    for row in np.flatnonzero(rows):
        move = series.move[row]
        text = (
            f"{np.expm1(move):+.1%} beyond the market overnight, {sigmas[row]:.0f} times the usual "
            f"move, on {_turnover_text(series.turnover[row])}; no split or dividend explains it"
        )
        found.append(series.finding("jump", row, move, text))
    return found


def large_move(series: Series, limits: Thresholds) -> list[Finding]:
    """Find moves >= large_move and >= large_sigmas that no other rule names; the value is the
    move.
    """
    named = _named(series, limits) | _rows_of(series, jump(series, limits))
    large = np.abs(series.move) >= limits.large_move
    large &= np.abs(series.sigmas) >= limits.large_sigmas
    found = []
    for row in np.flatnonzero(large & ~named):
        move = series.move[row]
        turnover = _turnover_text(series.turnover[row])
        text = f"{np.expm1(move):+.1%} beyond the market, on {turnover}: as a rule, news"
        found.append(series.finding("large_move", row, move, text, "info"))
    return found


def range_spike(series: Series, limits: Thresholds) -> list[Finding]:
    """Find highs and lows far from open, close and the close before, on a day of ordinary turnover.

    log(high / max(open, close, close before)), or log(min(...) / low), is over spike, over
    spike_ranges times the usual daily range and over spike_market times the market's range that
    day, with turnover < spike_turnover. The value is the log, negative for a low.
    """
    before = np.where(np.isnan(series.before), series.close, series.before / series.ratio)
    bodies = np.stack([series.open, series.close, before])
    with np.errstate(invalid="ignore"):
        up = np.log(series.high / bodies.max(axis=0))
        down = np.log(bodies.min(axis=0) / series.low)
        least = np.maximum(
            limits.spike_ranges * series.usual_span, limits.spike_market * series.market_span
        )
        least = np.maximum(limits.spike, least)
        calm = ~(series.turnover >= limits.spike_turnover)
        high_rows = np.flatnonzero((up > least) & calm)
        low_rows = np.flatnonzero((down > least) & calm)

    def beside(row: np.intp) -> str:
        opened, closed = series.open[row], series.close[row]
        return f"with open {opened:.6g}, close {closed:.6g} and close before {before[row]:.6g}"

    found = []
    for row in high_rows:
        text = f"high {series.high[row]:.6g}, {beside(row)}"
        found.append(series.finding("range_spike", row, up[row], text))
    for row in low_rows:
        text = f"low {series.low[row]:.6g}, {beside(row)}"
        found.append(series.finding("range_spike", row, -down[row], text))
    return found


def repeated_row(series: Series, limits: Thresholds) -> list[Finding]:
    """Find rows whose open, high, low, close and volume > 0 are those of the row before, in a day
    that has a range.
    """
    with np.errstate(invalid="ignore"):
        same = series.repeats & (series.high > series.low) & (series.volume > 0)
    same[1:] &= series.volume[1:] == series.volume[:-1]
    text = "open, high, low, close and volume are those of the row before"
    found = []
    for row in np.flatnonzero(same):
        found.append(series.finding("repeated_row", row, series.close[row], text, "error"))
    return found


def one_price(series: Series, limits: Thresholds) -> list[Finding]:
    """Find rows of a liquid symbol with one price all day and at least a tenth of its usual
    turnover.

    Liquid: usual turnover >= liquid. The value is the volume.
    """
    liquid = series.usual_turnover >= limits.liquid
    traded = (series.volume > 0) & (series.turnover > 0.1)
    found = []
    for row in np.flatnonzero(series.one_price & liquid & traded):
        close = series.close[row]
        carried = ", the close before," if close == series.before[row] else ""
        turnover = _turnover_text(series.turnover[row])
        text = f"open, high, low and close are all {close:.6g}{carried} on {turnover}"
        found.append(series.finding("one_price", row, series.volume[row], text))
    return found


def zero_volume(series: Series, limits: Thresholds) -> list[Finding]:
    """Find rows with volume 0: a warning where the symbol is liquid or the row has a range, else
    information.

    A symbol with volume 0 in over half of its rows, such as an index, gets one information. The
    value is the close.
    """
    rows = np.flatnonzero(series.volume == 0)
    count = len(rows)
    if count > 0.5 * len(series):
        text = f"volume is 0 in {count} of {len(series)} rows: this source has no volume for it"
        return [series.finding("zero_volume_thin", rows[0], count, text, "info")]
    return [_untraded(series, int(row), limits) for row in rows]


def _untraded(series: Series, row: int, limits: Thresholds) -> Finding:
    """Return what a row with volume 0 is: a contradiction, odd, or usual for a thin symbol."""
    high, low, close = series.high[row], series.low[row], series.close[row]
    if high > low:
        text = f"volume 0 in a row that ranges from {low:.6g} to {high:.6g}"
        return series.finding("zero_volume", row, close, text)
    if series.usual_turnover[row] >= limits.liquid:
        text = f"volume 0, when {series.usual_turnover[row]:,.0f} a day are usual"
        return series.finding("zero_volume", row, close, text)
    text = f"volume 0 at {close:.6g}: nothing traded"
    return series.finding("zero_volume_thin", row, close, text, "info")


def stale_price(series: Series, limits: Thresholds) -> list[Finding]:
    """Find runs of rows that repeat the row before: stale_rows or more in which nothing traded,
    else twice as many.

    A repeat has the same open, high, low and close; where only closes are known, the same close.
    Dated at the first repeat; the value is the length of the run.
    """
    has_ranges = np.isfinite(series.high).any()
    same = series.repeats if has_ranges else series.close == series.before
    found = []
    for first, end in _runs(same):
        length = end - first
        idle = has_ranges and (series.volume[first:end] == 0).all()
        if length >= limits.stale_rows * (1 if idle else 2):
            traded = ", and nothing traded" if idle else ""
            text = f"{length} rows repeat the row before{traded}"
            found.append(series.finding("stale_price", first, length, text))
    return found


def _runs(rows: Mask) -> list[tuple[int, int]]:
    """Return (first, end) of each run of rows (n,)."""
    steps = np.diff(np.concatenate([[0], rows.astype(np.int8), [0]]))
    starts, ends = np.flatnonzero(steps > 0), np.flatnonzero(steps < 0)
    return list(zip(starts.tolist(), ends.tolist(), strict=True))


def stale_opens(series: Series, limits: Thresholds) -> list[Finding]:
    """Find years with over ``stale_opens`` of the opens equal to the close before; the value is
    that fraction.
    """
    years = series.date.astype("datetime64[Y]")
    same = series.open == series.before
    found = []
    for year in np.unique(years):
        rows = np.flatnonzero(years == year)
        share = float(same[rows].mean())
        if share > limits.stale_opens and len(rows) >= 20:
            text = f"in {year} {share:.0%} of the opens repeat the close before"
            found.append(series.finding("stale_opens", rows[0], share, text, "info"))
    return found


def unexplained(series: Series, limits: Thresholds, flat: float) -> Mask:
    """Return the rows (n,) whose move came overnight, on ordinary turnover, and left the day's own
    trading calm.

    At least 0.6 of the move lies between the close before and the open, that part is at least
    ``flat`` times the day's range, and turnover < jump_turnover. Without volume the move must be at
    least blind_move.
    """
    overnight = np.where(np.isnan(series.gap), series.move, series.gap)
    size = np.abs(series.move)
    with np.errstate(invalid="ignore"):
        part = overnight * np.sign(series.move)
        calm = (series.turnover < limits.jump_turnover) & (series.turnover > 0.1)
        calm |= np.isnan(series.turnover) & (size >= limits.blind_move)
        return np.asarray((part >= 0.6 * size) & (part >= flat * _day_span(series)) & calm)


def _day_span(series: Series) -> Array:
    return np.fmax(series.span, SMALLEST_SPAN)


def _jumps(series: Series, limits: Thresholds) -> Mask:
    """Return the rows (n,) with a large move that nothing explains, or an abrupt fall."""
    fall = np.where(np.isnan(series.gap), 0.0, -series.gap)
    with np.errstate(invalid="ignore"):
        large = np.abs(series.move) >= limits.jump_move
        large &= np.isfinite(series.gap)
        abrupt = series.move <= -limits.abrupt_move
        abrupt &= fall >= limits.abrupt_flat * _day_span(series)
    return np.asarray(large & unexplained(series, limits, limits.jump_flat) | abrupt)


def _excursions(series: Series, limits: Thresholds) -> list[tuple[int, int]]:
    """Return (first row away, first row back) of each bad tick."""
    with np.errstate(invalid="ignore"):
        odd = unexplained(series, limits, 2.5) & (np.abs(series.move) >= limits.tick_move)
        odd &= np.abs(series.sigmas) >= limits.tick_sigmas
    found: list[tuple[int, int]] = []
    for away, back in pairwise(np.flatnonzero(odd).tolist()):
        near = back - away <= limits.tick_rows
        # the way back of one excursion is not the beginning of the next
        fresh = not found or found[-1][1] != away
        if near and fresh and _come_back(series.move[away], series.move[back], limits):
            found.append((away, back))
    return found


def _come_back(one: float, other: float, limits: Thresholds) -> bool:
    """Say whether a move takes another one back."""
    larger = max(abs(one), abs(other))
    return one * other < 0 and abs(one + other) < limits.tick_match * larger


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


def _rows_of(series: Series, findings: list[Finding]) -> Mask:
    dates = np.array([item.date for item in findings], dtype="datetime64[ns]")
    return np.isin(series.date, dates)


def _split_text(log: float) -> str:
    """Return a split as it reads, new shares to old ones."""
    size = float(np.exp(abs(log)))
    for old in (1, 2, 3, 4):
        new = round(size * old)
        if abs(size * old - new) < 1e-6:
            return f"{new}:{old}" if log > 0 else f"{old}:{new}"
    return f"{size:.3g}:1" if log > 0 else f"1:{size:.3g}"


def _turnover_text(turnover: float) -> str:
    return "unknown turnover" if np.isnan(turnover) else f"{turnover:.2g} times the usual turnover"
