"""Weights from a table, by hand: known from their session on, and let go where a date leaves them
out.
"""

import json
from pathlib import Path

import numpy as np
import pytest
from kit.configured import folder_of_files

import bt_run
from bt_run import ConfigError, DataError

FILE = "date,ticker,weight\n2020-02-04,A,0.5\n2020-02-04,B,0.4\n2020-03-02,A,0.8\n"


def played(folder: Path, text: str, sizer=None, more=None, **table):
    """Return the targets at the close of days: each session decides."""
    (folder / "weights.csv").write_text(text)
    changes = {
        "sizer": {"use": "weights_table"} | (sizer or {}),
        "strategy": "buy_and_hold",
        "schedule": "session",
        "data.tables": {
            "weights": {"file": str(folder / "weights.csv"), "lag": 0} | table
        },
    }
    changes |= more or {}
    config = bt_run.load_config(
        folder / "run.yaml",
        [f"{key}={json.dumps(value)}" for key, value in changes.items()],
    )
    found = bt_run.run(config).decisions.reset_index()
    return found.pivot(index="time", columns="asset", values="target")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return folder_of_files(tmp_path)


def test_weights_hold_from_their_session_to_the_next_ones(folder):
    targets = played(folder, FILE, snapshots=True)
    at = targets.loc
    assert at["2020-02-03"].tolist() == [0.0, 0.0]
    assert at["2020-02-04"].tolist() == [0.5, 0.4]
    assert at["2020-02-28"].tolist() == [0.5, 0.4]
    assert at["2020-03-02"].tolist() == [0.8, 0.0]  # B is not in it any more
    assert at["2020-06-30"].tolist() == [0.8, 0.0]


def test_a_lag_makes_them_wait(folder):
    targets = played(folder, FILE, snapshots=True, lag=1)
    assert targets.loc["2020-02-04"].tolist() == [0.0, 0.0]
    assert targets.loc["2020-02-05"].tolist() == [0.5, 0.4]


def test_names_that_were_not_let_go_are_refused_by_their_sum(folder):
    with pytest.raises(
        DataError,
        match=r"at 2020-03-02 the weights known have sizes that sum to 1\.2;.*snap",
    ):
        played(folder, FILE)


def test_percent_are_scaled(folder):
    text = "date,A,B\n2020-02-03,50,40\n"
    with pytest.raises(DataError, match=r"sum to 90; .* `scale: 0\.01`"):
        played(folder, text)
    assert played(folder, text, {"scale": 0.01}).loc["2020-02-03"].tolist() == [
        0.5,
        0.4,
    ]


def test_what_is_rounded_to_a_little_more_than_one_is_cut_by_the_limits(folder):
    targets = played(folder, "date,A,B\n2020-02-03,0.5003,0.5002\n")
    assert targets.loc["2020-02-03"].sum() == pytest.approx(1.0, abs=1e-12)


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            "0.5,-0.2",
            r"at 2020-02-04 the weight of B was -0\.2; expected 0 or more, or `limits",
        ),
        ("0.5,0.1", r"the weight of A was 0\.5; expected at most limits\.name, 0\.4"),
    ],
)
def test_weights_that_a_limit_would_cut_are_refused(folder, row, message):
    limits = {"limits": {"name": 0.4 if "0.1" in row else 1.0}}
    with pytest.raises(DataError, match=message):
        played(folder, f"date,A,B\n2020-02-04,{row}\n", None, more=limits)


def test_a_run_without_the_table_is_refused(folder):
    with pytest.raises(
        ConfigError, match="sizer: reads the table of numbers 'weigths'"
    ):
        played(folder, FILE, {"table": "weigths"})


def test_a_date_on_which_nothing_of_the_run_is_held_lets_all_go(folder):
    targets = played(folder, FILE + "2020-04-01,OTHER,1\n", snapshots=True)
    assert np.all(targets.loc["2020-04-01"] == 0.0)
