"""The exact method for bounds and a budget."""

import cvxpy as cp
import numpy as np
import pytest

from bt_run_plugins.optimization import active_set
from bt_run_plugins.optimization.active_set import solve_box_budget, solve_lapack
from bt_run_plugins.optimization.gram import gram_matrix, solve_positive_definite


def returns(seed=0, T=250, n=12):
    rng = np.random.default_rng(seed)
    common = rng.standard_t(4, (T, 2)) * [0.01, 0.004]
    return (
        common @ rng.normal([[1.0], [0.0]], 0.5, (2, n))
        + rng.standard_t(4, (T, n)) * 0.01
    )


def test_without_a_binding_bound_the_answer_is_the_closed_form():
    """w = P^-1 1 / (1'P^-1 1)."""
    P = np.array([[2.0, 0.3, 0.1], [0.3, 1.5, 0.2], [0.1, 0.2, 1.0]])
    got = solve_box_budget(P, np.zeros(3), np.ones(3), 1.0)
    expected = np.linalg.solve(P, np.ones(3))
    np.testing.assert_allclose(got.weights, expected / expected.sum(), rtol=1e-14)
    assert got.bounds.tolist() == [0.0, 0.0, 0.0]


def test_two_names_and_a_cap_by_hand():
    # without the cap w = (0.8, 0.2); the cap of 0.6 leaves (0.6, 0.4)
    got = solve_box_budget(np.diag([1.0, 4.0]), np.zeros(2), np.array([0.6, 1.0]), 1.0)
    np.testing.assert_allclose(got.weights, [0.6, 0.4], rtol=1e-15)
    assert got.bounds[0] == pytest.approx(1.0)  # 4 x 0.4 - 1 x 0.6


def test_one_feasible_point_is_found():
    P = gram_matrix(returns(n=5)) + np.eye(5)
    assert (
        solve_box_budget(P, np.zeros(5), np.full(5, 0.2), 1.0).weights.tolist()
        == [0.2] * 5
    )
    lower = np.array([0.1, 0.2, 0.3, 0.15, 0.25])
    assert (
        solve_box_budget(P, lower, np.ones(5), 1.0).weights.tolist() == lower.tolist()
    )


def test_an_answer_at_a_corner_has_no_free_name():
    P = np.diag([1.0, 1.0, 1.0, 100.0, 100.0, 100.0])
    got = solve_box_budget(
        P, np.zeros(6), np.array([0.25, 0.25, 0.5, 0.5, 0.5, 0.5]), 1.0
    )
    np.testing.assert_allclose(got.weights.sum(), 1.0, rtol=1e-15)
    corner = solve_box_budget(
        np.diag([1.0, 1.0, 50.0]), np.zeros(3), np.array([0.5, 0.5, 1.0]), 1.0
    )
    np.testing.assert_allclose(
        corner.weights,
        by_projection(np.diag([1.0, 1.0, 50.0]), [0.5, 0.5, 1.0]),
        atol=1e-9,
    )


def by_projection(P, upper):
    w = cp.Variable(len(P))
    asked = cp.Problem(
        cp.Minimize(cp.quad_form(w, P)), [cp.sum(w) == 1, w >= 0, w <= np.array(upper)]
    )
    asked.solve(
        solver=cp.CLARABEL, tol_gap_abs=1e-12, tol_gap_rel=1e-12, tol_feas=1e-12
    )
    return w.value


def test_a_close_call_is_solved_again_without_lapack(monkeypatch):
    P = gram_matrix(returns()) * 1e4 + np.eye(12) * 1e-9
    box = (P, np.zeros(12), np.full(12, 0.15), 1.0)
    calls = []
    pivot = active_set.pivot_blocks
    monkeypatch.setattr(active_set, "close_to_change", lambda box, answer: True)
    monkeypatch.setattr(
        active_set,
        "pivot_blocks",
        lambda box, sides, solve: calls.append(solve) or pivot(box, sides, solve),
    )
    weights = solve_box_budget(*box).weights
    assert calls == [
        active_set.solve_lapack,
        solve_positive_definite,
        solve_positive_definite,
    ]
    monkeypatch.undo()
    np.testing.assert_array_equal(weights, solve_box_budget(*box).weights)


def test_lapack_finds_what_the_fixed_order_finds_and_refuses_what_it_refuses():
    X = np.random.default_rng(4).normal(size=(30, 6))
    A, B = X.T @ X, np.eye(6)[:, :2]
    np.testing.assert_allclose(
        solve_lapack(A.copy(), B), solve_positive_definite(A, B), rtol=1e-10
    )
    with pytest.raises(np.linalg.LinAlgError, match="not positive definite: pivot 1"):
        solve_lapack(np.diag([1.0, -1.0, 1.0]), np.ones((3, 1)))
