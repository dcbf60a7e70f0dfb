"""Hold the portfolio that is best by score, risk and cost, solved anew at each decision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any, Literal

import numpy as np
from pydantic import Field

from bt_run import (
    Array,
    BuildContext,
    Component,
    PortfolioState,
    Proposal,
    SolverError,
    hookimpl,
)
from bt_run.arrays import Mask
from bt_run_plugins.optimization.convex_answer import (
    SOLVERS,
    ConvexOutcome,
    Solver,
    solve_convex,
)
from bt_run_plugins.optimization.cvxpy_solver import solve_cvxpy
from bt_run_plugins.optimization.elastic import lexicographic, loosened
from bt_run_plugins.optimization.market_risk import (
    complete_returns,
    correlation,
    covariance_of,
)
from bt_run_plugins.optimization.solvers import solve_osqp
from bt_run_plugins.sizers.qp_rotation.problem import GIVE_WAY, RotationCase
from bt_run_plugins.sizers.qp_rotation.working_set import Solved, solve_on_few
from bt_run_plugins.sizers.rotation.config import RotationConfig
from bt_run_plugins.sizers.rotation.facts import costs_of, is_liquid, sectors_of
from bt_run_plugins.sizers.rotation.sizer import notes_on_changes, with_betas

__all__ = ["QPRotation", "QPRotationConfig", "bt_sizers"]

SAME = 1e-9  # what is nearer to the weight held is that weight
LADDERS: Mapping[str, Mapping[str, Solver]] = MappingProxyType(
    {
        "clarabel": SOLVERS,
        "osqp": {"osqp": solve_osqp, **SOLVERS},
        "cvxpy": {"cvxpy": solve_cvxpy, **SOLVERS},
    }
)
_EXTRA = "bt-run[tracker]"


class QPRotationConfig(RotationConfig):
    """Configuration of rotation as one problem; K, ranks and holding times do not count here."""

    lambda_risk: float = Field(0.1, ge=0.0, description="weight of w'Cw")
    risk: Literal["correlation", "covariance"] = Field(
        "correlation",
        description="correlation: z and C as they are; covariance: mean and variance per year, "
        "sigma z and S",
    )
    covariance: Literal["sample", "ledoit_wolf", "ewma"] = Field(
        "ledoit_wolf", description="its estimator"
    )
    lookback: int = Field(252, ge=3, description="bars in it")
    halflife: float = Field(
        63.0, gt=0.0, description="bars after which a return counts half, for `ewma`"
    )
    solver: Literal["clarabel", "osqp", "cvxpy"] = Field(
        "clarabel",
        description="who solves first; where the answer is not accurate, Clarabel and then SCS do",
    )


class QPRotation:
    """Weights that maximize  z'w - lambda w'Cw - gamma sum c |w - w0|  within all limits.

    Where limits contradict each other turnover gives way first, then beta, sectors, net and gross,
    each as little as can be. When no answer is accurate enough the portfolio stays as it is.
    """

    accepts = frozenset({"score"})

    def __init__(self, config: QPRotationConfig, context: BuildContext) -> None:
        config.check_limits(context.limits)
        self.config = config
        self.reads = config.reads

    def target_weights(self, state: PortfolioState) -> Proposal:
        """Return weights (N,), with the solver's residuals and what gave way in the notes."""
        config, notes, beta = self.config, dict[str, Any](), None
        if config.short:
            state, beta = with_betas(state, config, notes)
        held = state.shares != 0.0
        old = state.history.counts > config.lookback
        young = np.isfinite(state.signals) & ~old
        if young.any():
            notes["too little history"] = _names(state, young)
        eligible = np.isfinite(state.signals) & old
        members = eligible | held
        weights = np.array(state.weights)
        if not members.any():
            return Proposal(weights * 0.0, notes=notes | {"status": "cash: no score"})
        case = self._case(state, members, eligible, beta)
        solved, relaxed = _with_ladder(case, config)
        answer = solved.outcome.answer
        notes |= {
            "status": "held: no accurate answer",
            "attempts": [dict(one) for one in solved.outcome.attempts],
            "names": int(solved.names.sum()),
        }
        if answer is not None:
            found = np.zeros(len(case.z))
            found[solved.names] = answer.weights
            weights[members] = np.where(
                np.abs(found - case.weights) < SAME, case.weights, found
            )
            notes |= {"status": "solved", "objective_value": -answer.value}
        if relaxed:
            notes |= {"status": "relaxed", "relaxed": dict(relaxed)}
        notes |= notes_on_changes(state, weights)
        notes["reason_codes"] = self._codes(state, weights, eligible)
        return Proposal(weights, notes=notes)

    def _case(
        self, state: PortfolioState, members: Mask, eligible: Mask, beta: Array | None
    ) -> RotationCase:
        """Return the names that are held or may be, (n,) each."""
        config, history = self.config, state.history
        sector = sectors_of(state, config)
        if config.sectors is not None:
            eligible = eligible & ((sector >= 0) | (state.shares != 0.0))
        z = np.where(eligible, np.nan_to_num(state.signals), 0.0)
        C, sigma = self._risk(state, members)
        fixed = ~history.present | ~is_liquid(state, config)
        return RotationCase(
            z=z[members] * sigma,
            weights=np.array(state.weights[members]),
            C=C,
            cost=costs_of(state, config)[members],
            sector=sector[members],
            sectors=int(sector.max(initial=-1)) + 1,
            beta=None if beta is None else beta[members],
            eligible=eligible[members],
            fixed=fixed[members],
            exempt=not (state.shares != 0.0).any(),
        )

    def _risk(self, state: PortfolioState, members: Mask) -> tuple[Array, Array]:
        """Return C (n, n) and what z is multiplied by (n,); a name without the history for either
        counts as without risk, and is not eligible.
        """
        config, history = self.config, state.history
        old = history.counts > config.lookback
        known = (members & old)[members]
        returns = complete_returns(history, config.lookback, members & old)
        n = int(members.sum())
        C, sigma = np.zeros((n, n)), np.ones(n)
        if len(returns) < 3 or not known.any():
            return C, sigma
        per_year = history.bars_per_year
        S = covariance_of(returns, config.covariance, per_year, config.halflife)
        if config.risk == "correlation":
            C[np.ix_(known, known)] = correlation(S)
        else:
            C[np.ix_(known, known)] = S
            sigma[known] = np.sqrt(np.diag(S))
        return C, sigma

    def _codes(
        self, state: PortfolioState, weights: Array, eligible: Mask
    ) -> dict[str, str]:
        """Return why names changed, and which could not."""
        held, liquid = state.shares != 0.0, is_liquid(state, self.config)
        change = weights - state.weights
        codes = {}
        for i in np.flatnonzero(held | (change != 0.0)):
            name = state.history.assets[i]
            if not state.history.present[i]:
                codes[name] = "not tradable"
            elif not liquid[i]:
                codes[name] = "not liquid"
            elif change[i] != 0.0:
                codes[name] = _code(weights[i], bool(held[i]), bool(eligible[i]))
        return codes


