"""Numbers from the tables of a run."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bt_run.arrays import Array, Mask, Times
from bt_run.data.years import sessions_per_year, years_between
from bt_run.results import formulas
from bt_run.results.metric_definitions import COLUMNS, DEFINITIONS, YEARLY

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "ABOUT_A_YEAR",
    "Metrics",
    "closing_rows",
    "compute_metrics",
    "money_weighted",
    "record_metrics",
    "return_metrics",
    "session_closes",
    "traded_value",
]

Metrics = dict[str, dict[str, float | None]]

ABOUT_A_YEAR = 0.95  # years: 252 sessions lie 361 days apart or so
WORTH = "worth"  # the NAV itself, beside its time-weighted record
RETURN_METRICS = (
    "total_return",
    "cagr",
    "volatility",
    "sharpe",
    "sortino",
    "calmar",
    "max_drawdown",
    "best_day",
    "worst_day",
    "skew",
)
FLAT = 1e-12  # returns that differ by less than this do not vary: it is rounding


def compute_metrics(
    nav: pd.DataFrame,
    fills: Mapping[str, pd.DataFrame],
    risk_free: float,
    *,
    financing: Mapping[str, float] | None = None,
    ruined: bool = False,
) -> Metrics:
    """Compute every metric of ``DEFINITIONS`` for the run and what it is compared with.

    ``nav`` has one row per bar (index ``time``, UTC) with its ``session``, the first being the
    close of the start.
    ``fills`` maps ``run``, ``equal_weight`` and ``constant_mix`` to tables of fills, ``financing``
    to the money paid for leverage and shorts.
    ``risk_free`` is a fraction per year. What is not defined (no variance) is None, and so are
    growth, turnover and costs per year of a run that is shorter than a year, and all yearly figures
    of one that was ``ruined``.
    """
    daily = session_closes(nav)
    calendar = _Calendar.of(daily)
    rate = (1.0 + risk_free) ** (1.0 / calendar.per_year) - 1.0
    out: Metrics = {metric: dict.fromkeys(COLUMNS) for metric in DEFINITIONS}
    market = _returns(_numbers(daily["benchmark"]))
    for name, column in COLUMNS.items():
        values = _numbers(daily[column])
        found = _measured(values, market, rate, calendar)
        if name in fills:
            worth = values if column != "nav" else _numbers(daily[WORTH])
            found |= _trading(nav[column], worth, fills[name], calendar.years)
        for metric, value in found.items():
            if not (ruined and metric in YEARLY):
                out[metric][name] = _defined(value)
    out["average_gross"]["run"] = _mean_after_start(daily["gross"])
    gross = _numbers(daily["gross"])[1:]
    out["maximum_gross"]["run"] = _defined(gross.max()) if len(gross) else None
    for name, paid in (financing or {}).items():
        out["financing"][name] = _defined(paid)
    out["average_net"]["run"] = _mean_after_start(daily["net"])
    return out


def record_metrics(
    sessions: Times, nav: Array, benchmark: Array, risk_free: float
) -> dict[str, float | None]:
    """Measure a ``nav`` (n,) at the closes of ``sessions`` (n,), alone and beside a ``benchmark``
    (n,), which may be empty; ``risk_free`` is a fraction per year. What is not defined is None.
    """
    calendar = _Calendar.of_sessions(sessions)
    rate = (1.0 + risk_free) ** (1.0 / calendar.per_year) - 1.0
    found = _measured(nav, _returns(benchmark), rate, calendar)
    return {metric: _defined(value) for metric, value in found.items()}


@dataclass(frozen=True)
class _Calendar:
    """The years between the first and the last session, and how many sessions a year holds.

    ``years`` is None where they are no year, about: what is extrapolated to one then misleads.
    """

    span: float
    per_year: int

    @classmethod
    def of(cls, daily: pd.DataFrame) -> _Calendar:
        import pandas as pd

        return cls.of_sessions(
            pd.DatetimeIndex(daily.index).tz_localize(None).to_numpy()
        )

    @classmethod
    def of_sessions(cls, sessions: Times) -> _Calendar:
        return cls(
            years_between(sessions[0], sessions[-1]), sessions_per_year(sessions)
        )

    @property
    def years(self) -> float | None:
        return self.span if self.span >= ABOUT_A_YEAR else None


def _measured(
    nav: Array, market: Array, rate: float, calendar: _Calendar
) -> dict[str, float | None]:
    """Measure daily NAVs (n,) alone and beside the benchmark's returns ``market``."""
    returns = _returns(nav)
    found: dict[str, float | None] = {
        "sessions": len(nav) - 1.0,
        "years": calendar.span,
    }
    # what is divided by nothing is not finite, and so not defined
    with np.errstate(all="ignore"):
        if len(returns):
            found |= _alone(returns, rate, calendar.per_year, calendar.years)
        if len(returns) and len(market):
            found |= _against(returns, market, rate, calendar)
    return found


