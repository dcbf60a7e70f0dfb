"""Limits that contradict each other: which, and by how much they must give way.

The elastic problem gives every limit a slack of its own and minimizes their sum; where the least is
0 all limits can be met. A set of conflicting limits is irreducible when without any one of them the
others can be met; it is found by leaving out one after the other. See Chinneck, Feasibility and
Infeasibility in Optimization, chapter 6.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from math import inf, isfinite

import numpy as np

from bt_run import SolverError
from bt_run_plugins.optimization.contract import SMALLEST, program_residuals
from bt_run_plugins.optimization.convex import ConvexProblem, Objective, convex_program
from bt_run_plugins.optimization.program import QuadraticProgram
from bt_run_plugins.optimization.solvers import (
    INFEASIBLE,
    Solution,
    solve_clarabel,
    solve_scs,
)
from bt_run_plugins.optimization.threads import one_thread

__all__ = [
    "TOLERANCE",
    "can_be_met",
    "conflicting",
    "least_relaxations",
    "least_slack",
    "lexicographic",
    "loosened",
    "only",
    "total_slack",
    "without",
]

TOLERANCE = 1e-7  # of the sum of slacks, each relative to its limit
ROOMS = (1e-5, 1e-4, 1e-3)  # relative to a limit
_ACCURATE = 1e-7


def least_slack(problem: ConvexProblem, soft: Collection[str]) -> dict[str, float]:
    """Return the slacks of the ``soft`` limits whose sum, each relative to its limit, is least; all
    are inf where the others cannot be met anyway.

    Raises:
        SolverError: no solver's answer is accurate.
    """
    names = [name for name in problem.names if name in soft]
    program = convex_program(_of_limits(problem), names)
    with one_thread():
        for solve in (solve_clarabel, solve_scs):
            solution = solve(program)
            if solution.status in INFEASIBLE:
                return dict.fromkeys(names, inf)
            if _is_accurate(program, solution) and solution.point is not None:
                z = solution.point[0]
                found = z[len(z) - len(names) :]
                return {
                    name: max(float(value), 0.0)
                    for name, value in zip(names, found, strict=True)
                }
    raise SolverError(
        f"how far limits must give way could not be computed: {solution.status}; this says nothing "
        "about whether they can be met"
    )


def _of_limits(problem: ConvexProblem) -> ConvexProblem:
    """Return the problem without what it wants."""
    return replace(problem, objective=Objective(linear=np.zeros(problem.n)))


def _is_accurate(program: QuadraticProgram, solution: Solution) -> bool:
    if solution.point is None:
        return False
    z = solution.point[0]
    measured = program_residuals(program, *solution.point, solution.cones)
    total = float((program.q * z).sum())
    # a relative gap says nothing of a sum that is 0
    apart = measured.gap * max(SMALLEST, total)
    missed = max(measured.budget, measured.bounds, measured.rows)
    return missed <= _ACCURATE and apart <= _ACCURATE * max(0.1, total)


def total_slack(problem: ConvexProblem, slacks: Mapping[str, float]) -> float:
    """Return the sum of slacks, each relative to its limit."""
    scales = problem.scales
    return sum(value / scales[name] for name, value in slacks.items())


def can_be_met(problem: ConvexProblem) -> bool:
    """Tell whether all limits can be met."""
    found = least_slack(problem, problem.names)
    return total_slack(problem, found) <= TOLERANCE


def least_relaxations(problem: ConvexProblem) -> dict[str, float]:
    """Return, for each limit that could do it alone, the least by which it must give way so that
    all can be met.
    """
    found = {}
    for name in problem.names:
        (slack,) = least_slack(problem, (name,)).values()
        if isfinite(slack):
            found[name] = slack
    return found


def conflicting(problem: ConvexProblem) -> tuple[str, ...]:
    """Return limits that cannot be met together, and could be without any one of them; none where
    all can be met.
    """
    if can_be_met(problem):
        return ()
    kept = list(problem.names)
    for name in problem.names:
        rest = [other for other in kept if other != name]
        if not can_be_met(only(problem, rest)):
            kept = rest
    return tuple(kept)


def lexicographic(problem: ConvexProblem, order: Sequence[str]) -> dict[str, float]:
    """Return by how much the limits in ``order`` must give way: the last as little as can be, then
    the one before it, and so on; inf where even all of them do not suffice.

    A limit that must give way gives a little more, one of ``ROOMS`` of it: exactly at the least a
    single point is left, near which no solver is accurate.

    Raises:
        SolverError: no solver's answer is accurate.
    """
    for room in ROOMS[:-1]:
        with suppress(SolverError):
            return _lexicographic(problem, order, room)
    return _lexicographic(problem, order, ROOMS[-1])


def _lexicographic(
    problem: ConvexProblem, order: Sequence[str], room: float
) -> dict[str, float]:
    found: dict[str, float] = {}
    soft = [name for name in order if name in problem.names]
    while soft:
        last = soft.pop()
        # what may give way before it is no limit for it
        (slack,) = least_slack(without(problem, soft), (last,)).values()
        if not isfinite(slack):
            return dict.fromkeys(order, inf)
        found[last] = 0.0
        if slack > TOLERANCE * problem.scales[last]:
            found[last] = slack + room * problem.scales[last]
            problem = loosened(problem, {last: found[last]})
    if found and not can_be_met(problem):
        raise SolverError("limits that were loosened enough cannot be met")
    return found


def without(problem: ConvexProblem, names: Collection[str]) -> ConvexProblem:
    """Return the problem without some of its limits."""
    return only(problem, [name for name in problem.names if name not in names])


def only(problem: ConvexProblem, names: Collection[str]) -> ConvexProblem:
    """Return the problem with some of its limits alone."""
    size = problem.size
    return replace(
        problem,
        linear=tuple(limit for limit in problem.linear if limit.name in names),
        sums=tuple(limit for limit in problem.sums if limit.name in names),
        size=size if size is not None and size.name in names else None,
    )


def loosened(problem: ConvexProblem, by: Mapping[str, float]) -> ConvexProblem:
    """Return the problem with limits that gave way by so much."""
    linear = []
    for one in problem.linear:
        slack = by.get(one.name, 0.0)
        high = one.high + slack if one.high_gives else one.high
        linear.append(replace(one, low=one.low - slack, high=high))
    sums = [
        replace(limit, most=limit.most + by.get(limit.name, 0.0))
        for limit in problem.sums
    ]
    size = problem.size
    if size is not None:
        size = replace(size, most=size.most + by.get(size.name, 0.0))
    return replace(problem, linear=tuple(linear), sums=tuple(sums), size=size)
