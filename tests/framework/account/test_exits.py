"""Exits between decisions: stops, targets, gaps, against hand calculations."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bt_run import BuildContext, RunConfig, run
from bt_run.account.account import Account
from bt_run.account.exits import Levels, exit_prices, nearest_levels
from bt_run.account.market import Market
from bt_run.terms import BrokerTerms, Holdings
from bt_run.testing import MadeCosts, make_bars, make_rows
from bt_run_plugins.exits.price_levels import (
    StopLoss,
    StopLossConfig,
    TakeProfit,
    TakeProfitConfig,
    TrailingStop,
    TrailingStopConfig,
)

NAN = np.nan


NOBODY = BuildContext(costs=None)
STOP = ("stop_loss", StopLoss(StopLossConfig(loss=0.1), NOBODY))
TAKE = ("take_profit", TakeProfit(TakeProfitConfig(gain=0.2), NOBODY))
TRAIL = ("trailing_stop", TrailingStop(TrailingStopConfig(depth=0.1), NOBODY))


def account(bars, *exits, weight=0.5, fill="next_open"):
    one = Account(
        Market(
            bars,
            BrokerTerms(cash=1000.0, fill=fill, costs=MadeCosts()),
            1.0,
            False,
            exits,
        ),
        bars.start,
    )
    one.order(np.array([weight]))
    one.advance(len(bars) - 1)
    return one


def closing(one):
    last = one.fills[-1]
    return last.bar, last.price[0], last.filled[0], last.reason[0]


def test_a_stop_fills_at_its_level_inside_the_bar():
    bars = make_bars(
        {
            "A": make_rows(
                [10, 10, 9.5, 9.5], open=[10, 10, 9.8, 9.5], low=[10, 10, 8.9, 9.5]
            )
        }
    )
    assert closing(account(bars, STOP)) == (2, 9.0, -50.0, "stop_loss")


def test_a_gap_of_a_fifth_through_the_stop_fills_at_the_open():
    bars = make_bars({"A": make_rows([10, 10, 8.2], open=[10, 10, 8.0])})
    one = account(bars, STOP)
    assert closing(one) == (2, 8.0, -50.0, "stop_loss")
    assert one.nav[2] == 900.0


def test_a_gap_through_the_target_fills_at_the_open():
    bars = make_bars({"A": make_rows([10, 10, 12.5], open=[10, 10, 13.0])})
    assert closing(account(bars, TAKE)) == (2, 13.0, -50.0, "take_profit")


def test_a_target_fills_at_its_level():
    bars = make_bars(
        {"A": make_rows([10, 10, 11.5], open=[10, 10, 11.0], high=[10, 10, 12.4])}
    )
    assert closing(account(bars, TAKE)) == (2, 12.0, -50.0, "take_profit")


def test_a_bar_that_touches_both_takes_the_stop():
    bars = make_bars(
        {
            "A": make_rows(
                [10, 10, 10], open=[10, 10, 10], high=[10, 10, 13], low=[10, 10, 8]
            )
        }
    )
    assert closing(account(bars, TAKE, STOP)) == (2, 9.0, -50.0, "stop_loss")


def test_a_trailing_stop_follows_the_best_close():
    bars = make_bars({"A": make_rows([10, 10, 20, 19, 17.9])})
    assert closing(account(bars, TRAIL)) == (4, 17.9, -50.0, "trailing_stop")


def test_a_short_is_the_mirror_image():
    bars = make_bars(
        {"A": make_rows([10, 10, 10.5], open=[10, 10, 10.2], high=[10, 10, 11.5])}
    )
    assert closing(account(bars, STOP, weight=-0.5)) == (2, 11.0, 50.0, "stop_loss")
    down = make_bars(
        {"A": make_rows([10, 10, 8.5], open=[10, 10, 9], low=[10, 10, 7.9])}
    )
    assert closing(account(down, TAKE, weight=-0.5)) == (2, 8.0, 50.0, "take_profit")


def test_a_new_holding_is_watched_in_the_bar_of_its_entry():
    bars = make_bars({"A": make_rows([10, 9.5], open=[10, 10], low=[10, 8.0])})
    assert closing(account(bars, STOP)) == (1, 9.0, -50.0, "stop_loss")


def test_an_entry_at_the_close_is_watched_from_the_next_bar():
    bars = make_bars({"A": make_rows([10, 10, 10], low=[10, 5, 10])})
    assert account(bars, STOP, fill="next_close").shares[0] == 50.0


def test_an_exit_before_a_fill_at_the_close_cancels_the_order():
    bars = make_bars({"A": make_rows([10, 10, 10, 10, 10], low=[10, 10, 10, 8, 10])})
    one = Account(
        Market(
            bars,
            BrokerTerms(cash=1000.0, fill="next_close", costs=MadeCosts()),
            1.0,
            False,
            (STOP,),
        ),
        0,
    )
    one.order(np.array([0.5]))
    one.advance(2)
    one.order(np.array([0.9]))
    one.advance(4)
    assert one.shares[0] == 0.0
    assert [record.reason[0] for record in one.fills[1:]] == [
        "stop_loss",
        "cancelled by an exit in the same bar",
    ]
    # 90 shares were wanted and 50 held when the order was given
    assert [record.asked[0] for record in one.fills[1:]] == [-50.0, 40.0]


class Thin(MadeCosts):
    """Costs of a market that takes 30 shares in a bar."""

    def fillable(self, shares, conditions):
        return np.clip(shares, -30, 30)


def test_what_an_exit_cancels_asked_its_own_part_where_the_exit_fills_in_parts():
    bars = make_bars({"A": make_rows([10] * 6, low=[10, 10, 10, 10, 8, 8])})
    terms = BrokerTerms(cash=1000.0, fill="next_close", costs=Thin())
    one = Account(Market(bars, terms, 1.0, False, (STOP,)), 0)
    one.order(np.array([0.5]))
    one.advance(3)
    one.order(np.array([0.8]))
    one.advance(4)
    stopped, cancelled, rest = one.fills[-3:]
    # of the 50 held the market takes 30; the order was for 30 more
    assert (stopped.asked[0], stopped.filled[0]) == (-50.0, -30.0)
    assert (cancelled.asked[0], cancelled.filled[0]) == (30.0, 0.0)
    assert (rest.asked[0], rest.filled[0]) == (-20.0, 0.0)


def test_a_sale_that_an_exit_cancels_asked_its_own_part():
    bars = make_bars({"A": make_rows([10] * 5, low=[10, 10, 10, 8, 10])})
    terms = BrokerTerms(cash=1000.0, fill="next_close", costs=MadeCosts())
    one = Account(Market(bars, terms, 1.0, False, (STOP,)), 0)
    one.order(np.array([0.5]))
    one.advance(2)
    one.order(np.array([0.2]))
    one.advance(4)
    assert one.fills[-1].reason[0] == "cancelled by an exit in the same bar"
    assert one.fills[-1].asked[0] == -30.0


def test_closes_stand_for_missing_highs_and_lows():
    from bt_run.account.exits import exit_prices

    levels = Levels(np.array([9.0]), np.array([12.0]), np.array(["s"]), np.array(["t"]))
    none = np.array([NAN])
    for close, price in ((8.5, 8.5), (9.5, NAN), (12.5, 12.5)):
        got, _ = exit_prices(np.ones(1), (none, none, none, np.array([close])), levels)
        np.testing.assert_array_equal(got, [price])


def test_a_split_moves_the_levels():
    bars = make_bars(
        {"A": make_rows([10, 10, 5, 4.4], split=[1, 1, 2, 1], open=[10, 10, 5, 4.6])},
        adjust="none",
    )
    assert closing(account(bars, STOP)) == (3, 4.5, -100.0, "stop_loss")


def test_buying_more_averages_the_entry():
    bars = make_bars({"A": make_rows([10, 10, 20, 20, 14, 14])})
    one = Account(
        Market(
            bars,
            BrokerTerms(cash=1000.0, fill="next_open", costs=MadeCosts()),
            1.0,
            False,
            (STOP,),
        ),
        0,
    )
    one.order(np.array([0.4]))
    one.advance(2)
    one.order(
        np.array([0.8])
    )  # NAV 1400: 40 shares at 10 become 56, the rest at 20: average 12.857
    one.advance(4)
    assert one.shares[0] == 56.0
    assert one.entries.price[0] == pytest.approx((40 * 10 + 16 * 20) / 56)


def test_the_nearest_of_several_rules_counts():
    side, entry, best = (
        np.array([1.0, -1.0]),
        np.array([10.0, 10.0]),
        np.array([12.0, 8.0]),
    )
    levels = nearest_levels(
        (STOP, TRAIL, TAKE), Holdings(side, entry, best, np.ones(2))
    )
    assert levels.stop.tolist() == pytest.approx([10.8, 8.8])
    assert levels.stop_rule.tolist() == ["trailing_stop", "trailing_stop"]
    assert levels.target.tolist() == pytest.approx([12.0, 8.0])


@settings(max_examples=300)
@given(
    st.sampled_from([1.0, -1.0]),
    st.lists(st.floats(1, 100), min_size=4, max_size=4),
    st.floats(1, 100),
    st.floats(1, 100),
)
def test_an_exit_price_is_a_price_of_the_bar(side, prices, stop, target):
    first, close = prices[0], prices[1]
    high, low = max(prices), min(prices)
    if side * stop >= side * target:
        stop, target = target, stop
    levels = Levels(
        np.array([stop]), np.array([target]), np.array(["s"]), np.array(["t"])
    )
    bar = tuple(np.array([value]) for value in (first, high, low, close))
    price, _ = exit_prices(np.array([side]), bar, levels)
    touched = low * side <= stop * side or high * side <= stop * side
    touched = touched or high * side >= target * side or low * side >= target * side
    assert np.isfinite(price[0]) == touched
    if touched:
        assert low <= price[0] <= high


def test_an_asset_that_was_closed_waits_for_its_signal_to_change(tmp_path):
    close = (
        [10.0] * 25
        + [8.0, 8.2, 8.4, 8.6, 8.8, 9.0]
        + [9.0] * 10
        + [5.0] * 6
        + [9.0] * 12
    )
    frame = pd.DataFrame(
        {
            "date": pd.bdate_range("2020-01-01", periods=len(close)),
            "open": close,
            "close": close,
        }
    )
    frame.to_csv(tmp_path / "A.csv", index=False)
    plugin = tmp_path / "above.py"
    plugin.write_text(
        "import numpy as np\nfrom bt_run import Component, Config, hookimpl\n"
        "class Above:\n"
        "    def __init__(self, config, context): pass\n"
        "    def signals(self, bars): return np.where(bars.close > 6, 1.0, 0.0)\n"
        "@hookimpl\ndef bt_strategies():\n"
        "    return [Component(name='above', config=Config, build=Above, summary='above six')]\n"
    )
    data = {
        "source": {"use": "csv", "path": str(tmp_path)},
        "assets": ["A"],
        "benchmark": "A",
        "calendar": "24/5",
        "start": "2020-01-02",
        "end": "2020-12-31",
    }
    result = run(
        RunConfig(
            name="t",
            plugins=[plugin],
            data=data,
            strategy="above",
            sizer="equal_weight",
            exits=[{"use": "stop_loss", "loss": 0.15}],
        )
    )
    fills = result.fills[result.fills["filled"].abs() > 1e-6]
    bought = fills[fills["filled"] > 0]["time"].dt.strftime("%m-%d").tolist()
    # bought at the start; stopped on the drop to 8; bought again only after the fall to 5 had
    # turned the signal off
    assert bought[0] == "01-03"
    stopped = fills[fills["reason"] == "stop_loss"]
    assert stopped["price"].iloc[0] == 8.0
    assert len(stopped) == 1
    later = [day for day in bought if day > stopped["time"].iloc[0].strftime("%m-%d")]
    assert later[0] == frame["date"].iloc[48].strftime("%m-%d")
    waited = result.decisions[
        result.decisions["reason"].str.startswith("closed by an exit")
    ]
    assert len(waited) > 10
    assert (waited["target"] == 0).all()
    assert result.memos["component"].eq("exits").any()


def test_of_two_equal_levels_the_first_rule_is_named():
    holdings = Holdings(np.ones(1), np.full(1, 10.0), np.full(1, 10.0), np.ones(1))
    levels = nearest_levels((TAKE, STOP, TRAIL, ("another", TAKE[1])), holdings)
    assert (levels.stop[0], levels.stop_rule[0]) == (9.0, "stop_loss")
    assert (levels.target[0], levels.target_rule[0]) == (12.0, "take_profit")


@pytest.mark.parametrize(
    ("first", "high", "low", "price", "by_stop"),
    [
        (12.0, 13.0, 8.0, 12.0, False),
        (9.0, 13.0, 8.0, 9.0, True),
        (10.0, 13.0, 8.0, 9.0, True),
    ],
)
def test_an_open_exactly_at_a_level_is_beyond_it(first, high, low, price, by_stop):
    levels = Levels(np.array([9.0]), np.array([12.0]), np.array(["s"]), np.array(["t"]))
    bar = tuple(np.array([value]) for value in (first, high, low, 10.0))
    got, stopped = exit_prices(np.ones(1), bar, levels)
    assert (got[0], stopped[0]) == (price, by_stop)


def test_a_split_moves_the_best_close():
    rows = make_rows([10, 10, 20, 10, 9.5, 8.9], split=[1, 1, 1, 2, 1, 1])
    assert closing(account(make_bars({"A": rows}, adjust="none"), TRAIL)) == (
        5,
        8.9,
        -100.0,
        "trailing_stop",
    )


def several(rows, fill="next_open", cash=1000.0, exits=(STOP,)):
    return Account(
        Market(
            make_bars(rows),
            BrokerTerms(cash=cash, fill=fill, costs=MadeCosts()),
            1.0,
            False,
            exits,
        ),
        0,
    )


def test_one_share_is_stopped_too_and_nobody_decided_it():
    one = several({"A": [10, 10, 8]}, cash=20.0)
    one.order(np.array([0.5]))
    one.advance(2)
    assert closing(one) == (2, 8.0, -1.0, "stop_loss")
    assert one.fills[-1].decided == -1


def test_an_exit_leaves_other_holdings_alone():
    one = several({"A": [10, 10, 8], "B": [10, 10, 10]})
    one.order(np.array([0.5, 0.5]))
    one.advance(2)
    assert one.shares.tolist() == [0.0, 50.0]
    assert one.cash == 400.0


def test_an_exit_before_a_fill_at_the_close_leaves_other_orders_alone():
    one = several(
        {"A": [10, 10, 10, 8], "B": [10, 10, 10, 10], "C": [10, 10, 10, 8]},
        "next_close",
    )
    one.order(np.array([0.4, 0.1, 0.1]))
    one.advance(2)
    one.order(np.array([0.2, 0.3, 0.1]), np.array([True, True, False]))
    one.advance(3)
    # A and C are stopped; of these only A had an order; B is bought as decided
    assert one.shares.tolist() == [0.0, 30.0, 0.0]
    told = [
        (record.assets.tolist(), record.reason.tolist()) for record in one.fills[1:]
    ]
    assert told == [
        ([0, 2], ["stop_loss", "stop_loss"]),
        ([0], ["cancelled by an exit in the same bar"]),
        ([1], [None]),
    ]


def test_selling_a_part_leaves_the_entry():
    one = several({"A": [10, 10, 20, 20]})
    one.order(np.array([0.5]))
    one.advance(2)
    one.order(np.array([0.2]))
    one.advance(3)
    assert one.shares[0] == 15.0
    assert one.entries.price[0] == 10.0


def test_a_holding_of_less_than_a_share_averages_its_entry():
    one = several({"A": [10, 10, 20, 20]}, cash=1.0)
    one.order(np.array([0.4]))
    one.advance(2)
    one.order(np.array([0.8]))  # NAV 1.40: 0.040 shares at 10 become 0.056
    one.advance(3)
    assert one.entries.price[0] == pytest.approx((40 * 10 + 16 * 20) / 56)


def test_a_rule_sees_for_how_many_bars_a_holding_was_held():
    class Ages:
        def __init__(self):
            self.seen = []

        def levels(self, holdings):
            self.seen.append(holdings.bars[0])
            return np.array([NAN]), np.array([NAN])

    ages = Ages()
    one = several({"A": [10, 10, 10, 10]}, exits=(("ages", ages),))
    one.order(np.array([0.5]))
    one.advance(3)
    assert ages.seen == [0.0, 1.0, 2.0]


def test_what_the_volume_does_not_take_of_an_exit_is_closed_at_the_next_bars():
    from bt_run_plugins.brokers.simulated import SimulatedConfig, build_broker

    rows = make_rows(
        [10, 10, 8.5, 10, 10, 10, 10],
        low=[10, 10, 8.5, 10, 10, 10, 10],
        volume=[1000, 1000] + [40] * 5,
    )
    broker = build_broker(
        SimulatedConfig(cash=1000.0, slippage={"participation": 0.5}), NOBODY
    )
    one = Account(Market(make_bars({"A": rows}), broker, 1.0, False, (STOP,)), 0)
    one.order(np.array([0.5]))
    one.advance(6)
    # 50 held, 20 a bar: the stop sells 20, and the rest follows although the price has recovered
    assert [record.filled[0] for record in one.fills] == [50.0, -20.0, -20.0, -10.0]
    assert one.shares[0] == 0.0


def test_an_exit_remembers_through_a_bar_that_is_missing():
    from bt_run.data.history import History
    from bt_run.decision.pipeline import EXITS, Pipeline, Stage, decide
    from bt_run.engine.panel import Past, portfolio_state

    bars = make_bars({"A": [10.0, 10.0, NAN], "B": [1.0, 1.0, 1.0]})
    one = account_of_two(bars)
    flow = Pipeline(
        strategy=Stage(
            "strategy", "on", lambda s: np.where(s.history.tradable, 1.0, NAN)
        ),
        sizer=Stage("sizer", "half", lambda s: np.array([0.5, 0.5])),
    )
    decision = decide(
        flow, portfolio_state(one, History(bars, one.t), {}, Past()), {EXITS: {"A": 1}}
    )
    assert decision.memos[EXITS] == {"A": 1}


def account_of_two(bars):
    one = Account(
        Market(
            bars,
            BrokerTerms(cash=1000.0, fill="next_open", costs=MadeCosts()),
            1.0,
            False,
            (STOP,),
        ),
        0,
    )
    one.advance(2)
    return one


def test_levels_of_a_wrong_shape_are_reported_as_the_plugins():
    from bt_run import PluginError

    class Wrong:
        def levels(self, holdings):
            return np.zeros(3), np.zeros(1)

    with pytest.raises(
        PluginError,
        match=r"exit 'wrong': failed: ValueError: levels of shape \(3,\) and \(1,\)",
    ):
        account(make_bars({"A": [10, 10, 10]}), ("wrong", Wrong()))


def test_the_rest_of_an_exit_was_decided_when_the_exit_was():
    class Thin(MadeCosts):
        def fillable(self, shares, conditions):
            return np.clip(shares, -30, 30)

    bars = make_bars({"A": [10, 10, 10, 8, 8]})
    one = Account(
        Market(
            bars,
            BrokerTerms(cash=600.0, fill="next_open", costs=Thin()),
            1.0,
            False,
            (STOP,),
        ),
        0,
    )
    one.order(np.array([0.5]))
    one.advance(1)
    one.order(np.array([1.0]))
    one.advance(4)
    # 30 and 30 are bought; the stop sells 30 at once and 30 at the next open
    assert [record.filled.tolist() for record in one.fills] == [
        [30.0],
        [30.0],
        [-30.0],
        [-30.0],
    ]
    assert [int(np.ravel(record.decided)[0]) for record in one.fills] == [0, 1, -1, 3]


@pytest.mark.parametrize(
    ("high", "low", "price", "by_stop"),
    [(11.0, 9.0, 9.0, True), (12.0, 9.1, 12.0, False)],
)
def test_a_low_or_high_exactly_at_a_level_touches_it(high, low, price, by_stop):
    levels = Levels(np.array([9.0]), np.array([12.0]), np.array(["s"]), np.array(["t"]))
    got, stopped = exit_prices(
        np.ones(1),
        tuple(np.array([value]) for value in (10.0, high, low, 10.0)),
        levels,
    )
    assert (got[0], stopped[0]) == (price, by_stop)
