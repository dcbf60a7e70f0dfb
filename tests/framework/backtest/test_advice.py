"""Warnings before the first bar: components know best with what they do not go together."""

import numpy as np
import pandas as pd
import pytest

from bt_run import PluginError, RunConfig
from bt_run.backtest.preparing import prepare

PLUGIN = '''
from bt_run import Component, Config, hookimpl


class Empty(Config):
    pass


class Cautious:
    """A stranger's guard."""

    guards = True

    def __init__(self, config, context):
        pass

    def adjust(self, state, weights):
        return weights


class Told(Cautious):
    guards = False

    def advice(self, plan):
        yield f"{plan.own.path}: {plan.schedule}, after {[item.name for item in plan.before]}"


class Broken(Cautious):
    def advice(self, plan):
        yield 1 / 0


@hookimpl
def bt_overlays():
    offered = {"cautious": Cautious, "told": Told, "broken": Broken}
    return [
        Component(name=name, config=Empty, build=build, summary=name)
        for name, build in offered.items()
    ]
'''


@pytest.fixture
def folder(tmp_path):
    times = pd.bdate_range("2020-01-02", "2020-02-28").strftime("%Y-%m-%d")
    table = pd.DataFrame({"date": times, "open": 1.0, "close": 1.0})
    table["close"] += np.arange(len(times))
    table["open"] = table["close"] - 0.5
    table.to_csv(tmp_path / "A.csv", index=False)
    (tmp_path / "mine.py").write_text(PLUGIN)
    return tmp_path


def warnings(folder, overlays, schedule="month"):
    config = {
        "name": "advice",
        "plugins": [str(folder / "mine.py")],
        "data": {
            "source": {"use": "csv", "path": str(folder)},
            "assets": ["A"],
            "benchmark": "A",
            "calendar": "24/5",
            "start": "2020-01-06",
            "end": "2020-02-28",
        },
        "strategy": "buy_and_hold",
        "sizer": "equal_weight",
        "overlays": overlays,
        "schedule": schedule,
    }
    return prepare(RunConfig.model_validate(config)).warnings


GUARD = {"use": "drawdown_guard", "steps": [{"depth": 0.1, "exposure": 0.5}]}
TARGET = {"use": "volatility_target", "annual": 0.1}


def test_a_target_after_a_guard_is_warned_of_whoever_wrote_the_guard(folder):
    for guard, name in ((GUARD, "drawdown_guard"), ("cautious", "cautious")):
        (told,) = warnings(folder, [guard, TARGET], "week")
        assert told == (
            f"overlays: volatility_target after {name} scales back up what the guard cut; swap them"
        )
        assert warnings(folder, [TARGET, guard], "week") == ()


def test_a_guard_under_a_thin_schedule_is_warned_of(folder):
    (told,) = warnings(folder, [GUARD])
    assert told.startswith("schedule: month, so the drawdown_guard looks only then;")


def test_a_strangers_advice_is_heard_with_its_place_in_the_run(folder):
    (told,) = warnings(folder, ["cautious", "told"])
    assert (
        told == "overlays.1: month, after ['buy_and_hold', 'equal_weight', 'cautious']"
    )


def test_advice_that_fails_is_reported_as_the_plugins(folder):
    with pytest.raises(
        PluginError, match=r"overlays\.0 'broken': advice: failed: ZeroDivision"
    ):
        warnings(folder, ["broken"])
