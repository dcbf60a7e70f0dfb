"""The accuracy that an answer must have, whoever found it: no solver's word is taken.

For  minimize 1/2 z'Pz + q'z  subject to  l <= Az <= u  with multipliers y (>= 0 where u binds, <= 0
where l does):

    rows = max(l - Az, Az - u, 0)        dual = |Pz + q + A'y|_inf        gap = |z'Pz + q'z + u'y+ +
    l'y-|

The gap is relative to the objective, and an objective below 1e-4 counts as 1e-4. See Boyd and
Vandenberghe, Convex Optimization, section 5.5.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from bt_run import Array

__all__ = ["CONTRACTS", "Contract", "Residuals", "relative_gap", "support"]

_SMALLEST = 1e-4  # objective that gaps are relative to


@dataclass(frozen=True)
class Contract:
    """The largest residuals that an answer may have."""

    budget: float
    rows: float
    dual: float
    gap: float


# solver -> what it can keep
CONTRACTS: Mapping[str, Contract] = MappingProxyType(
    {
        "exact": Contract(budget=1e-12, rows=1e-12, dual=1e-10, gap=1e-10),
        "osqp": Contract(budget=1e-9, rows=1e-8, dual=1e-6, gap=1e-6),
        "clarabel": Contract(budget=1e-9, rows=1e-7, dual=1e-6, gap=1e-6),
    }
)


@dataclass(frozen=True)
class Residuals:
    """By how much an answer misses: budget, bounds, other rows, dual and relative duality gap."""

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


def relative_gap(primal: float, dual: float) -> float:
    """Return how far the objectives of the problem and of its dual are apart."""
    return abs(primal - dual) / max(_SMALLEST, abs(primal), abs(dual))


def support(
    y: Array,
    lower: Array,
    upper: Array,
) -> float:
    """Return u'y+ + l'y-, what multipliers (n,) earn at the ends that they stand for."""
    at_upper = upper * np.maximum(y, 0.0)
    at_lower = lower * np.minimum(y, 0.0)
    return float((at_upper + at_lower).sum())
