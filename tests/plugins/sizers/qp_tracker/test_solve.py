"""The tracking solver: the exact method, the independent solvers, the check of answers, the
refusals.
"""

from dataclasses import replace

import cvxpy as cp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from bt_run import InfeasibleError
from bt_run_plugins.optimization.contract import CONTRACTS
from bt_run_plugins.sizers.qp_tracker import solve as tracking
from bt_run_plugins.sizers.qp_tracker.accuracy import clean, residuals
from bt_run_plugins.sizers.qp_tracker.feasibility import (
    check_cap,
    explain_if_infeasible,
)
from bt_run_plugins.sizers.qp_tracker.problem import SectorCap, TrackingProblem
from bt_run_plugins.sizers.qp_tracker.solve import (
    SOLVERS,
    Found,
    solve_clarabel,
    solve_exact,
    solve_osqp,
    solve_tracking,
)


def returns(seed=0, T=250, n=12):
    rng = np.random.default_rng(seed)
    common = rng.standard_t(4, (T, 2)) * [0.01, 0.004]
    return (
        common @ rng.normal([[1.0], [0.0]], 0.5, (2, n))
        + rng.standard_t(4, (T, n)) * 0.01
    )


def problem(seed=0, T=250, n=12, cap=0.15, **changes):
    R = returns(seed, T, n)
    rng = np.random.default_rng(seed + 1)
    b = R @ rng.dirichlet(np.full(n, 0.3)) + rng.normal(0, 0.003, T)
    parts = {"lower": np.zeros(n), "upper": np.full(n, cap), "now": np.zeros(n)}
    return TrackingProblem(X=R - b[:, None], **(parts | changes))


def by_cvxpy(p):
    """State the problem as the formula reads."""
    w = cp.Variable(p.n)
    cost = (
        cp.sum_squares(p.X @ w) / (len(p.X) * p.scale)
        + p.ridge * cp.sum_squares(w)
        + p.price * cp.norm1(w - p.now)
    )
    limits = [cp.sum(w) == 1, w >= p.lower, w <= p.upper]
    limits += [cp.sum(w[cap.members]) <= cap.cap for cap in p.sectors]
    if p.turnover is not None:
        limits.append(cp.norm1(w - p.now) <= p.room)
    asked = cp.Problem(cp.Minimize(cost), limits)
    asked.solve(
        solver=cp.CLARABEL, tol_gap_abs=1e-13, tol_gap_rel=1e-12, tol_feas=1e-12
    )
    return np.asarray(w.value)


def moved(array, offset):
    """Put an array elsewhere in memory: its first byte ``offset`` bytes from where it would be."""
    room = np.empty(array.nbytes + 128, dtype=np.uint8)
    start = (-room.ctypes.data) % 64 + offset
    copy = room[start : start + array.nbytes].view(array.dtype).reshape(array.shape)
    copy[...] = array
    return copy


@pytest.mark.parametrize("offset", [8, 16, 24, 40])
@pytest.mark.parametrize("threads", [1, 2])
def test_no_bit_depends_on_memory_or_threads(offset, threads):
    p = problem(T=300, n=130, cap=0.05)
    before = (
        p.P.tobytes(),
        solve_exact(p).answer.weights.tobytes(),
        p.gradient(p.upper).tobytes(),
    )
    with threadpool_limits(limits=threads, user_api="blas"):
        other = replace(p, X=moved(p.X, offset))
        after = (
            other.P.tobytes(),
            solve_exact(other).answer.weights.tobytes(),
            other.gradient(p.upper).tobytes(),
        )
    assert before == after


# -- the exact method


