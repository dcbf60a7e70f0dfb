"""An order that several bars fill: charged once, and never more than a bar's volume."""

from dataclasses import dataclass

import numpy as np
import pytest

from bt_run.account.account import Account
from bt_run.account.market import Market
from bt_run.account.parts import Parts
from bt_run.terms import BrokerTerms
from bt_run.testing import make_bars, make_rows


@dataclass(frozen=True)
class Fees:
    """Orders cost max(per_share, minimum) + flat, and take the whole of a bar's volume."""

    per_share: float = 0.0
    minimum: float = 0.0
    flat: float = 0.0
    share_of_volume: float = 1.0
    real_shares_only = ()
    proportional = False

    def fillable(self, shares, conditions):
        most = self.share_of_volume * conditions.volume
        return np.sign(shares) * np.minimum(np.abs(shares), most)

    def fill_price(self, price, shares, conditions):
        return price

    def commission(self, shares, price):
        fee = np.maximum(self.per_share * np.abs(shares), self.minimum) + self.flat
        return np.where(shares != 0, fee, 0.0)


def account(rows, costs, *, fill="next_open", exits=(), cash=4000.0, whole=True):
    bars = make_bars({"A": rows}, adjust="none" if whole else "total_return")
    broker = BrokerTerms(cash=cash, fill=fill, costs=costs)
    return Account(Market(bars, broker, 1.0, whole, exits), 0)


def fees(one):
    return [record.commission[0] for record in one.fills if record.filled.any()]


FLAT = make_rows([10.0] * 8, volume=[100.0] * 8, split=[1.0] * 8)


@pytest.mark.parametrize(
    ("costs", "charged"),
    [
        (
            Fees(per_share=0.005, minimum=1.0),
            [1.0, 0.0, 0.5],
        ),  # max(300 x 0.005, 1) = 1.50
        (Fees(per_share=0.02, minimum=1.0), [2.0, 2.0, 2.0]),
        (Fees(flat=5.0), [5.0, 0.0, 0.0]),
    ],
)
def test_an_order_in_three_parts_costs_what_the_whole_costs(costs, charged):
    one = account(FLAT, costs)
    one.order(np.array([0.75]))
    one.advance(7)
    assert fees(one) == pytest.approx(charged)
    assert one.cash == pytest.approx(4000 - 3000 - sum(charged))


def test_a_sale_in_parts_is_charged_once_too():
    one = account(FLAT, Fees(flat=5.0))
    one.order(np.array([0.5]))
    one.advance(3)
    one.order(np.array([0.0]))
    one.advance(7)
    assert fees(one) == [5.0, 0.0, 5.0, 0.0]


def test_a_new_decision_is_a_new_order():
    one = account(FLAT, Fees(flat=5.0))
    one.order(np.array([0.75]))
    one.advance(1)
    one.order(np.array([0.75]))
    one.advance(7)
    assert fees(one) == [5.0, 5.0, 0.0]


def test_parts_before_a_split_count_as_the_shares_they_were():
    """100 before a 2:1 split and 400 after it: 500 x 0.005 = 2.50, of which 1.00 is paid."""
    rows = make_rows(
        [10.0, 10.0, 5.0, 5.0, 5.0],
        volume=[100.0, 100.0, 400.0, 400.0, 400.0],
        split=[1.0, 1.0, 2.0, 1.0, 1.0],
    )
    one = account(rows, Fees(per_share=0.005, minimum=1.0))
    one.order(np.array([0.75]))
    one.advance(4)
    assert [record.filled[0] for record in one.fills if record.filled.any()] == [
        100,
        400,
    ]
    assert fees(one) == pytest.approx([1.0, 1.5])


def test_a_reverse_split_gives_no_commission_back():
    """100 before a 1:4 split pay 2.00; of the 200 left 50 come after it: 50 x 0.02 = 1.00."""
    rows = make_rows(
        [10.0, 10.0, 40.0, 40.0],
        volume=[100.0, 100.0, 400.0, 400.0],
        split=[1.0, 1.0, 0.25, 1.0],
    )
    one = account(rows, Fees(per_share=0.02))
    one.order(np.array([0.75]))
    one.advance(3)
    filled = [record.filled[0] for record in one.fills]
    assert filled == [100, 50]
    assert fees(one) == pytest.approx([2.0, 1.0])


def two_assets(costs, **broker):
    """Play A, which has no bar at day 2, beside B; 100 shares a bar, 300 wanted of each."""
    rows = {
        "A": make_rows([10.0, 10.0, np.nan, 10.0, 10.0, 10.0], volume=[100.0] * 6),
        "B": make_rows([10.0] * 6, volume=[100.0] * 6),
    }
    terms = BrokerTerms(cash=10_000.0, fill="next_open", costs=costs, **broker)
    one = Account(Market(make_bars(rows, adjust="none"), terms, 1.0, True), 0)
    one.order(np.array([0.3, 0.3]))
    one.advance(5)
    return one


