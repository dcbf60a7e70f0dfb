"""What is missing is refused."""

import numpy as np
import pytest

from bt_run.errors import DataError
from bt_run.studies.numbers import require_numbers


def test_finite_numbers_pass() -> None:
    require_numbers(np.array([0.0, -1.0]), "returns")


def test_missing_and_infinite_numbers_are_counted_and_named() -> None:
    text = r"^2 of 4 losses are missing; expected finite numbers$"
    with pytest.raises(DataError, match=text):
        require_numbers(np.array([[0.0, np.nan], [np.inf, 1.0]]), "losses")
