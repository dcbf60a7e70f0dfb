"""Numbers of a page that the metrics do not hold: pure functions of daily returns and NAVs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from bt_run import Array, sessions_per_year
from bt_run.arrays import Mask

if TYPE_CHECKING:
    import pandas as pd

TAIL = 0.05
FLAT = 1e-12  # a deviation below this is rounding
STATISTICS: Mapping[str, tuple[str, str, str]] = MappingProxyType(
    {  # name -> (label, unit, definition)
        "positive_days": (
            "Days with a gain",
            "pct",
            "Days with a return above 0 over the days on which anything was held.",
        ),
        "best_month": (
            "Best month",
            "pct",
            "Largest return of a calendar month, those cut short included.",
        ),
        "worst_month": ("Worst month", "pct", "Smallest return of a calendar month."),
        "best_year": (
            "Best year",
            "pct",
            "Largest return of a calendar year, those cut short included.",
        ),
        "worst_year": ("Worst year", "pct", "Smallest return of a calendar year."),
        "downside_risk": (
            "Downside deviation per year",
            "pct",
            "Root mean square of daily returns below 0, others counted as 0, x sqrt(sessions a "
            "year).",
        ),
        "value_at_risk": (
            "Value at risk, one day, 5%",
            "pct",
            "The 5th percentile of daily returns.",
        ),
        "expected_shortfall": (
            "Expected shortfall, one day, 5%",
            "pct",
            "Mean of the worst 5% of daily returns.",
        ),
        "kurtosis": (
            "Excess kurtosis",
            "ratio",
            "Fourth central moment of daily returns over the square of their variance (ddof 0), "
            "less 3.",
        ),
        "omega": (
            "Omega ratio",
            "ratio",
            "Sum of daily gains over the sum of daily losses.",
        ),
        "tail_ratio": (
            "Tail ratio",
            "ratio",
            "The 95th percentile of daily returns over the size of the 5th.",
        ),
        "stability": (
            "Stability",
            "ratio",
            "R squared of a straight line through the logarithm of the NAV: 1 is a steady climb.",
        ),
        "up_capture": (
            "Upside capture",
            "ratio",
            "Mean return per month (geometric) in the calendar months in which the benchmark rose, "
            "over the benchmark's in those months.",
        ),
        "down_capture": (
            "Downside capture",
            "ratio",
            "Mean return per month (geometric) in the calendar months in which the benchmark fell, "
            "over the benchmark's in those months.",
        ),
    }
)


@dataclass(frozen=True)
class Drawdown:
    """One fall from a highest NAV: rows of the peak, the lowest close and the recovery (None: not
    yet).
    """

    peak: int
    trough: int
    recovery: int | None
    depth: float


def drawdown(nav: Array) -> Array:
    """Return the fall from the highest NAV so far, (n,), fractions <= 0."""
    with np.errstate(all="ignore"):
        return np.asarray(nav / np.maximum.accumulate(nav) - 1.0)


def drawdowns(nav: Array) -> list[Drawdown]:
    """Return every fall of a NAV, deepest first."""
    fall = drawdown(nav)
    below = np.concatenate([[False], fall < 0.0, [False]])
    edges = np.flatnonzero(np.diff(below.astype(int))).tolist()
    found = []
    for first, end in zip(edges[::2], edges[1::2], strict=True):
        trough = first + int(fall[first:end].argmin())
        one = Drawdown(
            peak=first - 1,
            trough=trough,
            recovery=end if end < len(nav) else None,
            depth=float(fall[trough]),
        )
        found.append(one)
    return sorted(found, key=lambda one: one.depth)


def period_returns(nav: pd.Series[float], period: str) -> pd.Series[float]:
    """Return the return of each calendar period ("M" or "Y"); the first starts at the first NAV."""
    import pandas as pd

    days = pd.DatetimeIndex(nav.index).tz_localize(None)
    values = nav.to_numpy(dtype=np.float64)
    if not np.isfinite(values).all():
        # the last value that a period has
        last = nav.iloc[1:].groupby(days.to_period(period)[1:]).last()
        ends, at = last.to_numpy(dtype=np.float64), last.index
    else:
        numbers = days.to_numpy().astype(f"datetime64[{period}]")[1:]
        rows = np.flatnonzero(numbers[1:] != numbers[:-1])
        rows = np.append(rows, len(numbers) - 1)[: len(numbers)]
        ends, at = values[rows + 1], days[rows + 1].to_period(period)
    before = np.concatenate([values[:1], ends[:-1]])[: len(ends)]
    with np.errstate(all="ignore"):
        return pd.Series(ends / before - 1.0, index=at, name=nav.name)


def statistics(
    nav: pd.Series[float], market: Array, held: Mask | None = None
) -> dict[str, float | None]:
    """Return the numbers of ``STATISTICS`` for daily NAVs (n,) and the benchmark's daily returns (n
    - 1,). ``held`` (n - 1,) says on which days anything was held; on all where it is None.
    """
    import pandas as pd

    out: dict[str, float | None] = dict.fromkeys(STATISTICS)
    values = nav.to_numpy(dtype=np.float64)
    if len(values) < 2 or not np.isfinite(values).all() or (values <= 0.0).any():
        return out
    daily = values[1:] / values[:-1] - 1.0
    sessions = pd.DatetimeIndex(nav.index).tz_localize(None).to_numpy()
    per_year = sessions_per_year(sessions)
    with np.errstate(all="ignore"):
        found = _of_periods(nav)
        found |= _of_days(daily, per_year)
        found["positive_days"] = _share_of_gains(daily, held)
        found |= _captures(nav, market)
    for name, value in found.items():
        if math.isfinite(value):
            out[name] = float(value) + 0.0  # -0.0 reads like a loss
    return out


def _of_periods(nav: pd.Series[float]) -> dict[str, float]:
    months = period_returns(nav, "M")
    years = period_returns(nav, "Y")
    return {
        "best_month": months.max(),
        "worst_month": months.min(),
        "best_year": years.max(),
        "worst_year": years.min(),
    }


def _of_days(daily: Array, per_year: int) -> dict[str, float]:
    gains = daily[daily > 0.0].sum()
    losses = -daily[daily < 0.0].sum()
    low, high = np.percentile(daily, [5, 95])
    downside = (np.minimum(daily, 0.0) ** 2).mean()
    omega = gains / losses if losses else math.nan
    tails = abs(high) / abs(low) if low else math.nan
    return {
        "downside_risk": math.sqrt(downside * per_year),
        "value_at_risk": low,
        "expected_shortfall": _shortfall(daily),
        "kurtosis": _kurtosis(daily),
        "omega": omega,
        "tail_ratio": tails,
        "stability": _stability(daily),
    }


def _share_of_gains(daily: Array, held: Mask | None) -> float:
    """Return how many of the days on which anything was held brought a gain."""
    own = daily if held is None else daily[held]
    return float((own > 0.0).mean()) if len(own) else math.nan


def held_days(closes: pd.DataFrame) -> Mask:
    """Return on which days after the first (n - 1,) a position was held at either close."""
    gross = closes["gross"].to_numpy(dtype=np.float64) > 0.0
    return np.asarray(gross[1:] | gross[:-1])


def _shortfall(daily: Array) -> float:
    """Return the mean of the worst 5 %."""
    last = int((len(daily) - 1) * TAIL)
    worst = np.partition(daily, last)[: last + 1]
    return float(worst.mean())


def _kurtosis(daily: Array) -> float:
    centred = daily - daily.mean()
    variance = (centred**2).mean()
    if not variance > FLAT**2:
        return math.nan
    return float((centred**4).mean() / variance**2 - 3.0)


def _stability(daily: Array) -> float:
    """Return R squared of a straight line through the logarithm of the NAV."""
    growth = np.log1p(daily).cumsum()
    if len(growth) <= 2 or not np.ptp(growth) > 0.0:
        return math.nan
    days = np.arange(len(growth))
    return float(np.corrcoef(days, growth)[0, 1] ** 2)


def _captures(nav: pd.Series[float], market: Array) -> dict[str, float]:
    """Return what was captured of the benchmark's rises and falls, by calendar months."""
    import pandas as pd

    if len(market) != len(nav) - 1:
        return {}
    other = np.append(1.0, np.cumprod(1.0 + market))
    own: Array = np.asarray(period_returns(nav, "M"), dtype=np.float64)
    months = period_returns(pd.Series(other, nav.index), "M")
    theirs: Array = np.asarray(months, dtype=np.float64)
    return {
        "up_capture": _capture(own, theirs, theirs > 0.0),
        "down_capture": _capture(own, theirs, theirs < 0.0),
    }


