"""What the book is made of: entries of what is held, true ranges, time held, costs, sectors."""

from dataclasses import replace
from types import MappingProxyType

import numpy as np
import pytest

from bt_run import BuildContext, ConfigError, Limits
from bt_run.data.known import Table
from bt_run.testing import MadeCosts, make_bars, make_rows, make_state
from bt_run_plugins.sizers.rotation.config import RotationConfig
from bt_run_plugins.sizers.rotation.entries import entries_of, time_held
from bt_run_plugins.sizers.rotation.facts import book_of
from bt_run_plugins.sizers.rotation.sizer import Rotation
from bt_run_plugins.sizers.rotation.true_range import true_ranges

NAN = np.nan
DAY = np.datetime64


def bars_of(close, **columns):
    flat = np.full(len(close), 10.0)
    return make_bars({"A": make_rows(close, **columns), "B": make_rows(flat)})


def rules(**given):
    usual = {"K": 2, "K_buy": 1, "K_sell": 3, "per_name_cap": 0.5, "atr": 1}
    return RotationConfig(**usual | given)


def with_table(bars, name, values):
    none = None if isinstance(values[0], str) else NAN
    kind = object if isinstance(values[0], str) else float
    both = np.array([[none] * len(values), values], dtype=kind)
    known = np.ones(len(bars), dtype=np.int64)
    return replace(bars, tables=MappingProxyType({name: Table(both, known)}))


# -- entries


def test_what_is_held_entered_at_the_bar_after_the_last_decision():
    bars = bars_of([1.0, 2.0, 3.0, 4.0], open=[1.0, 1.5, 2.5, 3.5])
    state = make_state(bars, weights=[0.5, 0.0], last_decision=DAY("2020-01-02"))
    opened = entries_of(state, "next_open")
    assert opened.memo(("A", "B")) == {"A": ["2020-01-03", 2.5]}
    assert np.isnan(opened.prices[1])
    closed = entries_of(state, "next_close")
    assert closed.memo(("A", "B")) == {"A": ["2020-01-03", 3.0]}


def test_what_is_remembered_stays_and_what_is_gone_is_forgotten():
    bars = bars_of([1.0, 2.0, 3.0])
    memo = {"held": {"A": ["2020-01-01", 7.0], "B": ["2020-01-01", 9.0]}}
    state = make_state(
        bars, weights=[0.5, 0.0], memo=memo, last_decision=DAY("2020-01-02")
    )
    assert entries_of(state, "next_open").memo(("A", "B")) == {"A": ["2020-01-01", 7.0]}


def test_a_buy_that_was_vetoed_has_no_entry():
    # the sizer asked for A, but no shares came of it
    bars = bars_of([1.0, 2.0, 3.0], high=[2.0, 3.0, 4.0])
    sizer = Rotation(rules(), BuildContext(costs=None))
    asked = sizer.target_weights(make_state(bars, at=1, signals=[1.0, NAN]))
    assert asked.values.tolist() == [0.5, 0.0]
    assert asked.memo == {"held": {}}
    again = make_state(
        bars, memo=asked.memo, last_decision=DAY("2020-01-02"), signals=[1.0, NAN]
    )
    assert sizer.target_weights(again).memo == {"held": {}}


def test_a_name_without_a_bar_then_entered_at_its_next():
    bars = bars_of([1.0, 2.0, NAN, 4.0], open=[1.0, 2.0, NAN, 3.5])
    state = make_state(bars, weights=[0.5, 0.0], last_decision=DAY("2020-01-02"))
    assert entries_of(state, "next_open").memo(("A", "B")) == {"A": ["2020-01-06", 3.5]}


def test_time_held_counts_sessions():
    bars = bars_of(np.ones(10))
    state = make_state(bars)
    entries = np.array([DAY("2020-01-07", "ns"), DAY("NaT", "ns")])
    found = time_held(state.history, entries, sessions=True)
    # the bars end on 14 January, a Tuesday: 8, 9, 10, 13, 14
    assert found[0] == 5.0
    assert np.isnan(found[1])


# -- true ranges, gains and dead money


def test_the_true_range_counts_gaps():
    bars = bars_of([100.0, 103.0], high=[100.0, 104.0], low=[99.0, 102.0])
    ranges, estimated = true_ranges(make_state(bars).history, 1)
    # from the close before, 100, to the high
    np.testing.assert_array_equal(ranges, [4.0, 0.0])
    assert not estimated.any()


