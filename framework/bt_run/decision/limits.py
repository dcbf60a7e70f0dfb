"""Bound target weights, and keep what is not traded. Pure functions on arrays of shape (N,)."""

from __future__ import annotations

import numpy as np

from bt_run.arrays import Array, Mask
from bt_run.terms import Limits

__all__ = ["apply_limits", "keep_untraded"]

_ROUNDING = 1e-12


def apply_limits(weights: Array, limits: Limits) -> tuple[Array, tuple[str, ...]]:
    """Cut weights (N,) to the limits: short, name, gross, net, in this order; what is cut is cash.

    Returns the weights and the names of the limits that cut anything.
    """
    cut = []
    if not limits.short and weights.min(initial=0.0) < 0.0:
        weights = np.maximum(weights, 0.0)
        cut.append("short")
    if np.abs(weights).max(initial=0.0) > limits.name + _ROUNDING:
        weights = np.clip(weights, -limits.name, limits.name)
        cut.append("name")
    gross = float(np.abs(weights).sum())
    if gross > limits.gross + _ROUNDING:
        weights = weights * (limits.gross / gross)
        cut.append("gross")
    if gross <= limits.net and not cut:
        return weights, ()  # what is long less what is short is no more than both
    long = float(weights[weights > 0].sum())
    short = float(-weights[weights < 0].sum())
    if abs(long - short) > limits.net + _ROUNDING:
        larger, smaller = max(long, short), min(long, short)
        scale = (limits.net + smaller) / larger
        on_larger_side = (weights > 0) == (long > short)
        weights = np.where(on_larger_side, weights * scale, weights)
        cut.append("net")
    return weights, tuple(cut)


def keep_untraded(target: Array, drifted: Array, traded: Mask, limits: Limits) -> Array:
    """Let assets that are not ``traded`` keep their drifted weight; the others fit into the rest.

    Of the others only the opening part is scaled, first all of them to the gross limit, then those
    of the larger side to the net limit: the part of a target beyond what is held already. What is
    kept may exceed a limit.
    """
    if traded.all():
        return target
    weights = np.where(traded, target, drifted)
    kept = np.where(traded, _held_part(weights, drifted), drifted)
    opening = _within_gross(weights - kept, kept, limits.gross)
    opening = _within_net(opening, kept, limits.net)
    return np.asarray(kept + opening)


def _held_part(weights: Array, drifted: Array) -> Array:
    """Return the part of target ``weights`` (N,) that is held already."""
    held = np.sign(weights) * np.minimum(np.abs(weights), np.abs(drifted))
    return np.where(weights * drifted > 0, held, 0.0)


def _within_gross(opening: Array, kept: Array, gross: float) -> Array:
    """Scale all opening parts (N,) into the room that ``kept`` leaves below the gross limit."""
    wanted = float(np.abs(opening).sum())
    room = gross - float(np.abs(kept).sum())
    if wanted > 0.0 and wanted > room + _ROUNDING:
        return opening * max(0.0, room / wanted)
    return opening


def _within_net(opening: Array, kept: Array, limit: float) -> Array:
    """Scale the opening parts (N,) of the larger side down to the net limit."""
    net = float((kept + opening).sum())
    larger = np.where(opening * net > 0, opening, 0.0)
    excess = abs(net) - limit
    side = float(np.abs(larger).sum())
    if excess > _ROUNDING and side > 0.0:
        return opening - larger * min(1.0, excess / side)
    return opening
