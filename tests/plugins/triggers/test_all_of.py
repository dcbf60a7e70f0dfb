"""Triggers together: `all_of`, any, a veto, and names that are blocked."""

from itertools import product

import numpy as np
import pytest
from kit.two_assets import state

from bt_run import BuildContext, Verdict
from bt_run.decision.calls import Calls, Stage
from bt_run.decision.pipeline import triggered
from bt_run_plugins.triggers.all_of import AllOf, AllOfConfig

ONLY_A, BOTH = np.array([True, False]), np.array([True, True])
TWO = AllOfConfig(triggers=["windows", "drift_bands"])


def all_of(*verdicts):
    children = tuple(lambda state, target, one=one: one for one in verdicts)
    return AllOf(TWO, BuildContext(costs=None, children={"triggers": children}))


def traded(*checks):
    """Return which names are traded when these are the triggers of a run."""
    stages = tuple(
        Stage(f"triggers.{i}", f"t{i}", check) for i, check in enumerate(checks)
    )
    found = triggered(stages, Calls(state(), {}), np.array([0.5, 0.5]))
    return found.names.tolist() if found.fired else [False, False]


@pytest.mark.parametrize(
    ("window", "drift", "veto", "block"), list(product((False, True), repeat=4))
)
def test_all_sixteen_combinations(window, drift, veto, block):
    at_a_time = Verdict(window, reason="10:30")
    drifted = Verdict(drift, names=ONLY_A, reason="drift")
    others = [
        lambda state, target: Verdict(False, veto=veto, reason="veto"),
        lambda state, target: Verdict(False, blocked=ONLY_A & block, reason="wide"),
    ]
    a = not veto and not block
    together = traded(all_of(at_a_time, drifted).check, *others)
    assert together == [window and drift and a, False]
    either = traded(
        lambda state, target: at_a_time, lambda state, target: drifted, *others
    )
    assert either == [(window or drift) and a, window and not veto]


def test_a_veto_inside_is_a_veto_and_what_is_blocked_inside_is_blocked():
    found = all_of(
        Verdict(True, reason="10:30"), Verdict(False, veto=True, reason="halted")
    ).check(state(), np.zeros(2))
    assert found.veto
    assert not found.fire
    assert found.reason == "halted"
    found = all_of(
        Verdict(True, reason="10:30"),
        Verdict(True, blocked=ONLY_A, reason="wide", names=BOTH),
    ).check(state(), np.zeros(2))
    assert found.fire
    assert found.reason == "10:30 and wide"
    assert found.blocked.tolist() == [True, False]


def test_each_remembers_for_itself_whether_it_was_heard_or_not():
    seen = []

    def counting(state, target):
        seen.append(dict(state.memo))
        return Verdict(False, memo={"n": state.memo.get("n", 0) + 1})

    children = (counting, lambda state, target: Verdict(True))
    trigger = AllOf(TWO, BuildContext(costs=None, children={"triggers": children}))
    memo = {}
    for _ in range(3):
        memo = trigger.check(state(memo=memo), np.zeros(2)).memo
    assert seen == [{}, {"n": 1}, {"n": 2}]
    assert memo == {"triggers": [{"n": 3}, {}]}


def test_one_trigger_alone_needs_no_all_of():
    with pytest.raises(ValueError, match="at least 2 items"):
        AllOfConfig(triggers=["windows"])
