"""The analyzer of costs: replays at other costs, the break-even, the share of the volume."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from kit.places import EXAMPLES

from bt_run import BacktestResult, load_config, run
from bt_run_plugins.analyzers.costs import (
    CAPACITY,
    _crossing,
    _shares_at_one,
    scaled,
)

YEARS = ("data.start=2004-01-02", "data.end=2005-12-30")


@pytest.fixture(scope="module")
def result() -> BacktestResult:
    changes = [*YEARS, "analyzers=[{use: costs, multiples: [0, 1, 3]}]"]
    return run(load_config(EXAMPLES / "stocks.yaml", changes), reports=False)


def test_once_the_costs_is_the_run_and_more_is_a_run_of_its_own(
    result: BacktestResult,
) -> None:
    table = result.analyses["costs sensitivity"].set_index("times the costs")
    own = result.metrics["total_return"]["run"]
    assert table.loc[1.0, "total return, %"] == pytest.approx(100 * own)
    assert table.loc[1.0, "costs, money"] == pytest.approx(
        result.metrics["costs"]["run"]
    )
    assert table.loc[0.0, "costs, money"] == 0.0
    other = run(
        load_config(
            EXAMPLES / "stocks.yaml",
            [*YEARS, "broker.commission.bps=6", "broker.slippage.bps=15"],
        ),
        reports=False,
    )
    expected = 100 * other.metrics["total_return"]["run"]
    assert table.loc[3.0, "total return, %"] == pytest.approx(expected)


def test_the_break_even_is_the_cost_at_which_a_run_earns_nothing(
    result: BacktestResult,
) -> None:
    table = result.analyses["costs break-even"]
    bps = float(table["basis points"].iloc[0])
    changes = [*YEARS, "broker.commission.bps=0"]
    ends = []
    for one in (0.97 * bps, 1.03 * bps):
        config = load_config(
            EXAMPLES / "stocks.yaml", [*changes, f"broker.slippage.bps={one}"]
        )
        ends.append(run(config, reports=False).metrics["total_return"]["run"])
    assert ends[0] > 0.0 > ends[1]


def test_a_crossing_is_found_by_halving() -> None:
    bps, word = _crossing(lambda bps: 0.5 - bps / 100.0, 0.0)
    assert bps == pytest.approx(50.0, abs=0.2)
    assert word == "of each trade, in place of all costs"
    assert _crossing(lambda _: -0.1, 0.0) == (None, "not even without costs")
    assert _crossing(lambda _: None, 0.0) == (None, "not even without costs")
    assert _crossing(lambda _: 1.0, 0.0) == (None, "not below 1280 bp")


def test_only_what_is_charged_is_multiplied() -> None:
    options = {
        "commission": {"bps": 2.0, "flat": 0.0, "cap": None},
        "slippage": {"bps": 5.0, "lookback": 20},
    }
    broker = SimpleNamespace(options=options)
    prepared = SimpleNamespace(config=SimpleNamespace(broker=broker))
    assert scaled(prepared, 2.0) == {
        "broker.commission.bps": 4.0,
        "broker.slippage.bps": 10.0,
    }


def test_a_fill_is_held_against_the_average_of_the_bars_before_it() -> None:
    close = np.full((4, 2), 10.0)
    volume = np.array([[100.0, np.nan], [300.0, np.nan], [1e9, 5.0], [1e9, 5.0]])
    record = SimpleNamespace(
        bar=2,
        assets=np.array([0, 1]),
        filled=np.array([-20.0, 3.0]),
        price=np.array([11.0, 10.0]),
    )
    played = SimpleNamespace(
        bars=SimpleNamespace(close=close, volume=volume),
        nav=np.array([1000.0, 1100.0, 1.0, 1.0]),
        fills=(record,),
    )
    # 220 of a NAV of 1,100 at the close before, over (1,000 + 3,000) / 2 of money a bar
    assert _shares_at_one(played) == pytest.approx([0.2 / 2000.0])


def test_capacity_grows_with_the_money(result: BacktestResult) -> None:
    table = result.analyses[CAPACITY].set_index("NAV")
    small, large = table.loc[1e6], table.loc[1e9]
    assert large["median share, %"] == pytest.approx(1000 * small["median share, %"])
    assert large["fills with a volume"] > 0
