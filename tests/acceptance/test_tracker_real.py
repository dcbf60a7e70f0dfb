"""The tracker on real prices: 356 stocks against SPY over the crisis of 2008. Skipped without the
prices.
"""

import importlib.util
import json
import os
from pathlib import Path

import numpy as np
import pytest

from bt_run_plugins.reports.comparison import rolling_tracking_error

SHARED = os.environ.get("BT_RUN_SHARED_DATA")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not SHARED, reason="BT_RUN_SHARED_DATA names no folder of prices"
    ),
]
spec = importlib.util.spec_from_file_location(
    "real", Path(__file__).parents[2] / "benchmarks" / "tracker_real.py"
)
real = importlib.util.module_from_spec(spec)
spec.loader.exec_module(real)


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    return real.follow_spy(Path(SHARED), tmp_path_factory.mktemp("real"))


def test_it_follows_spy_far_closer_than_ten_percent(result):
    by_year = real.tracking_errors(result)
    assert by_year.index.tolist() == list(range(2004, 2013))
    assert by_year.max() < 0.10
    assert by_year.drop(2008).max() < 0.05
    assert result.metrics["tracking_error"]["run"] < 0.045
    assert (
        result.metrics["tracking_error"]["run"]
        < result.metrics["tracking_error"]["equal_weight"]
    )


def test_the_crisis_stands_out_in_the_rolling_tracking_error(result):
    rolled = rolling_tracking_error(result)
    peak = rolled.idxmax()
    assert (peak.year, peak.month) == (
        2008,
        12,
    )  # its 63 sessions are those from September on
    assert rolled.max() > 3 * rolled.median()
    assert {path.name for path in result.reports} >= {
        "tracking_error.png",
        "strategy_comparison.csv",
    }


def test_every_decision_was_exact_and_within_the_limits(result):
    sized = result.decisions.pivot(
        index="time", columns="asset", values="sized"
    ).to_numpy()
    np.testing.assert_allclose(sized.sum(axis=1), 1.0, rtol=0, atol=1e-9)
    assert sized.min() >= 0.0
    assert sized.max() <= 0.15
    notes = [
        json.loads(text)
        for text in result.memos.loc[result.memos["component"] == "sizer", "notes"]
    ]
    assert len(notes) == 98
    assert all(
        note["attempts"] == [note["attempts"][0]] and note["attempts"][0]["accepted"]
        for note in notes
    )
