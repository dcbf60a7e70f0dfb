"""What the rules look at: a symbol's rows as arrays, its moves beyond the market, and what is usual
for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, SupportsIndex

import numpy as np

from bt_run import Array
from bt_run.arrays import Indices, Mask, Times
from bt_run_plugins.market_data.rules.findings import Finding, Findings, Severity

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "CROWD",
    "Dates",
    "Series",
    "is_daily",
    "log_ratio",
    "measure",
    "previous",
]

WINDOW = 63  # sessions before a row that say what is usual
FEWEST = 20  # of them that do
SIGMA_FLOOR = 0.005  # of a daily log return
SIGMA_UNKNOWN = 0.04
SMALL_ACTION = 0.02  # ratio less 1
CROWD = 5  # symbols on a day that make a market
_DEVIATION = (
    1.4826  # standard deviations in a normal distribution's median absolute move
)
_COLUMNS = ("open", "high", "low", "close", "adj_close", "volume", "dividend", "split")

Dates = Times
Places = Indices


@dataclass(frozen=True, kw_only=True)
class Series:
    """The rows of one symbol, dates rising and closes above 0; arrays (n,), NaN where there is
    nothing.

    Attributes:
        prices: as_traded or split_adjusted, None where nobody says it.
        actions: False for a source with adj_close and neither dividends nor splits.
        days: (m,) the dates, each once, of all rows that are there, those without a usable close
            included.
        dividend: cash per share.
        split: new shares per old one.
        ratio: the split as far as prices show it, 1 where they are split-adjusted; without
            ``actions``, that by what adj_close and close differ.
        market: the median of all symbols' steps that day, 0 for fewer than five.
        market_span: the same of their spans.
    """

    symbol: str
    prices: str | None
    actions: bool
    days: Dates
    date: Dates
    open: Array
    high: Array
    low: Array
    close: Array
    adj_close: Array
    volume: Array
    dividend: Array
    split: Array
    ratio: Array
    market: Array
    market_span: Array

    def __len__(self) -> int:
        return len(self.date)

    def finding(
        self,
        rule: str,
        row: SupportsIndex,
        value: float,
        text: str,
        severity: Severity = "warning",
    ) -> Finding:
        """Return what a rule found at one of the rows."""
        return Finding(self.symbol, self.date[row], rule, float(value), severity, text)

    def findings(
        self,
        rule: str,
        rows: Mask,
        values: Array,
        text: Callable[[Series, int], str],
        severity: Severity = "warning",
    ) -> Findings:
        """Return what a rule found at some rows (n,): of each its value and a sentence."""
        found = []
        for row in np.flatnonzero(rows).tolist():
            finding = self.finding(rule, row, values[row], text(self, row), severity)
            found.append(finding)
        return found

    @cached_property
    def daily(self) -> bool:
        """Return whether rows stand for sessions."""
        return is_daily(self.date)

    @cached_property
    def pays(self) -> Mask:
        """Return the rows (n,) with a dividend."""
        return self.dividend > 0

    @cached_property
    def before(self) -> Array:
        """Return the closes of the rows before, (n,)."""
        return previous(self.close)

    @cached_property
    def step(self) -> Array:
        """Return the log total returns since the row before, (n,), the dividend per new share."""
        worth = np.maximum(self.close + self.dividend, 1e-12) * self.ratio
        return np.log(worth / self.before)

    @cached_property
    def move(self) -> Array:
        """Return the steps beyond the market's, (n,)."""
        return self.step - self.market

    @cached_property
    def size(self) -> Array:
        """Return the size of the moves, (n,), whatever their direction."""
        return np.abs(self.move)

    @cached_property
    def sigma(self) -> Array:
        """Return the usual move, (n,)."""
        sigma = np.maximum(_DEVIATION * _usual(self.size), SIGMA_FLOOR)
        return np.where(np.isnan(sigma), SIGMA_UNKNOWN, sigma)

    @cached_property
    def sigmas(self) -> Array:
        """Return the size of the moves in sigmas, (n,)."""
        return self.size / self.sigma

    @cached_property
    def gap(self) -> Array:
        """Return the log of the open over the close before, (n,)."""
        return log_ratio(self.open * self.ratio, self.before)

    @cached_property
    def span(self) -> Array:
        """Return log(high / low), (n,)."""
        return log_ratio(self.high, self.low)

    @cached_property
    def usual_span(self) -> Array:
        """Return the usual span, (n,)."""
        return _usual(self.span)

    @cached_property
    def turnover(self) -> Array:
        """Return close x volume as a multiple of what is usual for the rows before, (n,)."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return self._money / self._past_turnover

    @cached_property
    def usual_turnover(self) -> Array:
        """Return the usual turnover, (n,).

        A symbol's first rows have no past; what is usual for it later is the best there is.
        """
        past = self._past_turnover
        return np.where(np.isnan(past), self._whole_turnover, past)

    @cached_property
    def one_price(self) -> Mask:
        """Return the rows (n,) whose open, high, low and close are one price."""
        flat = (self.high == self.low) & (self.open == self.close)
        return np.asarray(flat & (self.high == self.close))

    @cached_property
    def repeats(self) -> Mask:
        """Return the rows (n,) whose open, high, low and close are those of the row before."""
        same = [
            prices == previous(prices)
            for prices in (self.open, self.high, self.low, self.close)
        ]
        return np.asarray(np.logical_and.reduce(same))

    @cached_property
    def _money(self) -> Array:
        return self.close * self.volume

    @cached_property
    def _whole_turnover(self) -> float:
        traded = self._money[self._money > 0]
        if not len(traded):
            return np.nan
        return float(np.median(traded))

    @cached_property
    def _past_turnover(self) -> Array:
        return _usual(np.where(self._money > 0, self._money, np.nan))


def measure(
    frames: Mapping[str, pd.DataFrame], prices: Mapping[str, str | None]
) -> list[Series]:
    """Return the series of all symbols, in the order of their names.

    Rows that no return can be taken from (no date, no close above 0, an earlier row of the same
    date) are left out here: the schema's findings name them.
    """
    alone = []
    for symbol in sorted(frames):
        alone.append(_alone(symbol, frames[symbol], prices.get(symbol)))
    if not alone:
        return []
    return _in_their_market(alone)


def _in_their_market(alone: Sequence[Series]) -> list[Series]:
    """Return the series with what all symbols did on each day."""
    every_date = np.concatenate([series.date for series in alone])
    dates, place = np.unique(every_date, return_inverse=True)
    market = _median(place, np.concatenate([series.step for series in alone]))
    span = _median(place, np.concatenate([series.span for series in alone]))
    together = []
    for series in alone:
        at = np.searchsorted(dates, series.date)
        beside = replace(series, market=market[at], market_span=span[at])
        together.append(beside)
    return together


def is_daily(dates: Dates) -> bool:
    """Say whether rows stand for sessions: fewer than a fifth of the days have several."""
    if not len(dates):
        return True
    days = np.unique(dates.astype("datetime64[D]"))
    return len(days) > 0.8 * len(np.unique(dates))


def previous(values: Array) -> Array:
    """Return the value of the row before each row (n,), NaN for the first."""
    return np.append(np.nan, values[:-1])[: len(values)]


def _usual(values: Array) -> Array:
    """Return the median of the rows before each row (n,), NaN where there are too few."""
    import pandas as pd

    medians = pd.Series(values).rolling(WINDOW, min_periods=FEWEST).median()
    return medians.shift(1).to_numpy(dtype=np.float64)


def _alone(symbol: str, frame: pd.DataFrame, prices: str | None) -> Series:
    """Return the series of a symbol on its own, without a market around it."""
    date = frame["date"].to_numpy().astype("datetime64[ns]")
    days = np.unique(date[~np.isnat(date)].astype("datetime64[D]"))
    order = _usable_rows(date, _numbers(frame, "close"))
    own = {name: _numbers(frame, name)[order] for name in _COLUMNS}
    actions = bool({"dividend", "split"} & set(frame.columns))
    split = _possible_splits(own["split"])
    ratio = split
    if not actions and np.isfinite(own["adj_close"]).any():
        ratio = _implied_ratio(own["close"], own["adj_close"])
    elif prices == "split_adjusted":
        ratio = np.ones(len(order))
    without_market = np.zeros(len(order))
    return Series(
        symbol=symbol,
        prices=prices,
        actions=actions,
        days=days,
        date=date[order],
        open=_positive(own["open"]),
        high=_positive(own["high"]),
        low=_positive(own["low"]),
        close=own["close"],
        adj_close=own["adj_close"],
        volume=own["volume"],
        dividend=np.nan_to_num(own["dividend"]),
        split=split,
        ratio=ratio,
        market=without_market,
        market_span=without_market,
    )


def _numbers(frame: pd.DataFrame, name: str) -> Array:
    """Return a column (n,), NaN where the frame has none of that name."""
    if name not in frame.columns:
        return np.full(len(frame), np.nan)
    return frame[name].to_numpy(dtype=np.float64)


def _usable_rows(date: Dates, close: Array) -> Places:
    """Return the rows with a date and a close, by date; of rows with the same date, the last."""
    known = ~np.isnat(date) & np.isfinite(close)
    usable = np.flatnonzero(known & (close > 0))
    order: Places = usable[np.argsort(date[usable], kind="stable")]
    if not len(order):
        return order
    dates = date[order]
    last: Mask = np.append(dates[1:] != dates[:-1], True)
    return np.asarray(order[last])


def _positive(prices: Array) -> Array:
    return np.where(prices > 0, prices, np.nan)


def _possible_splits(values: Array) -> Array:
    """Return the splits (n,); one that cannot be is named by the schema, and makes no move."""
    possible = (values > 0) & np.isfinite(values)
    return np.where(possible, values, 1.0)


def _implied_ratio(close: Array, adj_close: Array) -> Array:
    """Return the splits (n,) that close shows beside adj_close, in a source without actions."""
    factor = adj_close / close
    implied = factor / previous(factor)
    # a change this small is a dividend or rounding, and explains no jump
    return np.where(np.abs(implied - 1.0) > SMALL_ACTION, implied, 1.0)


def log_ratio(above: Array, below: Array) -> Array:
    """Return log(above / below), NaN where one of them is not there."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.log(above / below)


def _median(place: Places, values: Array) -> Array:
    """Return the median of the values at each place (t,), 0 where few have one."""
    import pandas as pd

    groups = pd.Series(values).groupby(place)
    median = groups.median().where(groups.count() >= CROWD, 0.0)
    return np.asarray(median)
