"""The own check of an answer to a tracking problem.

Residuals are those of ``bt_run_plugins.optimization.contract``, taken after the clean-up of the
weights, with P from the returns themselves, scaled to a mean diagonal of 2. The gap's least
objective of 1e-4 is then a tracking error of a hundredth of a lone name's, below which float64
cannot tell relative gaps of 1e-10.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bt_run import Array
from bt_run_plugins.optimization.clean_up import snapped
from bt_run_plugins.optimization.contract import Residuals, relative_gap, support
from bt_run_plugins.sizers.qp_tracker.problem import TrackingProblem

__all__ = ["TrackingAnswer", "clean", "residuals"]


@dataclass(frozen=True, kw_only=True)
class TrackingAnswer:
    """What a solver found.

    Weights (n,) and multipliers: of the budget, of the bounds (n,), of the sector caps (k,), and of
    the two sides of |w_i - now_i| <= t_i, (n,) each, with that of sum t <= turnover. The last three
    count only where the problem has a turnover limit or penalty.
    """

    weights: Array
    budget: float
    bounds: Array
    sectors: Array
    bought: Array
    sold: Array
    turnover: float


def clean(problem: TrackingProblem, w: Array) -> Array:
    """Snap weights (n,) to the problem's bounds, and have them sum to 1."""
    return snapped(w, problem.lower, problem.upper, 1.0)


def residuals(problem: TrackingProblem, answer: TrackingAnswer) -> Residuals:
    """Measure an answer on the returns of the problem."""
    w = answer.weights
    pull = problem.gradient(w)
    square = float((w * pull).sum())
    primal = 0.5 * square + problem.price * problem.moved(w)
    dual = -0.5 * square - _support(problem, answer)
    outside = np.maximum(problem.lower - w, w - problem.upper)
    return Residuals(
        budget=abs(float(w.sum()) - 1.0),
        bounds=float(np.maximum(outside, 0.0).max()),
        rows=_rows_missed(problem, w),
        dual=_dual_missed(problem, answer, pull),
        gap=relative_gap(primal, dual),
    )


def _support(problem: TrackingProblem, answer: TrackingAnswer) -> float:
    """Return what the multipliers earn at the ends of all rows."""
    total = support(answer.bounds, problem.lower, problem.upper) + answer.budget
    for cap, y in zip(problem.sectors, answer.sectors, strict=True):
        total += max(float(y), 0.0) * cap.cap
    if problem.limits_trades:
        traded = (answer.bought - answer.sold) * problem.now
        total += float(traded.sum())
    if problem.turnover is not None:
        total += answer.turnover * problem.room
    return total


def _rows_missed(problem: TrackingProblem, w: Array) -> float:
    """Return by how much sector caps and the turnover limit are missed at most."""
    over = [0.0]
    for cap in problem.sectors:
        held = float(w[cap.members].sum())
        over.append(held - cap.cap)
    if problem.turnover is not None:
        over.append(problem.moved(w) - problem.room)
    return max(over)


def _dual_missed(
    problem: TrackingProblem,
    answer: TrackingAnswer,
    pull: Array,
) -> float:
    """Return by how much the answer misses to be stationary, where weights can move."""
    moves = problem.moves
    dual = pull + answer.budget + answer.bounds
    for cap, y in zip(problem.sectors, answer.sectors, strict=True):
        dual = dual + y * cap.members
    if not problem.limits_trades:
        return float(np.abs(dual[moves]).max(initial=0.0))
    dual = dual + answer.bought - answer.sold
    # t = |w - now| costs price each, and must be stationary itself
    trades = problem.price + answer.turnover - answer.bought - answer.sold
    missed = float(np.abs(trades)[moves].max(initial=0.0))
    return max(float(np.abs(dual[moves]).max(initial=0.0)), missed)
