"""What a run says of itself: ruin has its own tests, here are runs that never trade."""

from pathlib import Path

import pandas as pd
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
        (
            None,
            "3 decisions; none of them has a signal that is a number: nothing was ever eligible",
        ),
        (0.0, "3 decisions; no signal of any of them is other than 0"),
    ],
)
def test_a_run_that_never_trades_says_why(
    tmp_path: Path, value: float | None, why: str
) -> None:
    assert f"no order was ever placed: {why}" in warnings(tmp_path, value)


def test_orders_that_no_trigger_lets_through_are_told_apart(tmp_path: Path) -> None:
    triggers = [{"use": "drift_bands", "total": 3.0}]
    text = warnings(tmp_path, 1.0, triggers=triggers)
    assert (
        "there were signals, and no target differed from what was held, or no trigger"
        in text
    )


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
    fields = {
        "name": "a",
        "data": data,
        "strategy": "buy_and_hold",
        "sizer": "equal_weight",
    }
    result = run(RunConfig.model_validate(fields), str(tmp_path), reports=False)
    assert result.folder is not None
    assert result.folder.parent == tmp_path / "a"


def test_a_run_ends_at_the_close_of_its_ruin_and_names_the_day(tmp_path: Path) -> None:
    days = pd.bdate_range("2023-01-03", periods=7).strftime("%Y-%m-%d")
    closes = [10.0, 10.0, 10.0, 25.0, 30.0, 8.0, 5.0]
    frame = pd.DataFrame({"date": days, "close": closes, "open": closes})
    (tmp_path / "prices").mkdir()
    frame.to_csv(tmp_path / "prices" / "A.csv", index=False)
    plugin = tmp_path / "plugin.py"
    plugin.write_text(PLUGIN)
    free = {
        "use": "simulated",
        "cash": 1000,
        "commission": {"bps": 0},
        "slippage": {"bps": 0},
    }
    config = {
        "name": "ruin",
        "plugins": [plugin],
        "data": {
            "source": {"use": "csv", "path": tmp_path / "prices"},
            "assets": ["A"],
            "benchmark": "A",
            "start": days[0],
            "end": days[-1],
            "adjust": "total_return",
        },
        "strategy": {"use": "gives", "value": -1.0},
        "sizer": "signal_weight",
        "schedule": "once",
        "limits": {"short": True},
        "broker": free,
    }
    result = run(RunConfig.model_validate(config))
    # 100 shares sold at 10: at 25 they cost 2500, and 2000 are there
    assert result.nav["nav"].tolist() == [1000, 1000, 1000, -500]
    assert result.period == "2023-01-03 to 2023-01-06, the day of its ruin"
    assert result.warnings[0].startswith(
        "ruined: at the close of 2023-01-06 the account was worth"
    )
    for metric in ("cagr", "volatility", "sharpe", "turnover_one_way", "costs_bps"):
        assert set(result.metrics[metric].values()) == {None}
    assert result.metrics["total_return"]["run"] == -1.5


@pytest.mark.parametrize(("volume", "told"), [(0, True), (100, False)])
def test_fills_in_bars_without_a_trade_are_counted(
    tmp_path: Path, volume: int, told: bool
) -> None:
    days = pd.bdate_range("2023-01-03", periods=4).strftime("%Y-%m-%d")
    frame = pd.DataFrame(
        {"date": days, "close": 10.0, "volume": [100, volume, 100, 100]}
    )
    frame.to_csv(tmp_path / "A.csv", index=False)
    config = {
        "name": "thin",
        "data": {
            "source": {"use": "csv", "path": tmp_path},
            "assets": ["A"],
            "benchmark": "A",
            "start": days[0],
            "end": days[-1],
            "adjust": "total_return",
        },
        "strategy": "buy_and_hold",
        "sizer": "equal_weight",
        "schedule": "once",
        "broker": {"use": "simulated", "fill": "next_close"},
    }
    result = run(RunConfig.model_validate(config))
    text = "1 fill is at bars whose volume is 0, where nobody traded"
    assert (text in "\n".join(result.warnings)) is told
