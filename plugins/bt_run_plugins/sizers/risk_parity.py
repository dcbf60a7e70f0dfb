"""Let every name contribute the same risk."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.linalg import LinAlgError

from bt_run import (
    Array,
    BuildContext,
    Component,
    PortfolioState,
    Proposal,
    SolverError,
    hookimpl,
)
from bt_run_plugins.optimization.gram import solve_positive_definite
from bt_run_plugins.sizers.allocation import Allocation, AllocationConfig, allocated

ENOUGH = 1e-9  # by which a contribution may differ from the others
NEAR = 0.25  # length of a step below which whole steps converge
MOST_STEPS = 200


class RiskParityConfig(AllocationConfig):
    """Configuration of risk parity."""


class RiskParity:
    """Shares with w_i (S w)_i equal for all names that take part, times their exposure."""

    accepts = frozenset({"exposure"})

    def __init__(self, config: RiskParityConfig, context: BuildContext) -> None:
        self.config = config

    def target_weights(self, state: PortfolioState) -> Proposal:
        """Return weights (N,).

        Raises:
            SolverError: the contributions do not become equal.
        """
        return allocated(state, self.config, _solved)


def _solved(allocation: Allocation) -> tuple[Array | None, Mapping[str, Any]]:
    return equal_risk(allocation.covariance), {}


def equal_risk(S: Array) -> Array:
    """Return the weights (n,) above 0 that sum to 1 and contribute equal risk under S (n, n).

    They are proportional to the least of 1/2 x'Cx - sum log x with C the correlations, whose
    gradient (C x)_i - 1 / x_i is 0 where all contributions are 1; it is self-concordant, so damped
    Newton steps 1 / (1 + l), l the size of the step, find it. See Maillard, Roncalli and Teiletche,
    Journal of Portfolio Management 36 (2010), and Spinu, "An algorithm for computing risk parity
    weights" (2013). A name that does not vary has no share, unless none does.

    Raises:
        SolverError: the contributions do not become equal.
    """
    deviation = np.sqrt(np.diag(S))
    moves = deviation > 0.0
    if not moves.any():
        return np.full(len(S), 1.0 / len(S))
    size = deviation[moves]
    C = S[np.ix_(moves, moves)] / np.outer(size, size)
    out = np.zeros(len(S))
    x = np.full(len(C), 1.0 / np.sqrt(max(float(C.sum()) / len(C), 1.0)))
    for _ in range(MOST_STEPS):
        pull = np.einsum("ij,j->i", C, x)
        if np.abs(x * pull - 1.0).max() <= ENOUGH:
            out[moves] = x / size
            return np.asarray(out / out.sum())
        gradient = pull - 1.0 / x
        curved = C + np.diag(1.0 / x**2)
        try:
            step = solve_positive_definite(curved, gradient[:, None])[:, 0]
        except LinAlgError:
            break
        length = float(np.sqrt((gradient * step).sum()))
        x = x - step / (1.0 + length if length > NEAR else 1.0)
    raise SolverError(
        f"risk_parity: the contributions of {len(C)} names cannot be made equal; "
        "expected a covariance that is positive definite, such as `covariance: ledoit_wolf`"
    )


@hookimpl
def bt_sizers() -> list[Component]:
    return [
        Component(
            name="risk_parity",
            config=RiskParityConfig,
            build=RiskParity,
            summary="shares that contribute equal risk, times exposure",
            example={"lookback": 40},
        )
    ]
