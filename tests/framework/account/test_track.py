"""A track is an account that catches up when it is read."""

import numpy as np
import pytest

from bt_run.account.market import Market
from bt_run.account.track import Track
from bt_run.terms import BrokerTerms
from bt_run.testing import MadeCosts, make_bars, make_rows


def made() -> Track:
    bars = make_bars({"A": make_rows([100, 100, 200, 100], open=[100, 100, 100, 200])})
    terms = BrokerTerms(cash=1000.0, fill="next_open", costs=MadeCosts())
    return Track(Market(bars, terms, 1.0, whole=False))


def test_an_order_fills_at_the_next_open_and_earns_from_there() -> None:
    track = made()
    track.order(0, np.array([0.5]))
    assert track.nav_until(3) == pytest.approx([1000, 1000, 1500, 1000])


def test_an_order_is_not_seen_at_the_bar_of_its_decision() -> None:
    track = made()
    track.order(2, np.array([0.5]))
    assert track.nav_until(2).tolist() == [1000, 1000, 1000]


def test_reading_bar_by_bar_gives_what_reading_once_gives() -> None:
    slow, fast = made(), made()
    for track in (slow, fast):
        track.order(0, np.array([1.0]))
    for t in range(3):
        slow.nav_until(t)
    assert slow.nav_until(3).tolist() == fast.nav_until(3).tolist()
