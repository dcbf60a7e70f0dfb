"""Rules on the rows themselves: prices far from all others, rows that repeat, rows in which nothing
traded.
"""

from __future__ import annotations

import numpy as np

from bt_run import Array
from bt_run.arrays import Mask
from bt_run_plugins.market_data.rules.findings import Finding, Findings, Rule
from bt_run_plugins.market_data.rules.moves import turnover_text
from bt_run_plugins.market_data.rules.series import Series, log_ratio, previous
from bt_run_plugins.market_data.rules.thresholds import Thresholds

__all__ = [
    "RULES",
    "one_price",
    "range_spike",
    "repeated_row",
    "stale_opens",
    "stale_price",
    "zero_volume",
]

RULES = (
    Rule(
        "range_spike",
        "warning",
        "a high or low far from all other prices: stops and limits would fill there",
    ),
    Rule(
        "repeated_row", "error", "prices and volume are those of the row before: a copy"
    ),
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
    Rule(
        "zero_volume_thin",
        "info",
        "nothing traded in a thin symbol: no order would have filled",
    ),
    Rule(
        "stale_price",
        "warning",
        "the same row again and again: a price carried on, not a market",
    ),
    Rule(
        "stale_opens",
        "info",
        "opens that repeat the close before are no prices to fill at",
    ),
)
FEWEST_OPENS = 20  # rows of a year that say something of its opens


def range_spike(series: Series, limits: Thresholds) -> Findings:
    """Find highs and lows far from open, close and the close before, on a day of ordinary turnover.

    log(high / max(open, close, close before)), or log(min(...) / low), is over spike, over
    spike_ranges times the usual daily range and over spike_market times the market's range that
    day, with turnover < spike_turnover. The value is the log, negative for a low.
    """
    others = (series.open, series.close, _known_before(series))
    up = log_ratio(series.high, np.maximum.reduce(others))
    down = log_ratio(np.minimum.reduce(others), series.low)
    highs = _are_spikes(series, up, limits)
    lows = _are_spikes(series, down, limits)
    return [
        *series.findings("range_spike", highs, up, _high_text),
        *series.findings("range_spike", lows, -down, _low_text),
    ]


def _are_spikes(series: Series, far: Array, limits: Thresholds) -> Mask:
    """Return the rows (n,) that go too far for their turnover."""
    believed = series.turnover >= limits.spike_turnover
    return ~believed & (far > _least_spike(series, limits))


def _high_text(series: Series, row: int) -> str:
    return f"high {series.high[row]:.6g}, {_beside_text(series, row)}"


def _low_text(series: Series, row: int) -> str:
    return f"low {series.low[row]:.6g}, {_beside_text(series, row)}"


def _beside_text(series: Series, row: int) -> str:
    before = _known_before(series)[row]
    return (
        f"with open {series.open[row]:.6g}, close {series.close[row]:.6g} and close before "
        f"{before:.6g}"
    )


def _known_before(series: Series) -> Array:
    """Return the closes before (n,), in the day's shares; the first row has its own close."""
    before = series.before / series.ratio
    return np.where(np.isnan(series.before), series.close, before)


def _least_spike(series: Series, limits: Thresholds) -> Array:
    """Return how far from all other prices a high or low must be, (n,)."""
    usual = limits.spike_ranges * series.usual_span
    market = limits.spike_market * series.market_span
    return np.maximum(limits.spike, np.maximum(usual, market))


def repeated_row(series: Series, limits: Thresholds) -> Findings:
    """Find rows whose open, high, low, close and volume > 0 are those of the row before, in a day
    that has a range.
    """
    rows = series.repeats & (series.high > series.low)
    rows &= (series.volume > 0) & (series.volume == previous(series.volume))
    return series.findings("repeated_row", rows, series.close, _repeated_text, "error")


def _repeated_text(series: Series, row: int) -> str:
    return "open, high, low, close and volume are those of the row before"


def one_price(series: Series, limits: Thresholds) -> Findings:
    """Find rows of a liquid symbol with one price all day and at least a tenth of its usual
    turnover.

    Liquid: usual turnover >= liquid. The value is the volume.
    """
    rows = series.one_price & (series.turnover > 0.1)
    rows &= series.usual_turnover >= limits.liquid
    return series.findings("one_price", rows, series.volume, _one_price_text)


def _one_price_text(series: Series, row: int) -> str:
    close = series.close[row]
    carried = ", the close before," if close == series.before[row] else ""
    turnover = turnover_text(series, row)
    return f"open, high, low and close are all {close:.6g}{carried} on {turnover}"


def zero_volume(series: Series, limits: Thresholds) -> Findings:
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
    return [_untraded(series, row, limits) for row in rows.tolist()]


def _untraded(series: Series, row: int, limits: Thresholds) -> Finding:
    """Return what a row with volume 0 is: a contradiction, odd, or usual for a thin symbol."""
    close = series.close[row]
    if series.high[row] > series.low[row]:
        text = f"volume 0 in a row that ranges from {series.low[row]:.6g} to {series.high[row]:.6g}"
        return series.finding("zero_volume", row, close, text)
    usual = series.usual_turnover[row]
    if usual >= limits.liquid:
        text = f"volume 0, when {usual:,.0f} a day are usual"
        return series.finding("zero_volume", row, close, text)
    text = f"volume 0 at {close:.6g}: nothing traded"
    return series.finding("zero_volume_thin", row, close, text, "info")


def stale_price(series: Series, limits: Thresholds) -> Findings:
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
        idle = has_ranges and _is_idle(series, first, end)
        fewest = limits.stale_rows if idle else 2 * limits.stale_rows
        if length >= fewest:
            traded = ", and nothing traded" if idle else ""
            text = f"{length} rows repeat the row before{traded}"
            found.append(series.finding("stale_price", first, length, text))
    return found


def _is_idle(series: Series, first: int, end: int) -> bool:
    """Say whether nothing traded in some rows; without volume that is not known."""
    return not series.volume[first:end].any()


def _runs(rows: Mask) -> list[tuple[int, int]]:
    """Return (first, end) of each run of rows (n,)."""
    padded = np.concatenate([[False], rows, [False]])
    edges = np.flatnonzero(padded[1:] != padded[:-1]).tolist()
    return list(zip(edges[::2], edges[1::2], strict=True))


def stale_opens(series: Series, limits: Thresholds) -> Findings:
    """Find years with over ``stale_opens`` of the opens equal to the close before; the value is
    that fraction.
    """
    years = series.date.astype("datetime64[Y]")
    same = series.open == series.before
    found = []
    for year in np.unique(years):
        rows = np.flatnonzero(years == year)
        share = same[rows].mean()
        if share > limits.stale_opens and len(rows) >= FEWEST_OPENS:
            text = f"in {year} {share:.0%} of the opens repeat the close before"
            found.append(series.finding("stale_opens", rows[0], share, text, "info"))
    return found
