"""The accuracy that an answer must have, whoever found it: no solver's word is taken.

For  minimize 1/2 z'Pz + q'z  subject to  l <= Az <= u  with multipliers y (>= 0 where u binds, <= 0
where l does):

    rows = max(l - Az, Az - u, 0)        dual = |Pz + q + A'y|_inf        gap = |z'Pz + q'z + u'y+ +
    l'y-|

With second-order cones  s = g - Gz  and multipliers m in them, rows also has |(s_1, ...)| - s_0,
dual G'm, and the gap g'm; multipliers outside their cone count as missing in dual. The gap is
relative to the objective, and an objective below 1e-4 counts as 1e-4. See Boyd and Vandenberghe,
Convex Optimization, section 5.5.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import numpy as np

from bt_run import Array
from bt_run_plugins.optimization.program import QuadraticProgram

__all__ = [
    "CONTRACTS",
    "SMALLEST",
    "Contract",
    "Residuals",
    "program_residuals",
    "relative_gap",
    "support",
]

SMALLEST = 1e-4  # objective that gaps are relative to


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
        "cvxpy": Contract(budget=1e-9, rows=1e-7, dual=1e-6, gap=1e-6),
        "scs": Contract(budget=1e-9, rows=1e-7, dual=1e-6, gap=1e-6),
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
    return abs(primal - dual) / max(SMALLEST, abs(primal), abs(dual))


def support(
    y: Array,
    lower: Array,
    upper: Array,
) -> float:
    """Return u'y+ + l'y-, what multipliers (n,) earn at the ends that they stand for."""
    at_upper = upper * np.maximum(y, 0.0)
    at_lower = lower * np.minimum(y, 0.0)
    return float((at_upper + at_lower).sum())


def program_residuals(
    program: QuadraticProgram,
    z: Array,
    y: Array,
    cones: tuple[Array, ...],
) -> Residuals:
    """Measure a point z (n,) with multipliers y (k,) of the rows and those of each cone.

    Rows under the name ``bounds`` must hold exactly, those under ``budget`` nearly so. Sums are
    made without BLAS, so that equal points have equal residuals.
    """
    held = program.A @ z
    outside = np.maximum(np.maximum(program.l - held, held - program.u), 0.0)
    pulled = _whole(program.P) @ z
    dual = pulled + program.q + program.A.T @ y
    square = float((z * pulled).sum())
    linear = float((program.q * z).sum())
    earned = _support_of_rows(program, y)
    cone_missed, out_of_cone = 0.0, 0.0
    for cone, multiplier in zip(program.cones, cones, strict=True):
        dual = dual + cone.G.T @ multiplier
        earned += float((cone.g * multiplier).sum())
        cone_missed = max(cone_missed, -_inside(cone.g - cone.G @ z))
        out_of_cone = max(out_of_cone, -_inside(multiplier))
    parts = {name: outside[rows] for name, rows in program.rows.items()}
    budget = parts.pop("budget", np.zeros(0))
    bounds = parts.pop("bounds", np.zeros(0))
    others = [float(part.max(initial=0.0)) for part in parts.values()]
    return Residuals(
        budget=float(budget.max(initial=0.0)),
        bounds=float(bounds.max(initial=0.0)),
        rows=max([cone_missed, *others]),
        dual=max(float(np.abs(dual).max(initial=0.0)), out_of_cone),
        gap=relative_gap(0.5 * square + linear, -0.5 * square - earned),
    )


def _inside(s: Array) -> float:
    """Return by how much s (m + 1,) lies inside the second-order cone; below 0 outside."""
    return float(s[0] - np.sqrt((s[1:] ** 2).sum()))


def _support_of_rows(program: QuadraticProgram, y: Array) -> float:
    """Return what multipliers y (k,) of the rows earn at the ends that are there."""
    upper = np.where(np.isfinite(program.u), program.u, 0.0)
    lower = np.where(np.isfinite(program.l), program.l, 0.0)
    return support(y, lower, upper)


def _whole(P: Any) -> Any:
    """Return the matrix of which P is the upper triangle."""
    from scipy import sparse

    return P + sparse.triu(P, 1).T
