"""What was found once is not played again."""

import numpy as np
import pytest

from bt_run import DataError
from bt_run.studies.cells import CellResult
from bt_run.studies.kept_cells import open_kept

DAYS = np.array(["2020-01-02", "2020-01-03"], dtype="datetime64[D]")
RESULT = CellResult(
    {"sharpe": 0.1 + 0.2, "calmar": None}, DAYS, np.array([0.1, -1 / 3]), ("a", "b")
)


def test_a_result_is_read_as_it_was_kept_to_the_bit(tmp_path):
    with open_kept(tmp_path / "place" / "cells.sqlite") as kept:
        kept.put("abc", RESULT)
    with open_kept(tmp_path / "place" / "cells.sqlite") as kept:
        found = kept.get("abc")
        assert kept.get("other") is None
    assert found.metrics == RESULT.metrics
    assert found.warnings == ("a", "b")
    np.testing.assert_array_equal(found.returns, RESULT.returns)
    np.testing.assert_array_equal(found.sessions, DAYS)


def test_a_damaged_file_says_that_it_may_be_removed(tmp_path):
    path = tmp_path / "cells.sqlite"
    path.write_bytes(b"no database at all, only words" * 50)
    with pytest.raises(DataError) as error, open_kept(path):
        pass
    assert "cells.sqlite: cannot be used: file is not a database" in str(error.value)
    assert "so it may be removed" in str(error.value)
