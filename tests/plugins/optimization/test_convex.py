"""Portfolios under named limits: answers by hand, by two other ways, and what limits are worth."""

from dataclasses import replace

import numpy as np
import pytest
from kit.policies import feasible_faults, made_problem, missed
from scipy import sparse

from bt_run_plugins.optimization.contract import CONTRACTS, program_residuals
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
from bt_run_plugins.optimization.convex_answer import most_excess, solve_convex
from bt_run_plugins.optimization.elastic import loosened
from bt_run_plugins.optimization.matrix_root import square_root
from bt_run_plugins.optimization.solvers import (
    Solution,
    solve_clarabel,
    solve_osqp,
    solve_scs,
)

S = np.array([[0.04, 0.03], [0.03, 0.09]])
# kinds of objectives stand at these seeds of the kit's problems
SEEDS = range(12)


def risk(benchmark=(0.0, 0.0)):
    F = sparse.csc_matrix(square_root(S))
    return Risk(F, np.asarray(F @ np.array(benchmark)))


def problem(objective, cap=1.0, turnover=None, tracking=None):
    """Two names, fully invested, from 80 % and 20 %, against a benchmark of halves."""
    budget = LinearLimit(
        name=BUDGET,
        low=np.ones(1),
        high=np.ones(1),
        M=sparse.csc_matrix(np.ones((1, 2))),
    )
    position = LinearLimit(
        name="position", low=np.full(2, -np.inf), high=np.full(2, cap)
    )
    now = np.array([0.8, 0.2])
    sums = ()
    if turnover is not None:
        sums = (SumLimit(name="turnover", centre=now, most=turnover),)
    size = None
    if tracking is not None:
        size = SizeLimit(name="tracking_error", risk=risk((0.5, 0.5)), most=tracking)
    return ConvexProblem(
        lower=np.zeros(2),
        upper=np.full(2, np.inf),
        objective=objective,
        linear=(budget, position),
        sums=sums,
        size=size,
    )


def keep():
    return Objective(linear=-np.array([0.8, 0.2]), diagonal=np.ones(2))


def test_the_tracking_error_of_five_per_cent_apart_by_hand():
    assert risk((0.5, 0.5)).size(np.array([0.55, 0.45])) == pytest.approx(
        0.0132287565553, abs=1e-12
    )


def test_a_cap_is_met_exactly_and_worth_its_slope():
    answer = solve_convex(problem(keep(), cap=0.6)).answer
    assert answer.weights[0] == 0.6
    assert answer.weights[1] == pytest.approx(0.4, abs=1e-15)
    # 1/2 (w1 - .8)^2 + 1/2 (w2 - .2)^2 with w2 = 1 - w1 has the slope 2 (w1 - .8) = -0.4
    assert answer.price("position") == pytest.approx(0.4, abs=1e-7)


def test_the_turnover_limit_is_the_sum_of_both_sides():
    answer = solve_convex(problem(keep(), cap=0.75, turnover=0.1)).answer
    assert answer.weights == pytest.approx([0.75, 0.25], abs=1e-9)
    assert solve_convex(problem(keep(), cap=0.7, turnover=0.1)).infeasible


def test_a_limit_on_the_tracking_error_is_landed_on():
    # a (1, -1) has the size a sqrt(.04 - 2 x .03 + .09) = a sqrt(.07)
    answer = solve_convex(problem(keep(), tracking=0.02)).answer
    away = 0.02 / np.sqrt(0.07)
    assert answer.weights == pytest.approx([0.5 + away, 0.5 - away], abs=1e-9)
    assert risk((0.5, 0.5)).size(answer.weights) == pytest.approx(0.02, rel=1e-6)


def test_the_least_variance_and_the_largest_ratio_of_two_names():
    none = np.zeros(2)
    least = solve_convex(problem(Objective(linear=none, risk=risk()))).answer
    # S^-1 1 is proportional to (.06, .01)
    assert least.weights == pytest.approx([6 / 7, 1 / 7], abs=1e-7)
    excess = np.array([0.05, 0.06])
    best = solve_convex(
        problem(Objective(linear=none, risk=risk(), excess=excess))
    ).answer
    # S^-1 e is proportional to (.0027, .0009)
    assert best.weights == pytest.approx([0.75, 0.25], abs=1e-6)
    ratio = (best.weights @ excess) / np.sqrt(best.weights @ S @ best.weights)
    assert 1 / np.sqrt(2 * best.value) == pytest.approx(ratio, rel=1e-9)


def test_the_most_excess_return_says_when_there_is_none():
    asked = problem(
        Objective(linear=np.zeros(2), risk=risk(), excess=np.array([-0.01, -0.02]))
    )
    assert -most_excess(asked).answer.value == pytest.approx(-0.01, abs=1e-9)


@pytest.mark.parametrize("seed", SEEDS)
def test_made_problems_are_solved_as_two_other_ways_solve_them(seed):
    assert feasible_faults(seed) == []


