"""Windows of a sweep, and what is chosen in them."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bt_run import ConfigError
from bt_run.config.sweep_config import FoldsConfig
from bt_run.studies.folds import choose, stitched, windows
from bt_run.studies.scores import score_called

SCORE = score_called("total_return", 0.0)


def rows(window):
    return [(part.start, part.stop) for part in (window.train, window.test)]


def test_windows_roll_by_the_length_of_the_test():
    found = windows(60, FoldsConfig(train=20, test=10))
    assert [rows(one) for one in found] == [
        [(0, 20), (20, 30)],
        [(10, 30), (30, 40)],
        [(20, 40), (40, 50)],
        [(30, 50), (50, 60)],
    ]


def test_anchored_windows_grow_and_a_gap_is_left_out():
    found = windows(50, FoldsConfig(train=20, test=10, gap=5, anchored=True))
    assert [rows(one) for one in found] == [
        [(0, 20), (25, 35)],
        [(0, 30), (35, 50)],
    ]


def test_a_short_last_window_joins_the_one_before():
    found = windows(1260 + 252 + 125, FoldsConfig())
    assert [rows(one)[1] for one in found] == [(1260, 1637)]
    found = windows(1260 + 252 + 126, FoldsConfig())
    assert [rows(one)[1] for one in found] == [(1260, 1512), (1512, 1638)]


def test_a_run_without_room_for_a_fold_is_refused():
    with pytest.raises(ConfigError) as error:
        windows(100, FoldsConfig(train=90, test=20, gap=1))
    assert str(error.value) == (
        "sweep.folds: train 90, gap 1 and test 20 need 111 sessions; the run has 100"
    )


@given(
    st.integers(60, 500),
    st.integers(20, 40),
    st.integers(1, 20),
    st.integers(0, 5),
    st.booleans(),
)
def test_training_ends_before_the_test_begins_and_tests_follow_each_other(
    count, train, test, gap, anchored
):
    config = FoldsConfig(train=train, test=test, gap=gap, anchored=anchored)
    if count < train + gap + test:
        return
    found = windows(count, config)
    assert all(one.train.stop + gap == one.test.start for one in found)
    assert all(one.train.stop - one.train.start >= train for one in found)
    ends = [one.test.stop for one in found]
    assert [one.test.start for one in found[1:]] == ends[:-1]
    assert ends[-1] == count


def test_the_best_of_training_is_judged_after_and_chained():
    sessions = np.arange(60).astype("datetime64[D]")
    up, down, flat = np.full(60, 0.01), np.full(60, -0.01), np.zeros(60)
    turns = np.where(np.arange(60) < 30, 0.02, -0.02)
    returns = {"d": down, "t": turns, "u": up, "f": flat}
    config = FoldsConfig(train=20, test=20)
    found = choose(returns, sessions, config, SCORE)
    # rows 0 to 20: t earns most; after: up 20 rows of 0.01, t 10 of 0.02 and 10 of -0.02
    assert [item.key for item in found] == ["t", "u"]
    assert found[0].rank == 3.0  # u, f, t, d
    assert found[1].rank == 1.0
    assert [item.of for item in found] == [4, 4]
    chained = stitched(found, returns)
    np.testing.assert_array_equal(chained, np.concatenate([turns[20:40], up[40:]]))


def test_ties_go_to_the_first_by_key_and_share_their_rank():
    sessions = np.arange(40).astype("datetime64[D]")
    returns = {"b": np.full(40, 0.01), "a": np.full(40, 0.01)}
    (found,) = choose(returns, sessions, FoldsConfig(train=20, test=20), SCORE)
    assert (found.key, found.rank) == ("a", 1.5)


def test_without_a_score_nothing_is_chosen():
    sessions = np.arange(40).astype("datetime64[D]")
    score = score_called("calmar", 0.0)
    found = choose({"a": np.zeros(40)}, sessions, FoldsConfig(train=20, test=20), score)
    assert found[0].key is None
    assert len(stitched(found, {"a": np.zeros(40)})) == 0
