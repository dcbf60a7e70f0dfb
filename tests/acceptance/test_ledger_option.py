"""`ledger: {decisions: traded}`: the same run in smaller tables."""

import json

import numpy as np
import pandas as pd
import pytest
from kit.places import EXAMPLES

from bt_run import PluginError, load_config, run
from bt_run.checks.lookahead import check_lookahead
from bt_run.checks.reproduction import reproduce
from bt_run.results.explanation import explain
from bt_run.results.run_folder import read_run

BANDS = [
    "data.end=2004-12-31",
    "schedule=bar",
    "overlays=[]",
    "triggers=[{use: drift_bands, total: 0.1}]",
]
TRADED = [*BANDS, "ledger.decisions=traded"]
GUARD = "overlays=[{use: drawdown_guard, steps: [{depth: 0.05, exposure: 0.5}]}]"


def flagship(*words):
    return load_config(EXAMPLES / "spy_qqq.yaml", list(words))


@pytest.fixture(scope="module")
def all_kept():
    return run(flagship(*BANDS))


@pytest.fixture(scope="module")
def traded(tmp_path_factory):
    return run(flagship(*TRADED), tmp_path_factory.mktemp("runs"), reports=True)


def test_the_run_is_the_same_and_has_an_id_of_its_own(all_kept, traded):
    for name in ("nav", "positions", "fills", "cash_flows"):
        pd.testing.assert_frame_equal(getattr(traded, name), getattr(all_kept, name))
    assert traded.look_ahead == all_kept.look_ahead
    assert "none found" in traded.look_ahead
    assert traded.run_id != all_kept.run_id


def test_of_a_decision_that_trades_nothing_one_row_says_why(all_kept, traded):
    ordered = set(traded.fills["decided_at"])
    whole = traded.decisions[traded.decisions["asset"] != ""]
    kept = all_kept.decisions[all_kept.decisions["time"].isin(ordered)]
    pd.testing.assert_frame_equal(
        whole.reset_index(drop=True), kept.reset_index(drop=True)
    )
    others = traded.decisions[traded.decisions["asset"] == ""]
    assert len(others) == all_kept.decisions["time"].nunique() - len(ordered)
    assert set(others["reason"]) == {"no trigger fired"}
    assert others[["signal", "sized", "target", "drifted"]].isna().all(axis=None)
    assert not others["fired"].any()
    # and few of them trade, or there would be nothing to save
    assert len(traded.decisions) < 0.6 * len(all_kept.decisions)


def test_a_scheduled_decision_without_an_order_has_nothing_to_change():
    words = [
        "data.end=2001-12-31",
        "strategy=buy_and_hold",
        "sizer=equal_weight",
        "schedule=bar",
        "overlays=[]",
        "data.assets={SPY: SP500}",
        "ledger.decisions=traded",
    ]
    result = run(flagship(*words))
    reasons = result.decisions["reason"].value_counts()
    # fully invested in one asset, whose weight no price can change
    assert reasons["scheduled: nothing to change"] > 400


def test_memos_are_kept_where_they_change(traded):
    words = [word for word in TRADED if not word.startswith("overlays")]
    every, few = (
        run(flagship(*words, GUARD, f"ledger.decisions={kept}")).memos
        for kept in ("all", "traded")
    )
    changed = every["memo"] != every["memo"].shift()
    noted = every["notes"] != "{}"
    kept = every[changed | noted].reset_index(drop=True)
    pd.testing.assert_frame_equal(few.reset_index(drop=True), kept)
    assert len(few) < len(every)


def test_a_component_that_reads_tracks_keeps_every_row():
    words = [word for word in TRADED if not word.startswith("overlays")]
    result = run(flagship(*words, GUARD))
    assert (result.decisions["asset"] != "").all()
    assert np.isfinite(result.decisions["overlay_1_drawdown_guard"]).all()


def test_tracks_are_not_there_for_a_component_that_does_not_say_it_reads_them(tmp_path):
    plugin = tmp_path / "secretive.py"
    plugin.write_text(
        "from bt_run import Component, Config, hookimpl\n"
        "class Secretive:\n"
        "    def adjust(self, state, weights):\n"
        "        return weights * min(1.0, state.tracks['sizer'][-1])\n"
        "@hookimpl\ndef bt_overlays():\n"
        "    return [Component(name='secretive', config=Config, summary='Reads tracks.',\n"
        "                      build=lambda config, context: Secretive())]\n"
    )
    words = ["data.end=2001-12-31", "overlays=[secretive]", f"plugins=[{plugin}]"]
    run(flagship(*words))
    with pytest.raises(PluginError, match="give it `reads_tracks = True`"):
        run(flagship(*words, "ledger.decisions=traded"))


def test_explain_says_what_was_left_out(traded):
    left_out = traded.decisions[traded.decisions["asset"] == ""]["time"].iloc[0]
    told = explain(read_run(traded.folder), f"{left_out:%Y-%m-%d}", "SPY")
    assert told.splitlines()[-2:] == [
        "no order: no trigger fired",
        "its weights were left out of the tables, by `ledger: {decisions: traded}`",
    ]
    ordered = traded.fills["decided_at"].iloc[0]
    assert "sizer inverse_volatility" in explain(
        read_run(traded.folder), f"{ordered:%Y-%m-%d}", "SPY"
    )


def test_it_repeats_and_its_checks_compare_whole_decisions(traded):
    assert reproduce(traded.folder).identical
    found = check_lookahead(flagship(*TRADED), dates=2)
    assert found.verdict == "clean"
    assert json.loads((traded.folder / "manifest.json").read_text())["config"][
        "ledger"
    ] == {"decisions": "traded"}
