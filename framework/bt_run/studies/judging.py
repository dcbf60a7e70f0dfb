"""The verdict on a run: what it is judged by, and the evidence that its tables hold."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from bt_run.arrays import Array
from bt_run.data.years import sessions_per_year
from bt_run.results.result import BacktestResult
from bt_run.studies.rule import SignificanceConfig
from bt_run.studies.significance import (
    FEWEST,
    Evidence,
    Significance,
    TrialCount,
    Unjudged,
    exposure_matched,
    judge,
    volatility_matched,
)
from bt_run.studies.tracking import Pursuit, TrackingSignificance, judge_tracking
from bt_run.text import day_text

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["baseline_text", "evidence_of", "judge_run", "purpose_of"]

Judgement = Significance | TrackingSignificance | Unjudged
Purpose = Literal["earn", "track"]

ROUNDING = 1e-9  # of NAV: a short position is larger


def judge_run(
    result: BacktestResult, config: SignificanceConfig | None = None
) -> Judgement:
    """Judge the run of ``result`` by what it is for: by how closely it followed its benchmark, or
    by its Sharpe ratio beside a baseline at equal exposure. ``config`` holds the thresholds, those
    of the rule if not given; resamples are drawn from the run's seed.

    A verdict takes some tenths of a second; it is kept, and the same result is judged once.
    """
    rule = SignificanceConfig() if config is None else config
    key = ("verdict", rule.model_dump_json(), result.trial)
    if key not in result.derived:
        result.derived[key] = _judged(result, rule)
    found: Judgement = result.derived[key]
    return found


def purpose_of(result: BacktestResult) -> Purpose:
    """Return what the run of ``result`` is for: what its research says, or else its sizer."""
    research = result.config.research
    if research.purpose is not None:
        return research.purpose
    if research.tracking_error is not None or result.manifest.get("purpose") == "track":
        return "track"
    return "earn"


def evidence_of(result: BacktestResult) -> Evidence:
    """Return what a verdict on the run of ``result`` rests on: daily returns less the risk-free
    rate.

    A run that was never short stands beside its own assets at equal weight, held at its mean gross
    exposure; one that was stands beside as much of the benchmark as has its volatility.
    """
    daily = _daily_of(result)
    market = daily.benchmark
    if _was_short(result):
        baseline = volatility_matched(market, daily.returns)
    else:
        own = daily.equal_weight if _knows_equal_weight(result) else market
        baseline = exposure_matched(own, _mean_gross(result))
    trial = result.trial
    return Evidence(
        returns=daily.returns,
        baseline=baseline,
        benchmark=market,
        trials=None
        if trial is None
        else TrialCount(trial.of, trial.deflated, trial.overfitting),
        per_year=daily.per_year,
    )


def baseline_text(result: BacktestResult) -> str:
    """Return in words what the run of ``result`` stands beside at equal exposure."""
    benchmark = result.config.data.benchmark
    if _was_short(result):
        return f"as much of {benchmark} as has the run's volatility"
    what = "its own assets at equal weight"
    if not _knows_equal_weight(result):
        what = benchmark
    return f"{what}, held at its mean gross exposure of {_mean_gross(result):.0%}"


@dataclass(frozen=True)
class _Daily:
    """Daily returns (T,) less the risk-free rate, and how many sessions a year has."""

    returns: Array
    benchmark: Array
    equal_weight: Array
    per_year: int


def _judged(result: BacktestResult, config: SignificanceConfig) -> Judgement:
    reason = _silence(result)
    if reason:
        return Unjudged(reason)
    seed = result.config.seed
    if purpose_of(result) == "earn":
        return judge(evidence_of(result), config, seed)
    daily = _daily_of(result)
    pursuit = Pursuit(
        returns=daily.returns,
        benchmark=daily.benchmark,
        bound=result.config.research.tracking_error,
        per_year=daily.per_year,
    )
    return judge_tracking(pursuit, config, seed)


def _silence(result: BacktestResult) -> str:
    """Return why nothing can be said of a run, or nothing."""
    if result.manifest.get("ruined"):
        return f"ruined on {day_text(result.nav.index[-1])}"
    closes = result.closes
    if not result.nav["gross"].to_numpy(dtype=np.float64).any():
        return "nothing was ever held, and what cash earns is no evidence"
    if len(closes) <= FEWEST:
        return f"{len(closes) - 1} returns, and {FEWEST} are needed"
    for name, column in (("run", "nav"), ("benchmark", "benchmark")):
        values = closes[column].to_numpy(dtype=np.float64)
        if not np.isfinite(values).all() or (values[:-1] <= 0.0).any():
            return f"the {name} has no return at some sessions"
    return ""


def _daily_of(result: BacktestResult) -> _Daily:
    import pandas as pd

    closes = result.closes
    sessions = pd.DatetimeIndex(closes.index).tz_localize(None).to_numpy()
    per_year = sessions_per_year(sessions)
    rate = (1.0 + float(result.config.risk_free)) ** (1.0 / per_year) - 1.0
    return _Daily(
        returns=_returns(closes["nav"]) - rate,
        benchmark=_returns(closes["benchmark"]) - rate,
        equal_weight=_returns(closes["equal_weight"]) - rate,
        per_year=per_year,
    )


def _returns(nav: pd.Series[float]) -> Array:
    values = nav.to_numpy(dtype=np.float64)
    with np.errstate(all="ignore"):
        return np.asarray(values[1:] / values[:-1] - 1.0)


def _was_short(result: BacktestResult) -> bool:
    gross = result.nav["gross"].to_numpy(dtype=np.float64)
    net = result.nav["net"].to_numpy(dtype=np.float64)
    return bool((gross - net > ROUNDING).any())


def _mean_gross(result: BacktestResult) -> float:
    return float(result.closes["gross"].iloc[1:].mean())


def _knows_equal_weight(result: BacktestResult) -> bool:
    values = result.closes["equal_weight"].to_numpy(dtype=np.float64)
    return bool(np.isfinite(values).all() and (values[:-1] > 0.0).all())
