"""General solvers on a quadratic program with named rows, and how far limits must give way."""

import numpy as np
import pytest
from scipy import sparse

from bt_run_plugins.optimization.contract import (
    CONTRACTS,
    Residuals,
    relative_gap,
    support,
)
from bt_run_plugins.optimization.program import (
    QuadraticProgram,
    RowBlock,
    upper_triangle,
)
from bt_run_plugins.optimization.relaxation import least_excess
from bt_run_plugins.optimization.solvers import solve_clarabel, solve_osqp

SOLVERS = pytest.mark.parametrize("solve", [solve_osqp, solve_clarabel])


def program(most=0.6, total=1.0):
    """Minimize w1^2 / 2 + 2 w2^2 with a budget, and at most so much of either."""
    blocks = [
        RowBlock(
            "budget",
            [sparse.csc_matrix(np.ones((1, 2)))],
            np.full(1, total),
            np.full(1, total),
        ),
        RowBlock(
            "bounds", [sparse.identity(2, format="csc")], np.zeros(2), np.full(2, most)
        ),
    ]
    return QuadraticProgram.from_blocks(
        upper_triangle(np.diag([1.0, 4.0])), np.zeros(2), blocks
    )


def test_rows_have_the_names_of_their_blocks():
    made = program()
    assert dict(made.rows) == {"budget": slice(0, 1), "bounds": slice(1, 3)}
    assert made.A.toarray().tolist() == [[1.0, 1.0], [1.0, 0.0], [0.0, 1.0]]
    assert made.equal.tolist() == [True, False, False]
    assert made.above.tolist() == made.below.tolist() == [False, True, True]


def test_groups_of_variables_stand_side_by_side():
    eye = sparse.identity(2, format="csc")
    end = np.full(2, np.inf)
    blocks = [
        RowBlock("one", [eye, None], -end, np.ones(2)),
        RowBlock("two", [eye, -eye], -end, end),
    ]
    made = QuadraticProgram.from_blocks(sparse.csc_matrix((4, 4)), np.zeros(4), blocks)
    assert made.A.toarray()[:, 2:].tolist() == [[0, 0], [0, 0], [-1, 0], [0, -1]]
    assert made.above.tolist() == [True, True, False, False]
    assert not made.below.any()


def test_the_upper_triangle_stores_its_zeros():
    P = np.array([[2.0, 0.0, 1.0], [0.0, 3.0, 0.5], [1.0, 0.5, 4.0]])
    found = upper_triangle(P)
    np.testing.assert_array_equal(found.toarray(), np.triu(P))
    assert found.nnz == 6


@SOLVERS
def test_two_names_and_a_cap_by_hand(solve):
    # without the cap w = (0.8, 0.2); the cap of 0.6 leaves (0.6, 0.4)
    z, y = solve(program()).point
    np.testing.assert_allclose(z, [0.6, 0.4], atol=1e-7)
    # at the optimum  Pz + A'y = 0: the budget takes -4 x 0.4, the bound on the first the rest
    np.testing.assert_allclose(y, [-1.6, 1.0, 0.0], atol=1e-6)


@SOLVERS
def test_a_problem_without_a_feasible_point_has_no_answer(solve):
    found = solve(program(most=0.4))
    assert found.status in ("primal infeasible", "PrimalInfeasible")
    assert found.point is None or not np.isclose(found.point[0].sum(), 1.0)


def test_the_least_excess_is_what_must_give_way():
    tight = program(most=0.4)
    both = np.array([False, True, True])
    assert least_excess(tight, both) == pytest.approx(0.1)
    assert least_excess(tight, np.array([False, True, False])) == pytest.approx(0.2)
    assert least_excess(program(), both) == 0.0


def test_no_excess_of_one_row_helps_another():
    far = program(most=0.4, total=3.0)
    assert least_excess(far, np.zeros(3, dtype=bool)) == np.inf


def test_an_equation_gives_way_upwards_only():
    # at most 0.8 in all: a budget of 1 cannot be met by raising it
    assert least_excess(program(most=0.4), np.array([True, False, False])) == np.inf


def test_residuals_within_the_contract_are_accepted_and_a_nan_is_not():
    good = Residuals(budget=0.0, bounds=0.0, rows=0.0, dual=1e-11, gap=1e-11)
    assert good.meet(CONTRACTS["exact"])
    assert not Residuals(0.0, 0.0, 0.0, np.nan, 0.0).meet(CONTRACTS["exact"])
    assert not Residuals(0.0, 1e-15, 0.0, 0.0, 0.0).meet(CONTRACTS["osqp"])


def test_gaps_are_relative_to_the_larger_objective_and_to_no_less_than_a_small_one():
    assert relative_gap(2.0, 1.0) == 0.5
    assert relative_gap(1e-9, 0.0) == pytest.approx(1e-5)


def test_multipliers_earn_at_the_ends_that_they_stand_for():
    y = np.array([2.0, -3.0, 0.0])
    assert support(y, np.array([-1.0, -2.0, -5.0]), np.array([4.0, 7.0, 9.0])) == 14.0
