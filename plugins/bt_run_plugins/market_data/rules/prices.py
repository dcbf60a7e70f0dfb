"""Rules on prices and volume: moves that nothing explains, rows that repeat, rows in which nothing
traded.
"""

from __future__ import annotations

from itertools import pairwise
from typing import SupportsIndex

import numpy as np

from bt_run_plugins.market_data.rules.actions import dividend_not_in_price, split_not_in_price
from bt_run_plugins.market_data.rules.findings import Finding, Rule, Severity
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
SPLITS = (
    2.0,
    3.0,
    4.0,
    5.0,
    6.0,
    7.0,
    8.0,
    10.0,
    15.0,
    20.0,
    25.0,
    30.0,
    50.0,
    2.5,
    1.5,
    4 / 3,
    1.25,
)


def bad_tick(series: Series, limits: Thresholds) -> list[Finding]:
    """Find prices that leave overnight on ordinary turnover and come back within ``tick_rows``
    rows.

    Both moves are unexplained (see ``unexplained``) with |move| >= tick_move and >= tick_sigmas, of
    opposite signs, and their sum is under tick_match of the larger. Dated at the first row away;
    the value is the move there.
    """
    out = []
    for away, back in _excursions(series, limits):
        days = "1 row" if back - away == 1 else f"{back - away} rows"
        text = (
            f"{np.expm1(series.move[away]):+.1%} beyond the market overnight and back after "
            f"{days}, "
            f"on {_traded(series.turnover[away])}"
        )
        out.append(_found(series, "bad_tick", away, series.move[away], text))
    return out


def split_like(series: Series, limits: Thresholds) -> list[Finding]:
    """Find unexplained overnight moves by the ratio of a split where there is no split row.

    log(open / close before) or log(close / close before), less the market's move, is within
    split_match of the log of 2:1, 3:1, 3:2, 1:10 and so on, and |move| >= split_sigmas (twice that
    for ratios below 2). Without volume, when news cannot be told from an action, only ratios of 2
    and more count, within split_match_blind. The value is the ratio of the close to the close
    before.
    """
    sigmas = np.abs(series.sigmas)
    quiet = unexplained(series, limits, limits.jump_flat - 0.5) & (sigmas >= limits.split_sigmas)
    quiet &= (np.abs(series.move) >= 0.15) & (series.ratio == 1.0) & ~_away(series, limits)
    logs = np.log(np.array(SPLITS))
    logs = np.concatenate([logs, -logs])
    out = []
    for row in np.flatnonzero(quiet):
        moves = (
            np.array([series.gap[row], np.log(series.close[row] / series.before[row])])
            - series.market[row]
        )
        apart = np.nanmin(np.abs(moves[:, None] - logs[None, :]), axis=0)
        blind = np.isnan(series.turnover[row])
        apart[(np.abs(logs) < 0.69) & (blind | (sigmas[row] < 2 * limits.split_sigmas))] = np.inf
        near = int(np.argmin(apart))
        if apart[near] > (limits.split_match_blind if blind else limits.split_match):
            continue
        ratio = series.close[row] / series.before[row]
        text = (
            f"close {series.close[row]:.6g} after {series.before[row]:.6g}, near a "
            f"{_ratio(-logs[near])} split, "
            "and there is no split row"
        )
        out.append(_found(series, "split_like", row, ratio, text))
    return out


def jump(series: Series, limits: Thresholds) -> list[Finding]:
    """Find large overnight moves that nothing explains and no other rule names.

    |move| >= jump_move and >= jump_sigmas, unexplained (see ``unexplained``); or a fall of
    abrupt_move whose overnight part is abrupt_flat times the day's range, whatever the turnover: so
    falls a share whose spin-off has no row, or whose ticker another company took over. Where only
    closes are known nothing is a jump. The value is the move.
    """
    sigmas, told = np.abs(series.sigmas), _told(series, limits)
    out = []
    for row in np.flatnonzero(_jumps(series, limits) & (sigmas >= limits.jump_sigmas) & ~told):
        text = (
            f"{np.expm1(series.move[row]):+.1%} beyond the market overnight, {sigmas[row]:.0f} "
            "times the usual move, "
            f"on {_traded(series.turnover[row])}; no split or dividend explains it"
        )
        out.append(_found(series, "jump", row, series.move[row], text))
    return out


