"""A run that is halted, and one that is flattened, by a file of controls."""

import json

import numpy as np
import pandas as pd
import pytest

from bt_run import ConfigError, RunConfig, load_config, run
from bt_run.checks.lookahead import check_lookahead
from bt_run.checks.reproduction import reproduce

DAYS = pd.bdate_range("2020-01-02", "2020-01-17")
CLOSES = {"A": 100.0 + np.arange(len(DAYS)), "B": 50.0 + np.arange(len(DAYS)) % 3}
PLUGIN = '''
from bt_run import Component, Config, Proposal, Verdict, hookimpl

class Half:
    """Half in what has a bar; counts its decisions."""
    def target_weights(self, state):
        count = state.memo.get("count", 0) + 1
        return Proposal(0.5 * state.history.present, memo={"count": count})

class Never:
    def check(self, state, target):
        return Verdict(fire=False, veto=True, reason="never")

@hookimpl
def bt_sizers():
    return [Component(name="half", config=Config, build=lambda c, x: Half(), summary="Hold half.")]

@hookimpl
def bt_triggers():
    return [Component(name="never", config=Config, build=lambda c, x: Never(), summary="No.")]
'''


@pytest.fixture
def config(tmp_path):
    folder = tmp_path / "prices"
    folder.mkdir()
    (tmp_path / "half.py").write_text(PLUGIN)
    for name, closes in CLOSES.items():
        frame = pd.DataFrame({"date": DAYS.strftime("%Y-%m-%d"), "close": closes})
        if name == "B":
            frame = frame[~frame["date"].isin(["2020-01-09", "2020-01-10"])]
        frame.to_csv(folder / f"{name}.csv", index=False)

    def make(rows, **changes):
        controls = {}
        if rows is not None:
            (tmp_path / "controls.csv").write_text("time,key,value\n" + rows)
            controls = {"controls": {"file": str(tmp_path / "controls.csv")}}
        return RunConfig.model_validate(
            {
                "name": "controlled",
                "plugins": [str(tmp_path / "half.py")],
                "data": {
                    "source": {"use": "csv", "path": str(folder)},
                    "assets": ["A", "B"],
                    "benchmark": "A",
                    "start": "2020-01-02",
                    "end": "2020-01-17",
                },
                "strategy": "buy_and_hold",
                "sizer": "half",
                "broker": {"use": "simulated", "cash": 100000, "fill": "next_close"},
            }
            | controls
            | changes
        )

    return make


def orders_at(result, day):
    decided = result.fills["decided_at"]
    return result.fills[decided == pd.Timestamp(day)]


HALT = "2020-01-07T10:00-05:00,halt,true\n2020-01-08T10:00-05:00,halt,false\n"


def test_a_halt_stops_one_days_orders_and_nothing_else(config):
    result = run(config(HALT))
    assert orders_at(result, "2020-01-07").empty
    assert len(orders_at(result, "2020-01-06")) == 2
    assert len(orders_at(result, "2020-01-08")) == 2
    halted = result.decisions[result.decisions["time"] == "2020-01-07"]
    assert set(halted["reason"]) == {"halted by the controls"}
    assert not halted["fired"].any()
    # marked at the day's closes all the same
    held = result.positions[result.positions["time"] == "2020-01-08"]
    nav = result.nav.loc["2020-01-08"]
    assert nav["nav"] == pytest.approx(held["value"].sum() + nav["cash"])
    # and every component was asked: its memo counts every session
    counts = result.memos[result.memos["component"] == "sizer"]["memo"]
    assert counts.tolist()[-1] == f'{{"count": {len(result.nav)}}}'


def test_what_waits_is_called_off_by_a_halt(config):
    wait = {"use": "simulated", "cash": 1e5, "fill": "next_close", "unfilled": "wait"}
    result = run(config("2020-01-08T17:00-05:00,halt,true\n", broker=wait))
    # decided on the 8th for B, which has no bar on the 9th, when the halt is known
    rows = result.fills[result.fills["reason"] == "called off by a halt"]
    assert rows["asset"].tolist() == ["B"]
    assert rows["decided_at"].tolist() == [pd.Timestamp("2020-01-08")]
    assert rows["filled"].tolist() == [0.0]
    assert (result.fills["time"] <= "2020-01-09").all()


