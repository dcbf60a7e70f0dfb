"""A book of scenarios: what happens to 1,000 of cash, worked out by hand beside each."""

import numpy as np
import pytest

from bt_run import BuildContext
from bt_run.account.account import Account
from bt_run.account.market import Market
from bt_run.data.delisting import with_silent_assets
from bt_run.testing import make_bars, make_rows
from bt_run_plugins.brokers.simulated import SimulatedConfig, build_broker

NAN = np.nan


def account(bars, *, gross=1.0, whole=False, cash=1000.0, **broker):
    built = build_broker(SimulatedConfig(cash=cash, **broker), BuildContext(costs=None))
    return Account(Market(bars, built, gross, whole), bars.start)


def play(bars, orders, **options):
    """Order weights at bars and play to the end."""
    one = account(bars, **options)
    for bar, weights in orders.items():
        one.advance(bar)
        one.order(np.array(weights, dtype=float))
    one.advance(len(bars) - 1)
    return one


def test_a_late_listing_is_bought_from_its_first_bar_on():
    bars = make_bars({"A": [10, 10, 10, 10], "B": [NAN, 20, 20, 25]})
    one = play(bars, {0: [0.5, 0.5], 1: [0.5, 0.5]})
    # B has no bar at the first decision; at the second 500 / 20 = 25 shares, filled at 20, worth 25
    # each
    assert one.shares.tolist() == [50.0, 25.0]
    assert one.nav.tolist() == [1000, 1000, 1000, 1125]


@pytest.mark.parametrize(
    ("gap", "shares", "cash", "nav"),
    [
        # 100 shares asked at 10; 1000 / 12 fit at the open of 12
        (12.0, 1000 / 12, 0.0, 1000.0),
        # all 100 fit at the open of 8, and 200 stay
        (8.0, 100.0, 200.0, 1000.0),
    ],
)
def test_a_gap_of_a_fifth_at_the_open_of_the_fill(gap, shares, cash, nav):
    one = play(
        make_bars({"A": make_rows([10, gap, gap], open=[10, gap, gap])}), {0: [1.0]}
    )
    assert one.shares[0] == pytest.approx(shares)
    assert one.cash == pytest.approx(cash, abs=1e-9)
    assert one.nav[2] == pytest.approx(nav)


def test_zero_volume_stays_tradable_and_only_participation_cares():
    bars = make_bars({"A": make_rows([10, 10, 10], volume=[0, 0, 0])})
    assert play(bars, {0: [1.0]}).shares[0] == 100.0
    assert play(bars, {0: [1.0]}, slippage={"participation": 0.5}).shares[0] == 0.0


def test_a_missing_session_keeps_the_value_and_cancels_the_order():
    bars = make_bars({"A": [10, 10, NAN, 12], "B": [1, 1, 1, 1]})
    one = play(bars, {0: [0.5, 0.0], 1: [1.0, 0.0]})
    # 50 shares; the order for 50 more finds no bar
    assert one.nav.tolist() == [1000, 1000, 1000, 1100]
    assert one.fills[-1].reason[0] == "not tradable at the fill"


def test_one_share_too_expensive_stays_cash():
    one = play(
        make_bars({"A": make_rows([600, 600], split=[1, 1])}, adjust="none"),
        {0: [0.5]},
        whole=True,
    )
    assert (one.shares[0], one.cash) == (0.0, 1000.0)
    (row,) = one.fills
    assert (row.asked[0], row.filled[0], row.bar) == (
        pytest.approx(0.5 * 1000 / 600),
        0.0,
        -1,
    )
    assert row.reason[0] == "one share costs more than its weight"


def test_cash_exhausted_scales_two_purchases_alike():
    rows = {
        "A": make_rows([10, 10], open=[10, 11]),
        "B": make_rows([20, 20], open=[20, 22]),
    }
    one = play(make_bars(rows), {0: [0.6, 0.4]})
    # 60 x 11 + 20 x 22 = 1100: factor 1000 / 1100
    assert one.shares.tolist() == pytest.approx([60 / 1.1, 20 / 1.1])


def test_all_sold_leaves_the_money_and_no_dust():
    one = play(make_bars({"A": [3, 3, 7, 7]}), {0: [1.0], 2: [0.0]})
    assert one.shares[0] == 0.0
    assert one.cash == pytest.approx(7000 / 3)


def test_short_and_cover_earns_the_fall():
    one = play(make_bars({"A": [10, 10, 8, 8]}), {0: [-0.5], 2: [0.0]})
    # 50 shares sold at 10 and bought at 8
    assert one.nav.tolist() == [1000, 1000, 1100, 1100]
    assert one.cash == 1100.0


def test_a_reversal_sells_what_is_held_and_what_fits_beyond():
    one = play(make_bars({"A": [10, 10, 10, 10]}), {0: [1.0], 2: [-1.0]})
    # 100 held; 200 sold
    assert one.shares[0] == -100.0
    assert one.cash == 2000.0


def test_leverage_of_one_and_a_half_borrows_the_half():
    one = play(make_bars({"A": [10, 10, 12]}), {0: [1.5]}, gross=1.5)
    # 150 shares, 500 borrowed; a fifth up makes three tenths
    assert one.cash == -500.0
    assert one.nav[2] == 1300.0


def test_costs_are_paid_out_of_the_purchase():
    one = play(
        make_bars({"A": [10, 10]}),
        {0: [1.0]},
        commission={"bps": 100},
        slippage={"bps": 100},
    )
    # a share costs 10.1 and 1 % of it: 10.201
    assert one.shares[0] == pytest.approx(1000 / 10.201)
    assert one.cash == pytest.approx(0.0, abs=1e-9)


def test_a_declared_delisting_with_a_position_pays_the_last_price():
    bars = make_bars(
        {"A": [10, 10, 6, NAN], "B": [1] * 4},
        last_session={"A": np.datetime64("2020-01-03")},
    )
    one = play(bars, {0: [1.0, 0.0]})
    assert one.nav.tolist() == [1000, 1000, 600, 600]
    assert one.shares[0] == 0.0


def test_a_silent_asset_that_counts_as_delisted_pays_less_the_haircut():
    bars = make_bars({"A": [10, 10, NAN, NAN, NAN], "B": [1] * 5})
    closed = with_silent_assets(bars, 2, "close")
    one = play(closed, {0: [1.0, 0.0]}, delisting={"after": 2, "haircut": 0.25})
    assert one.nav.tolist() == [1000, 750, 750, 750, 750]


@pytest.mark.parametrize(("ratio", "asked"), [(2.0, 200.0), (1.5, 150.0)])
def test_a_split_on_the_day_of_the_fill_multiplies_the_order(ratio, asked):
    rows = make_rows([10, 10 / ratio, 10 / ratio], split=[1, ratio, 1])
    one = play(make_bars({"A": rows}, adjust="none"), {0: [1.0]}, whole=True)
    assert one.fills[0].asked[0] == asked
    assert one.shares[0] == asked
    assert one.nav[2] == pytest.approx(1000.0)


def test_a_cash_dividend_is_booked_and_the_fall_on_the_ex_date_is_no_loss():
    rows = make_rows([10, 10, 9], dividend=[0, 0, 1])
    one = play(make_bars({"A": rows}, adjust="none"), {0: [1.0]}, whole=True)
    assert (one.cash, one.nav[2]) == (100.0, 1000.0)
