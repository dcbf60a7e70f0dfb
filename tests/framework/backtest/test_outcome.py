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


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"strategy": {"use": "trend", "fast": 50, "slow": 50_000}},
            "nothing was ever eligible, as where a strategy's lookback is longer than",
        ),
        (
            {"sizer": {"use": "inverse_volatility", "lookback": 50_000}},
            "`sized` has no weight other than 0, as where a lookback is longer than",
        ),
    ],
)
def test_a_lookback_longer_than_the_data_is_told(
    tmp_path: Path, changes: dict[str, object], words: str
) -> None:
    text = warnings(tmp_path, 1.0, **changes)
    assert f"{words} the " in text
    assert "bars of the data" in text


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


# -- shorts, leverage, survivors -------------------------------------------------------------------


def squeezed(tmp_path, **changes):
    """Hold a short of half the account over a rise by half; 365 days a year."""
    days = pd.bdate_range("2023-01-03", periods=7).strftime("%Y-%m-%d")
    prices = tmp_path / "prices"
    prices.mkdir(exist_ok=True)
    close = [100.0, 100.0, 100.0, 150.0, 150.0, 150.0, 150.0]
    pd.DataFrame({"date": days, "close": close}).to_csv(prices / "A.csv", index=False)
    plugin = tmp_path / "short.py"
    plugin.write_text(
        "import numpy as np\nfrom bt_run import Component, Config, hookimpl\n"
        "class Short:\n"
        "    def __init__(self, config, context): pass\n"
        "    def signals(self, bars): return np.full(bars.close.shape, -1.0)\n"
        "@hookimpl\ndef bt_strategies():\n"
        "    return [Component(name='short', config=Config, build=Short, summary='short')]\n"
    )
    broker = {"use": "simulated", "cash": 1000, "fill": "next_close"}
    return run(
        RunConfig.model_validate(
            {
                "name": "t",
                "plugins": [str(plugin)],
                "data": {
                    "source": {"use": "csv", "path": str(prices)},
                    "assets": ["A"],
                    "benchmark": "A",
                    "calendar": "24/5",
                    "start": days[0],
                    "end": days[-1],
                },
                "strategy": "short",
                "sizer": "signal_weight",
                "schedule": "once",
                "limits": {"short": True},
                "broker": broker | changes,
            }
        )
    )


def test_exposure_that_prices_carried_above_its_limit_is_told(tmp_path):
    """1000 short of 10 at 100: at 150 the account is worth 500, and its short 1500."""
    result = squeezed(tmp_path)
    (told,) = [text for text in result.warnings if "gross exposure" in text]
    assert told == (
        "gross exposure was above its limit of 100% at 57.1% of closes, at most 300%: limits bound "
        "the targets, and prices move between decisions"
    )
    assert result.metrics["maximum_gross"]["run"] == pytest.approx(3.0)


def test_financing_is_a_cost_of_its_own(tmp_path):
    """A borrow fee of 36.5 % a year on 1000, then 1500, for 5 nights and a weekend."""
    result = squeezed(tmp_path, interest={"borrow": 0.365})
    flows = result.cash_flows
    assert set(flows["kind"]) == {"borrow fee"}
    paid = -flows["amount"].sum()
    assert paid == pytest.approx(
        0.001 * (1000 + 1000 + 3 * 1500 + 1500 + 1500), rel=0.2
    )
    assert result.metrics["financing"]["run"] == pytest.approx(paid)
    assert result.metrics["costs"]["run"] == 0.0


def test_a_long_account_without_leverage_is_never_above_its_limit(tmp_path):
    assert not [text for text in squeezed(tmp_path).warnings if "leverage" in text]