def _mean_after_start(exposure: pd.Series[float]) -> float | None:
    values = _numbers(exposure)[1:]
    return _defined(values.mean()) if len(values) else None


def _numbers(column: pd.Series[float]) -> Array:
    return np.asarray(column, dtype=np.float64)


def session_closes(nav: pd.DataFrame) -> pd.DataFrame:
    """Return the last row of each session, indexed by the session's date at 00:00 UTC.

    ``nav`` of the answer is the time-weighted record, without what came from outside, and ``worth``
    the NAV itself: the same where nothing came. The table has a column ``session``, which says to
    which session each bar belongs. A start inside a session stands before that session's close,
    dated the day before: what the rest of the session earned belongs to the run.
    """
    import pandas as pd

    sessions = pd.DatetimeIndex(nav["session"])
    last, inside = closing_rows(np.asarray(sessions[1:] != sessions[:-1]))
    dates = sessions[last]
    if inside:
        dates = dates[1:].insert(0, dates[0] - pd.Timedelta(days=1))
    closes = nav[last].drop(columns="session").assign(**{WORTH: nav["nav"][last]})
    if "record" in closes:
        closes = closes.assign(nav=closes["record"]).drop(columns="record")
    return closes.set_axis(dates.rename(nav.index.name), axis=0)


def closing_rows(changes: Mask) -> tuple[Mask, bool]:
    """Return which bars (n,) close a session, where ``changes`` (n - 1,) says after which bars the
    session changes; the first bar always does, and whether it stands inside a session.
    """
    last = np.append(changes, True)
    inside = not last[0]
    last[0] = True
    return last, inside


def money_weighted(days: Times, paid: Array, worth: float) -> float | None:
    """Return the yearly rate at which what was ``paid`` (n,) on ``days`` (n,), datetime64[D],
    becomes ``worth`` on the last of them; None of less than about a year, or where there is none.

    It is the internal rate of return: sum of paid_i (1 + r)^(years_i) = worth.
    """
    years = (days[-1] - days).astype(np.float64) / 365.25
    if years[0] < ABOUT_A_YEAR:
        return None

    def gap(rate: float) -> float:
        return float((paid * (1.0 + rate) ** years).sum()) - worth

    low, high = -0.9999, 100.0
    if gap(low) * gap(high) > 0.0:
        return None
    for _ in range(200):
        middle = 0.5 * (low + high)
        if gap(low) * gap(middle) <= 0.0:
            high = middle
        else:
            low = middle
    return 0.5 * (low + high)


def _returns(nav: Array) -> Array:
    """Return simple returns (n,); none where a NAV is missing, or not positive before the last."""
    if not np.isfinite(nav).all() or (nav[:-1] <= 0.0).any():
        return np.empty(0)
    return nav[1:] / nav[:-1] - 1.0


def return_metrics(
    returns: Array, *, per_year: int, years: float | None, risk_free: float = 0.0
) -> dict[str, float | None]:
    """Measure one series of simple ``returns`` (n,), a session each: total_return, cagr,
    volatility, sharpe, sortino, calmar, max_drawdown, best_day, worst_day, skew; None of each that
    is not defined.

    ``per_year`` is how many sessions a year holds, ``years`` the calendar time from the first to
    the last: below about one, or without it, nothing is extrapolated to a year. ``risk_free`` is a
    fraction per year.
    """
    rate = (1.0 + risk_free) ** (1.0 / per_year) - 1.0
    long = years if years is not None and years >= ABOUT_A_YEAR else None
    if not len(returns):
        return dict.fromkeys(RETURN_METRICS)
    with np.errstate(all="ignore"):
        found = _alone(returns, rate, per_year, long)
    return {name: _defined(value) for name, value in found.items()}


