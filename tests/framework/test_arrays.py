"""Arrays as the house passes them on."""

import numpy as np
import pytest

from bt_run.arrays import own_numbers, read_only


def test_an_answer_becomes_an_array_of_its_own_that_nobody_changes():
    given = np.array([1, 2])
    own = own_numbers(given)
    given[0] = 9
    assert own.tolist() == [1.0, 2.0]
    with pytest.raises(ValueError, match="read-only"):
        own[0] = 3.0


def test_an_answer_that_is_no_numbers_is_refused():
    with pytest.raises(TypeError, match="expected numbers, found list of type <U1"):
        own_numbers(["a"])


def test_a_view_is_read_only_and_the_array_is_not():
    values = np.ones(2)
    view = read_only(values)
    values[0] = 5.0
    assert view[0] == 5.0
    with pytest.raises(ValueError, match="read-only"):
        view[0] = 1.0
