"""Assets that fall silent while others go on."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bt_run import RunConfig, run
from bt_run.data.delisting import with_silent_assets
from bt_run.data.slices import until
from bt_run.testing import make_bars

NAN = np.nan


def silent(after: int = 3):
    return make_bars({"A": [10, 10, 8] + [NAN] * after, "B": [1] * (3 + after)})


def test_what_falls_silent_is_noted_with_its_last_session() -> None:
    bars = with_silent_assets(silent(), 3, "keep")
    assert bars.notes[-1] == (
        "no row after these sessions, while others go on: A 2020-01-03; what is held of them keeps "
        "its last price; `delisting: {silent: close}` closes it"
    )
    assert np.isnat(bars.last_session).all()


def test_close_turns_silence_into_a_last_session_once() -> None:
    bars = with_silent_assets(silent(), 3, "close")
    assert bars.last_session[0] == np.datetime64("2020-01-03")
    assert bars.assumed_end.tolist() == [True, False]
    assert bars.notes[-1].endswith("A 2020-01-03; they count as delisted there")


@pytest.mark.parametrize(
    "bars",
    [
        silent(2),
        make_bars({"A": [10, NAN, NAN, NAN, NAN, 6], "B": [1] * 6}),
        make_bars({"A": [NAN, NAN, NAN, NAN, 10], "B": [1] * 5}),
        make_bars(
            {"A": [10, 10, NAN, NAN, NAN], "B": [1] * 5},
            last_session={"A": np.datetime64("2020-01-02")},
        ),
    ],
    ids=["too short", "a halt", "a late listing", "declared"],
)
def test_what_is_no_silence_changes_nothing(bars) -> None:
    assert with_silent_assets(bars, 3, "close") is bars


def test_the_mark_of_an_assumption_travels_through_every_cut() -> None:
    bars = with_silent_assets(silent(), 3, "close")
    assert until(bars, 4).assumed_end.tolist() == [True, False]
    assert np.isnat(until(bars, 1).last_session).all()


def prices(folder: Path, name: str, closes: list[float], times: list[str]) -> None:
    pd.DataFrame({"date": times, "close": closes}).to_csv(
        folder / f"{name}.csv", index=False
    )


def played(folder: Path, **data: object):
    fields = {
        "source": {"use": "csv", "path": str(folder)} | data.pop("source", {}),
        "benchmark": "R",
        "assets": ["S", "R"],
        "adjust": "total_return",
    } | data
    broker = {"use": "simulated", "cash": 1000, "fill": "next_close"}
    free = {"commission": {"bps": 0}, "slippage": {"bps": 0}}
    config = {"strategy": "buy_and_hold", "sizer": "equal_weight", "schedule": "once"}
    return run(
        RunConfig.model_validate(
            {"name": "x", "data": fields, "broker": broker | free} | config
        )
    )


def test_a_suspended_stock_is_held_through_its_suspension(tmp_path: Path) -> None:
    days = pd.bdate_range("2023-03-01", periods=13).strftime("%Y-%m-%d").tolist()
    prices(tmp_path, "R", [100.0] * 13, days)
    prices(tmp_path, "S", [10.0, 10.0, 10.0, 6.0, 6.0], [*days[:3], *days[11:]])
    result = played(tmp_path, start="2023-03-01", end="2023-03-17")
    # 500 in each: S falls from 10 to 6 when it trades again
    assert result.nav["nav"].iloc[-1] == pytest.approx(800.0)
    assert result.metrics["max_drawdown"]["run"] == pytest.approx(-0.2)
    assert "delisted" not in set(result.fills["reason"])


def test_a_thin_stock_is_not_delisted_within_the_hour(tmp_path: Path) -> None:
    bars = pd.date_range("2024-01-03 09:35", periods=24, freq="5min").strftime(
        "%Y-%m-%d %H:%M"
    )
    times = bars.tolist()
    prices(tmp_path, "R", [100.0] * 24, times)
    prices(tmp_path, "S", [50.0, 50.0, 50.0, 60.0], [*times[:3], times[15]])
    source = {"timezone": "America/New_York"}
    result = played(tmp_path, start="2024-01-03", end="2024-01-05", source=source)
    assert result.nav["nav"].iloc[-1] == pytest.approx(1100.0)
