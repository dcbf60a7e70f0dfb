"""decide(): what each stage sees, what it may return, and what is recorded."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from bt_run import DataError, PluginError, Proposal, Verdict
from bt_run.data.history import History
from bt_run.data.slices import until
from bt_run.decision.pipeline import Pipeline, Stage, decide
from bt_run.decision.signals import VectorisedSignal
from bt_run.decision.state import PortfolioState, Tracks, changed
from bt_run.terms import Limits
from bt_run.testing import make_bars, make_rows

NAN = np.nan


def state(bars=None, *, t=None, weights=None, **changes):
    bars = bars or make_bars({"A": [10, 10, 10], "B": [10, 10, 10]})
    t = len(bars) - 1 if t is None else t
    count = len(bars.assets)
    return PortfolioState(
        **{
            "history": History(bars, t),
            "signals": np.full(count, NAN),
            "weights": np.zeros(count)
            if weights is None
            else np.array(weights, dtype=float),
            "nav": 1000.0,
            "cash": 1000.0,
            "shares": np.zeros(count),
            "nav_history": np.array([1000.0]),
            "costs": None,
        }
        | changes
    )


def pipeline(
    signal=(1.0, 1.0),
    sizer=lambda s: s.signals / 2,
    overlays=(),
    triggers=(),
    **changes,
):
    call = signal if callable(signal) else lambda s: np.array(signal)
    return Pipeline(
        strategy=Stage("strategy", "mine", call),
        sizer=Stage("sizer", "half", sizer),
        overlays=tuple(
            Stage(f"overlays.{i}", f"over{i}", f) for i, f in enumerate(overlays)
        ),
        triggers=tuple(
            Stage(f"triggers.{i}", f"trigger{i}", f) for i, f in enumerate(triggers)
        ),
        **changes,
    )


def test_signals_become_weights_become_a_target():
    got = decide(pipeline(), state(), {})
    np.testing.assert_array_equal(got.target, [0.5, 0.5])
    assert got.fired
    assert got.traded.all()
    assert list(got.reason) == ["scheduled", "scheduled"]


def test_overlays_act_in_order_and_each_is_recorded():
    got = decide(
        pipeline(overlays=[lambda s, w: w / 2, lambda s, w: w + 0.1]), state(), {}
    )
    assert [stage.tolist() for stage in got.stages] == [
        [0.5, 0.5],
        [0.25, 0.25],
        [0.35, 0.35],
    ]


def test_an_overlay_cannot_change_what_was_recorded_before_it():
    def vandal(state, weights):
        weights[:] = 9.0
        return weights

    got = decide(
        pipeline(overlays=[vandal], limits=Limits(gross=18.0, net=18.0, name=9.0)),
        state(),
        {},
    )
    assert got.stages[0].tolist() == [0.5, 0.5]


def test_limits_are_last_and_say_that_they_cut():
    got = decide(
        pipeline(sizer=lambda s: np.array([0.9, 0.3]), limits=Limits(name=0.6)),
        state(),
        {},
    )
    assert got.target.tolist() == [0.6, 0.3]
    assert (got.reason[0], got.cut) == ("scheduled", ("name",))


def test_nan_on_a_tradable_asset_is_not_eligible_whatever_the_sizer_says():
    got = decide(
        pipeline(signal=(NAN, 1.0), sizer=lambda s: np.array([0.5, 0.5])), state(), {}
    )
    assert got.target.tolist() == [0.0, 0.5]
    assert got.reason[0] == "not eligible"


def test_an_asset_without_a_bar_keeps_its_shares_and_its_weight():
    bars = make_bars({"A": [10, 10, NAN], "B": [10, 10, 10]})
    got = decide(
        pipeline(sizer=lambda s: np.array([0.0, 0.9])),
        state(bars, weights=[0.4, 0.0]),
        {},
    )
    assert got.target == pytest.approx([0.4, 0.6])
    assert got.traded.tolist() == [False, True]
    assert got.reason[0] == "not tradable"


def test_no_trigger_that_fires_means_no_trade():
    got = decide(pipeline(triggers=[lambda s, t: Verdict(False)]), state(), {})
    assert not got.fired
    assert not got.traded.any()
    assert got.target.tolist() == [0.5, 0.5]
    assert got.reason[0] == "no trigger fired"


def test_a_veto_beats_every_fire():
    fire, veto = (
        (lambda s, t: Verdict(True)),
        (lambda s, t: Verdict(False, veto=True, reason="risk off")),
    )
    got = decide(pipeline(triggers=[fire, veto]), state(), {})
    assert not got.fired
    assert got.reason[0] == "vetoed by trigger1: risk off"


def test_the_union_of_the_firing_names_trades_and_the_rest_keeps_its_weight():
    names = [np.array([True, False, False]), np.array([False, True, False])]
    bars = make_bars({name: [1, 1] for name in "ABC"})
    triggers = [lambda s, t, n=n: Verdict(True, names=n, reason="band") for n in names]
    flow = pipeline(
        signal=(1, 1, 1), sizer=lambda s: np.array([0.5, 0.2, 0.3]), triggers=triggers
    )
    got = decide(flow, state(bars, weights=[0.2, 0.2, 0.6]), {})
    # C keeps 0.6 and B its 0.2, so that of A's opening of 0.3 nothing fits
    assert got.target == pytest.approx([0.2, 0.2, 0.6])
    assert got.traded.tolist() == [True, True, False]
    assert got.reason[0] == "trigger0: band; trigger1: band"


def test_a_memo_comes_back_at_the_next_decision():
    def counter(state, weights):
        count = state.memo.get("count", 0) + 1
        return Proposal(weights, memo={"count": count}, notes={"seen": count})

    flow = pipeline(overlays=[counter])
    one = decide(flow, state(), {})
    two = decide(flow, state(), one.memos)
    assert two.memos["overlays.0"] == {"count": 2}
    assert two.notes == {"overlays.0": {"seen": 2}}


def test_a_memo_advances_when_the_trade_is_vetoed():
    flow = pipeline(
        overlays=[lambda s, w: Proposal(w, memo={"n": s.memo.get("n", 0) + 1})],
        triggers=[lambda s, t: Verdict(False, veto=True)],
    )
    assert decide(flow, state(), {"overlays.0": {"n": 4}}).memos["overlays.0"] == {
        "n": 5
    }


def test_a_component_that_returns_no_memo_keeps_the_last():
    assert decide(pipeline(), state(), {"sizer": {"kept": 1}}).memos["sizer"] == {
        "kept": 1
    }


def test_a_memo_is_what_json_makes_of_it():
    flow = pipeline(overlays=[lambda s, w: Proposal(w, memo={"pair": (1, 2)})])
    assert decide(flow, state(), {}).memos["overlays.0"] == {"pair": [1, 2]}


def test_a_flat_memo_holds_what_json_gives_back_for_each_value():
    given = {"a": np.float64(0.1), "b": 3, "c": True, "d": None, "e": "ä", "f": -0.0}
    flow = pipeline(overlays=[lambda s, w: Proposal(w, memo=given)])
    found = decide(flow, state(), {}).memos["overlays.0"]
    expected = json.loads(json.dumps(given))
    assert repr(found) == repr(expected)  # types and signs of zero too
    assert list(map(type, found.values())) == list(map(type, expected.values()))


@pytest.mark.parametrize("what", ["memo", "notes"])
@pytest.mark.parametrize("bad", [{"x": object()}, {"x": NAN}])
def test_a_memo_that_json_cannot_hold_is_refused(what, bad):
    flow = pipeline(overlays=[lambda s, w: Proposal(w, **{what: bad})])
    with pytest.raises(
        PluginError,
        match=rf"overlays.0 'over0' at 2020-01-03 00:00: returned {what} that JSON cannot hold",
    ):
        decide(flow, state(), {})


def test_a_wrong_shape_is_refused():
    with pytest.raises(
        PluginError,
        match=r"sizer 'half' at .*: returned shape \(3,\); expected \(N,\) = \(2,\)",
    ):
        decide(pipeline(sizer=lambda s: np.zeros(3)), state(), {})


@pytest.mark.parametrize("value", [NAN, np.inf])
def test_a_weight_that_is_no_number_is_refused(value):
    with pytest.raises(
        PluginError, match=r"returned (nan|inf) for B; expected a finite number"
    ):
        decide(pipeline(sizer=lambda s: np.array([0.1, value])), state(), {})


def test_an_exposure_beyond_one_is_refused():
    with pytest.raises(
        PluginError,
        match=r"gave A an exposure of 1.5; expected -1 to 1 \(or declare gives = 'score'\)",
    ):
        decide(pipeline(signal=(1.5, 0.0)), state(), {})


def test_a_score_may_be_any_number():
    got = decide(
        pipeline(signal=(150.0, 0.0), sizer=lambda s: s.signals / 300, gives="score"),
        state(),
        {},
    )
    assert got.target.tolist() == [0.5, 0.0]


def test_a_component_that_fails_is_named_with_its_time():
    def broken(state):
        raise KeyError("close")

    with pytest.raises(
        PluginError,
        match=r"strategy 'mine' at 2020-01-03 00:00: failed: KeyError: 'close'",
    ):
        decide(pipeline(signal=broken), state(), {})


def test_an_expected_error_passes_with_a_note():
    def broken(state):
        raise DataError("no prices")

    with pytest.raises(DataError, match="no prices") as caught:
        decide(pipeline(signal=broken), state(), {})
    assert caught.value.__notes__ == [
        "strategy 'mine' at 2020-01-03 00:00: stopped the run"
    ]


def test_a_trigger_must_give_a_verdict():
    with pytest.raises(PluginError, match="returned bool; expected a Verdict"):
        decide(pipeline(triggers=[lambda s, t: True]), state(), {})


def test_a_component_sees_the_tracks_of_earlier_stages_only():
    seen = {}
    tracks = Tracks(
        {path: lambda: np.ones(1) for path in ("sizer", "overlays.0", "overlays.1")}
    )

    def look(name):
        def see(state, weights=None):
            seen[name] = list(state.tracks)
            return np.array([0.1, 0.1]) if weights is None else weights

        return see

    def watch(state, target):
        seen["trigger"] = list(state.tracks)
        return Verdict(True)

    flow = pipeline(
        sizer=look("sizer"), overlays=[look("one"), look("two")], triggers=[watch]
    )
    decide(flow, state(tracks=tracks), {})
    assert seen == {
        "sizer": [],
        "one": ["sizer"],
        "two": ["sizer", "overlays.0"],
        "trigger": ["sizer", "overlays.0", "overlays.1"],
    }


def test_a_child_finds_its_memo_under_its_field():
    parent = state(memo={"defensive": {"a": 1}, "parts": [{"b": 2}]})
    assert parent.child("defensive").memo == {"a": 1}
    assert parent.child("parts", 0).memo == {"b": 2}
    assert parent.child("parts", 1).memo == {}
    assert parent.child("other").memo == {}


def test_vectorised_signals_are_presented_row_by_row():
    bars = make_bars({"A": [1, 2, 3]})
    mine = VectorisedSignal("mine", lambda b: b.close / 10)
    history = History(bars, 1, {"strategy": mine.evaluate(bars)})
    assert mine.member(state(bars, t=1, history=history)).tolist() == [0.2]


def test_vectorised_signals_of_a_wrong_shape_are_refused():
    with pytest.raises(
        PluginError,
        match=r"strategy 'mine': signals\(bars\) returned shape \(2,\); expected \(T, N\) = \(2, "
        r"1\)",
    ):
        VectorisedSignal("mine", lambda b: b.close[:, 0]).evaluate(
            make_bars({"A": [1, 2]})
        )


def test_a_decision_depends_on_nothing_but_its_arguments():
    bars = make_bars({"A": make_rows([10, 11, 12, 13]), "B": [1, 2, 1, 2]})
    flow = pipeline(signal=lambda s: np.clip(s.history.returns(2).sum(axis=0), -1, 1))
    one = decide(flow, state(bars, t=2), {})
    two = decide(flow, replace(state(bars, t=2)), {})
    np.testing.assert_array_equal(one.target, two.target)


# -- what a component may know ---------------------------------------------------------------------


def test_costs_can_be_asked_at_a_decision_what_a_trade_would_cost():
    """Averages end with the decision's own bar; the volume of the fill's bar is not known."""
    rows = make_rows([10.0, 11.0, 10.0, 99.0], volume=[100.0, 300.0, 500.0, 7e9])
    now = state(make_bars({"A": rows}), t=2).conditions
    assert np.isnan(now.volume).all()
    assert now.average_volume(2).tolist() == [400.0]
    assert now.average_volume(10).tolist() == [300.0]
    returns = np.array([0.1, -1 / 11])
    assert now.volatility(2)[0] == pytest.approx(returns.std())


def test_the_market_known_at_a_decision_is_that_of_the_cut_data():
    rows = make_rows([10.0, 11.0, 10.0, 99.0], volume=[100.0, 300.0, 500.0, 7e9])
    bars = make_bars({"A": rows})
    whole, cut = state(bars, t=2).conditions, state(until(bars, 2)).conditions
    assert whole.average_volume(3) == cut.average_volume(3)
    assert whole.volatility(3) == cut.volatility(3)


def test_a_state_can_be_shown_with_other_signals_weights_and_memo():
    own = state(weights=[0.2, 0.3])
    seen = own.seen(signals=[1.0, 0.0], memo={"n": 1})
    assert seen.signals.tolist() == [1.0, 0.0]
    assert dict(seen.memo) == {"n": 1}
    assert seen.weights.tolist() == [0.2, 0.3]
    assert own.seen(weights=[0.5, 0.5]).weights.tolist() == [0.5, 0.5]
    with pytest.raises(ValueError, match="read-only"):
        seen.signals[0] = 2.0
    assert np.isnan(own.signals).all()


# -- triggers that block names ---------------------------------------------------------------------


def fires(**given):
    def trigger(seen, target):
        return Verdict(True, reason="due", **given)

    return trigger


def blocks(*names):
    def trigger(seen, target):
        return Verdict(False, blocked=np.array(names), reason="wash sale")

    return trigger


def test_what_a_trigger_blocks_keeps_its_weight_while_others_trade():
    got = decide(
        pipeline(triggers=[fires(), blocks(True, False)]), state(weights=[0.2, 0.0]), {}
    )
    assert got.fired
    assert got.traded.tolist() == [False, True]
    assert got.target.tolist() == [0.2, 0.5]
    assert list(got.reason) == ["blocked by trigger1: wash sale", "trigger0: due"]


def test_a_block_of_several_triggers_names_them_all_and_alone_trades_nothing():
    both = [fires(), blocks(True, False), blocks(True, False)]
    got = decide(pipeline(triggers=both), state(), {})
    assert got.reason[0] == "blocked by trigger1: wash sale; trigger2: wash sale"
    alone = decide(pipeline(triggers=[blocks(True, False)]), state(), {})
    assert not alone.fired
    assert list(alone.reason) == ["no trigger fired"] * 2


def test_a_block_of_another_shape_is_refused():
    with pytest.raises(
        PluginError, match=r"returned blocked of shape \(3,\) and type bool"
    ):
        decide(pipeline(triggers=[blocks(True, False, True)]), state(), {})


# -- members ---------------------------------------------------------------------------------------


def test_a_member_answers_up_to_the_states_bar_and_holds_nothing_else():
    bars = make_bars({"A": [1.0, 2.0, 3.0, 4.0]})
    vectorised = VectorisedSignal("mine", lambda b: b.close, "strategy.members.0")
    signals = {vectorised.path: vectorised.evaluate(bars)}
    now = changed(state(bars), {"history": History(bars, 2, signals)})
    member = vectorised.member
    assert member(now).tolist() == [3.0]
    assert member.past(now, 2)[:, 0].tolist() == [2.0, 3.0]
    assert member.past(now, 99)[:, 0].tolist() == [1.0, 2.0, 3.0]
    with pytest.raises(ValueError, match="read-only"):
        member.past(now, 2)[0, 0] = 9.0
    assert member.past(now, 2).base is None  # a copy of its own
    public = {name for name in dir(member) if not name.startswith("_")}
    assert public == {"past"}


# -- labels ----------------------------------------------------------------------------------------


def test_a_series_counts_by_its_labels():
    got = decide(
        pipeline(signal=lambda s: pd.Series({"B": 1.0, "A": 0.5})), state(), {}
    )
    assert got.signal.tolist() == [0.5, 1.0]
    got = decide(pipeline(sizer=lambda s: pd.Series({"B": 0.7, "A": 0.1})), state(), {})
    assert got.target.tolist() == [0.1, 0.7]


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (pd.Series([0.5, 0.5]), "labels 0, 1; expected the assets A, B, each once"),
        (
            pd.Series({"A": 0.5, "b": 0.5}),
            r"labels A, b \(did you mean 'B'\?\); expected",
        ),
        (pd.Series({"A": 0.5}), "labels A; expected the assets A, B"),
        (pd.Series([0.5, 0.5], index=["A", "A"]), "labels A, A; expected the assets"),
        (
            pd.DataFrame({"A": [1.0], "B": [1.0]}),
            r"a DataFrame; expected \(N,\) values",
        ),
    ],
)
def test_labels_that_are_no_assets_are_refused(answer, text):
    with pytest.raises(PluginError, match=text):
        decide(pipeline(sizer=lambda s: answer), state(), {})


def framed(columns=("B", "A"), index=None):
    def signals(bars):
        times = bars.index if index is None else index(bars)
        values = np.arange(2.0 * len(bars)).reshape(-1, 2)
        return pd.DataFrame(values, index=times, columns=list(columns))

    return VectorisedSignal("mine", signals)


def test_a_frame_of_signals_counts_by_its_columns_and_times():
    bars = make_bars({"A": [1.0, 2.0], "B": [1.0, 2.0]})
    expected = [[1.0, 0.0], [3.0, 2.0]]
    assert framed().evaluate(bars).tolist() == expected
    dates = framed(index=lambda b: b.index.tz_localize(None))
    assert dates.evaluate(bars).tolist() == expected


@pytest.mark.parametrize(
    ("signal", "text"),
    [
        (framed(columns=("A", "C")), "columns A, C; expected the assets A, B"),
        (
            framed(index=lambda b: range(len(b))),
            r"index begins with \[0\]; expected the times",
        ),
        (framed(index=lambda b: b.index[::-1]), "a DataFrame whose index begins with"),
        (
            VectorisedSignal("mine", lambda b: pd.Series([1.0, 2.0])),
            "a Series; expected",
        ),
    ],
)
def test_a_frame_with_other_labels_is_refused(signal, text):
    with pytest.raises(PluginError, match=text):
        signal.evaluate(make_bars({"A": [1.0, 2.0], "B": [1.0, 2.0]}))
