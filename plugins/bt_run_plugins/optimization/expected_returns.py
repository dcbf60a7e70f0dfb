"""Expected yearly returns of names: their own past, or what their risk earns."""

from __future__ import annotations

import numpy as np

from bt_run import Array

__all__ = ["capm_returns", "historical_returns"]


def historical_returns(returns: Array, per_year: float) -> Array:
    """Return the mean of daily returns (T, n) times ``per_year``, (n,)."""
    return np.asarray(returns.mean(axis=0) * per_year)


def capm_returns(
    returns: Array,
    market: Array,
    risk_free: float,
    premium: float,
) -> Array:
    """Return  risk_free + beta premium, (n,), beta the slope of returns (T, n) on the ``market``
    (T,); ``premium`` is what the market earns above ``risk_free`` in a year.

    Raises:
        ValueError: the market does not move, so that there is no beta.
    """
    moved = market - market.mean()
    variance = float((moved**2).sum())
    if not variance > 0.0:
        raise ValueError("the benchmark's returns are all equal, so no name has a beta")
    centred = returns - returns.mean(axis=0)
    beta = np.einsum("ti,t->i", centred, moved) / variance
    return np.asarray(risk_free + beta * premium)
