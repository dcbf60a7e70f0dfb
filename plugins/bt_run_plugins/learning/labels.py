"""Labels: what happened after a row, where that is known, and what overlapping rows are worth.

A decision at the close of bar t is filled L bars later, so a label of horizon H looks at the bars
t + L to t + L + H. The last H + L rows have none: they are NaN, and never class 0.
"""

from __future__ import annotations

import numpy as np

from bt_run import Array

__all__ = ["beats", "effective_rows", "forward_growth", "triple_barrier", "uniqueness"]


def forward_growth(value: Array, horizon: int, lag: int) -> Array:
    """Return value[t + lag + horizon] / value[t + lag] - 1 (n,), a fraction; NaN in the last
    horizon + lag rows.

    ``value`` is (n,), or (n, N) for a growth of each column.
    """
    out = np.full(value.shape, np.nan)
    count = len(value) - horizon - lag
    if count > 0:
        out[:count] = value[lag + horizon :] / value[lag : lag + count] - 1.0
    return out


def beats(
    aggressive: Array, defensive: Array, horizon: int, lag: int, cost: float
) -> Array:
    """Return 1 where the value ``aggressive`` (n,) grows by more than ``defensive`` (n,) and one
    switch at ``cost``, a fraction, else 0; NaN where nobody can know.
    """
    own = forward_growth(aggressive, horizon, lag)
    gain = own - forward_growth(defensive, horizon, lag) - cost
    return np.where(np.isfinite(gain), (gain > 0.0).astype(float), np.nan)


def triple_barrier(
    value: Array, horizon: int, lag: int, up: float, down: float
) -> Array:
    """Return 1 where ``value`` (n,) gains the fraction ``up`` before it loses ``down``, 0 where it
    loses first, and whether it gained where it does neither within ``horizon`` bars; NaN in the
    last horizon + lag rows.

    Lopez de Prado, Advances in Financial Machine Learning (2018), 3.3.
    """
    out = np.full(len(value), np.nan)
    for t in range(len(value) - horizon - lag):
        path = value[t + lag + 1 : t + lag + horizon + 1] / value[t + lag] - 1.0
        if not np.isfinite(path).all():
            continue
        hit = np.flatnonzero((path >= up) | (path <= -down))
        out[t] = float(path[hit[0] if len(hit) else -1] > 0.0)
    return out


def uniqueness(labelled: Array, horizon: int, lag: int) -> Array:
    """Return the average uniqueness (n,) of each labelled row: the mean of one over the number of
    labels that look at each of its bars; 0 where there is no label.

    ``labelled`` (n,) is NaN where there is none. Daily labels of 20 bars weigh 1/20 each inside.
    Lopez de Prado (2018), 4.4.
    """
    rows = np.flatnonzero(np.isfinite(labelled))
    bars = np.zeros(len(labelled) + horizon + lag + 2)
    np.add.at(bars, rows + lag + 1, 1.0)
    np.add.at(bars, rows + lag + horizon + 1, -1.0)
    active = np.cumsum(bars)
    share = np.divide(1.0, active, out=np.zeros_like(active), where=active > 0.0)
    total = np.append(0.0, np.cumsum(share))
    out = np.zeros(len(labelled))
    out[rows] = (total[rows + lag + horizon + 1] - total[rows + lag + 1]) / horizon
    return out


def effective_rows(rows: int, horizon: int, lag: int) -> float:
    """Return how many independent labels ``rows`` overlapping ones are worth: rows / (H + L)."""
    return rows / (horizon + lag)
