"""Limits that contradict each other, and by how much they must give way."""

import numpy as np
import pytest
from kit.policies import impossible_problem, infeasible_faults, made_problem
from scipy import sparse

from bt_run_plugins.optimization.convex import (
    BUDGET,
    ConvexProblem,
    LinearLimit,
    Objective,
    SumLimit,
)
from bt_run_plugins.optimization.elastic import (
    can_be_met,
    conflicting,
    least_relaxations,
    least_slack,
    lexicographic,
    loosened,
    total_slack,
)


def problem(cap=0.3, turnover=0.1):
    """Two names, fully invested, from 80 % and 20 %."""
    now = np.array([0.8, 0.2])
    return ConvexProblem(
        lower=np.zeros(2),
        upper=np.full(2, np.inf),
        objective=Objective(linear=np.zeros(2)),
        linear=(
            LinearLimit(
                name=BUDGET,
                low=np.ones(1),
                high=np.ones(1),
                M=sparse.csc_matrix(np.ones((1, 2))),
            ),
            LinearLimit(
                name="position",
                low=np.full(2, -np.inf),
                high=np.full(2, cap),
                scale=cap,
            ),
        ),
        sums=(SumLimit(name="turnover", centre=now, most=turnover),),
    )


def test_two_names_cannot_hold_all_under_a_cap_of_thirty_per_cent():
    asked = problem(turnover=2.0)
    assert conflicting(asked) == (BUDGET, "position")
    found = least_relaxations(asked)
    assert found["position"] == pytest.approx(0.2, abs=1e-7)  # halves
    assert found[BUDGET] == pytest.approx(0.4, abs=1e-7)  # 60 % invested
    assert "turnover" not in found


def test_limits_give_way_in_order_the_last_least():
    asked = problem(cap=0.6, turnover=0.1)
    # from 80 % to 60 % is 40 % two-way
    found = lexicographic(asked, ["turnover", "position"])
    assert found == pytest.approx({"position": 0.0, "turnover": 0.3}, abs=1e-4)
    found = lexicographic(asked, ["position", "turnover"])
    assert found == pytest.approx({"turnover": 0.0, "position": 0.15}, abs=1e-4)
    assert can_be_met(loosened(asked, {"position": found["position"]}))
    assert lexicographic(problem(), ["turnover"]) == {"turnover": np.inf}


def test_slacks_count_relative_to_their_limits():
    asked = problem(cap=0.6, turnover=0.1)
    found = least_slack(asked, ["position", "turnover"])
    # 1 of the cap saves 2 of turnover: relative to .6 and .1 the cap is the cheaper one
    assert found == pytest.approx({"position": 0.15, "turnover": 0.0}, abs=1e-6)
    assert total_slack(asked, found) == pytest.approx(0.25, abs=1e-6)


@pytest.mark.parametrize("seed", range(6))
def test_conflicts_are_irreducible_and_suggestions_least(seed):
    assert infeasible_faults(seed) == []


def test_what_can_be_met_has_no_conflict():
    asked, _ = made_problem(2)
    assert can_be_met(asked)
    assert conflicting(asked) == ()
    assert not can_be_met(impossible_problem(2))
