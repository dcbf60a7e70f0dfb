"""A table and the row that was known at each bar."""

import numpy as np
import pytest

from bt_run.data.known import Table

ROWS = np.array([0, 1, 1, 2])


def test_each_bar_shows_the_row_that_was_known() -> None:
    table = Table(np.array([[np.nan], [10.0], [20.0]]), ROWS)
    assert table.by_bar[1:, 0].tolist() == [10.0, 10.0, 20.0]
    assert not table.is_series


def test_nobody_can_write_into_it() -> None:
    table = Table(np.array([np.nan, 10.0, 20.0]), ROWS)
    for values in (table.values, table.rows, table.by_bar):
        with pytest.raises(ValueError, match="read-only"):
            values[0] = 1


def test_the_fingerprint_is_of_values_rows_and_revision() -> None:
    def made(value: float = 20.0, last: int = 2, *, revised: bool = False) -> str:
        rows = np.array([0, 1, 1, last])
        return Table(np.array([np.nan, 10.0, value]), rows, revised).fingerprint

    assert made() == made()
    assert len({made(), made(21.0), made(last=1), made(revised=True)}) == 4


def test_text_has_a_fingerprint_too() -> None:
    one = Table(np.array([None, "up", "down"], dtype=object), ROWS)
    other = Table(np.array([None, "up", "flat"], dtype=object), ROWS)
    assert one.fingerprint != other.fingerprint
