"""What a table beside the prices leaves out, and what is old in it."""

import numpy as np
import pandas as pd
import pytest

from bt_run.data.data_config import TableConfig
from bt_run.data.table_notes import left_out, old_rows
from bt_run.testing import make_bars


def told(frame, **config):
    config = TableConfig(**({"file": "t.csv", "lag": 0} | config))
    return left_out("t", pd.DataFrame(frame), ["A", "B"], config)


@pytest.mark.parametrize(
    ("frame", "text"),
    [
        ({"date": [1], "A": ["1"], "B": ["2"]}, None),
        ({"date": [1, 2], "A": ["1", ""], "B": [".", "2"]}, "2 cells without a value"),
        (
            {"date": [1], "A": ["1"], "C": ["1"], "note": ["x"]},
            "columns that are no assets of the run: C, note",
        ),
        (
            {"date": [1, 1, 2], "ticker": ["A", "Z", "Z"], "score": ["1", "2", "3"]},
            "2 rows of 1 ticker that no asset of the run has",
        ),
        (
            {
                "ticker": ["A", "Z"],
                "start": [1, 1],
                "end": [None, None],
                "why": ["", ""],
            },
            "1 row of 1 ticker that no asset of the run has; columns why",
        ),
        ({"date": [1, 2], "value": ["1", None]}, "1 cell without a value"),
    ],
)
def test_what_is_not_read_is_told_with_its_number(frame, text):
    assert told(frame) == (() if text is None else (f"t: not read: {text}",))


def test_a_column_that_was_chosen_says_that_the_others_do_not_matter():
    frame = {"date": [1], "ticker": ["A"], "score": ["1"], "other": [""]}
    assert told(frame, column="score") == ()


DAYS = np.arange("2019-01", "2020-01", dtype="M8[M]").astype("M8[D]")


def test_a_series_that_ended_before_the_run_did_is_told():
    bars = make_bars({"A": [1.0] * 60})  # to 2020-03-24
    config = TableConfig(file="t.csv", lag=0)
    (note,) = old_rows("t", DAYS, config, bars)
    assert note == (
        "t: from 2020-01-02 on its newest row, of 2019-12-01, is older than the 31 days between "
        "its rows, at 59 sessions; `max_age` makes it unknown there"
    )
    assert old_rows("t", DAYS, TableConfig(file="t.csv", lag=0, max_age=30), bars) == ()
    assert old_rows("t", DAYS, TableConfig(file="t.csv", lag=300), bars) == ()


def test_a_series_that_goes_on_needs_no_words():
    bars = make_bars({"A": [1.0] * 60})
    going_on = np.append(
        DAYS, np.array(["2020-01-01", "2020-02-01", "2020-03-01"], "M8[D]")
    )
    assert old_rows("t", going_on, TableConfig(file="t.csv", lag=0), bars) == ()
