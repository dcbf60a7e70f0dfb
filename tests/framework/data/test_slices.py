"""Bars as they would have been, had the data ended or begun at a bar."""

from dataclasses import replace

import numpy as np

from bt_run.data.known import Table
from bt_run.data.slices import from_bar, until
from bt_run.testing import make_bars


def made():
    bars = make_bars({"A": [1, 2, 3, 4], "B": [5, 6, 7, 8]})
    declared = np.array(["2020-01-03", "NaT"], dtype="datetime64[D]")
    table = Table(np.array([np.nan, 10.0, 20.0]), np.array([0, 1, 1, 2]))
    return replace(bars, last_session=declared, tables={"vix": table})


def test_later_bars_are_gone() -> None:
    early = until(made(), 1)
    assert early.close.tolist() == [[1, 5], [2, 6]]
    assert len(early.times) == len(early.present) == len(early.benchmark) == 2


def test_a_delisting_that_was_declared_later_is_not_known() -> None:
    assert np.isnat(until(made(), 1).last_session).all()
    assert until(made(), 2).last_session[0] == np.datetime64("2020-01-03")


def test_rows_of_a_table_that_come_out_later_are_gone() -> None:
    table = until(made(), 2).tables["vix"]
    assert table.values[1:].tolist() == [10.0]
    assert table.by_bar[1:].tolist() == [10.0, 10.0]


def test_bars_from_a_later_one_keep_their_start() -> None:
    bars = replace(made(), start=2)
    later = from_bar(bars, 1)
    assert later.start == 1
    assert later.close[later.start].tolist() == bars.close[bars.start].tolist()
