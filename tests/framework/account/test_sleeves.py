"""Sleeves by hand: what is earned from which bar on, and what a change costs."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bt_run.account.sleeves import sleeve_returns

NAN = np.nan


def column(*values):
    return np.array(values, dtype=float)[:, None]


def growth(returns):
    return float(np.prod(1.0 + np.nan_to_num(returns)))


def test_a_decision_at_a_close_is_filled_at_the_next_close_and_earns_from_there():
    close = column(10, 10, 12, 12.6, 12.6)
    exposure = column(0, 1, 0, 0, 0)
    got = sleeve_returns(exposure, close, close, "next_close", 0.001)
    # bought at 12, sold at 12.6, and 10 bp of each trade
    np.testing.assert_allclose(got[1:, 0], [0, -0.001, 1.05 * 0.999 - 1, 0], atol=1e-15)
    assert growth(got) == pytest.approx(1.05 * 0.999**2, abs=1e-15)


def test_the_night_after_the_decision_to_sell_still_counts():
    opens = column(10, 10, 10, 13)
    close = column(10, 10, 11, 13)
    got = sleeve_returns(column(1, 1, 0, 0), close, opens, "next_open")
    assert growth(got) == pytest.approx(1.3, abs=1e-15)


def test_a_bar_that_is_missing_is_no_bar_of_the_assets_own():
    whole = column(10, 11, 12, 9, 10)
    exposure = column(1, 0, 1, 1, 1)
    gap = np.insert(whole, 2, NAN, axis=0)
    wide = np.insert(exposure, 2, NAN, axis=0)
    for fill in ("next_open", "next_close"):
        want = sleeve_returns(exposure, whole, whole * 0.99, fill, 0.002)
        got = sleeve_returns(wide, gap, gap * 0.99, fill, 0.002)
        np.testing.assert_array_equal(np.delete(got, 2, axis=0), want)
        assert np.isnan(got[2]).all()


def test_an_asset_that_is_not_eligible_holds_nothing():
    close = column(1, 2, 3, 4)
    got = sleeve_returns(np.full((4, 1), NAN), close, close, "next_close", 0.1)
    np.testing.assert_array_equal(got[1:, 0], [0, 0, 0])


def account(exposure, close, opens, fill, cost):
    """Walk one asset: an account that is rebalanced to the exposure at every fill."""
    nav, values = 1.0, [NAN]
    for t in range(1, len(close)):
        before = exposure[t - 2] if t >= 2 else 0.0
        new = exposure[t - 1]
        start = nav
        if fill == "next_close":
            nav *= 1 + before * (close[t] / close[t - 1] - 1)
            nav *= 1 - cost * abs(new - before)
        else:
            nav *= 1 + before * (opens[t] / close[t - 1] - 1)
            nav *= 1 - cost * abs(new - before)
            nav *= 1 + new * (close[t] / opens[t] - 1)
        values.append(nav / start - 1)
    return values


@given(
    st.lists(
        st.tuples(
            st.floats(1, 100), st.floats(1, 100), st.sampled_from([-1.0, 0.0, 0.5, 1.0])
        ),
        min_size=1,
        max_size=12,
    ),
    st.sampled_from(["next_open", "next_close"]),
)
def test_it_is_what_an_account_that_walks_the_bars_makes(bars, fill):
    close, opens, exposure = (np.array(values) for values in zip(*bars, strict=True))
    got = sleeve_returns(
        exposure[:, None], close[:, None], opens[:, None], fill, 0.0015
    )
    want = account(exposure, close, opens, fill, 0.0015)
    np.testing.assert_allclose(got[:, 0], want, rtol=1e-12, atol=1e-12)


@given(st.integers(2, 30))
def test_no_row_knows_a_later_one(cut):
    random = np.random.default_rng(cut)
    close = 100 * np.exp(random.normal(0, 0.02, (30, 3)).cumsum(axis=0))
    close[random.random((30, 3)) < 0.2] = NAN
    opens = close * random.uniform(0.98, 1.02, (30, 3))
    exposure = random.choice([-1.0, 0.0, 1.0], (30, 3))
    whole = sleeve_returns(exposure, close, opens, "next_open", 0.001)
    part = sleeve_returns(exposure[:cut], close[:cut], opens[:cut], "next_open", 0.001)
    np.testing.assert_array_equal(whole[:cut], part)
