"""Words that messages share."""

import pandas as pd
import pytest

from bt_run.text import aligned, day_text, did_you_mean, listed, nearest


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ([], ""),
        (["a"], "a"),
        (list("abcde"), "a, b, c, d, e"),
        (list("abcdefg"), "a, b, c, d, e and 2 more"),
    ],
)
def test_a_list_names_the_first_and_counts_the_others(names, expected):
    assert listed(names) == expected


def test_a_list_may_be_shorter():
    assert listed(iter("abc"), most=1) == "a and 2 more"


def test_the_nearest_word_is_found_whatever_its_capitals():
    assert nearest("TREND", ["trend", "hold"]) == "trend"
    assert nearest("xyz", ["trend"]) is None
    assert did_you_mean("trnd", ["trend"]) == " (did you mean 'trend'?)"
    assert did_you_mean("xyz", ["trend"]) == ""


def test_a_time_is_its_date_and_its_hour_where_it_has_one():
    assert day_text(pd.Timestamp("2020-01-02", tz="UTC")) == "2020-01-02"
    assert day_text(pd.Timestamp("2020-01-02 15:30", tz="UTC")) == "2020-01-02 15:30"


def test_columns_are_aligned_to_their_side():
    rows = [["name", "n"], ["a", "10"], ["long name", "1"]]
    assert aligned(rows, [False, True]) == [
        "name        n",
        "a          10",
        "long name   1",
    ]
    assert aligned([], [True]) == []
    assert aligned([["a", "b"], ["cc", "10"]]) == ["a    b", "cc  10"]
