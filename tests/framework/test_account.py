"""The account, bar by bar, against hand calculations."""

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bt_run.account import Account
from bt_run.components import Broker, Delisting
from bt_run.market import Market
from bt_run.testing import make_bars, make_rows

NAN = np.nan


@dataclass(frozen=True)
class Free:
    real_shares_only = ()
    proportional = True

    def fillable(self, shares, conditions):
        return shares

    def fill_price(self, price, shares, conditions):
        return price.copy()

    def commission(self, shares, price):
        return np.zeros(len(shares))


def account(bars, *, cash=1000.0, fill="next_open", whole=False, gross=1.0, **broker):
    return Account(Market(bars, Broker(cash=cash, fill=fill, costs=Free(), **broker), gross, whole), bars.start)


def test_a_decision_fills_at_the_next_open_at_the_shares_of_the_close():
    bars = make_bars({"A": make_rows([10, 12, 12], open=[10, 11, 12])})
    one = account(bars)
    one.order(np.array([0.5]))
    one.advance(1)
    # 500 / 10 = 50 shares, paid 11 each, worth 12 at the close
    assert one.shares[0] == 50
    assert one.cash == 1000 - 550
    assert one.nav[1] == 450 + 600


def test_next_close_pays_the_close():
    bars = make_bars({"A": make_rows([10, 12, 12], open=[10, 11, 12])})
    one = account(bars, fill="next_close")
    one.order(np.array([0.5]))
    one.advance(1)
    assert one.cash == 1000 - 600


def test_an_asset_without_a_bar_at_the_fill_is_cancelled_and_told():
    bars = make_bars({"A": [10, NAN, 10, 10], "B": [1, 1, 1, 1]})
    one = account(bars)
    one.order(np.array([0.5, 0.5]))
    one.advance(3)
    assert one.shares[0] == 0.0
    assert one.shares[1] == 500.0
    (record,) = [r for r in one.fills if 0 in r.assets]
    assert (record.asked[0], record.filled[0], record.reason[0]) == (50.0, 0.0, "not tradable at the fill")


def test_an_order_may_wait_for_the_bar_that_is_missing():
    bars = make_bars({"A": [10, NAN, 20, 20], "B": [1, 1, 1, 1]})
    one = account(bars, unfilled="wait")
    one.order(np.array([0.4, 0.5]))
    one.advance(3)
    # 40 shares were asked at 10; they cost 20 each two bars later, and 500 is left after B: 25 shares
    assert one.shares[0] == 25.0
    assert one.fills[-1].bar == 2
    assert one.fills[-1].reason[0] == "buying power"


def test_a_waiting_order_is_replaced_by_the_next_decision():
    bars = make_bars({"A": [10, NAN, NAN, 20], "B": [1, 1, 1, 1]})
    one = account(bars, unfilled="wait")
    one.order(np.array([0.4, 0.0]))
    one.advance(2)
    one.order(np.array([0.0, 1.0]))
    one.advance(3)
    assert one.shares[0] == 0.0
    assert [r.reason[0] for r in one.fills] == ["not tradable until the next decision replaced it", None]


def test_an_order_on_the_last_bar_is_told_as_unfilled():
    bars = make_bars({"A": [10, 10]})
    one = account(bars)
    one.advance(1)
    one.order(np.array([1.0]))
    one.finish()
    (record,) = one.fills
    assert (record.bar, record.filled[0], record.reason[0]) == (-1, 0.0, "the data end before the fill")


def test_a_missing_bar_is_valued_at_the_last_close():
    bars = make_bars({"A": [10, 10, NAN, 30], "B": [1, 1, 1, 1]})
    one = account(bars)
    one.order(np.array([1.0, 0.0]))
    one.advance(3)
    np.testing.assert_array_equal(one.nav, [1000, 1000, 1000, 3000])


def test_an_undeclared_delisting_closes_after_so_many_silent_rows():
    bars = make_bars({"A": [10, 10, 8, NAN, NAN, NAN, NAN], "B": [1] * 7})
    one = account(bars, delisting=Delisting(after=3, haircut=0.5))
    one.order(np.array([1.0, 0.0]))
    one.advance(6)
    # 100 shares at 8, half lost, known at the third silent row
    np.testing.assert_array_equal(one.nav, [1000, 1000, 800, 800, 800, 400, 400])
    forced = one.fills[-1]
    assert (forced.bar, forced.price[0], forced.filled[0], forced.reason[0]) == (5, 4.0, -100.0, "delisted")


def test_a_delisted_asset_that_trades_again_can_be_bought_again():
    bars = make_bars({"A": [10, 10, NAN, NAN, 5, 5, 6], "B": [1] * 7})
    one = account(bars, delisting=Delisting(after=2))
    one.order(np.array([1.0, 0.0]))
    one.advance(4)
    assert one.shares[0] == 0.0
    one.order(np.array([1.0, 0.0]))
    one.advance(6)
    assert one.nav[6] == 1200.0


