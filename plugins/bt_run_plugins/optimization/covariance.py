"""Estimators of the yearly covariance of returns: each a root F with |F w| the risk of weights w.

Returns are (T, n), one row a session and none missing; the yearly figure is the daily one times
``per_year``, once.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from bt_run import Array
from bt_run_plugins.optimization.gram import gram_matrix
from bt_run_plugins.optimization.matrix_root import square_root

__all__ = [
    "covariance_root",
    "ewma_covariance",
    "factor_root",
    "ledoit_wolf_covariance",
    "sample_covariance",
    "sparse_root",
]


def sample_covariance(returns: Array, per_year: float) -> Array:
    """Return the covariance (n, n) with T - 1 in the denominator."""
    centred = returns - returns.mean(axis=0)
    return gram_matrix(centred) * (per_year / (len(returns) - 1))


def ledoit_wolf_covariance(returns: Array, per_year: float) -> Array:
    """Return the sample covariance (T in the denominator) shrunk toward the mean variance.

    The share is that of Ledoit and Wolf, "A well-conditioned estimator for large-dimensional
    covariance matrices", Journal of Multivariate Analysis 88 (2004).
    """
    T, n = returns.shape
    X = returns - returns.mean(axis=0)
    S = gram_matrix(X) / T
    mean = float(np.trace(S)) / n
    apart = float((S**2).sum()) / n - mean**2
    # the mean over days of |x x' - S|^2 is that of |x|^4, less |S|^2
    lengths = (X**2).sum(axis=1)
    noise = (float((lengths**2).mean()) - float((S**2).sum())) / (T * n)
    share = 1.0 if not apart > 0.0 else min(max(noise / apart, 0.0), 1.0)
    shrunk = (1.0 - share) * S
    shrunk[np.diag_indices(n)] += share * mean
    return np.asarray(shrunk * per_year)


def ewma_covariance(returns: Array, per_year: float, halflife: float) -> Array:
    """Return the covariance with weights that halve every ``halflife`` sessions, the newest row
    counting most; the mean is weighted too.
    """
    age = np.arange(len(returns))[::-1]
    weights = 0.5 ** (age / halflife)
    weights /= weights.sum()
    mean = (weights[:, None] * returns).sum(axis=0)
    scaled = (returns - mean) * np.sqrt(weights)[:, None]
    return gram_matrix(scaled) * per_year


def factor_root(S: Array, k: int) -> tuple[Array, Array]:
    """Return B (k, n) and d (n,) of the factor model  B'B + diag(d^2)  of S (n, n): its ``k``
    largest principal components, and what they leave of each variance.
    """
    values, vectors = np.linalg.eigh(S)
    top = np.argsort(values)[::-1][:k]
    # the sign of a component means nothing; its largest part is positive here
    chosen = vectors[:, top]
    largest = np.argmax(np.abs(chosen), axis=0)
    chosen = chosen * np.sign(chosen[largest, np.arange(len(top))])
    B = (chosen * np.sqrt(np.maximum(values[top], 0.0))).T
    left = np.diag(S) - (B**2).sum(axis=0)
    return B, np.sqrt(np.maximum(left, 0.0))


def sparse_root(B: Array, d: Array) -> Any:
    """Return the root (k + n, n) of a factor model, sparse."""
    from scipy import sparse

    return sparse.vstack([sparse.csc_matrix(B), sparse.diags(d)], format="csc")


ESTIMATORS: Mapping[str, Any] = MappingProxyType(
    {"sample": sample_covariance, "ledoit_wolf": ledoit_wolf_covariance}
)


def covariance_root(
    returns: Array,
    estimator: str,
    per_year: float,
    halflife: float = 63.0,
    factors: int = 5,
) -> Any:
    """Return the root F (r, n), sparse, of the covariance by an ``estimator``: ``sample``,
    ``ledoit_wolf``, ``ewma`` with its ``halflife``, or ``factor`` with so many ``factors``.
    """
    from scipy import sparse

    if estimator == "factor":
        S = sample_covariance(returns, per_year)
        return sparse_root(*factor_root(S, min(factors, len(S))))
    if estimator == "ewma":
        S = ewma_covariance(returns, per_year, halflife)
    else:
        S = ESTIMATORS[estimator](returns, per_year)
    return sparse.csc_matrix(square_root(S))