def test_an_order_that_misses_a_bar_between_its_parts_is_charged_once():
    one = two_assets(Fees(flat=5.0), unfilled="wait")
    assert one.shares.tolist() == [300.0, 300.0]
    assert one.cash == 10_000 - 6_000 - 2 * 5.0


def test_an_order_that_misses_a_bar_pays_one_minimum():
    one = two_assets(Fees(per_share=0.001, minimum=1.0), unfilled="wait")
    assert one.cash == 10_000 - 6_000 - 2 * 1.0


@pytest.mark.parametrize(("whole", "first"), [(True, 33.0), (False, 33.5)])
def test_whole_shares_stay_whole_and_units_need_not(whole, first):
    rows = make_rows([10.0] * 8, volume=[67.0] * 8, split=[1.0] * 8)
    one = account(rows, Fees(share_of_volume=0.5), whole=whole)
    one.order(np.array([0.5]))
    one.advance(1)
    assert one.shares.tolist() == [first]


def test_what_the_volume_leaves_of_a_sale_is_whole_too():
    rows = make_rows(
        [10.0] * 6, volume=[1000.0, 1000.0, 67.0, 67.0, 67.0, 67.0], split=[1.0] * 6
    )
    one = account(rows, Fees(share_of_volume=0.5))
    one.order(np.array([0.5]))
    one.advance(1)
    one.order(np.array([0.0]))
    one.advance(3)
    assert one.shares.tolist() == [200.0 - 33.0 - 33.0]


def test_the_fee_of_nothing_is_nothing():
    parts = Parts.none(2)
    fee = parts.fee(Fees(flat=5.0), np.array([0.0, 1.0]), np.array([10.0, 10.0]))
    assert fee.tolist() == [0.0, 5.0]


@dataclass(frozen=True)
class Floor:
    """Close a long below a price."""

    price: float

    def levels(self, holdings):
        held = np.isfinite(holdings.side)
        return np.where(held, self.price, np.nan), np.full(len(held), np.nan)


@pytest.mark.parametrize("fill", ["next_open", "next_close"])
def test_an_exit_and_a_basket_share_the_volume_of_a_bar(fill):
    closes = [10.0, 10.0, 8.0, 8.0, 8.0, 8.0]
    rows = make_rows(closes, volume=[1e4, 1e4, 1e3, 1e3, 1e3, 1e3])
    one = account(
        rows,
        Fees(share_of_volume=0.1),
        exits=(("floor", Floor(9.0)),),
        fill=fill,
        whole=False,
    )
    one.order(np.array([0.75]))
    one.advance(5)
    traded = np.zeros(6)
    for record in one.fills:
        traded[record.bar] += np.abs(record.filled).sum()
    assert traded.tolist() == [0, 300, 100, 100, 100, 0]


def test_a_bar_in_which_the_basket_took_the_volume_leaves_the_exit_none():
    closes = [10.0, 10.0, 10.0, 8.0, 8.0, 8.0]
    rows = make_rows(
        closes, open=[10, 10, 10, 10, 8, 8], volume=[1e4, 1e3, 1e3, 1e3, 1e3, 1e3]
    )
    one = account(
        rows, Fees(share_of_volume=0.1), exits=(("floor", Floor(9.0)),), whole=False
    )
    one.order(np.array([1.0]))
    one.advance(3)
    at_three = [(r.reason[0], r.filled[0]) for r in one.fills if r.bar == 3]
    assert at_three[:2] == [("volume: the rest waits", 100.0), ("floor", 0.0)]
    one.advance(5)
    assert one.shares[0] == pytest.approx(100.0)


# -- shares dearer than their weight ---------------------------------------------------------------


def test_a_share_dearer_than_its_weight_has_a_row():
    one = account(make_rows([700.0, 700.0], split=[1.0, 1.0]), Fees(), cash=1000.0)
    one.order(np.array([0.35]))
    one.advance(1)
    (row,) = one.fills
    assert (row.asked[0], row.filled[0]) == (pytest.approx(0.5), 0.0)
    assert row.reason[0] == "one share costs more than its weight"
    assert (row.decided[0], row.bar) == (0, -1)


def test_a_short_of_less_than_a_share_has_a_row_too():
    one = account(make_rows([700.0, 700.0], split=[1.0, 1.0]), Fees(), cash=1000.0)
    one.order(np.array([-0.35]))
    assert [row.asked[0] for row in one.fills] == [pytest.approx(-0.5)]


def test_no_row_where_nothing_is_wanted_or_less_than_a_share_is_to_change():
    one = account(
        make_rows([100.0, 101.0, 101.0], split=[1.0] * 3), Fees(), cash=1000.0
    )
    one.order(np.array([0.0]))
    one.order(np.array([0.5]))
    one.advance(1)
    one.order(
        np.array([0.51])
    )  # 5.05 shares: what is held, but for a hundredth of a share
    one.advance(2)
    assert [row.filled[0] for row in one.fills] == [5.0]