def test_a_name_without_highs_has_a_range_from_its_closes():
    bars = bars_of([100.0, 102.0, 101.0])
    adjusted = replace(bars.adjusted, high=np.full((3, 2), NAN))
    bars = replace(bars, adjusted=adjusted, traded=adjusted)
    ranges, estimated = true_ranges(make_state(bars).history, 2)
    np.testing.assert_allclose(ranges, [1.4 * 1.5, 0.0])
    assert estimated.all()
    sizer = Rotation(rules(atr=2), BuildContext(costs=None))
    state = make_state(bars, weights=[0.5, 0.0], last_decision=DAY("2020-01-02"))
    assert sizer.target_weights(state).notes["true range from closes"] == ["A"]


@pytest.mark.parametrize(("close", "green"), [(102.4, True), (102.39, False)])
def test_a_gain_of_k_true_ranges_is_green(close, green):
    # entry 100, ATR 2, k 1.2
    bars = bars_of([101.0, close], high=[101.0, 103.0], low=[101.0, 101.0])
    memo = {"held": {"A": ["2020-01-01", 100.0]}}
    state = make_state(
        bars, weights=[0.5, 0.0], memo=memo, last_decision=DAY("2020-01-01")
    )
    book = book_of(state, rules(), "next_open").book
    assert book.green.tolist() == [green, False]
    assert book.old.tolist() == [False, False]


@pytest.mark.parametrize(("sessions", "old"), [(2, True), (3, False)])
def test_neither_gain_nor_loss_for_long_is_old(sessions, old):
    bars = bars_of([100.0] * 3, high=[102.0] * 3, low=[100.0] * 3)
    memo = {"held": {"A": ["2020-01-01", 100.0]}}
    state = make_state(
        bars, weights=[0.5, 0.0], memo=memo, last_decision=DAY("2020-01-02")
    )
    config = rules(T_max=f"{sessions} sessions")
    assert book_of(state, config, "next_open").book.old.tolist() == [old, False]


def test_a_range_longer_than_the_history_is_refused():
    with pytest.raises(ConfigError) as found:
        book_of(make_state(bars_of(np.ones(10))), rules(atr=14), "next_open")
    assert str(found.value) == (
        "sizer.atr: 14 true ranges need 15 bars; the first decision, at 2020-01-14, has 10; "
        "expected a later start, more bars before it, or a smaller atr"
    )


# -- costs, liquidity, sectors


def test_costs_are_the_brokers_in_basis_points_or_those_given():
    state = make_state(bars_of([1.0, 2.0]), costs=MadeCosts(fee=0.0004, slip=0.0006))
    np.testing.assert_allclose(
        book_of(state, rules(), "next_open").book.cost, 10.0, rtol=1e-3
    )
    assert book_of(state, rules(costs=3.0), "next_open").book.cost.tolist() == [3, 3]


def test_a_table_of_costs_needs_one_for_each_name():
    bars = with_table(bars_of([1.0, 2.0]), "bp", [5.0, NAN])
    config = rules(costs="bp")
    assert config.reads == {"bp": "number"}
    only_a = make_state(bars, signals=[1.0, NAN])
    assert book_of(only_a, config, "next_open").book.cost.tolist() == [5.0, 0.0]
    with pytest.raises(ConfigError) as found:
        book_of(make_state(bars), config, "next_open")
    assert str(found.value) == (
        "sizer.costs: the table 'bp' has nan for B at 2020-01-02; expected basis points, 0 or more"
    )


def test_liquid_is_what_trades_enough_money():
    # a million shares of 2 and of 10
    state = make_state(bars_of([1.0, 2.0]))
    found = book_of(state, rules(min_traded_value=5e6), "next_open").book
    assert found.liquid.tolist() == [False, True]


def test_sectors_are_numbered_by_name():
    bars = with_table(bars_of([1.0, 2.0]), "sector", ["energy", ""])
    config = rules(sectors="sector")
    assert config.reads == {"sector": "text"}
    assert book_of(make_state(bars), config, "next_open").book.sector.tolist() == [
        0,
        -1,
    ]


def test_neutral_leaves_a_name_without_a_beta_out_and_says_so():
    # the benchmark of made bars never moves, so no beta is known
    config = rules(preset="neutral", per_name_cap=0.3)
    context = BuildContext(costs=None, limits=Limits(short=True, gross=1.5))
    found = Rotation(config, context).target_weights(
        make_state(bars_of([1.0, 2.0]), signals=[2.0, -2.0])
    )
    assert found.values.tolist() == [0.0, 0.0]
    assert found.notes["no beta"] == ["A", "B"]


def test_the_notes_say_what_changed_and_why():
    state = make_state(bars_of([1.0, 2.0]), signals=[1.0, 0.5])
    notes = Rotation(rules(), BuildContext(costs=None)).target_weights(state).notes
    assert notes["status"] == "rotated"
    assert notes["objective_value"] == 0.5
    assert notes["changes"] == {"A": 0.5}
    assert notes["turnover"] == 0.5
    assert notes["reason_codes"] == {"A": "entry"}