def _capture(own: Array, market: Array, months: Mask) -> float:
    """Return the mean growth over chosen months (n,) over the benchmark's."""
    if not months.any():
        return math.nan
    theirs = _mean_growth(market[months])
    return _mean_growth(own[months]) / theirs if theirs else math.nan


def _mean_growth(returns: Array) -> float:
    return float(np.prod(1.0 + returns) ** (1.0 / len(returns)) - 1.0)


def rolling(
    returns: Array,
    market: Array,
    window: int,
    per_year: int,
) -> dict[str, Array]:
    """Return Sharpe ratio, volatility and beta over the last ``window`` returns, (n - window + 1,)
    each; ``per_year`` sessions are a year.
    """
    import pandas as pd

    own = pd.Series(returns).rolling(window)
    market_series = pd.Series(market)
    deviation = own.std()
    variance = market_series.rolling(window).var()
    # what does not vary has neither ratio
    varies = deviation.where(deviation > FLAT)
    moves = variance.where(variance > FLAT**2)
    series = {
        "sharpe": own.mean() / varies * math.sqrt(per_year),
        "volatility": deviation * math.sqrt(per_year),
        "beta": own.cov(market_series) / moves,
    }
    out = {}
    for name, values in series.items():
        out[name] = values.to_numpy(dtype=np.float64)[window - 1 :]
    return out


