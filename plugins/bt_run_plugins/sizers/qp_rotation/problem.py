"""The problem of the rotation that is optimal:

    maximize    z'w - lambda w'Cw - gamma sum c_i |w_i - w0_i|
    subject to  sum |w - w0| <= turnover,  |w_i - w0_i| <= turnover of a name,  |w_i| <= cap,
                sum |w| <= gross,  |sum w| <= net,  |beta'w| <= beta,  sectors within their cap

Costs c are in basis points, so gamma is z per basis point. Without shorts w >= 0, and gross is the
sum of weights. With nu the multiplier of the budget, w = w0 is optimal where
|z_i - 2 lambda (C w0)_i - nu| <= gamma c_i for all i: nothing is traded that does not pay.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bt_run import Array
from bt_run.arrays import Mask
from bt_run_plugins.optimization.convex import (
    ConvexProblem,
    LinearLimit,
    Objective,
    Risk,
    SumLimit,
)
from bt_run_plugins.optimization.matrix_root import square_root
from bt_run_plugins.sizers.rotation.config import RotationConfig

__all__ = [
    "BETA",
    "GIVE_WAY",
    "GROSS",
    "NET",
    "SECTORS",
    "TURNOVER",
    "RotationCase",
    "rotation_problem",
]

TURNOVER, BETA, SECTORS = "max_turnover", "beta_tolerance", "sector_cap"
NET, GROSS = "max_net_exposure", "max_gross_exposure"
# what gives way first where limits contradict each other
GIVE_WAY = (TURNOVER, BETA, SECTORS, NET, GROSS)


@dataclass(frozen=True, kw_only=True, eq=False)
class RotationCase:
    """The names of a decision, (n,) each.

    Attributes:
        z: scores, 0 where a name must not be held.
        weights: as they drifted.
        C: correlation or covariance (n, n).
        cost: basis points per unit traded.
        sector: a number for each, -1 where none is known.
        sectors: how many there are.
        beta: None where beta does not count.
        eligible: may be held.
        fixed: cannot be traded now.
        exempt: turnover does not count: the first build-up.
    """

    z: Array
    weights: Array
    C: Array
    cost: Array
    sector: NDArray[np.int64]
    sectors: int
    beta: Array | None
    eligible: Mask
    fixed: Mask
    exempt: bool = False

    def part(self, names: Mask) -> RotationCase:
        """Return the case of some of its names."""
        return RotationCase(
            z=self.z[names],
            weights=self.weights[names],
            C=self.C[np.ix_(names, names)],
            cost=self.cost[names],
            sector=self.sector[names],
            sectors=self.sectors,
            beta=None if self.beta is None else self.beta[names],
            eligible=self.eligible[names],
            fixed=self.fixed[names],
            exempt=self.exempt,
        )


def rotation_problem(
    case: RotationCase, config: RotationConfig, lambda_risk: float
) -> ConvexProblem:
    """Return the convex problem of a case, to be minimized."""
    lower, upper = _bounds(case, config)
    risk = _risk_of(case.C) if lambda_risk > 0.0 else None
    return ConvexProblem(
        lower=lower,
        upper=upper,
        objective=Objective(linear=-case.z, risk=risk, weight=2.0 * lambda_risk),
        linear=tuple(_linear_limits(case, config)),
        sums=tuple(_sum_limits(case, config)),
    )


def _risk_of(C: Array) -> Risk:
    from scipy import sparse

    F = sparse.csc_matrix(square_root(C))
    return Risk(F, np.zeros(F.shape[0]))


def _bounds(case: RotationCase, config: RotationConfig) -> tuple[Array, Array]:
    """Return the ends of each weight, (n,) each.

    What is beyond its cap, or must not be held, comes back as far as a name's turnover allows.
    """
    w = case.weights
    cap = np.where(case.eligible, config.per_name_cap, 0.0)
    low, high = (-cap if config.short else np.zeros(len(cap))), cap
    step = config.max_turnover_per_name
    if step is not None and not case.exempt:
        low = np.minimum(np.maximum(low, w - step), w + step)
        high = np.maximum(np.minimum(high, w + step), w - step)
    return np.where(case.fixed, w, low), np.where(case.fixed, w, high)


def _linear_limits(case: RotationCase, config: RotationConfig) -> Iterator[LinearLimit]:
    from scipy import sparse

    n = len(case.z)
    everyone = sparse.csc_matrix(np.ones((1, n)))
    if config.short:
        yield _within(NET, everyone, config.net)
    else:
        # without shorts nothing is below 0
        end = np.full(1, config.gross)
        yield LinearLimit(name=GROSS, low=np.full(1, -np.inf), high=end, M=everyone)
    if case.beta is not None and config.beta is not None:
        yield _within(BETA, sparse.csc_matrix(case.beta[None, :]), config.beta)
    if config.sectors is not None and not _counts_gross(config):
        numbers = np.arange(case.sectors)[:, None]
        M = (case.sector[None, :] == numbers).astype(np.float64)
        if case.sectors:
            yield _within(SECTORS, sparse.csc_matrix(M), config.sector_cap)


def _within(name: str, M: Any, most: float) -> LinearLimit:
    """Return the limit  |M w| <= most."""
    ends = np.full(M.shape[0], most)
    return LinearLimit(name=name, low=-ends, high=ends, M=M, scale=most)


def _counts_gross(config: RotationConfig) -> bool:
    """Tell whether sectors count |w|, where that is not w."""
    return config.short and config.sector_cap_on == "gross"


def _sum_limits(case: RotationCase, config: RotationConfig) -> Iterator[SumLimit]:
    most = np.inf if case.exempt else config.max_turnover
    yield SumLimit(
        name=TURNOVER,
        centre=case.weights,
        most=np.inf if most is None else most,
        cost=config.gamma_cost * case.cost,
    )
    if not config.short:
        return
    nothing = np.zeros(len(case.z))
    yield SumLimit(name=GROSS, centre=nothing, most=config.gross)
    if config.sectors is not None and _counts_gross(config):
        for sector in range(case.sectors):
            yield SumLimit(
                name=f"{SECTORS}.{sector}",
                centre=nothing,
                most=config.sector_cap,
                counted=case.sector == sector,
            )