def large_move(series: Series, limits: Thresholds) -> list[Finding]:
    """Tell of moves >= large_move and >= large_sigmas that no other rule names; the value is the
    move.
    """
    told = _told(series, limits) | _rows_of(series, jump(series, limits))
    large = (
        (np.abs(series.move) >= limits.large_move)
        & (np.abs(series.sigmas) >= limits.large_sigmas)
        & ~told
    )
    out = []
    for row in np.flatnonzero(large):
        text = f"{np.expm1(series.move[row]):+.1%} beyond the market, on {_traded(series.turnover[row])}: as a rule, news"
        out.append(_found(series, "large_move", row, series.move[row], text, "info"))
    return out


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
            limits.spike,
            np.maximum(
                limits.spike_ranges * series.usual_span, limits.spike_market * series.market_span
            ),
        )
        calm = ~(series.turnover >= limits.spike_turnover)
        sides = (("high", up, series.high, 1.0), ("low", down, series.low, -1.0))
        return [
            _found(
                series,
                "range_spike",
                row,
                sign * far[row],
                f"{name} {prices[row]:.6g}, with open {series.open[row]:.6g}, close "
                f"{series.close[row]:.6g} "
                f"and close before {before[row]:.6g}",
            )
            for name, far, prices, sign in sides
            for row in np.flatnonzero((far > least) & calm)
        ]


def repeated_row(series: Series, limits: Thresholds) -> list[Finding]:
    """Find rows whose open, high, low, close and volume > 0 are those of the row before, in a day
    that has a range.
    """
    with np.errstate(invalid="ignore"):
        same = series.repeats & (series.high > series.low) & (series.volume > 0)
    same[1:] &= series.volume[1:] == series.volume[:-1]
    text = "open, high, low, close and volume are those of the row before"
    return [
        _found(series, "repeated_row", row, series.close[row], text, "error")
        for row in np.flatnonzero(same)
    ]


def one_price(series: Series, limits: Thresholds) -> list[Finding]:
    """Find rows of a liquid symbol with one price all day and at least a tenth of its usual
    turnover.

    Liquid: usual turnover >= liquid. The value is the volume.
    """
    liquid = series.usual_turnover >= limits.liquid
    rows = series.one_price & liquid & (series.volume > 0) & (series.turnover > 0.1)
    carried = series.close == series.before
    return [
        _found(
            series,
            "one_price",
            row,
            series.volume[row],
            f"open, high, low and close are all {series.close[row]:.6g}"
            + (", the close before," if carried[row] else "")
            + f" on {_traded(series.turnover[row])}",
        )
        for row in np.flatnonzero(rows)
    ]


def zero_volume(series: Series, limits: Thresholds) -> list[Finding]:
    """Find rows with volume 0: a warning where the symbol is liquid or the row has a range, else
    information.

    A symbol with volume 0 in over half of its rows, such as an index, gets one information. The
    value is the close.
    """
    none = series.volume == 0
    if not none.any():
        return []
    if none.mean() > 0.5:
        text = f"volume is 0 in {int(none.sum())} of {len(series)} rows: this source has no volume for it"
        return [
            _found(
                series,
                "zero_volume_thin",
                int(np.flatnonzero(none)[0]),
                float(none.sum()),
                text,
                "info",
            )
        ]
    out = []
    for row in np.flatnonzero(none):
        if series.high[row] > series.low[row]:
            text = f"volume 0 in a row that ranges from {series.low[row]:.6g} to {series.high[row]:.6g}"
            out.append(_found(series, "zero_volume", row, series.close[row], text))
        elif series.usual_turnover[row] >= limits.liquid:
            text = f"volume 0, when {series.usual_turnover[row]:,.0f} a day are usual"
            out.append(_found(series, "zero_volume", row, series.close[row], text))
        else:
            text = f"volume 0 at {series.close[row]:.6g}: nothing traded"
            out.append(_found(series, "zero_volume_thin", row, series.close[row], text, "info"))
    return out


def stale_price(series: Series, limits: Thresholds) -> list[Finding]:
    """Find runs of rows that repeat the row before: stale_rows or more in which nothing traded,
    else twice as many.

    A repeat has the same open, high, low and close; where only closes are known, the same close.
    Dated at the first repeat; the value is the length of the run.
    """
    whole = np.isfinite(series.high).any()
    same = series.repeats if whole else series.close == series.before
    edges = np.flatnonzero(np.diff(np.concatenate([[0], same.astype(np.int8), [0]])))
    out = []
    for first, end in zip(edges[::2], edges[1::2], strict=True):
        traded = not whole or not (series.volume[first:end] == 0).all()
        if end - first >= limits.stale_rows * (2 if traded else 1):
            text = f"{end - first} rows repeat the row before" + (
                "" if traded else ", and nothing traded"
            )
            out.append(_found(series, "stale_price", int(first), float(end - first), text))
    return out


