"""Bound target weights, and keep what is not traded. Pure functions on arrays of shape (N,)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from bt_run.arrays import Array
from bt_run.terms import Limits

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


def keep_untraded(
    target: Array, drifted: Array, traded: NDArray[np.bool_], limits: Limits
) -> Array:
    """Let assets that are not ``traded`` keep their drifted weight; the others fit into what is
    left.

    Of the others only the opening part is scaled, first all of them to the gross limit, then those
    of the larger side to the net limit: the part of a target beyond what is held already. What is
    kept may exceed a limit.
    """
    if traded.all():
        return target
    weights = np.where(traded, target, drifted)
    same_side = weights * drifted > 0
    held = np.where(same_side, np.sign(weights) * np.minimum(abs(weights), abs(drifted)), 0.0)
    kept = np.where(traded, held, drifted)
    opening = weights - kept
    wanted, room = float(np.abs(opening).sum()), limits.gross - float(np.abs(kept).sum())
    if wanted > 0.0 and wanted > room + _ROUNDING:
        opening = opening * max(0.0, room / wanted)
    net = float((kept + opening).sum())
    larger = np.where(opening * net > 0, opening, 0.0)
    excess, side = abs(net) - limits.net, float(np.abs(larger).sum())
    if excess > _ROUNDING and side > 0.0:
        opening = opening - larger * min(1.0, excess / side)
    return np.asarray(kept + opening)
