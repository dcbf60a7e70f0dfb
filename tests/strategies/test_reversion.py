"""Positions against deviations, row by row by hand."""

import numpy as np
import pytest

from bt_run_strategies.reversion import Levels, against

NAN = np.nan


def positions(z, *, may=None, **levels):
    given = {"entry": 1.5, "exit": 0.0, "stop": None, "most_bars": None, "short": True}
    rows = np.array(z, dtype=float)[:, None]
    allowed = np.ones(rows.shape, bool) if may is None else np.array(may)[:, None]
    return list(against(rows, Levels(**(given | levels)), allowed)[:, 0])


@pytest.mark.parametrize(
    ("z", "levels", "want"),
    [
        # from -1.5 on, until the mean is met
        ([0, -1.4, -1.5, -1, -0.1, 0, -1], {}, [0, 0, 1, 1, 1, 0, 0]),
        ([0, 2, 1, 0.2, -0.1, 0], {}, [0, -1, -1, -1, 0, 0]),
        ([0, 2, 1, -2, 0], {"short": False}, [0, 0, 0, 1, 0]),
        ([-2, -0.5, -0.4], {"exit": 0.5}, [1, 0, 0]),
        # given up at the stop, and no new one before the mean was met
        ([-2, -3, -2, -2, 0.1, -2], {"stop": 3}, [1, 0, 0, 0, 0, 1]),
        # beyond the stop nothing begins
        ([-3.5, -2], {"stop": 3}, [0, 1]),
        # the other side may begin while one is barred
        ([-2, -3, 2], {"stop": 3}, [1, 0, -1]),
        # two bars at most
        ([-2, -2, -2, -2, 0, -2], {"most_bars": 2}, [1, 1, 0, 0, 0, 1]),
        # nothing is known: nothing changes
        ([-2, NAN, NAN, 0.1], {}, [1, 1, 1, 0]),
        # a long that ends above the entry of the other side does not turn over in one row
        ([-2, 2, 2], {}, [1, 0, -1]),
    ],
)
def test_positions_begin_and_end_at_their_levels(z, levels, want):
    assert positions(z, **levels) == want


def test_positions_begin_only_where_they_may():
    assert positions([-2, -2, -2], may=[False, True, False]) == [0, 1, 1]