def rolling_relation(
    returns: Array, market: Array, window: int, per_year: int
) -> dict[str, tuple[Array, Array]]:
    """Return alpha and tracking error per year, and beta, over the last ``window`` returns, each
    with its standard error: two arrays (n - window + 1,).

    Alpha and beta are those of the regression r = a + b m + e: var b = s^2 / sum (m - mean)^2, and
    var a = s^2 (1 / T + mean^2 / sum (m - mean)^2). The error of sqrt(mean d^2) is by the delta
    method.
    """
    import pandas as pd

    own, other = pd.Series(returns), pd.Series(market)
    beta_of = own.rolling(window).cov(other) / _moving(other, window)
    mean, mean_market = own.rolling(window).mean(), other.rolling(window).mean()
    alpha = mean - beta_of * mean_market
    # what the line leaves, ddof 2
    left = own.rolling(window).var() - beta_of**2 * other.rolling(window).var()
    noise = np.maximum(left, 0.0) * (window - 1) / (window - 2)
    spread = other.rolling(window).var() * (window - 1)
    error_beta = np.sqrt(noise / spread)
    error_alpha = np.sqrt(noise * (1.0 / window + mean_market**2 / spread))
    squares = (own - other) ** 2
    error = np.sqrt(squares.rolling(window).mean())
    error_of = squares.rolling(window).std() / math.sqrt(window) / (2.0 * error)
    root = math.sqrt(per_year)
    found = {
        "alpha": (alpha * per_year, error_alpha * per_year),
        "beta": (beta_of, error_beta),
        "tracking_error": (error * root, error_of.where(error > FLAT) * root),
    }
    return {
        name: (_last_rows(values, window), _last_rows(errors, window))
        for name, (values, errors) in found.items()
    }


def _moving(market: pd.Series[float], window: int) -> pd.Series[float]:
    """Return the variance over a window; missing where the market does not move."""
    variance = market.rolling(window).var()
    return variance.where(variance > FLAT**2)


def _last_rows(values: pd.Series[float], window: int) -> Array:
    return np.asarray(values, dtype=np.float64)[window - 1 :]
