"""Rotation as a convex problem: the law of no trade, other solvers, few names instead of all."""

from dataclasses import replace

import numpy as np
import pytest
from kit.rotation_cases import (
    LAMBDA,
    by_cvxpy,
    largest_violation,
    made_case,
    rules,
    value_of,
)

from bt_run_plugins.optimization.convex_answer import SOLVERS, solve_convex
from bt_run_plugins.optimization.cvxpy_solver import solve_cvxpy
from bt_run_plugins.optimization.solvers import solve_osqp
from bt_run_plugins.sizers.qp_rotation import working_set
from bt_run_plugins.sizers.qp_rotation.problem import RotationCase, rotation_problem
from bt_run_plugins.sizers.qp_rotation.working_set import solve_on_few

PRESETS = ["long_only", "neutral"]


def solved(case, config, solvers=SOLVERS):
    found = solve_on_few(case, config, LAMBDA, solvers)
    assert found.outcome.answer is not None, found.outcome.attempts
    w = np.zeros(len(case.z))
    w[found.names] = found.outcome.answer.weights
    return w, found


def two_names(z, weights, cost):
    return RotationCase(
        z=np.array(z),
        weights=np.array(weights),
        C=np.eye(2),
        cost=np.array(cost),
        sector=np.zeros(2, dtype=np.int64),
        sectors=1,
        beta=None,
        eligible=np.ones(2, dtype=bool),
        fixed=np.zeros(2, dtype=bool),
    )


def test_two_names_by_hand():
    # z_1 - z_2 = 0.1 = 2 lambda (w_1 - w_2), and w_1 + w_2 = 1
    config = rules(
        "long_only",
        per_name_cap=1.0,
        sector_cap=1.0,
        max_turnover=None,
        max_turnover_per_name=None,
    )
    w, _ = solved(two_names([1.1, 1.0], [0.0, 0.0], [0.0, 0.0]), config)
    np.testing.assert_allclose(w, [0.75, 0.25], atol=1e-9)
    # 0.09 is what a unit from B to A earns at first, and it costs twice 0.05
    w, _ = solved(two_names([1.09, 1.0], [0.5, 0.5], [1.0, 1.0]), config)
    np.testing.assert_allclose(w, [0.5, 0.5], atol=1e-9)


def random_still(rng, config):
    """Return a case whose slopes at what is held are within their costs, and these slopes."""
    case = made_case(int(rng.integers(1e9)), 20, config)
    held = rng.permutation(20)[:12]
    w0 = np.zeros(20)
    w0[held] = rng.dirichlet(np.full(12, 20.0))
    nu = rng.uniform(0.1, 1.0)
    within = rng.uniform(-0.95, 0.95, 20)
    within = np.where(w0 > 0.0, within, rng.uniform(-3.0, 0.95, 20))
    cost = config.gamma_cost * case.cost
    z = 2.0 * LAMBDA * case.C @ w0 + nu + within * cost
    return replace(case, weights=w0, z=z), cost


def test_what_does_not_pay_its_costs_is_not_traded():
    config = rules(
        "long_only", per_name_cap=0.3, sector_cap=1.0, max_turnover_per_name=None
    )
    rng = np.random.default_rng(5)
    for number in range(200):
        case, cost = random_still(rng, config)
        w, _ = solved(case, config)
        np.testing.assert_allclose(w, case.weights, atol=1e-9, err_msg=str(number))
    # one name whose slope is twice its cost above the others' is bought
    i = int(np.argmax(case.weights))
    z = case.z.copy()
    z[i] += 3.0 * cost[i]
    w, _ = solved(replace(case, z=z), config)
    assert w[i] > case.weights[i] + 1e-3


@pytest.mark.parametrize("preset", PRESETS)
def test_the_answer_is_that_of_cvxpy(preset):
    config = rules(preset)
    for seed in range(6):
        case = made_case(seed, 60, config)
        w, _ = solved(case, config)
        assert largest_violation(case, config, w) <= 1e-7
        other = by_cvxpy(case, config)
        assert value_of(case, config, w) == pytest.approx(
            value_of(case, config, other), rel=1e-6
        )


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize(
    ("name", "solve"), [("osqp", solve_osqp), ("cvxpy", solve_cvxpy)]
)
def test_other_solvers_agree(preset, name, solve):
    config = rules(preset)
    case = made_case(0, 30, config)
    w, _ = solved(case, config)
    other, found = solved(case, config, {name: solve})
    assert found.outcome.attempts[-1]["solver"] == name
    assert value_of(case, config, other) == pytest.approx(
        value_of(case, config, w), rel=1e-6
    )


@pytest.mark.parametrize("preset", PRESETS)
def test_few_names_give_the_answer_of_all(preset, monkeypatch):
    # so few to begin with that others must join
    monkeypatch.setattr(working_set, "FIRST", 1)
    monkeypatch.setattr(working_set, "MORE", 3)
    config = rules(preset, max_turnover=0.8)
    for seed in range(5):
        case = made_case(seed, 80, config)
        w, found = solved(case, config)
        assert found.rounds > 1
        assert found.names.sum() < 80
        whole = solve_convex(rotation_problem(case, config, LAMBDA))
        assert -whole.answer.value == pytest.approx(value_of(case, config, w), rel=1e-8)
        np.testing.assert_allclose(w, whole.answer.weights, atol=1e-6)


def test_sectors_may_count_gross():
    config = rules("neutral", sector_cap_on="gross", sector_cap=0.15)
    case = made_case(1, 40, config)
    w, _ = solved(case, config)
    gross = np.bincount(case.sector, np.abs(w), minlength=11)
    assert gross.max() <= 0.15 + 1e-7
    net = rules("neutral", sector_cap=0.15)
    w, _ = solved(case, net)
    assert np.bincount(case.sector, np.abs(w), minlength=11).max() > 0.15 + 1e-3


def test_a_score_alone_is_a_linear_program():
    config = rules("long_only")
    case = made_case(2, 40, config)
    found = solve_on_few(case, config, 0.0, SOLVERS)
    w = np.zeros(40)
    w[found.names] = found.outcome.answer.weights
    assert largest_violation(case, config, w) <= 1e-7