def test_flatten_sells_all_whatever_the_triggers_say(config):
    rows = "2020-01-14T10:00-05:00,flatten,true\n"
    result = run(config(rows))
    vetoed = run(config(rows, triggers=["never"]))
    last = result.positions[result.positions["time"] > "2020-01-14"]
    assert last.empty
    assert vetoed.fills.empty  # it never held anything
    told = result.decisions[result.decisions["time"] == "2020-01-14"]
    assert set(told["reason"]) == {"flattened by the controls"}
    assert (told["target"] == 0.0).all()
    told = vetoed.decisions[vetoed.decisions["time"] == "2020-01-14"]
    assert told["fired"].all()


def test_a_name_without_a_bar_waits_and_is_sold_when_it_is_back(config):
    result = run(config("2020-01-09T10:00-05:00,flatten,true\n"))
    sold = result.fills[result.fills["decided_at"] >= "2020-01-09"]
    by_asset = {name: list(rows["time"]) for name, rows in sold.groupby("asset")}
    assert by_asset == {
        "A": [pd.Timestamp("2020-01-10")],
        "B": [pd.Timestamp("2020-01-14")],
    }
    waited = result.decisions.set_index(["time", "asset"])["reason"]
    assert waited[pd.Timestamp("2020-01-10"), "B"] == "not tradable"
    assert result.positions["time"].max() == pd.Timestamp("2020-01-13")


def test_a_halt_is_stronger_than_flatten(config):
    rows = "2020-01-14T10:00-05:00,flatten,true\n2020-01-14T10:00-05:00,halt,true\n"
    result = run(config(rows))
    assert orders_at(result, "2020-01-14").empty
    assert not result.positions[result.positions["time"] == "2020-01-17"].empty


def test_controls_are_in_the_id_and_a_run_with_them_repeats(config, tmp_path):
    plain, halted = run(config(None)), run(config(HALT), tmp_path / "runs")
    assert plain.run_id != halted.run_id
    assert plain.manifest["data"] == halted.manifest["data"]
    assert reproduce(halted.folder).identical
    assert run(config(HALT.replace("07T10", "07T11"))).run_id != halted.run_id
    assert check_lookahead(config(HALT)).verdict == "clean"
    assert "none found" in halted.look_ahead


def test_controls_that_may_not_be_obeyed_as_they_were_meant_are_named(config):
    rows = "2020-01-08T10:00Z,Halt,true\n2020-01-08T10:00Z,flatten,true\n"
    result = run(config(rows, schedule="week"))
    warned = [text for text in result.warnings if text.startswith("controls: ")]
    assert warned == [
        "controls: 'Halt' is left to components; the pipeline obeys 'halt', if that was meant",
        "controls: halt and flatten are looked at when the run decides, schedule: week; a denser "
        "schedule with triggers obeys them sooner",
    ]


def test_a_path_in_a_yaml_file_starts_at_its_folder(config, tmp_path):
    plain = config(HALT)
    text = json.loads(plain.model_dump_json())
    for key in ("strategy", "sizer", "broker"):
        text[key] = {"use": text[key]["use"], **text[key]["options"]}
    text["data"]["source"] = {"use": "csv", "path": "prices"}
    text |= {"plugins": ["half.py"], "controls": {"file": "controls.csv"}}
    (tmp_path / "run.yaml").write_text(json.dumps(text))
    assert run(load_config(tmp_path / "run.yaml")).run_id == run(plain).run_id


def test_a_backtrader_strategy_obeys_no_controls(config, tmp_path):
    (tmp_path / "half.py").write_text(
        "import backtrader as bt\n"
        "from bt_run import Component, hookimpl\n"
        "class Mine(bt.Strategy):\n    pass\n"
        "@hookimpl\ndef bt_strategies():\n"
        "    return [Component.from_backtrader(Mine, 'mine')]\n"
    )
    with pytest.raises(ConfigError, match="controls: strategy 'mine' is a Backtrader"):
        run(config(HALT, strategy="mine", sizer=None))