def test_a_declared_delisting_closes_at_its_last_session():
    bars = make_bars({"A": [10, 10, 8, NAN, NAN], "B": [1] * 5}, last_session={"A": np.datetime64("2020-01-03")})
    one = account(bars, delisting=Delisting(haircut=0.25))
    one.order(np.array([1.0, 0.0]))
    one.advance(4)
    np.testing.assert_array_equal(one.nav, [1000, 1000, 600, 600, 600])


def test_a_declared_asset_is_not_closed_for_a_gap():
    bars = make_bars({"A": [10, 10, NAN, NAN, 12], "B": [1] * 5}, last_session={"A": np.datetime64("2020-01-07")})
    one = account(bars, delisting=Delisting(after=2))
    one.order(np.array([1.0, 0.0]))
    one.advance(3)
    assert one.shares[0] == 100.0


def test_a_dividend_is_cash_before_the_open():
    bars = make_bars({"A": make_rows([10, 10, 9], dividend=[0, 0, 1])}, adjust="none")
    one = account(bars, whole=True)
    one.order(np.array([1.0]))
    one.advance(2)
    assert (one.shares[0], one.cash, one.nav[2]) == (100.0, 100.0, 1000.0)
    assert one.cash_flows[0].amount[0] == 100.0


def test_a_short_pays_the_dividend():
    bars = make_bars({"A": make_rows([10, 10, 9], dividend=[0, 0, 1])}, adjust="none")
    one = account(bars, whole=True)
    one.order(np.array([-0.5]))
    one.advance(2)
    assert one.cash_flows[0].amount[0] == -50.0
    assert one.nav[2] == 1000.0


@pytest.mark.parametrize("ratio", [2.0, 1.5])
def test_a_split_multiplies_holdings_and_pays_fractions_in_cash(ratio):
    bars = make_bars({"A": make_rows([10, 10, 10 / ratio], split=[1, 1, ratio])}, adjust="none")
    one = account(bars, cash=150.0, whole=True)
    one.order(np.array([0.9]))
    one.advance(2)
    assert one.shares[0] == np.floor(13 * ratio)
    assert one.nav[2] == pytest.approx(150.0)
    if ratio == 1.5:
        assert one.fills[-1].reason[0] == "fraction of a share paid in cash at the split"
        assert one.fills[-1].filled[0] == -0.5


@pytest.mark.parametrize(("ratio", "shares"), [(2.0, 20.0), (1.5, 15.0)])
def test_a_split_multiplies_an_open_order(ratio, shares):
    bars = make_bars({"A": make_rows([10, 10 / ratio], split=[1, ratio])}, adjust="none")
    one = account(bars, cash=100.0, whole=True)
    one.order(np.array([1.0]))
    one.advance(1)
    assert one.fills[-1].asked[0] == shares
    assert one.nav[1] == pytest.approx(100.0)


def test_a_reverse_split_leaves_whole_shares():
    bars = make_bars({"A": make_rows([1, 1, 10], split=[1, 1, 0.1])}, adjust="none")
    one = account(bars, cash=105.0, whole=True)
    one.order(np.array([1.0]))
    one.advance(2)
    assert one.shares[0] == 10.0
    assert one.cash == pytest.approx(5.0)


def test_a_target_that_is_already_held_gives_no_order():
    bars = make_bars({"A": [10, 10, 10, 10]})
    one = account(bars)
    one.order(np.array([0.5]))
    one.advance(1)
    one.order(np.array([0.5]))
    one.advance(3)
    assert len(one.fills) == 1


def test_an_exit_leaves_no_dust():
    bars = make_bars({"A": [3, 3, 7, 7, 7]})
    one = account(bars)
    one.order(np.array([1 / 3]))
    one.advance(2)
    one.order(np.array([0.0]))
    one.advance(4)
    assert one.shares[0] == 0.0


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_playing_bar_by_bar_equals_playing_in_one_go(data):
    """The quiet bars are valued in one vector operation; not a bit may differ."""
    days, names = 30, "ABCDEFGHIJK"[: data.draw(st.integers(1, 11))]
    rng = np.random.default_rng(data.draw(st.integers(0, 10**6)))
    rows = {}
    for name in names:
        close = 20 * np.exp(np.cumsum(rng.normal(0, 0.03, days)))
        close[rng.random(days) < 0.1] = NAN
        close[0] = 20.0
        rows[name] = make_rows(close, dividend=np.where(rng.random(days) < 0.05, 0.1, 0.0))
    rows["Z"] = make_rows(np.ones(days))
    bars = make_bars(rows, adjust="none")
    orders = {int(t): rng.dirichlet(np.ones(len(rows))) for t in rng.integers(0, days, 4)}
    steps, leaps = account(bars, delisting=Delisting(after=2)), account(bars, delisting=Delisting(after=2))
    for t in range(days):
        steps.advance(t)
        if t in orders:
            leaps.advance(t)
            steps.order(orders[t])
            leaps.order(orders[t])
    leaps.advance(days - 1)
    assert steps.nav.tobytes() == leaps.nav.tobytes()
    assert steps.cash_history.tobytes() == leaps.cash_history.tobytes()
    assert steps.shares.tobytes() == leaps.shares.tobytes()