@settings(max_examples=60)
@given(
    st.integers(0, 10_000),
    st.integers(2, 25),
    st.floats(1.0, 6.0),
    st.sampled_from([8, 40, 300]),
)
def test_random_problems_meet_the_contract(seed, n, room, T):
    """Whatever the bounds, and with more names than days too, the own check accepts the exact
    answer.
    """
    rng = np.random.default_rng(seed)
    upper = np.minimum(1.0, rng.uniform(0.5, 1.5, n) * room / n)
    upper *= max(1.0, 1.0 / upper.sum())
    lower = np.where(
        rng.random(n) < 0.2, np.minimum(upper, rng.uniform(0, 0.5 / n, n)), 0.0
    )
    fixed = rng.random(n) < 0.1
    if (
        lower[~fixed].sum() + lower[fixed].sum()
        <= 1.0
        <= upper[~fixed].sum() + lower[fixed].sum()
    ):
        upper = np.where(fixed, lower, upper)
    p = problem(seed, T, n, lower=lower, upper=upper, now=lower)
    found = solve_exact(p)
    assert found.answer is not None
    measured = residuals(p, found.answer)
    assert measured.meet(CONTRACTS["exact"]), measured


@pytest.mark.parametrize("seed", range(6))
def test_three_solvers_and_cvxpy_reach_the_same_objective(seed):
    p = problem(seed, n=30, cap=0.1)
    exact = p.objective(solve_exact(p).answer.weights)
    for solve in (solve_osqp, solve_clarabel):
        assert p.objective(solve(p).answer.weights) == pytest.approx(exact, rel=1e-7)
    assert p.objective(by_cvxpy(p)) == pytest.approx(exact, rel=1e-7)


@pytest.mark.parametrize("solve", SOLVERS.values(), ids=SOLVERS)
def test_a_benchmark_made_of_feasible_weights_is_recovered(solve):
    R, held = (
        returns(T=400, n=10),
        np.array([0.15, 0.15, 0.1, 0.1, 0.1, 0.1, 0.1, 0.1, 0.06, 0.04]),
    )
    p = problem(T=400, n=10)
    p = replace(p, X=R - (R @ held)[:, None])
    np.testing.assert_allclose(
        solve(p).answer.weights, held, atol=1e-6 if solve is solve_exact else 1e-5
    )
    assert p.tracking_error(solve(p).answer.weights) < 1e-5


def test_a_weight_above_the_cap_lands_exactly_on_it():
    R, held = returns(T=400, n=10), np.array([0.4, *np.full(9, 0.6 / 9)])
    p = replace(problem(T=400, n=10), X=R - (R @ held)[:, None])
    assert solve_exact(p).answer.weights[0] == 0.15


def test_twin_share_classes_share_their_weight():
    p = problem(n=10, cap=0.3)
    p = replace(
        p,
        X=np.column_stack([p.X, p.X[:, 3]]),
        lower=np.zeros(11),
        upper=np.full(11, 0.3),
        now=np.zeros(11),
    )
    got = solve_exact(p).answer
    assert got.weights[3] == pytest.approx(got.weights[10], abs=1e-6)
    assert residuals(p, got).meet(CONTRACTS["exact"])


def test_more_names_than_days_have_one_answer():
    p = problem(T=30, n=80, cap=0.15)
    first = solve_exact(p).answer
    assert residuals(p, first).meet(CONTRACTS["exact"])
    order = np.random.default_rng(0).permutation(80)
    second = solve_exact(replace(p, X=p.X[:, order])).answer
    np.testing.assert_allclose(second.weights, first.weights[order], atol=1e-6)


def test_one_name_and_a_market_that_equals_its_benchmark():
    one = problem(n=1, cap=1.0)
    assert solve_exact(one).answer.weights.tolist() == [1.0]
    same = replace(problem(n=8), X=np.zeros((250, 8)))
    assert same.scale == 1.0
    np.testing.assert_allclose(
        solve_tracking(same).weights, np.full(8, 0.125), rtol=1e-12
    )


# -- further limits

NOW = np.random.default_rng(9).dirichlet(np.ones(12))
LIMITED = {
    "turnover": {"now": NOW, "upper": np.full(12, 0.4), "turnover": 0.3},
    "penalty": {"now": NOW, "upper": np.full(12, 0.4), "penalty": 3e-3},
    "sector": {
        "sectors": (
            SectorCap("tech", np.arange(12) < 4, 0.2),
            SectorCap("oil", np.arange(12) > 8, 0.25),
        )
    },
    "all": {
        "now": NOW,
        "upper": np.full(12, 0.4),
        "turnover": 0.6,
        "leaving": 0.1,
        "penalty": 1e-3,
        "sectors": (SectorCap("tech", np.arange(12) < 4, 0.3),),
    },
}