def stale_opens(series: Series, limits: Thresholds) -> list[Finding]:
    """Tell of years with over ``stale_opens`` of the opens equal to the close before; the value is
    that fraction.
    """
    years = series.date.astype("datetime64[Y]")
    same = series.open == series.before
    out = []
    for year in np.unique(years):
        rows = np.flatnonzero(years == year)
        share = float(same[rows].mean())
        if share > limits.stale_opens and len(rows) >= 20:
            text = f"in {year} {share:.0%} of the opens repeat the close before"
            out.append(_found(series, "stale_opens", int(rows[0]), share, text, "info"))
    return out


def unexplained(series: Series, limits: Thresholds, flat: float) -> Mask:
    """Return the rows (n,) whose move came overnight, on ordinary turnover, and left the day's own
    trading calm.

    At least 0.6 of the move lies between the close before and the open, that part is at least
    ``flat`` times the day's range, and turnover < jump_turnover. Without volume the move must be at
    least blind_move.
    """
    overnight = np.where(np.isnan(series.gap), series.move, series.gap)
    span = np.fmax(series.span, 0.002)
    with np.errstate(invalid="ignore"):
        calm = (series.turnover < limits.jump_turnover) & (series.turnover > 0.1)
        calm |= np.isnan(series.turnover) & (np.abs(series.move) >= limits.blind_move)
        part = overnight * np.sign(series.move)
        return np.asarray((part >= 0.6 * np.abs(series.move)) & (part >= flat * span) & calm)


def _jumps(series: Series, limits: Thresholds) -> Mask:
    with np.errstate(invalid="ignore"):
        large = (np.abs(series.move) >= limits.jump_move) & unexplained(
            series, limits, limits.jump_flat
        )
        large &= np.isfinite(series.gap)
        gap = np.where(np.isnan(series.gap), 0.0, series.gap)
        abrupt = (series.move <= -limits.abrupt_move) & (
            -gap >= limits.abrupt_flat * np.fmax(series.span, 0.002)
        )
    return np.asarray(large | abrupt)


def _excursions(series: Series, limits: Thresholds) -> list[tuple[int, int]]:
    """Return (first row away, first row back) of each bad tick."""
    with np.errstate(invalid="ignore"):
        odd = unexplained(series, limits, 2.5) & (np.abs(series.move) >= limits.tick_move)
        odd &= np.abs(series.sigmas) >= limits.tick_sigmas
    rows = np.flatnonzero(odd)
    out: list[tuple[int, int]] = []
    for away, back in pairwise(rows):
        one, other = series.move[away], series.move[back]
        near = back - away <= limits.tick_rows and (not out or out[-1][1] != away)
        if (
            near
            and one * other < 0
            and abs(one + other) < limits.tick_match * max(abs(one), abs(other))
        ):
            out.append((int(away), int(back)))
    return out


def _away(series: Series, limits: Thresholds) -> Mask:
    """Return the rows (n,) at which a bad tick leaves or comes back."""
    out = np.zeros(len(series), dtype=bool)
    out[[row for pair in _excursions(series, limits) for row in pair]] = True
    return out


def _told(series: Series, limits: Thresholds) -> Mask:
    """Return the rows (n,) whose move another rule names already."""
    rules = (split_like, split_not_in_price, dividend_not_in_price)
    return _away(series, limits) | _rows_of(
        series, [item for rule in rules for item in rule(series, limits)]
    )


def _rows_of(series: Series, findings: list[Finding]) -> Mask:
    return np.isin(series.date, np.array([item.date for item in findings], dtype="datetime64[ns]"))


def _ratio(log: float) -> str:
    """Write a split: new shares to old ones."""
    size = float(np.exp(abs(log)))
    for old in (1, 2, 3, 4):
        if abs(size * old - round(size * old)) < 1e-6:
            new = round(size * old)
            return f"{new}:{old}" if log > 0 else f"{old}:{new}"
    return f"{size:.3g}:1" if log > 0 else f"1:{size:.3g}"


def _traded(turnover: float) -> str:
    return "unknown turnover" if np.isnan(turnover) else f"{turnover:.2g} times the usual turnover"


def _found(
    series: Series,
    rule: str,
    row: SupportsIndex,
    value: float,
    text: str,
    severity: Severity = "warning",
) -> Finding:
    return Finding(series.symbol, series.date[row], rule, float(value), severity, text)
