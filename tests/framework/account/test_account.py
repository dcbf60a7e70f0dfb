"""The account, bar by bar, against hand calculations."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bt_run.account.account import Account
from bt_run.account.market import AtBar, Market
from bt_run.data.delisting import with_silent_assets
from bt_run.terms import BrokerTerms, Delisting, Rates
from bt_run.testing import MadeCosts, make_bars, make_rows

NAN = np.nan


THIRD = {"A": np.datetime64("2020-01-03")}  # the session of bar 2


def account(bars, *, cash=1000.0, fill="next_open", whole=False, gross=1.0, **broker):
    return Account(
        Market(
            bars,
            BrokerTerms(cash=cash, fill=fill, costs=MadeCosts(), **broker),
            gross,
            whole,
        ),
        bars.start,
    )


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


def test_an_asset_without_a_bar_at_the_fill_is_cancelled_and_reported():
    bars = make_bars({"A": [10, NAN, 10, 10], "B": [1, 1, 1, 1]})
    one = account(bars)
    one.order(np.array([0.5, 0.5]))
    one.advance(3)
    assert one.shares[0] == 0.0
    assert one.shares[1] == 500.0
    (record,) = [r for r in one.fills if 0 in r.assets]
    assert (record.asked[0], record.filled[0], record.reason[0]) == (
        50.0,
        0.0,
        "not tradable at the fill",
    )


def test_an_order_may_wait_for_the_bar_that_is_missing():
    bars = make_bars({"A": [10, NAN, 20, 20], "B": [1, 1, 1, 1]})
    one = account(bars, unfilled="wait")
    one.order(np.array([0.4, 0.5]))
    one.advance(3)
    # 40 shares were asked at 10; they cost 20 each two bars later, and 500 is left after B: 25
    # shares
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
    assert [r.reason[0] for r in one.fills] == [
        "waited until the next decision replaced it",
        None,
    ]


def test_an_order_on_the_last_bar_is_reported_as_unfilled():
    bars = make_bars({"A": [10, 10]})
    one = account(bars)
    one.advance(1)
    one.order(np.array([1.0]))
    one.finish()
    (record,) = one.fills
    assert (record.bar, record.filled[0], record.reason[0]) == (
        -1,
        0.0,
        "the data end before the fill",
    )


def test_a_missing_bar_is_valued_at_the_last_close():
    bars = make_bars({"A": [10, 10, NAN, 30], "B": [1, 1, 1, 1]})
    one = account(bars)
    one.order(np.array([1.0, 0.0]))
    one.advance(3)
    np.testing.assert_array_equal(one.nav, [1000, 1000, 1000, 3000])


def test_a_silent_asset_keeps_its_last_price():
    bars = make_bars({"A": [10, 10, 8, NAN, NAN, NAN, NAN], "B": [1] * 7})
    one = account(bars, delisting=Delisting(after=3, haircut=0.5))
    one.order(np.array([1.0, 0.0]))
    one.advance(6)
    np.testing.assert_array_equal(one.nav, [1000, 1000, 800, 800, 800, 800, 800])


def test_a_silent_asset_that_counts_as_delisted_loses_the_haircut():
    bars = make_bars({"A": [10, 10, 8, NAN, NAN, NAN, NAN], "B": [1] * 7})
    closed = with_silent_assets(bars, 3, "close")
    one = account(closed, delisting=Delisting(after=3, haircut=0.5))
    one.order(np.array([1.0, 0.0]))
    one.advance(6)
    # 100 shares at 8, half lost, at the close of its last row
    np.testing.assert_array_equal(one.nav, [1000, 1000, 400, 400, 400, 400, 400])
    forced = one.fills[-1]
    assert (forced.bar, forced.price[0], forced.filled[0], forced.reason[0]) == (
        2,
        4.0,
        -100.0,
        "delisted",
    )


def test_a_halt_keeps_the_holding_and_the_news_after_it():
    bars = make_bars({"A": [10, 10, NAN, NAN, NAN, NAN, NAN, NAN, 6], "B": [1] * 9})
    one = account(bars)
    one.order(np.array([0.5, 0.0]))
    one.advance(8)
    assert one.nav[[1, 7, 8]].tolist() == [1000, 1000, 800]


def test_a_declared_delisting_closes_at_its_last_session():
    bars = make_bars(
        {"A": [10, 10, 8, NAN, NAN], "B": [1] * 5},
        last_session={"A": np.datetime64("2020-01-03")},
    )
    one = account(bars, delisting=Delisting(haircut=0.25))
    one.order(np.array([1.0, 0.0]))
    one.advance(4)
    # what the source declares has no haircut
    np.testing.assert_array_equal(one.nav, [1000, 1000, 800, 800, 800])


def test_a_declared_asset_is_not_closed_for_a_gap():
    bars = make_bars(
        {"A": [10, 10, NAN, NAN, 12], "B": [1] * 5},
        last_session={"A": np.datetime64("2020-01-07")},
    )
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


def test_a_tax_is_withheld_from_the_dividend_of_a_long_holding_only():
    rows = {
        "A": make_rows([10, 10, 9], dividend=[0, 0, 1]),
        "B": make_rows([10, 10, 9], dividend=[0, 0, 1]),
    }
    one = account(make_bars(rows, adjust="none"), whole=True, dividend_tax=0.15)
    one.order(np.array([0.5, -0.5]))
    one.advance(2)
    paid = [
        (flow.kind, flow.assets.tolist(), flow.amount.tolist())
        for flow in one.cash_flows
    ]
    assert paid == [("dividend", [0, 1], [50, -50]), ("dividend tax", [0], [-7.5])]
    assert one.nav[2] == 992.5


@pytest.mark.parametrize("ratio", [2.0, 1.5])
def test_a_split_multiplies_holdings_and_pays_fractions_in_cash(ratio):
    bars = make_bars(
        {"A": make_rows([10, 10, 10 / ratio], split=[1, 1, ratio])}, adjust="none"
    )
    one = account(bars, cash=150.0, whole=True)
    one.order(np.array([0.9]))
    one.advance(2)
    assert one.shares[0] == np.floor(13 * ratio)
    assert one.nav[2] == pytest.approx(150.0)
    if ratio == 1.5:
        assert (
            one.fills[-1].reason[0] == "fraction of a share paid in cash at the split"
        )
        assert one.fills[-1].filled[0] == -0.5


@pytest.mark.parametrize(("ratio", "shares"), [(2.0, 20.0), (1.5, 15.0)])
def test_a_split_multiplies_an_open_order(ratio, shares):
    bars = make_bars(
        {"A": make_rows([10, 10 / ratio], split=[1, ratio])}, adjust="none"
    )
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


@settings(max_examples=60)
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
        rows[name] = make_rows(
            close, dividend=np.where(rng.random(days) < 0.05, 0.1, 0.0)
        )
    rows["Z"] = make_rows(np.ones(days))
    bars = make_bars(rows, adjust="none")
    orders = {
        int(t): rng.dirichlet(np.ones(len(rows))) for t in rng.integers(0, days, 4)
    }
    bars = with_silent_assets(bars, 2, "close")
    steps, leaps = account(bars), account(bars)
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


def test_weights_drift_with_the_prices():
    one = account(make_bars({"A": [10, 10, 20], "B": [1, 1, 1]}))
    one.order(np.array([0.5, 0.0]))
    one.advance(2)
    # 50 shares at 20 beside 500 of cash
    np.testing.assert_allclose(one.weights(), [1000 / 1500, 0.0])


def test_a_basket_waits_from_its_decision_to_its_fill_which_names_both():
    one = account(make_bars({"A": [10, 10, 10, 10]}))
    one.advance(1)
    assert one.waiting.empty
    one.order(np.array([0.5]))
    assert not one.waiting.empty
    one.advance(3)
    assert one.waiting.empty
    assert (one.fills[0].decided, one.fills[0].bar) == (1, 2)


def test_what_is_outside_the_mask_is_not_traded():
    one = account(make_bars({"A": [10, 10], "B": [10, 10]}))
    one.order(np.array([0.5, 0.5]), np.array([False, True]))
    one.advance(1)
    assert one.shares.tolist() == [0.0, 50.0]


def test_an_account_worth_nothing_trades_no_more():
    one = account(make_bars({"A": [10, 10, 5, 5]}), gross=2.0)
    one.order(np.array([2.0]))
    one.advance(2)
    # 200 shares for 2000, 1000 of it borrowed: worth 1000 - 1000
    assert one.nav[2] == 0.0
    one.order(np.array([0.0]))
    assert one.waiting.empty


def test_an_account_worth_less_than_one_still_trades():
    one = account(make_bars({"A": [10, 10]}), cash=0.5)
    one.order(np.array([1.0]))
    one.advance(1)
    assert one.shares[0] == 0.05


def test_the_end_of_the_data_is_reported_once():
    one = account(make_bars({"A": [10, 10]}))
    one.advance(1)
    one.order(np.array([1.0]))
    one.finish()
    one.finish()
    assert len(one.fills) == 1


def test_the_shares_of_a_target_are_held_to_the_last_bit():
    rng = np.random.default_rng(3)
    one = account(make_bars({f"A{i:02}": [7, 7, 7, 7] for i in range(50)}), cash=1e8)
    one.order(rng.dirichlet(np.ones(50)) * 0.5)
    one.advance(1)
    weights = rng.dirichlet(np.ones(50)) * 0.9
    wanted = weights * one.nav[1] / 7
    one.order(weights)
    one.advance(2)
    np.testing.assert_array_equal(one.shares, wanted)


def test_holdings_are_listed_where_they_change():
    one = account(make_bars({"A": [10, 10, 10, 10]}))
    one.order(np.array([0.5]))
    one.advance(3)
    assert [(bar, shares.tolist()) for bar, shares in one.holdings] == [
        (0, [0.0]),
        (1, [50.0]),
    ]


def test_one_share_is_split_too():
    one = account(
        make_bars({"A": make_rows([10, 10, 5], split=[1, 1, 2])}, adjust="none"),
        cash=10.0,
        whole=True,
    )
    one.order(np.array([1.0]))
    one.advance(2)
    assert one.shares[0] == 2.0


def test_only_who_pays_a_dividend_has_a_row():
    bars = make_bars(
        {"A": [10, 10, 10], "B": make_rows([10, 10, 9], dividend=[0, 0, 1])},
        adjust="none",
    )
    one = account(bars)
    one.order(np.array([0.5, 0.5]))
    one.advance(2)
    (flow,) = one.cash_flows
    assert (flow.assets.tolist(), flow.amount.tolist()) == ([1], [50.0])


def rising(sessions):
    """0.365 and 0.73 for the nights after the first bars: a thousandth and two of the amount for
    each day.
    """
    rate = np.array([0.365, 0.73, 99.0])
    return Rates(cash=rate, margin=2 * rate, borrow=3 * rate)


def test_interest_is_booked_at_the_rate_of_the_bar_before():
    one = account(make_bars({"A": [10, 10, 10]}), rates=rising)
    one.advance(2)
    assert [flow.assets.tolist() for flow in one.cash_flows] == [[-1], [-1]]
    assert one.cash == pytest.approx(1000 * 1.001 * 1.002)


def test_a_little_cash_earns_interest_too():
    one = account(make_bars({"A": [10, 10]}), cash=0.5, rates=rising)
    one.advance(1)
    assert (one.cash_flows[0].kind, one.cash) == ("interest", pytest.approx(0.5005))


def test_borrowed_shares_cost_by_their_value_at_the_bar_before():
    one = account(make_bars({"A": [10, 10, 20], "B": [1, 1, 1]}), rates=rising)
    one.order(np.array([-0.5, 0.25]))
    one.advance(2)
    (fee,) = [flow for flow in one.cash_flows if flow.kind == "borrow fee"]
    # 50 shares at 10 for one day at three times 0.002; the long pays nothing
    assert (fee.bar, fee.assets.tolist()) == (2, [0])
    assert fee.amount.tolist() == pytest.approx([-3.0])


def test_one_share_is_delisted_too_and_the_list_of_holdings_keeps_what_was():
    bars = make_bars({"A": [10, 10, 10, NAN], "B": [1] * 4}, last_session=THIRD)
    one = account(bars, cash=10.0)
    one.order(np.array([1.0, 0.0]))
    one.advance(3)
    assert one.fills[-1].decided == -1
    assert [(bar, shares.tolist()) for bar, shares in one.holdings] == [
        (0, [0, 0]),
        (1, [1, 0]),
        (2, [0, 0]),
    ]


def test_what_a_waiting_order_still_asked_is_reported_when_it_is_replaced():
    one = account(make_bars({"A": [10, 10, NAN, NAN], "B": [1] * 4}), unfilled="wait")
    one.order(np.array([0.2, 0.0]))
    one.advance(1)
    one.order(np.array([0.5, 0.1]))
    one.advance(3)
    one.order(np.array([0.5, 0.1]))
    # 20 of 50 shares are held
    told = one.fills[-1]
    assert (told.assets.tolist(), told.asked.tolist()) == ([0], [30.0])


def closings(closes, **rules):
    bars = make_bars({"A": closes, "B": [1] * len(closes)}, **rules)
    broker = BrokerTerms(cash=1.0, fill="next_open", costs=MadeCosts())
    market = Market(bars, broker, 1.0, False)
    return {bar: assets.tolist() for bar, assets in market.closings.items()}


def test_silence_alone_delists_nobody():
    assert closings([10, NAN, NAN, NAN, NAN]) == {}


def test_a_declared_last_session_delists_at_its_bar():
    assert closings([10, 10, 10, NAN], last_session=THIRD) == {2: [0]}


def test_a_session_after_the_data_delists_nobody():
    assert closings([10, 10, 10], last_session={"A": np.datetime64("2030-01-01")}) == {}


def test_averages_end_at_the_bar_before_and_begin_with_the_first():
    bars = make_bars(
        {"A": make_rows([10, 11, 9.9, 19.8, 1], volume=[100, 200, 600, 7, 9])}
    )
    assert AtBar(bars, 3).average_volume(5)[0] == 300
    assert AtBar(bars, 3).average_volume(2)[0] == 400
    assert AtBar(bars, 1).average_volume(9)[0] == 100
    # returns of 10 %, -10 % and 100 %
    assert AtBar(bars, 3).volatility(9)[0] == pytest.approx(0.1)
    assert AtBar(bars, 4).volatility(2)[0] == pytest.approx(0.55)


def test_only_bars_with_an_action_are_busy():
    bars = make_bars(
        {"A": make_rows([10, 10, 9, 9], dividend=[0, 0, 1, 0])}, adjust="none"
    )
    assert account(bars).market.busy.tolist() == [2]


def test_an_order_that_waits_for_a_delisted_asset_is_dropped_and_reported():
    bars = make_bars({"A": [10, NAN, NAN, NAN, NAN], "B": [1] * 5}, last_session=THIRD)
    one = account(bars, unfilled="wait")
    one.order(np.array([0.5, 0.0]))
    one.advance(4)
    assert one.shares[0] == 0.0
    (told,) = one.fills
    assert (told.bar, told.asked[0], told.filled[0], told.reason[0]) == (
        2,
        50.0,
        0.0,
        "delisted",
    )


def test_a_decision_about_other_assets_leaves_the_rest_of_an_order():
    class Thin(MadeCosts):
        def fillable(self, shares, conditions):
            return np.clip(shares, -30, 30)

    bars = make_bars({"A": [10, 10, 10], "B": [10, 10, 10]})
    one = Account(
        Market(
            bars, BrokerTerms(cash=1000.0, fill="next_open", costs=Thin()), 1.0, False
        ),
        0,
    )
    one.order(np.array([0.5, 0.0]))
    one.advance(1)
    one.order(np.array([0.0, 0.1]), np.array([False, True]))
    one.advance(2)
    assert one.shares.tolist() == [50.0, 10.0]
    assert one.fills[-1].decided.tolist() == [0, 1]


def test_a_gap_of_a_year_bears_the_interest_of_a_year():
    days = np.array(["2020-01-01", "2020-12-31"], dtype="datetime64[ns]")
    one = account(
        make_bars({"A": replace(make_rows([10, 10]), times=days)}), rates=rising
    )
    one.advance(1)
    assert one.cash == pytest.approx(1000 * 1.365)


def short_of_a(closes, weights=(-1.0, 0.0), **options):
    one = account(make_bars({"A": closes, "B": [1] * len(closes)}), **options)
    one.order(np.array(weights))
    one.advance(len(closes) - 1)
    return one


@pytest.mark.parametrize(("close", "worth"), [(25, -500.0), (20, 0.0)])
def test_an_account_stands_still_from_the_first_close_without_worth(close, worth):
    # 100 shares sold at 10: 2000 of cash, and the shares cost 100 times the close
    one = short_of_a([10, 10, close, 5, 5])
    assert one.ruined == 2
    assert one.t == 4
    assert one.nav.tolist() == [1000, 1000, worth, worth, worth]
    assert one.cash_history.tolist() == [1000, 2000, 2000, 2000, 2000]


def test_ruin_is_found_in_a_stretch_of_quiet_bars():
    one = short_of_a([10, 10, 11, 12, 13, 25, 5])
    assert one.ruined == 5
    assert one.nav.tolist() == [1000, 1000, 900, 800, 700, -500, -500]


def test_what_waits_at_ruin_is_recorded_as_never_filled():
    bars = make_bars({"A": [10, 10, 25, 25], "B": [1, NAN, NAN, 1]})
    one = account(bars, unfilled="wait", gross=2.0)
    one.order(np.array([-1.0, 0.5]))
    one.advance(3)
    last = one.fills[-1]
    assert (last.bar, last.filled[0], last.reason[0]) == (
        -1,
        0.0,
        "the account was ruined before the fill",
    )


def test_a_split_of_what_is_held_is_recorded_with_its_ratio():
    rows = make_rows([10, 10, 5], split=[1, 1, 2])
    one = account(make_bars({"A": rows, "B": [1] * 3}, adjust="none"))
    one.order(np.array([0.5, 0.0]))
    one.advance(2)
    (flow,) = one.cash_flows
    assert (flow.bar, flow.kind, flow.assets.tolist()) == (2, "split", [0])
    assert (flow.amount.tolist(), flow.ratio.tolist()) == ([0.0], [2.0])


def test_a_declared_delisting_beside_a_silent_one_pays_in_full():
    ended = [10, 10, 10, NAN, NAN]
    bars = make_bars(
        {"A": ended, "B": ended, "C": [1] * 5}, last_session={"B": THIRD["A"]}
    )
    one = account(
        with_silent_assets(bars, 2, "close"), delisting=Delisting(haircut=0.5)
    )
    one.order(np.array([0.5, 0.5, 0.0]))
    one.advance(4)
    assert one.nav.tolist() == [1000, 1000, 750, 750, 750]


def last_rows(one):
    return [
        (r.bar, float(r.asked[0]), str(r.reason[0])) for r in one.fills if 0 in r.assets
    ]


@pytest.mark.parametrize("ended", ["declared", "silent"])
def test_an_order_of_the_last_session_waits_for_no_bar_after_it(ended):
    last = THIRD if ended == "declared" else None
    bars = make_bars({"A": [10, 10, 10, NAN, NAN], "B": [1] * 5}, last_session=last)
    one = account(with_silent_assets(bars, 2, "close"), unfilled="wait")
    one.advance(2)
    one.order(np.array([0.5, 0.0]))
    one.advance(4)
    one.finish()
    assert last_rows(one) == [(3, 50.0, "delisted")]


def test_an_order_of_the_last_session_is_cancelled_at_once_where_nothing_waits():
    bars = make_bars({"A": [10, 10, 10, NAN, NAN], "B": [1] * 5}, last_session=THIRD)
    one = account(bars)
    one.advance(2)
    one.order(np.array([0.5, 0.0]))
    one.advance(4)
    assert last_rows(one) == [(3, 50.0, "not tradable at the fill")]


def test_an_order_for_a_halted_asset_still_waits():
    bars = make_bars({"A": [10, 10, 10, NAN, 10], "B": [1] * 5})
    one = account(bars, unfilled="wait")
    one.advance(2)
    one.order(np.array([0.5, 0.0]))
    one.advance(4)
    assert one.shares.tolist() == [50.0, 0.0]


@pytest.mark.parametrize("weight", [1e-17, -1e-17])
def test_what_rounding_leaves_of_a_weight_is_no_order(weight):
    one = account(make_bars({"A": [10, 10, 10], "B": [1] * 3}))
    one.order(np.array([weight, 0.5]))
    one.advance(1)
    assert [record.assets.tolist() for record in one.fills] == [[1]]
    one.order(np.array([0.0, 0.5]))
    one.advance(2)
    assert len(one.fills) == 1