@pytest.mark.parametrize("solve", [solve_osqp, solve_clarabel])
@pytest.mark.parametrize("which", LIMITED)
def test_limits_are_kept_and_the_objective_is_that_of_cvxpy(which, solve):
    p = problem(**LIMITED[which])
    found = solve(p)
    name = "osqp" if solve is solve_osqp else "clarabel"
    assert residuals(p, found.answer).meet(CONTRACTS[name]), (
        found.status,
        residuals(p, found.answer),
    )
    assert p.rows_kept(found.answer.weights, 1e-7)
    assert p.objective(found.answer.weights) == pytest.approx(
        p.objective(by_cvxpy(p)), rel=1e-6
    )


def test_a_limit_that_does_not_bind_leaves_the_exact_answer():
    p = problem()
    loose = replace(
        p, sectors=(SectorCap("tech", np.arange(12) < 4, 0.9),), now=NOW, turnover=2.0
    )
    np.testing.assert_array_equal(
        solve_tracking(loose).weights, solve_tracking(p).weights
    )


def test_a_penalty_leaves_alone_what_is_nearly_right():
    """Where |gradient - nu| stays below the price nothing is traded: a zone without trades."""
    best = solve_exact(problem(cap=0.4)).answer.weights
    near = np.clip(
        best + 1e-3 * np.where(best > 0.01, np.resize([1, -1], 12), 0.0), 0.0, 0.4
    )
    near /= near.sum()
    p = problem(cap=0.4, now=near, penalty=0.05)
    np.testing.assert_allclose(solve_tracking(p).weights, near, atol=1e-8)


# -- the check of answers


def shifted(answer, **changes):
    return replace(answer, **changes)


@pytest.mark.parametrize("spoil", ["weight", "budget", "swap", "multiplier", "nan"])
def test_a_spoilt_answer_is_refused(spoil):
    p = problem()
    good = solve_exact(p).answer
    assert residuals(p, good).meet(CONTRACTS["exact"])
    w, i, j = good.weights.copy(), *np.argsort(good.weights)[[5, 6]]
    w[i] += {"weight": 1e-6, "budget": 1e-9, "swap": 1e-4, "nan": np.nan}.get(
        spoil, 0.0
    )
    w[j] -= 1e-4 if spoil == "swap" else 0.0
    bad = replace(
        good, weights=w, budget=good.budget * (1 + 1e-6 * (spoil == "multiplier"))
    )
    assert not residuals(p, bad).meet(CONTRACTS["exact"])


def test_the_check_measures_by_how_much_a_bound_is_broken():
    p = problem(n=8, cap=0.2)
    answer = replace(
        solve_exact(p).answer, weights=np.array([0.3, -0.1, *np.full(6, 0.8 / 6)])
    )
    assert residuals(p, answer).bounds == pytest.approx(0.1)


def test_cleaning_snaps_to_the_bounds_and_completes_the_sum():
    p = problem(n=4, cap=0.5)
    got = clean(p, np.array([5e-9, 0.5 - 4e-9, 0.3, 0.1999]))
    assert got[:2].tolist() == [0.0, 0.5]
    assert got.sum() == pytest.approx(1.0, abs=1e-15)
    # the missing 1e-4 goes by room: 0.2 and 0.3001
    assert got[2] == pytest.approx(0.3 + 1e-4 * 0.2 / 0.5001)


# -- the chain


