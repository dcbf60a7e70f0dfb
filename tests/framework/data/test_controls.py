"""Controls: what is known from outside, from its own time on."""

from dataclasses import replace

import numpy as np
import pytest

from bt_run import DataError
from bt_run.data.controls import NO_CONTROLS, ControlsConfig, read_controls
from bt_run.data.slices import until
from bt_run.testing import make_bars, make_rows

DAYS = ["2020-01-02", "2020-01-03", "2020-01-06", "2020-01-07"]


def bars_at(times):
    rows = make_rows(np.arange(1.0, len(times) + 1))
    return make_bars({"A": replace(rows, times=np.array(times, "datetime64[ns]"))})


def controls(tmp_path, rows, **options):
    file = tmp_path / "controls.csv"
    file.write_text("time,key,value\n" + rows)
    return read_controls(ControlsConfig(file=file, **options))


def known(found, bars):
    return [dict(found.at(bars, t)) for t in range(len(bars))]


def test_a_daily_bar_knows_what_was_said_until_its_close(tmp_path):
    found = controls(
        tmp_path,
        "2020-01-03T15:59-05:00,halt,true\n2020-01-06T16:01-05:00,halt,false\n",
    )
    assert known(found, bars_at(DAYS)) == [
        {},
        {"halt": True},
        {"halt": True},
        {"halt": False},
    ]


def test_an_intraday_bar_knows_what_was_said_until_its_end(tmp_path):
    found = controls(
        tmp_path, "2020-01-02 11:00,level,2\n", timezone="America/New_York"
    )
    bars = bars_at(["2020-01-02T15:59", "2020-01-02T16:00", "2020-01-02T16:01"])
    assert known(found, bars) == [{}, {"level": 2.0}, {"level": 2.0}]


def test_values_are_numbers_words_or_text_and_the_newest_of_each_key_counts(tmp_path):
    found = controls(
        tmp_path,
        # in no order
        "2020-01-06T10:00Z,mood,calm\n2020-01-02T10:00Z,mood,wild\n"
        "2020-01-02T10:00Z,cap,0.5\n2020-01-03T10:00Z,open,FALSE\n",
    )
    assert known(found, bars_at(DAYS)) == [
        {"mood": "wild", "cap": 0.5},
        {"mood": "wild", "cap": 0.5, "open": False},
        {"mood": "calm", "cap": 0.5, "open": False},
        {"mood": "calm", "cap": 0.5, "open": False},
    ]


def test_nothing_later_than_the_bars_is_behind_what_they_know(tmp_path):
    found = controls(tmp_path, "2020-01-02T10:00Z,a,1\n2020-01-07T10:00Z,a,2\n")
    cut = found.until(until(bars_at(DAYS), 1))
    assert len(cut.times) == 1
    assert cut.known[-1] == {"a": 1.0}


def test_what_is_known_cannot_be_changed(tmp_path):
    found = controls(tmp_path, "2020-01-02T10:00Z,a,1\n")
    with pytest.raises(TypeError):
        found.at(bars_at(DAYS), 1)["a"] = 2


def test_without_a_file_nothing_is_known():
    assert read_controls(None) is NO_CONTROLS
    assert NO_CONTROLS.at(bars_at(DAYS), 3) == {}
    assert NO_CONTROLS.until(bars_at(DAYS)) is NO_CONTROLS


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        (
            "2020-01-02,halt,true\n",
            {},
            "found 2020-01-02, without a zone; write an offset from UTC",
        ),
        (
            "2020-01-02T10:00Z,halt,true\n",
            {"timezone": "America/New_York"},
            "was given a `timezone`, and its rows carry offsets",
        ),
        ("2020-01-02T10:00Z,halt,yes\n", {}, "row 1: halt was 'yes'; expected true or"),
        (
            "2020-01-02T10:00Z,flatten,1\n",
            {},
            "flatten was '1'; expected true or false",
        ),
        ("2020-01-02T10:00Z,a,\n", {}, "row 1, a, has no value"),
        (
            "2020-01-02T10:00Z,a,1\n2020-01-02T05:00-05:00,a,2\n",
            {},
            "a is both 1.0 and 2.0 at 2020-01-02T10:00:00 UTC",
        ),
        (
            "2020-03-08T02:30,halt,true\n",
            {"timezone": "America/New_York"},
            "is no one time in America/New_York",
        ),
    ],
)
def test_what_says_no_one_thing_is_refused(tmp_path, rows, options, message):
    with pytest.raises(DataError, match=message):
        controls(tmp_path, rows, **options)


def test_other_columns_are_refused(tmp_path):
    file = tmp_path / "c.csv"
    file.write_text("time,key,value,note\n")
    with pytest.raises(
        DataError, match="found columns time, key, value, note; expected"
    ):
        read_controls(ControlsConfig(file=file))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"gone.csv: no such file"):
        read_controls(ControlsConfig(file=tmp_path / "gone.csv"))
