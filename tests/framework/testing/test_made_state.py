"""A state made in sight: what follows from what a test says, and what it says itself."""

import numpy as np
import pytest

from bt_run.testing import MadeCosts, make_bars, make_state

BARS = make_bars({"A": [10.0, 20.0], "B": [5.0, float("nan")]})


def test_without_more_it_is_the_first_decision_of_an_account_in_cash():
    state = make_state(BARS)
    assert len(state.history) == 2
    np.testing.assert_array_equal(state.signals, [1.0, np.nan])
    assert state.weights.tolist() == [0.0, 0.0]
    assert (state.nav, state.cash, state.memo) == (1.0, 1.0, {})
    assert isinstance(state.costs, MadeCosts)


def test_cash_and_shares_follow_from_weights_nav_and_prices():
    state = make_state(BARS, 0, weights=[0.5, 0.25], nav=100.0)
    assert state.shares.tolist() == [5.0, 5.0]
    assert state.cash == 25.0
    assert state.nav_history.tolist() == [100.0]


def test_tracks_memo_and_dates_are_as_given():
    state = make_state(
        BARS,
        tracks={"sizer": [1.0, 0.9]},
        memo={"steps": 1},
        last_trade=BARS.sessions[0],
        controls={"halt": True},
    )
    assert state.tracks["sizer"].tolist() == [1.0, 0.9]
    assert state.memo == {"steps": 1}
    assert state.last_trade == BARS.sessions[0]
    assert state.controls == {"halt": True}


def test_its_arrays_cannot_be_changed():
    with pytest.raises(ValueError, match="read-only"):
        make_state(BARS).weights[0] = 1.0
