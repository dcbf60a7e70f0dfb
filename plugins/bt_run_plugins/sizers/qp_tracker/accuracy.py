"""The own check of an answer: no solver's word is taken.

For  minimize 1/2 z'Pz + q'z  subject to  l <= Az <= u  with multipliers y (>= 0 where u binds, <= 0
where l does):

    rows = max(l - Az, Az - u, 0)        dual = |Pz + q + A'y|_inf        gap = |z'Pz + q'z + u'y+ +
    l'y-|

All are taken after the clean-up of the weights, with P from the returns themselves, scaled to a
mean diagonal of 2. The gap is relative to the objective, and an objective below 1e-4 counts as
1e-4: a tracking error of a hundredth of a lone name's, below which float64 cannot tell relative
gaps of 1e-10. See Boyd and Vandenberghe, Convex Optimization, section 5.5.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from bt_run import Array
from bt_run_plugins.sizers.qp_tracker.problem import TrackingProblem

__all__ = ["CONTRACTS", "Answer", "Contract", "Residuals", "clean", "residuals"]

_SNAP = 1e-8
_SMALLEST = 1e-4  # objective that gaps are relative to


@dataclass(frozen=True)
class Contract:
    """Hold the largest residuals that an answer may have."""

    budget: float
    rows: float
    dual: float
    gap: float


CONTRACTS: Mapping[str, Contract] = MappingProxyType(
    {
        "exact": Contract(budget=1e-12, rows=1e-12, dual=1e-10, gap=1e-10),
        "osqp": Contract(budget=1e-9, rows=1e-8, dual=1e-6, gap=1e-6),
        "clarabel": Contract(budget=1e-9, rows=1e-7, dual=1e-6, gap=1e-6),
    }
)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Hold what a solver found.

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


@dataclass(frozen=True)
class Residuals:
    """Hold by how much an answer misses: budget, bounds, other rows, dual and relative duality gap."""

    budget: float
    bounds: float
    rows: float
    dual: float
    gap: float

    def meet(self, contract: Contract) -> bool:
        """Tell whether all are within the contract; a NaN is not."""
        return (
            self.bounds == 0.0
            and self.budget <= contract.budget
            and self.rows <= contract.rows
            and self.dual <= contract.dual
            and self.gap <= contract.gap
        )


def clean(problem: TrackingProblem, w: Array) -> Array:
    """Snap weights (n,) to bounds that they nearly touch, and give what then misses of 1 to those
    between.

    What is given goes to the names in proportion to their room, so that no bound is crossed.
    """
    lower, upper = problem.lower, problem.upper
    w = np.where(w - lower < _SNAP, lower, np.where(upper - w < _SNAP, upper, w))
    missing = 1.0 - float(w.sum())
    between = (w > lower) & (w < upper)
    room = np.where(between, upper - w if missing > 0 else w - lower, 0.0)
    if float(room.sum()) > 0.0:
        w = np.clip(w + missing * room / float(room.sum()), lower, upper)
    return np.asarray(w)


def residuals(problem: TrackingProblem, answer: Answer) -> Residuals:
    """Measure an answer on the returns of the problem."""
    w, p = answer.weights, problem
    pull = p.gradient(w)
    dual = pull + answer.budget + answer.bounds
    ends = _ends(answer.bounds, p.lower, p.upper) + answer.budget
    over = [0.0]
    for cap, y in zip(p.sectors, answer.sectors, strict=True):
        dual = dual + y * cap.members
        ends += max(float(y), 0.0) * cap.cap
        over.append(float(w[cap.members].sum()) - cap.cap)
    missed = 0.0
    if p.turnover is not None or p.price > 0.0:
        # t = |w - now| costs price each; its own stationarity is price + y_sum - y_bought - y_sold
        # = 0
        dual = dual + answer.bought - answer.sold
        missed = float(
            np.abs(p.price + answer.turnover - answer.bought - answer.sold)[p.moves].max(
                initial=0.0
            )
        )
        ends += float(((answer.bought - answer.sold) * p.now).sum())
        if p.turnover is not None:
            ends += answer.turnover * p.room
            over.append(p.moved(w) - p.room)
    square = float((w * pull).sum())
    cost = p.price * p.moved(w)
    primal, other = 0.5 * square + cost, -0.5 * square - ends
    return Residuals(
        budget=abs(float(w.sum()) - 1.0),
        bounds=float(np.maximum(np.maximum(p.lower - w, w - p.upper), 0.0).max()),
        rows=max(over),
        dual=max(float(np.abs(dual[p.moves]).max(initial=0.0)), missed),
        gap=abs(primal - other) / max(_SMALLEST, abs(primal), abs(other)),
    )


def _ends(y: Array, lower: Array, upper: Array) -> float:
    """Return u'y+ + l'y-."""
    return float((upper * np.maximum(y, 0.0) + lower * np.minimum(y, 0.0)).sum())
