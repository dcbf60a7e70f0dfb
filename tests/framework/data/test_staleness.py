"""A dated series that is older than its own step."""

import numpy as np
import pytest

from bt_run.data.staleness import overdue, usual_step


def days(*written):
    return np.array(written, dtype="M8[D]")


MONTHS = np.arange("2015-01", "2019-01", dtype="M8[M]").astype("M8[D]")
DAILY = np.arange("2018-01-02", "2018-12-31", dtype="M8[D]")
DAILY = DAILY[np.is_busday(DAILY)]
CHANGES = days(
    "2004-06-30", "2004-08-10", "2004-09-21", "2008-12-16", "2015-12-17", "2016-12-15"
)


@pytest.mark.parametrize(
    ("dates", "step"),
    [
        (MONTHS, 31),
        (DAILY, 7),
        (CHANGES, 2557),
        (days("2020-01-01"), None),
        (days(), None),
    ],
)
def test_the_step_is_that_of_most_rows_and_the_longest_of_uneven_ones(dates, step):
    assert usual_step(dates) == step


def test_a_series_that_ended_is_overdue_after_one_step():
    sessions = days("2018-12-31", "2019-01-01", "2019-01-02", "2021-12-31")
    assert overdue(MONTHS, sessions).tolist() == [False, False, True, True]
    assert overdue(MONTHS, sessions, steps=3).tolist() == [False, False, False, True]


def test_a_hole_in_a_regular_series_is_overdue_too():
    kept = MONTHS[(days("2016-06-01")[0] > MONTHS) | (days("2016-12-01")[0] < MONTHS)]
    assert overdue(kept, days("2016-05-31", "2016-09-01", "2017-01-03")).tolist() == [
        False,
        True,
        False,
    ]


def test_the_lag_of_publication_is_no_age():
    session = days("2018-12-31", "2019-01-10")
    assert overdue(MONTHS, session).tolist() == [False, True]
    assert overdue(MONTHS, session, lag=22).tolist() == [False, False]


def test_a_single_row_is_a_constant():
    assert not overdue(days("0001-01-01"), days("2024-01-02")).any()
