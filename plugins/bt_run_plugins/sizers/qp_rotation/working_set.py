"""Solve a rotation on the few names that can matter, and prove that no other does.

A name that is neither held nor bought adds nothing but its own conditions: at 0 it is optimal where
the slope of the objective and of the limits, priced by their multipliers, stays within its costs.
Names that break this join, and the problem is solved again; when none does, the multipliers are
those of the whole problem. This is column generation: Desaulniers, Desrosiers and Solomon, Column
Generation (2005), chapter 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bt_run import Array
from bt_run.arrays import Mask
from bt_run_plugins.optimization.convex import ConvexProblem
from bt_run_plugins.optimization.convex_answer import (
    ConvexAnswer,
    ConvexOutcome,
    Solver,
    solve_convex,
)
from bt_run_plugins.sizers.qp_rotation.problem import (
    BETA,
    GROSS,
    NET,
    SECTORS,
    TURNOVER,
    RotationCase,
    rotation_problem,
)
from bt_run_plugins.sizers.rotation.config import RotationConfig

__all__ = ["Solved", "solve_on_few"]

FIRST, MORE = 40, 40  # names beside those held, at first and in each further round
NOISE = 1e-8  # by which a slope may miss


@dataclass(frozen=True, eq=False)
class Solved:
    """The outcome on the names (n,) bool that were needed, and the problem of these."""

    outcome: ConvexOutcome
    names: Mask
    problem: ConvexProblem
    rounds: int


def solve_on_few(
    case: RotationCase,
    config: RotationConfig,
    lambda_risk: float,
    solvers: Mapping[str, Solver],
) -> Solved:
    """Return the best weights of a case; those of names that were not needed are 0."""
    names = _first(case, config)
    rounds = 0
    while True:
        rounds += 1
        problem = rotation_problem(case.part(names), config, lambda_risk)
        outcome = solve_convex(problem, solvers)
        answer = outcome.answer
        if answer is None and not names.all():
            # the others may be what makes the limits possible
            names = np.ones(len(names), dtype=bool)
            continue
        if answer is None:
            return Solved(outcome, names, problem, rounds)
        missed = _missed(case, config, lambda_risk, names, answer)
        if not (missed > NOISE).any():
            return Solved(outcome, names, problem, rounds)
        worst = np.argsort(-missed, kind="stable")[:MORE]
        names = names.copy()
        names[worst[missed[worst] > NOISE]] = True


def _first(case: RotationCase, config: RotationConfig) -> Mask:
    """Return what is held, and the names with the best scores on each side."""
    names = case.weights != 0.0
    z = np.where(case.eligible & ~case.fixed, case.z, np.nan)
    for side in (z, -z) if config.short else (z,):
        order = np.argsort(np.where(np.isnan(side), np.inf, -side), kind="stable")
        names[order[:FIRST]] = True
    return np.asarray(names)


def _missed(
    case: RotationCase,
    config: RotationConfig,
    lambda_risk: float,
    names: Mask,
    answer: ConvexAnswer,
) -> Array:
    """Return by how much each name that was left out would gain per unit beyond its costs, (n,)."""
    slope = -case.z + 2.0 * lambda_risk * (case.C[:, names] @ answer.weights)
    slope = slope + _linear_slopes(case, config, answer)
    free = config.gamma_cost * case.cost + answer.price(TURNOVER)
    if config.short:
        free = free + answer.price(GROSS)
        for name in answer.multipliers:
            if name.startswith(f"{SECTORS}."):
                inside = case.sector == int(name.removeprefix(f"{SECTORS}."))
                free = free + np.where(inside, answer.price(name), 0.0)
    gain = np.abs(slope) - free if config.short else -slope - free
    tradable = case.eligible & ~case.fixed & ~names
    return np.where(tradable, gain, 0.0)


def _linear_slopes(
    case: RotationCase, config: RotationConfig, answer: ConvexAnswer
) -> Array:
    """Return what the multipliers of sums, of beta and of sectors add to each slope, (n,)."""
    prices = answer.multipliers
    slope = np.full(len(case.z), float(prices[NET if config.short else GROSS][0]))
    if BETA in prices and case.beta is not None:
        slope = slope + case.beta * float(prices[BETA][0])
    if SECTORS in prices:
        # the last is that of names without a sector
        of_sector = np.append(prices[SECTORS], 0.0)
        slope = slope + of_sector[case.sector]
    return slope
