"""How well each of several ways to trade an asset did lately, and what kind of prices it has."""

from __future__ import annotations

import numpy as np

from bt_run import Array
from bt_run.arrays import Mask

__all__ = ["recent_scores", "variance_ratio"]


def recent_scores(returns: Array, halflife: float, least: int) -> Array:
    """Return mean / root mean square of each member's net returns on each asset, (M, N).

    ``returns`` (M, n, N) are per bar, NaN where an asset has no bar; its k-th last own bar weighs
    0.5^(k / halflife). NaN where an asset has fewer than ``least`` own bars; 0 of one on which
    nothing was earned or lost.
    """
    own: Mask = np.asarray(np.isfinite(returns).all(axis=0))
    weight = _weights(own, halflife)
    held = np.where(own, returns, 0.0)
    mean = (held * weight).sum(axis=1)
    size = np.sqrt((held * held * weight).sum(axis=1))
    total = np.sqrt(weight.sum(axis=0))
    nothing = np.zeros(mean.shape)
    score = np.divide(
        mean, size * np.maximum(total, 1e-300), out=nothing, where=size > 0.0
    )
    return np.where(own.sum(axis=0) >= least, score, np.nan)


def variance_ratio(closes: Array, lag: int, halflife: float, least: int) -> Array:
    """Return the variance of moves over ``lag`` own bars over ``lag`` times that of one, (N,).

    Above 1 where moves go on, below where they turn back: Lo and MacKinlay, Review of Financial
    Studies 1 (1988), here with weights 0.5^(k / halflife) and moves around 0. ``closes`` (n, N);
    NaN where an asset has fewer than ``least`` own bars or did not move.
    """
    own = np.isfinite(closes)
    order = np.argsort(own, axis=0, kind="stable")
    price = np.log(np.take_along_axis(closes, order, axis=0))
    one, many = np.diff(price, axis=0), price[lag:] - price[:-lag]
    short, long = _mean_square(one, halflife), _mean_square(many, halflife)
    known = (own.sum(axis=0) >= least) & (short > 0.0)
    return np.where(known, long / np.where(known, lag * short, 1.0), np.nan)


def _mean_square(moves: Array, halflife: float) -> Array:
    """Return the weighted mean of the squares of ``moves`` (n, N), (N,); 0 where there are none."""
    known = np.isfinite(moves)
    weight = _weights(known, halflife)
    square = np.where(known, moves * moves, 0.0)
    total = weight.sum(axis=0)
    return np.asarray((square * weight).sum(axis=0) / np.where(total > 0.0, total, 1.0))


def _weights(own: Mask, halflife: float) -> Array:
    """Return 0.5^(k / halflife) for the k-th last own bar of each asset, 0 for no bar, (n, N)."""
    after = own[::-1].cumsum(axis=0)[::-1] - 1
    return np.where(own, 0.5 ** (after / halflife), 0.0)
