"""What a run says of itself: ruin has its own tests, here are runs that never trade."""

from pathlib import Path

import pytest

from bt_run import RunConfig, run

PLUGIN = """
import numpy as np
from bt_run import Component, Config, hookimpl

class GivesConfig(Config):
    value: float | None = None

class Gives:
    def __init__(self, config, context):
        self.value = np.nan if config.value is None else config.value
    def signal(self, state):
        return np.full(len(state.weights), self.value)

@hookimpl
def bt_strategies():
    return [Component(name="gives", config=GivesConfig, build=Gives, summary="one value")]
"""


def warnings(folder: Path, value: float | None, **changes: object) -> str:
    plugin = folder / "plugin.py"
    plugin.write_text(PLUGIN)
    config = {
        "name": "idle",
        "plugins": [plugin],
        "data": {
            "source": {"use": "sample", "set": "indices"},
            "assets": ["SP500"],
            "benchmark": "SP500",
            "start": "2016-01-04",
            "end": "2016-03-31",
        },
        "strategy": {"use": "gives", "value": value},
        "sizer": "equal_weight",
        "schedule": "month",
    }
    return "\n".join(run(RunConfig.model_validate(config | changes)).warnings)


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (None, "3 decisions; none of them has a signal that is a number: nothing was ever eligible"),
        (0.0, "3 decisions; no signal of any of them is other than 0"),
    ],
)
def test_a_run_that_never_trades_says_why(tmp_path: Path, value: float | None, why: str) -> None:
    assert f"no order was ever placed: {why}" in warnings(tmp_path, value)


def test_orders_that_no_trigger_lets_through_are_told_apart(tmp_path: Path) -> None:
    triggers = [{"use": "drift_bands", "total": 3.0}]
    text = warnings(tmp_path, 1.0, triggers=triggers)
    assert "there were signals, and no target differed from what was held, or no trigger" in text


def test_a_run_that_trades_says_nothing_of_it(tmp_path: Path) -> None:
    assert "no order was ever placed" not in warnings(tmp_path, 1.0)


def test_a_folder_may_be_named_by_a_string(tmp_path: Path) -> None:
    data = {
        "source": {"use": "sample", "set": "indices"},
        "assets": ["SP500"],
        "benchmark": "SP500",
        "start": "2016-01-04",
        "end": "2016-01-29",
    }
    fields = {"name": "a", "data": data, "strategy": "buy_and_hold", "sizer": "equal_weight"}
    result = run(RunConfig.model_validate(fields), str(tmp_path), reports=False)
    assert result.folder is not None
    assert result.folder.parent == tmp_path / "a"
