"""Who a run is: equal exactly where everything that affects it is equal."""

import numpy as np
import pandas as pd
import pytest

from bt_run.results.identity import run_identity
from bt_run.results.sources import UsedCode


def test_identity_does_not_depend_on_the_order_of_keys():
    one = run_identity(
        {"a": 1, "b": {"c": 2, "d": 3}}, "f", {}, UsedCode({"x": "1", "y": "2"}, {})
    )
    other = run_identity(
        {"b": {"d": 3, "c": 2}, "a": 1}, "f", {}, UsedCode({"y": "2", "x": "1"}, {})
    )
    assert one == other
    assert len(one) == 12
    assert set(one) <= set("0123456789abcdef")


PARTS = (
    {"a": 1},
    "f",
    {"sizer.policy": "1"},
    UsedCode({"bt_run": "1"}, {"numpy": "2"}),
)


@pytest.mark.parametrize(
    ("place", "other"),
    [
        (0, {"a": 2}),
        (1, "g"),
        (2, {"sizer.policy": "2"}),
        (3, UsedCode({"bt_run": "2"}, {"numpy": "2"})),
        (3, UsedCode({"bt_run": "1"}, {"numpy": "3"})),
    ],
)
def test_identity_changes_with_everything_that_affects_the_result(place, other):
    changed = [*PARTS]
    changed[place] = other
    assert run_identity(*PARTS) != run_identity(*changed)


def test_identity_takes_numpy_numbers_and_dates():
    stamp = pd.Timestamp("2020-01-02")
    plain = run_identity(
        {"n": 3, "d": "2020-01-02T00:00:00"}, "f", {}, UsedCode({}, {})
    )
    assert (
        run_identity({"n": np.int64(3), "d": stamp}, "f", {}, UsedCode({}, {})) == plain
    )


def test_identity_refuses_what_is_not_plain():
    with pytest.raises(
        TypeError, match="is a object; expected plain JSON values or a date"
    ):
        run_identity({"a": object()}, "f", {}, UsedCode({}, {}))