def _code(weight: float, held: bool, eligible: bool) -> str:
    if not held:
        return "entry"
    if not eligible:
        return "not eligible"
    return "resized" if weight else "exit"


def _with_ladder(
    case: RotationCase, config: QPRotationConfig
) -> tuple[Solved, Mapping[str, float]]:
    """Solve a case; where its limits contradict each other, with what must give way."""
    solvers = LADDERS[config.solver]
    solved = solve_on_few(case, config, config.lambda_risk, solvers)
    if solved.outcome.answer is not None:
        return solved, {}
    order = [name for name in GIVE_WAY if name in solved.problem.names]
    order += [name for name in solved.problem.names if name not in order]
    try:
        given = lexicographic(solved.problem, order)
    except SolverError as error:
        # nobody can say whether the limits can be kept, so nobody says that they cannot
        tried = {"solver": "elastic problem", "status": str(error)}
        attempts = (*solved.outcome.attempts, tried)
        failed: ConvexOutcome = replace(solved.outcome, attempts=attempts)
        return replace(solved, outcome=failed), {}
    relaxed = {name: slack for name, slack in given.items() if slack}
    if not relaxed or not np.isfinite(list(relaxed.values())).all():
        return solved, {}
    outcome = solve_convex(loosened(solved.problem, relaxed), solvers)
    attempts = (*solved.outcome.attempts, *outcome.attempts)
    outcome = replace(outcome, attempts=attempts)
    found = replace(solved, outcome=outcome)
    return found, relaxed if outcome.answer is not None else {}


def _names(state: PortfolioState, which: Mask) -> list[str]:
    return [state.history.assets[i] for i in np.flatnonzero(which)]


def _libraries(config: QPRotationConfig) -> Mapping[str, str]:
    names = {"clarabel", "scipy", "scs", config.solver}
    return dict.fromkeys(sorted(names), _EXTRA)


@hookimpl
def bt_sizers() -> list[Component]:
    return [
        Component(
            name="qp_rotation",
            config=QPRotationConfig,
            build=QPRotation,
            summary="the best portfolio by score, risk and cost within all limits, as one problem",
            example={
                "lookback": 20,
                "gamma_cost": 0.0001,
                "lambda_risk": 0.02,
                "per_name_cap": 0.5,
                "max_turnover": None,
                "max_turnover_per_name": None,
            },
            libraries=_libraries,
        )
    ]
