"""A first-day share and what it has become, against hand calculations."""

import numpy as np
import pytest

from bt_run import DataError
from bt_run.data.adjustment import actions_of, forward_factor
from bt_run.testing import make_rows


def test_a_split_doubles_the_units() -> None:
    rows = make_rows([100, 50, 50], split=[0, 2, 0])
    assert forward_factor("A", rows, "as_traded").tolist() == [1, 2, 2]


def test_a_split_that_the_prices_hold_already_changes_nothing() -> None:
    rows = make_rows([50, 50, 50], split=[0, 2, 0])
    assert forward_factor("A", rows, "split_adjusted").tolist() == [1, 1, 1]


def test_a_dividend_is_reinvested_at_the_price_without_it() -> None:
    rows = make_rows([100, 90], dividend=[0, 10])
    assert forward_factor("A", rows, "as_traded") == pytest.approx([1, 100 / 90])


def test_a_dividend_on_the_day_of_a_split_is_per_new_share() -> None:
    rows = make_rows([100, 49], split=[0, 2], dividend=[0, 1])
    assert forward_factor("A", rows, "as_traded") == pytest.approx([1, 2 * 50 / 49])


def test_actions_of_the_first_row_belong_to_nobody() -> None:
    rows = make_rows([100, 100], split=[4, 0], dividend=[10, 0])
    assert forward_factor("A", rows, "as_traded").tolist() == [1, 1]


def test_adjusted_closes_are_taken_from_their_first() -> None:
    rows = make_rows([100, 100, 110], adj_close=[50, 51, 56.1])
    assert forward_factor("A", rows, "as_traded") == pytest.approx([1, 1.02, 1.02])


def test_a_dividend_worth_the_whole_share_is_refused() -> None:
    rows = make_rows([100, 50], dividend=[0, 100])
    with pytest.raises(
        DataError, match=r"A: dividend was 100.0 at 2020-01-02, on a close before"
    ):
        forward_factor("A", rows, "as_traded")


def test_no_action_is_written_as_0_1_or_nothing() -> None:
    rows = make_rows([1, 1, 1], split=[0, np.nan, 3])
    assert actions_of(rows, "split").tolist() == [1, 1, 3]
    assert actions_of(rows, "dividend").tolist() == [0, 0, 0]