@pytest.mark.parametrize("seed", SEEDS)
def test_a_price_is_what_the_objective_falls_by(seed):
    """The envelope: the multiplier of a limit is the finite difference, where both sides agree."""
    asked, _ = made_problem(seed)
    answer = solve_convex(asked).answer
    compared = 0
    for name in ("turnover", "tracking_error", "position"):
        step = 1e-5 * asked.scales[name]
        looser = solve_convex(loosened(asked, {name: step})).answer.value
        tighter = solve_convex(loosened(asked, {name: -step})).answer.value
        gained, lost = (answer.value - looser) / step, (tighter - answer.value) / step
        scale = max(abs(gained), abs(lost))
        assert gained >= -1e-4 * max(1.0, abs(answer.value))
        if scale > 1e-4 and abs(gained - lost) < 1e-3 * scale:
            between = (gained + lost) / 2
            assert answer.price(name) == pytest.approx(between, rel=1e-3)
            compared += 1
    assert compared or min(answer.price(name) for name in asked.scales) < 1e-4


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_a_looser_limit_never_worsens_the_objective(seed):
    asked, _ = made_problem(seed)
    before = solve_convex(asked).answer.value
    for name in asked.names:
        if name == BUDGET:
            continue
        after = solve_convex(loosened(asked, {name: 0.05})).answer.value
        assert after <= before + 1e-8 * max(1.0, abs(before))


@pytest.mark.parametrize("seed", [3, 4])
def test_the_order_of_names_changes_nothing(seed):
    asked, _ = made_problem(seed)
    order = np.random.default_rng(seed).permutation(asked.n)
    value = solve_convex(permuted(asked, order)).answer.value
    assert value == pytest.approx(solve_convex(asked).answer.value, rel=1e-7)


@pytest.mark.parametrize("objective", ["variance", "ratio"])
def test_the_unit_of_risk_changes_nothing(objective):
    """Risks in per cent, and a limit in per cent on the tracking error."""
    excess = np.array([0.05, 0.06]) if objective == "ratio" else None
    found = []
    for unit in (1.0, 100.0):
        F = risk().F * unit
        asked = problem(
            Objective(linear=np.zeros(2), risk=Risk(F, np.zeros(2)), excess=excess),
            cap=0.9,
        )
        tracking = Risk(F, np.asarray(F @ np.array([0.4, 0.6])))
        size = SizeLimit(name="tracking_error", risk=tracking, most=0.03 * unit)
        found.append(solve_convex(replace(asked, size=size)).answer.weights)
    assert found[1] == pytest.approx(found[0], abs=1e-8)


def permuted(asked, order):
    """Return the problem with its names in another order."""
    F = asked.objective.risk.F if asked.objective.risk else None
    G = asked.size.risk.F[:, order]
    found = asked.objective
    risk = found.risk
    if risk is not None:
        risk = Risk(G if F is asked.size.risk.F else F[:, order], risk.f)
    objective = replace(
        found,
        linear=found.linear[order],
        diagonal=None if found.diagonal is None else found.diagonal[order],
        excess=None if found.excess is None else found.excess[order],
        risk=risk,
    )
    linear = []
    for limit in asked.linear:
        if limit.M is None:
            limit = replace(limit, low=limit.low[order], high=limit.high[order])
        else:
            limit = replace(limit, M=limit.M[:, order])
        linear.append(limit)
    return replace(
        asked,
        objective=objective,
        linear=tuple(linear),
        sums=tuple(replace(one, centre=one.centre[order]) for one in asked.sums),
        size=replace(asked.size, risk=Risk(G, asked.size.risk.f)),
    )


def test_the_second_solver_answers_when_the_first_does_not():
    def nothing(program):
        return Solution("NumericalError", 3, None)

    asked = problem(keep(), tracking=0.02)
    outcome = solve_convex(asked, {"clarabel": nothing, "scs": solve_scs})
    assert [attempt["solver"] for attempt in outcome.attempts] == ["clarabel", "scs"]
    assert outcome.attempts[1]["accepted"]
    first = solve_convex(asked).answer
    assert outcome.answer.weights == pytest.approx(first.weights, abs=1e-6)


def test_what_no_solver_answers_is_no_answer_and_not_infeasible():
    def wrong(program):
        size = program.A.shape[1]
        y = np.zeros(len(program.l))
        cones = tuple(np.zeros(len(cone.g)) for cone in program.cones)
        return Solution("Solved", 1, (np.full(size, 0.5), y), cones)

    outcome = solve_convex(problem(keep(), tracking=0.02), {"clarabel": wrong})
    assert outcome.answer is None
    assert not outcome.infeasible
    assert outcome.attempts[0]["accepted"] is False


@pytest.mark.parametrize("part", ["z", "y", "cone"])
def test_a_point_that_was_moved_breaks_the_contract(part):
    program = convex_program(problem(keep(), cap=0.7, tracking=0.02))
    solution = solve_clarabel(program)
    z, y = (values.copy() for values in solution.point)
    z[:2] = np.clip(z[:2], 0.0, None)
    (cone,) = (values.copy() for values in solution.cones)
    contract = CONTRACTS["clarabel"]
    assert program_residuals(program, z, y, (cone,)).meet(contract)
    {"z": z, "y": y, "cone": cone}[part][0] += 1e-4
    assert not program_residuals(program, z, y, (cone,)).meet(contract)


def test_osqp_refuses_a_cone():
    with pytest.raises(ValueError, match="OSQP takes rows only; found the cone 'tra"):
        solve_osqp(convex_program(problem(keep(), tracking=0.02)))


def test_fixed_weights_stay_to_the_last_bit():
    asked, _ = made_problem(5, n=20)
    lower, upper = asked.lower.copy(), asked.upper.copy()
    place = int(np.argmin(asked.linear[1].high))
    lower[place] = upper[place] = 0.0
    answer = solve_convex(replace(asked, lower=lower, upper=upper)).answer
    assert answer.weights[place] == 0.0
    assert max(missed(asked, answer.weights).values()) < 1e-6
