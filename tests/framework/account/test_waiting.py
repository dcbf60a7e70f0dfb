"""The basket that waits for its fill."""

import numpy as np

from bt_run.account.waiting import Waiting

FIRST = np.array([True, False])
SECOND = np.array([False, True])


def test_nothing_waits_at_first() -> None:
    waiting = Waiting(2)
    assert waiting.empty
    assert waiting.names.tolist() == [False, False]


def test_a_later_order_takes_the_place_of_an_earlier_one_of_its_asset_only() -> None:
    waiting = Waiting(2)
    waiting.put(FIRST | SECOND, np.array([10.0, 20.0]), 3)
    waiting.put(SECOND, 25.0, 4)
    assert waiting.target.tolist() == [10.0, 25.0]
    assert waiting.decided.tolist() == [3, 4]


def test_what_is_not_kept_is_forgotten() -> None:
    waiting = Waiting(2)
    waiting.put(FIRST | SECOND, np.array([10.0, 20.0]), 3)
    waiting.keep(SECOND)
    assert waiting.names.tolist() == [False, True]
    waiting.keep(FIRST)
    assert waiting.empty


def test_all_can_be_forgotten() -> None:
    waiting = Waiting(2)
    waiting.put(FIRST | SECOND, np.array([10.0, 20.0]), 3)
    waiting.clear()
    assert waiting.empty
    assert not waiting.names.any()


def test_an_order_for_no_shares_waits_too() -> None:
    waiting = Waiting(2)
    waiting.put(FIRST, 0.0, 3)
    assert not waiting.empty


def test_a_split_multiplies_what_waits_and_whole_shares_stay_whole() -> None:
    waiting = Waiting(2)
    waiting.put(FIRST | SECOND, np.array([5.0, 7.0]), 3)
    waiting.split(np.array([1.5, 1.0]), np.array([0]), whole=True)
    assert waiting.target.tolist() == [7.0, 7.0]
