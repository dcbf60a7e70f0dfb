"""Bound target weights, and keep what is not traded. Pure functions on arrays of shape (N,)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bt_run.components import Array, Limits

__all__ = ["apply_limits", "keep_untraded"]

_ROUNDING = 1e-12


def apply_limits(weights: Array, limits: Limits) -> tuple[Array, tuple[str, ...]]:
    """Cut weights (N,) to the limits: short, name, gross, net, in this order; what is cut is cash.

    Returns the weights and the names of the limits that cut anything.
    """
    cut = []
    if not limits.short and (weights < 0).any():
        weights = np.maximum(weights, 0.0)
        cut.append("short")
    if (np.abs(weights) > limits.name + _ROUNDING).any():
        weights = np.clip(weights, -limits.name, limits.name)
        cut.append("name")
    gross = float(np.abs(weights).sum())
    if gross > limits.gross + _ROUNDING:
        weights = weights * (limits.gross / gross)
        cut.append("gross")
    long, short = float(weights[weights > 0].sum()), float(-weights[weights < 0].sum())
    if abs(long - short) > limits.net + _ROUNDING:
        larger, smaller = max(long, short), min(long, short)
        scale = (limits.net + smaller) / larger
        weights = np.where((weights > 0) == (long > short), weights * scale, weights)
        cut.append("net")
    return weights, tuple(cut)


def keep_untraded(target: Array, drifted: Array, traded: NDArray[np.bool_], gross: float) -> Array:
    """Let assets that are not ``traded`` keep their drifted weight; the others fit into what is left.

    Of the others only the opening part is scaled: the part of a target beyond what is held already.
    """
    if traded.all():
        return target
    weights = np.where(traded, target, drifted)
    same_side = weights * drifted > 0
    kept = np.where(
        traded, np.where(same_side, np.sign(weights) * np.minimum(abs(weights), abs(drifted)), 0.0), drifted
    )
    opening = weights - kept
    wanted, room = float(np.abs(opening).sum()), gross - float(np.abs(kept).sum())
    if wanted == 0.0 or wanted <= room + _ROUNDING:
        return weights
    return kept + opening * max(0.0, room / wanted)
