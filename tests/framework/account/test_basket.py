"""Fills of a basket, checked against hand calculations and laws."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bt_run.account.basket import Basket, fill_basket, target_shares, whole_shares
from bt_run.testing import MadeCosts


@dataclass(frozen=True)
class MinimumFee:
    """Not proportional to the value: 1 % of it, at least 5."""

    real_shares_only = ()
    proportional = False

    def fillable(self, shares, conditions):
        return shares

    def fill_price(self, price, shares, conditions):
        return price.copy()

    def commission(self, shares, price):
        return np.where(
            shares != 0, np.maximum(5.0, 0.01 * np.abs(shares) * price), 0.0
        )


def fill(held, asked, price, cash, costs=None, gross=1.0, whole=False):
    arrays = [np.array(values, dtype=float) for values in (held, asked, price)]
    return fill_basket(
        Basket(*arrays, cash, None), costs or MadeCosts(), gross=gross, whole=whole
    )


def test_target_shares_divide_money_by_price():
    np.testing.assert_array_equal(
        target_shares(
            np.array([0.5, -0.25]), 1000.0, np.array([10.0, 5.0]), whole=False
        ),
        [50, -50],
    )


def test_an_asset_without_a_price_gets_no_shares():
    assert (
        target_shares(np.array([0.5]), 1000.0, np.array([0.0]), whole=False)[0] == 0.0
    )


def test_whole_shares_cut_toward_zero_on_both_sides():
    np.testing.assert_array_equal(whole_shares(np.array([2.9, -2.9, 0.4])), [2, -2, 0])


def test_whole_shares_snap_to_the_number_that_rounding_missed():
    np.testing.assert_array_equal(
        whole_shares(np.array([3 - 1e-12, 1e6 - 0.5, -(7 - 1e-11)])), [3, 999_999, -7]
    )


def test_a_basket_that_fits_fills_in_full():
    got = fill([0, 0], [50, 20], [10, 25], 1000.0)
    np.testing.assert_array_equal(got.filled, [50, 20])
    assert got.cash == 0.0
    assert got.factor == 1.0


def test_sales_pay_for_purchases_in_either_order():
    one = fill([100, 0], [-100, 40], [10, 25], 0.0)
    other = fill([0, 100], [40, -100], [25, 10], 0.0)
    np.testing.assert_array_equal(one.filled, [-100, 40])
    np.testing.assert_array_equal(one.filled, other.filled[::-1])


def test_a_gap_at_the_fill_scales_all_openings_by_one_factor():
    # 1000 of cash; decided 50 + 50 shares at 10 each, but both open at 12.5: 1250 wanted, factor
    # 0.8
    got = fill([0, 0], [50, 50], [12.5, 12.5], 1000.0)
    assert got.factor == pytest.approx(0.8)
    np.testing.assert_allclose(got.filled, [40, 40])
    assert got.cash == pytest.approx(0.0, abs=1e-9)


def test_commission_and_slippage_must_fit_too():
    # one share costs 10 + 0.1 slippage + 1 % of 10.1 = 10.201
    got = fill([0], [100], [10], 1000.0, MadeCosts(fee=0.01, slip=0.01))
    assert got.filled[0] == pytest.approx(1000 / 10.201)
    assert got.price[0] == pytest.approx(10.1)
    assert got.commission[0] == pytest.approx(got.filled[0] * 0.101)
    assert got.slippage[0] == pytest.approx(got.filled[0] * 0.1)
    assert got.cash == pytest.approx(0.0, abs=1e-9)


def test_costs_that_are_not_proportional_find_the_largest_factor_that_fits():
    got = fill([0, 0], [100, 100], [10, 10], 1000.0, MinimumFee())
    spent = got.filled * 10 + np.maximum(5.0, 0.1 * got.filled)
    assert spent.sum() == pytest.approx(1000.0, rel=1e-9)
    assert spent.sum() <= 1000.0


def test_a_reversal_closes_in_full_and_opens_what_fits():
    # long 50 at 10 with 500 cash: NAV 1000. Sell 200: 50 close, 150 would open short 1500 > 1000.
    got = fill([50], [-200], [10], 500.0)
    assert got.filled[0] == pytest.approx(-150)
    assert got.cash == pytest.approx(500 + 1500)


def test_short_proceeds_buy_nothing():
    # short 50 at 10, cash 1500: NAV 1000, of which 500 are bound by the short
    got = fill([-50, 0], [0, 100], [10, 10], 1500.0)
    assert got.filled[1] == pytest.approx(50)


def test_leverage_may_borrow_cash():
    got = fill([0], [150], [10], 1000.0, gross=1.5)
    assert got.filled[0] == 150
    assert got.cash == -500.0


def test_what_is_held_beyond_the_gross_limit_leaves_no_room():
    got = fill([100, 0], [0, 10], [20, 10], -500.0)
    assert got.filled[1] == 0.0
    assert got.factor == 0.0


def test_whole_shares_round_down_then_fill_up_by_largest_remainder():
    # 100 of cash, openings 6 x 10 and 6 x 12: 132 wanted, factor 0.7576 -> 4.545 and 4.545, floor 4
    # and 4 spends 88; 12 is left: equal remainders, so the first by name gets one more (10), and
    # nothing fits then
    got = fill([0, 0], [6, 6], [10, 12], 100.0, whole=True)
    np.testing.assert_array_equal(got.filled, [5, 4])
    assert got.cash == 2.0


def test_one_share_too_expensive_buys_none():
    got = fill([0], [1], [150], 100.0, whole=True)
    assert got.filled[0] == 0.0
    assert got.cash == 100.0


def test_short_and_cover_pay_costs_on_both_sides():
    short = fill([0], [-10], [10], 1000.0, MadeCosts(fee=0.01, slip=0.01))
    assert short.price[0] == pytest.approx(9.9)
    assert short.cash == pytest.approx(1000 + 99 - 0.99)
    cover = fill([-10], [10], [10], short.cash, MadeCosts(fee=0.01, slip=0.01))
    assert cover.price[0] == pytest.approx(10.1)
    assert cover.cash == pytest.approx(short.cash - 101 - 1.01)


BASKETS = st.integers(1, 6).flatmap(
    lambda n: st.tuples(
        st.lists(st.floats(-100, 100), min_size=n, max_size=n),
        st.lists(st.floats(-200, 200), min_size=n, max_size=n),
        st.lists(st.floats(0.5, 500), min_size=n, max_size=n),
        st.floats(0, 1e5),
        st.sampled_from([0.5, 1.0, 1.5]),
        st.booleans(),
    )
)


@settings(max_examples=300)
@given(BASKETS)
def test_money_is_conserved_and_nothing_overfills(basket):
    held, asked, price, cash, gross, whole = basket
    if whole:
        held, asked = np.trunc(held), np.trunc(asked)
    costs = MadeCosts(fee=0.001, slip=0.002)
    got = fill(held, asked, price, cash, costs, gross, whole)
    paid = (got.filled * got.price).sum() + got.commission.sum()
    assert got.cash == pytest.approx(cash - paid, rel=1e-9, abs=1e-6)
    assert (np.abs(got.filled) <= np.abs(asked) * (1 + 1e-12)).all()
    assert (got.filled * np.array(asked) >= 0).all()
    if whole:
        np.testing.assert_array_equal(got.filled, np.trunc(got.filled))


@settings(max_examples=300)
@given(BASKETS)
def test_openings_never_pass_the_gross_limit(basket):
    held, asked, price, cash, gross, whole = basket
    held, asked, price = np.array(held), np.array(asked), np.array(price)
    got = fill(held, asked, price, cash, MadeCosts(fee=0.001, slip=0.002), gross, whole)
    after = held + got.filled
    opened = np.abs(after) > np.abs(held) + 1e-9
    nav = got.cash + (after * price).sum()
    if opened.any():
        assert (np.abs(after) * price).sum() <= max(gross, 1e-9) * nav + 1e-6 * max(
            1, abs(nav)
        ) + (
            (gross - 1) * 0.0031 * (np.abs(got.filled) * price).sum()
            if gross > 1
            else 0.0
        )


@settings(max_examples=200)
@given(BASKETS, st.randoms(use_true_random=False))
def test_the_order_of_assets_does_not_matter(basket, random):
    held, asked, price, cash, gross, _ = basket
    order = list(range(len(held)))
    random.shuffle(order)
    one = fill(held, asked, price, cash, MadeCosts(0.001, 0.002), gross)
    other = fill(
        [held[i] for i in order],
        [asked[i] for i in order],
        [price[i] for i in order],
        cash,
        MadeCosts(0.001, 0.002),
        gross,
    )
    np.testing.assert_allclose(one.filled[order], other.filled, rtol=1e-9, atol=1e-9)


def test_snapping_grows_with_the_number_of_shares():
    # 1e-9 of ten million shares is 0.01
    np.testing.assert_array_equal(
        whole_shares(np.array([1e7 - 0.005, 1e7 - 0.02])), [1e7, 1e7 - 1]
    )


def test_the_share_that_is_left_goes_to_the_largest_remainder_not_the_largest_order():
    # 100 of 140 wanted, factor 0.714: 2.857 and 7.143, cut to 2 and 7; the 10 left buy one more of
    # the first
    np.testing.assert_array_equal(
        fill([0, 0], [4, 10], [10, 10], 100.0, whole=True).filled, [3, 7]
    )


def test_a_share_that_fits_exactly_and_completes_its_order_is_bought():
    np.testing.assert_array_equal(
        fill([0, 0], [1, 1], [10, 10], 10.0, whole=True).filled, [1, 0]
    )


def test_an_opening_pays_its_price_to_the_last_bit():
    rng = np.random.default_rng(1)
    asked, price = rng.uniform(1, 9, 200), rng.uniform(1, 9, 200)
    np.testing.assert_array_equal(fill(np.zeros(200), asked, price, 1e6).price, price)


def test_a_reversal_pays_the_average_of_its_two_parts():
    class Impact(MadeCosts):
        def fill_price(self, price, shares, conditions):
            return price + 0.01 * shares

    # 50 close at 9.50, 150 open at 8.50: (50 x 9.50 + 150 x 8.50) / 200 = 8.75
    got = fill([50], [-200], [10], 500.0, Impact(), gross=3.0)
    assert (got.filled[0], got.price[0]) == (-200.0, 8.75)
    assert got.slippage[0] == 250.0
    assert got.cash == 500 + 200 * 8.75


def test_an_order_that_was_cut_by_nothing_gets_no_share_more():
    # 17 of 34 wanted: 2 and 1.5, cut to 2 and 1; the 5 left are too few for the second, and the
    # first has its part
    np.testing.assert_array_equal(
        fill([0, 0], [4, 3], [1, 10], 17.0, whole=True).filled, [2, 1]
    )


def test_what_a_sale_leaves_is_what_counts_against_the_gross_limit():
    # 100 A at 10, no cash. Half of A is sold: 500 of cash, NAV 1000, still held 500. At 1.5 times
    # NAV 1000 is left, which is 200 B at 5, and not the 400 that were asked
    got = fill([100, 0], [-50, 400], [10, 5], 0.0, gross=1.5)
    assert got.filled.tolist() == [-50.0, 200.0]
    assert got.cash == -500.0


# -- orders of which none turns a holding over -----------------------------------------------------


def of_whole_orders(*basket, **keys):
    """Fill at costs that scale, and at the same of which nobody says so: each order is then taken
    apart.
    """
    whole = MadeCosts(fee=0.0007, slip=0.0011)
    parts = replace(whole, proportional=False)
    return fill(*basket, whole, **keys), fill(*basket, parts, **keys)


def alike(found, expected, **tolerance):
    for name in ("taken", "filled", "price", "commission", "slippage", "cash"):
        ours, theirs = getattr(found, name), getattr(expected, name)
        np.testing.assert_allclose(ours, theirs, **tolerance)


HELD = [10.0, 0.0, -4.0, 7.0, -3.0, 0.0]
PRICE = [11.0, 3.5, 20.0, 1.25, 9.0, 40.0]


@pytest.mark.parametrize(
    "asked",
    [
        [2.5, 3.0, -1.5, 0.0, 0.0, -0.5],
        [-10.0, 3.0, 4.0, -2.0, 1.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
    ],
    ids=["opening", "closing and opening", "nothing"],
)
def test_orders_taken_whole_fill_as_orders_taken_apart(asked):
    found, expected = of_whole_orders(HELD, asked, PRICE, 1e4, gross=2.0)
    alike(found, expected, rtol=0)
    assert found.factor == 1.0


@pytest.mark.parametrize("cash", [150.0, 40.0, 0.0])
def test_orders_taken_whole_share_one_buying_power_as_orders_taken_apart(cash):
    asked = [-5.0, 60.0, 1.0, 3.0, 1.0, 9.0]
    found, expected = of_whole_orders(HELD, asked, PRICE, cash)
    assert 0.0 <= found.factor < 1.0
    alike(found, expected, rtol=1e-12, atol=1e-12)
    assert not np.signbit(found.filled[found.filled == 0.0]).any()
