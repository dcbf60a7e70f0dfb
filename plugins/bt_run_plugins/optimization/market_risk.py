"""Correlations and betas of what a history knows: one place for all that ask."""

from __future__ import annotations

import numpy as np

from bt_run import Array, History
from bt_run.arrays import Mask
from bt_run_plugins.optimization.covariance import (
    ewma_covariance,
    ledoit_wolf_covariance,
    sample_covariance,
)

__all__ = ["betas", "complete_returns", "correlation", "covariance_of"]


def complete_returns(history: History, n: int, names: Mask) -> Array:
    """Return the last ``n`` returns of some names (N,), (T, m), without bars that one of them
    lacks.
    """
    returns = history.returns(n)[:, names]
    return np.ascontiguousarray(returns[np.isfinite(returns).all(axis=1)])


def covariance_of(
    returns: Array, estimator: str, per_year: float, halflife: float
) -> Array:
    """Return the covariance (m, m) of ``returns`` (T, m) by ``sample``, ``ledoit_wolf`` or
    ``ewma``, times ``per_year``.
    """
    if estimator == "ewma":
        return ewma_covariance(returns, per_year, halflife)
    if estimator == "ledoit_wolf":
        return ledoit_wolf_covariance(returns, per_year)
    return sample_covariance(returns, per_year)


def correlation(S: Array) -> Array:
    """Return the correlation (m, m) of a covariance (m, m); a name that does not vary correlates
    with itself alone.
    """
    size = np.sqrt(np.diag(S))
    moves = size > 0.0
    unit = np.where(moves, size, 1.0)
    C = S / unit[:, None] / unit[None, :]
    C[np.diag_indices(len(S))] = 1.0
    return np.asarray(C)


def betas(history: History, n: int) -> Array:
    """Return cov(r_i, r_b) / var(r_b) over the last ``n`` bars that a name and the benchmark share,
    (N,); NaN where there are fewer than three or the benchmark did not move.
    """
    returns = history.returns(n)
    market = history.benchmark_returns(n)[:, None]
    both = np.isfinite(returns) & np.isfinite(market)
    count = both.sum(axis=0)
    many = np.maximum(count, 1)
    r = np.where(both, returns, 0.0)
    b = np.where(both, market, 0.0)
    r = np.where(both, r - r.sum(axis=0) / many, 0.0)
    b = np.where(both, b - b.sum(axis=0) / many, 0.0)
    shared, varied = (r * b).sum(axis=0), (b * b).sum(axis=0)
    known = (count >= 3) & (varied > 0.0)
    return np.where(known, shared / np.where(known, varied, 1.0), np.nan)
