"""Convex problems of portfolios with every kind of limit, and two other ways to solve them."""

import warnings
from dataclasses import replace

import numpy as np
from scipy import sparse
from scipy.optimize import brentq

from bt_run_plugins.optimization.convex import (
    BUDGET,
    ConvexProblem,
    LinearLimit,
    Objective,
    Risk,
    SizeLimit,
    SumLimit,
    convex_program,
)
from bt_run_plugins.optimization.convex_answer import solve_convex
from bt_run_plugins.optimization.covariance import sample_covariance, sparse_root
from bt_run_plugins.optimization.elastic import (
    can_be_met,
    conflicting,
    least_relaxations,
    least_slack,
    loosened,
    only,
    without,
)
from bt_run_plugins.optimization.matrix_root import square_root
from bt_run_plugins.optimization.program import QuadraticProgram
from bt_run_plugins.optimization.solvers import solve_clarabel

OBJECTIVES = ("keep", "min_variance", "min_tracking_error", "max_utility", "max_sharpe")


def made_problem(seed, n=None):
    """Return a problem of 2 to 60 names that some portfolio satisfies with room to spare."""
    rng = np.random.default_rng(seed)
    n = n or int(rng.integers(2, 61))
    F, returns = _root(rng, n)
    b, w0 = rng.dirichlet(np.ones(n)), rng.dirichlet(np.full(n, 0.5))
    refused = np.zeros(n, dtype=bool)
    if n > 4:
        refused[rng.choice(n, n // 5, replace=False)] = True
    target = np.where(refused, 0.0, 0.7 / n + 0.3 * b)
    target /= target.sum()
    tracking = Risk(F, np.asarray(F @ b))
    room = 1.0 + rng.uniform(0.02, 0.6, 8)
    sectors = rng.integers(0, max(1, n // 6) + 1, n)
    M = np.array([(sectors == s).astype(float) for s in np.unique(sectors)])
    endless = np.full(n, np.inf)
    floors = np.where(np.arange(len(M)) == 0, (M @ target) * 0.8, -np.inf)
    linear = (
        LinearLimit(name=BUDGET, low=np.ones(1), high=np.ones(1), M=_row(n)),
        LinearLimit(name="quality", low=-endless, high=np.where(refused, 0.0, np.inf)),
        LinearLimit(
            name="position",
            low=-endless,
            high=np.full(n, target.max() * room[0]),
            scale=float(target.max() * room[0]),
        ),
        LinearLimit(
            name="sector",
            low=floors,
            high=np.minimum((M @ target) * room[1] + 0.01, 1.0),
            M=sparse.csc_matrix(M),
        ),
    )
    moved = float(np.abs(target - w0).sum())
    problem = ConvexProblem(
        lower=np.zeros(n),
        upper=endless,
        objective=_objective(rng, w0, returns, tracking),
        linear=linear,
        sums=(
            SumLimit(name="turnover", centre=w0, most=moved * room[2] + 1e-3),
            SumLimit(name="gross", centre=np.zeros(n), most=room[3]),
        ),
        size=SizeLimit(
            name="tracking_error",
            risk=tracking,
            most=tracking.size(target) * room[4] + 1e-3,
        ),
    )
    return problem, target


def _root(rng, n):
    """Return the root of a covariance, some of whose columns repeat and which may be singular, and
    expected returns.
    """
    T = int(rng.integers(10, 300))
    returns = 0.01 * (rng.normal(size=(T, n)) + rng.normal(size=(T, 1)))
    if n > 3:
        returns[:, 1] = returns[:, 0]
    S = sample_covariance(returns, 252)
    if rng.random() < 0.3:
        B = rng.normal(0, 0.1, (min(3, n), n))
        return sparse_root(B, np.full(n, 0.15)), rng.normal(0.06, 0.05, n)
    return sparse.csc_matrix(square_root(S)), rng.normal(0.06, 0.05, n)


def _row(n):
    return sparse.csc_matrix(np.ones((1, n)))


def _objective(rng, w0, returns, tracking):
    none = np.zeros(len(w0))
    risk = Risk(tracking.F, np.zeros_like(tracking.f))
    kind = OBJECTIVES[int(rng.integers(len(OBJECTIVES)))]
    if kind == "keep":
        return Objective(linear=-w0, diagonal=np.ones(len(w0)))
    if kind == "min_tracking_error":
        return Objective(linear=none, risk=tracking)
    if kind == "max_utility":
        return Objective(linear=-returns, risk=risk, weight=rng.uniform(1.0, 8.0))
    if kind == "max_sharpe":
        return Objective(linear=none, risk=risk, excess=np.abs(returns) + 0.01)
    return Objective(linear=none, risk=risk)


def impossible_problem(seed):
    """Return a problem that no portfolio satisfies: one limit is tighter than the others allow."""
    rng = np.random.default_rng(1000 + seed)
    problem, _ = made_problem(seed, n=int(rng.integers(4, 40)))
    if seed % 3 == 0:
        high = problem.linear[2].high * 0.0 + 0.8 / problem.n
        tight = replace(problem.linear[2], high=high, scale=float(high[0]))
        return replace(problem, linear=(*problem.linear[:2], tight, problem.linear[3]))
    name = "tracking_error" if seed % 3 == 1 else "turnover"
    none = replace(
        problem,
        sums=tuple(
            replace(one, most=0.0) if one.name == name else one for one in problem.sums
        ),
        size=replace(problem.size, most=0.0)
        if name == problem.size.name
        else problem.size,
    )
    (least,) = least_slack(none, (name,)).values()
    return loosened(none, {name: 0.6 * least})


def twin_value(problem):
    """Return the least objective as cvxpy finds it from the formulas as they read."""
    import cvxpy as cp

    objective = problem.objective
    w, k = cp.Variable(problem.n), 1.0
    conditions = []
    if objective.excess is not None:
        k = cp.Variable(nonneg=True)
        conditions.append(objective.excess @ w == 1)
    for value, low, high in _linear_rows(problem, w):
        conditions += [value[np.isfinite(high)] <= high[np.isfinite(high)] * k]
        conditions += [value[np.isfinite(low)] >= low[np.isfinite(low)] * k]
    for limit in problem.sums:
        conditions.append(cp.norm1(w - limit.centre * k) <= limit.most * k)
    size = problem.size
    if size is not None:
        reached = size.risk.F @ w - size.risk.f * k
        conditions.append(cp.norm(reached / size.most) <= k)
    value = objective.linear @ w
    if objective.diagonal is not None:
        value += 0.5 * cp.sum(cp.multiply(objective.diagonal, cp.square(w)))
    if objective.risk is not None:
        rows = objective.risk.F @ w - objective.risk.f * k
        value += 0.5 * objective.weight * cp.sum_squares(rows)
    asked = cp.Problem(cp.Minimize(value / objective.scale), conditions)
    with warnings.catch_warnings():
        # the objective is compared anyway
        warnings.filterwarnings("ignore", message="Solution may be inaccurate")
        asked.solve(
            solver=cp.CLARABEL, tol_gap_abs=1e-12, tol_gap_rel=1e-10, tol_feas=1e-10
        )
    return asked.value * objective.scale


def _linear_rows(problem, w):
    yield w, problem.lower, problem.upper
    for limit in problem.linear:
        yield (w if limit.M is None else limit.M @ w), limit.low, limit.high


def family_value(problem):
    """Return the least objective under a limit on a size by quadratic programs without cones: the
    size is added with a price, and the price is sought at which the limit is kept.
    """
    size = problem.size
    free = without(problem, (size.name,))

    def at(price):
        solution = solve_clarabel(_priced(free, size, price))
        w = solution.point[0][: problem.n]
        return problem.objective.value(w), size.risk.size(w)

    value, reached = at(0.0)
    if reached <= size.most:
        return value
    high = 1.0
    while at(high)[1] > size.most:
        high *= 8.0
    price = brentq(lambda one: at(one)[1] - size.most, 0.0, high, xtol=1e-13 * high)
    return at(price)[0]


def _priced(problem, size, price):
    """Return the program with  price / 2 |F w - f|^2  in its objective, relative to its scale."""
    program = convex_program(problem)
    F = size.risk.F.toarray()
    whole = program.P.toarray()
    n = problem.n
    unit = price / size.risk.mean_square
    whole[:n, :n] += np.triu(unit * F.T @ F)
    q = program.q.copy()
    q[:n] -= unit * F.T @ size.risk.f
    return QuadraticProgram(
        P=sparse.csc_matrix(whole),
        q=q,
        A=program.A,
        l=program.l,
        u=program.u,
        rows=program.rows,
    )


def feasible_faults(seed):
    """Return what is wrong with our answer to a problem that can be solved, nothing if all is well:
    every limit within 1e-6, and the objective that two other ways find, to 1e-6 relative.
    """
    problem, _ = made_problem(seed)
    outcome = solve_convex(problem)
    if outcome.infeasible or outcome.answer is None:
        return [f"{seed}: no answer: {outcome.attempts}"]
    w, value = outcome.answer.weights, outcome.answer.value
    faults = [
        f"{seed}: {name} missed by {over:.2e}"
        for name, over in missed(problem, w).items()
        if not over <= 1e-6
    ]
    others = {"cvxpy": twin_value(problem)}
    if problem.objective.excess is None:
        others["family"] = family_value(problem)
    for way, theirs in others.items():
        if not abs(value - theirs) <= 1e-6 * max(abs(theirs), 1e-6):
            faults.append(f"{seed}: {value!r}, by {way} {theirs!r}")
    return faults


def missed(problem, w):
    """Return by how much each limit and the bounds are missed by weights w, 0 where they hold."""
    outside = np.maximum(problem.lower - w, w - problem.upper)
    return {"bounds": max(outside.max(), 0.0), **problem.missed(w)}


def infeasible_faults(seed):
    """Return what is wrong with what is said of a problem that cannot be solved: without any one of
    the conflicting limits the others can be met, and each suggested value makes all of it
    possible, while 1e-4 less does not.
    """
    problem = impossible_problem(seed)
    outcome = solve_convex(problem)
    faults = [] if outcome.answer is None else [f"{seed}: solved"]
    conflict = conflicting(problem)
    if not conflict or can_be_met(only(problem, conflict)):
        faults.append(f"{seed}: {conflict} can be met together")
    for name in conflict:
        rest = [other for other in conflict if other != name]
        if not can_be_met(only(problem, rest)):
            faults.append(f"{seed}: {conflict} conflict without {name} too")
    for name, slack in least_relaxations(problem).items():
        if not can_be_met(loosened(problem, {name: slack + 1e-6})):
            faults.append(f"{seed}: {name} by {slack} is not enough")
        if can_be_met(loosened(problem, {name: slack - 1e-4})):
            faults.append(f"{seed}: {name} by {slack} is more than enough")
    return faults
