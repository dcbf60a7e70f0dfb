"""The best n by hand."""

import numpy as np

from bt_run import BuildContext, Proposal
from bt_run.testing import make_bars, make_state
from bt_run_strategies.top_n import TopN, TopNConfig

NAN = np.nan
BARS = make_bars({name: [1.0, 1.0] for name in "ABCDE"})


def chosen(score, memo=None, answer=None, **config):
    options = TopNConfig(score={"use": "momentum"}, **config)
    given = np.array(score, dtype=float) if answer is None else answer
    context = BuildContext(costs=None, children={"score": lambda state: given})
    state = make_state(BARS, memo=memo or {})
    got = TopN(options, context).signal(state)
    held = [name for name, value in zip("ABCDE", got.values, strict=True) if value == 1]
    assert np.isnan(np.delete(got.values, ["ABCDE".index(name) for name in held])).all()
    assert got.memo["chosen"] == held
    return held, got


def test_the_best_are_held_and_of_equals_the_first():
    assert chosen([1, 3, 2, 3, NAN], n=2)[0] == ["B", "D"]
    assert chosen([2, 2, 2, 2, 2], n=2)[0] == ["A", "B"]
    assert chosen([NAN, NAN, 5, NAN, NAN], n=2)[0] == ["C"]


def test_who_was_chosen_stays_within_the_buffer():
    before = {"chosen": ["A", "B"]}
    # A is third: kept by a buffer of one, replaced without
    assert chosen([3, 5, 4, 2, 1], before, n=2, buffer=1)[0] == ["A", "B"]
    held, got = chosen([3, 5, 4, 2, 1], before, n=2)
    assert held == ["B", "C"]
    assert got.notes == {"in": ["C"], "out": ["A"]}


def test_more_than_n_kept_ones_are_cut_by_rank():
    before = {"chosen": ["A", "B", "C"]}
    assert chosen([3, 5, 4, 6, 1], before, n=2, buffer=2)[0] == ["B", "C"]


def test_a_score_that_is_not_above_the_least_is_not_chosen():
    assert chosen([0, -1, 2, 0, NAN], n=3, least=0.0)[0] == ["C"]


def test_a_score_with_a_memo_finds_it_again():
    seen = []

    def score(state):
        seen.append(dict(state.memo))
        return Proposal(np.array([1.0, 2, 3, 4, 5]), memo={"calls": len(seen)})

    options = TopNConfig(score={"use": "momentum"}, n=1)
    built = TopN(options, BuildContext(costs=None, children={"score": score}))
    first = built.signal(make_state(BARS))
    built.signal(make_state(BARS, memo=first.memo))
    assert seen == [{}, {"calls": 1}]