def test_an_inaccurate_answer_is_passed_over(monkeypatch):
    p = problem()
    lame = replace(solve_exact(p).answer, weights=np.full(12, 1 / 12))
    nothing = Found("maximum iterations reached", 20_000, None)
    chain = {
        "exact": lambda _: Found("solved", 1, lame),
        "osqp": lambda _: nothing,
        "clarabel": solve_clarabel,
    }
    monkeypatch.setattr(tracking, "SOLVERS", chain)
    outcome = solve_tracking(p)
    assert [a["solver"] for a in outcome.attempts] == ["exact", "osqp", "clarabel"]
    assert [a.get("accepted") for a in outcome.attempts] == [False, None, True]
    assert outcome.attempts[1]["status"] == "maximum iterations reached"
    np.testing.assert_allclose(
        outcome.weights, solve_exact(p).answer.weights, atol=1e-5
    )


def test_no_answer_is_no_answer(monkeypatch):
    failed = {name: lambda _: Found("failed", 0, None) for name in SOLVERS}
    monkeypatch.setattr(tracking, "SOLVERS", failed)
    outcome = solve_tracking(problem())
    assert outcome.weights is None
    assert len(outcome.attempts) == 3


def test_the_chosen_solver_is_asked_first():
    assert [a["solver"] for a in solve_tracking(problem(), "osqp").attempts] == ["osqp"]


# -- the refusals


@pytest.mark.parametrize(
    ("names", "cap", "wanted", "text"),
    [
        (
            5,
            0.15,
            1.0,
            "5 eligible names with cap 0.15 can hold 0.75 of the 1 to be invested; it takes cap "
            ">= 0.2, or 7 names",
        ),
        (
            1,
            0.5,
            0.9,
            "1 eligible name with cap 0.5 can hold 0.5 of the 0.9 to be invested; it takes cap >= "
            "0.9, or 2 names",
        ),
        (3, 0.3, 1.0, "it takes cap >= 0.3334, or 4 names"),
        (
            0,
            0.15,
            1.0,
            "0 eligible names with cap 0.15 can hold 0 of the 1 to be invested; it takes 7 names",
        ),
    ],
)
def test_a_cap_that_is_too_low_names_both_limits_and_what_helps(
    names, cap, wanted, text
):
    with pytest.raises(InfeasibleError) as caught:
        check_cap(names, cap, wanted)
    assert text in str(caught.value)


def test_a_cap_that_just_suffices_is_no_error():
    check_cap(5, 0.2, 1.0)
    check_cap(7, 1 / 7, 1.0)


def test_sector_caps_that_leave_too_little_room_say_what_helps():
    # 4 names in a sector of at most 0.2, and 4 others of at most 0.15 each: 0.8 in all
    p = problem(n=8, sectors=(SectorCap("tech", np.arange(8) < 4, 0.2),))
    with pytest.raises(InfeasibleError) as caught:
        solve_tracking(p)
    assert str(caught.value) == (
        "the limits contradict each other: cap 0.15, sector_caps.tech 0.2; "
        "any one of these would do: cap >= 0.2; sector_caps.tech >= 0.4"
    )


def test_a_turnover_limit_below_what_must_be_sold_says_what_helps():
    # 0.5 must come down to 0.15, so 0.35 is sold and as much bought
    now = np.array([0.5, *np.full(9, 0.5 / 9)])
    p = problem(n=10, now=now, turnover=0.4)
    with pytest.raises(
        InfeasibleError,
        match=r"turnover 0.2 one way; any one .* cap >= 0.3; turnover >= 0.35",
    ):
        solve_tracking(p)


def test_names_that_leave_count_in_the_turnover():
    p = problem(n=10, now=np.full(10, 0.05), turnover=0.4, leaving=0.5)
    with pytest.raises(
        InfeasibleError,
        match=r"turnover 0.2 one way; any one of these would do: turnover >= 0.5",
    ):
        solve_tracking(p)


def test_limits_that_no_single_change_reconciles():
    sectors = (
        SectorCap("a", np.arange(8) < 4, 0.2),
        SectorCap("b", np.arange(8) >= 4, 0.2),
    )
    p = problem(n=8, sectors=sectors, now=np.array([1.0, *np.zeros(7)]), turnover=0.1)
    with pytest.raises(InfeasibleError, match="no change of a single limit would do"):
        explain_if_infeasible(p)


def test_limits_that_can_be_met_are_no_error():
    explain_if_infeasible(problem(**LIMITED["all"]))