def _alone(
    returns: Array, rate: float, per_year: int, years: float | None
) -> dict[str, float | None]:
    """Measure one series of daily returns (n,); ``rate`` is the risk-free rate per day."""
    total = formulas.total_return(returns)
    growth = None
    if years is not None and total > -1.0:
        growth = (1.0 + total) ** (1.0 / years) - 1.0
    drawdown = formulas.max_drawdown(returns)
    falls = drawdown <= -FLAT
    varies = _varies(returns)
    values = (
        total,
        growth,
        formulas.annual_volatility(returns, per_year),
        formulas.sharpe_ratio(returns, per_year, rate) if varies else None,
        formulas.sortino_ratio(returns, per_year, rate) if varies else None,
        growth / -drawdown if falls and growth is not None else None,
        drawdown,
        float(returns.max()),
        float(returns.min()),
        formulas.skewness(returns) if varies else None,
    )
    return dict(zip(RETURN_METRICS, values, strict=True))


def _against(
    returns: Array, market: Array, rate: float, calendar: _Calendar
) -> dict[str, float | None]:
    """Measure daily returns beside the benchmark's, both (n,)."""
    per_year = calendar.per_year
    active = returns - market
    moves = _varies(market)
    beta, alpha = formulas.beta_and_alpha(returns, market, per_year, rate)
    return {
        "beta": beta if moves else None,
        "alpha": alpha if moves and calendar.years is not None else None,
        "correlation": np.corrcoef(returns, market)[0, 1]
        if moves and _varies(returns)
        else None,
        "tracking_error": math.sqrt(per_year * (active**2).mean()),
        "information_ratio": formulas.sharpe_ratio(active, per_year)
        if _varies(active)
        else None,
    }


def _trading(
    nav: pd.Series[float], daily: Array, fills: pd.DataFrame, years: float | None
) -> dict[str, float | None]:
    """Measure what was traded and what that cost; ``nav`` has one row per bar, ``daily`` one per
    session.
    """
    filled = _numbers(fills["filled"])
    done = filled != 0.0
    slippage = _numbers(fills["slippage"])
    spent = {
        "commission": float(_numbers(fills["commission"])[done].sum()),
        "slippage": float(slippage[done].sum()),
    }
    costs = spent["commission"] + spent["slippage"]
    traded = traded_value(filled, _numbers(fills["price"]), slippage)
    turnover = float((traded[done] / _nav_before(nav, fills["time"])[done]).sum())
    return spent | {
        "costs": costs,
        "costs_bps": 1e4 * costs / years / float(daily[1:].mean()) if years else None,
        "turnover_two_way": turnover / years if years else None,
        "turnover_one_way": 0.5 * turnover / years if years else None,
        "fills": float(done.sum()),
    }


def traded_value(filled: Array, price: Array, slippage: Array) -> Array:
    """Return the money (n,) of fills, ``filled`` (n,) signed shares at a ``price`` (n,), without
    ``slippage`` (n,), money.
    """
    # slippage makes a buyer pay more and a seller get less: take it off again
    paid = np.abs(filled) * price
    value: Array = paid - np.sign(filled) * slippage
    return np.where(filled != 0.0, value, 0.0)


def _nav_before(nav: pd.Series[float], times: pd.Series[Any]) -> Array:
    """Return the NAV (n,) at the close before each of ``times``."""
    import pandas as pd

    bars = pd.DatetimeIndex(nav.index)
    at = bars.searchsorted(pd.to_datetime(times, utc=True), side="left") - 1
    return _numbers(nav)[np.maximum(at, 0)]


def _varies(values: Array) -> bool:
    return len(values) > 1 and float(np.ptp(values)) > FLAT


def _defined(value: float | None) -> float | None:
    """Return a plain float, or None where the value is missing or not finite."""
    if value is None or not math.isfinite(value):
        return None
    return float(value) + 0.0  # -0.0 reads like a loss
