"""The values of a sweep's keys."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from bt_run.config.search_space import Axis, LogUniform, Steps, values_of

AXIS = TypeAdapter(Axis)


def axis(value):
    return AXIS.validate_python(value)


def test_steps_are_the_decimals_that_one_would_write():
    found = values_of(axis({"from": 0.05, "to": 0.20, "step": 0.05}))
    assert found == (0.05, 0.1, 0.15, 0.2)


def test_steps_of_whole_numbers_are_whole_and_end_at_or_before_the_end():
    found = values_of(axis({"from": 20, "to": 100, "step": 30}))
    assert found == (20, 50, 80)
    assert all(isinstance(value, int) for value in found)


def test_a_list_is_taken_as_it_is():
    assert values_of(axis(["a", 1, None])) == ("a", 1, None)


def test_there_is_no_end_of_a_log_uniform():
    assert values_of(axis({"log_uniform": [1, 10]})) is None


@given(st.floats(0.0, 1.0))
def test_a_log_uniform_keeps_its_ends_and_halves_its_logarithm(fraction):
    whole = LogUniform(log_uniform=[20, 500])
    assert isinstance(whole.at(fraction), int)
    assert 20 <= whole.at(fraction) <= 500
    real = LogUniform(log_uniform=[0.01, 1.0])
    assert real.at(0.5) == pytest.approx(0.1)
    assert (real.at(0.0), real.at(1.0)) == (0.01, 1.0)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"from": 1, "to": 3, "step": 0}, "step was 0; expected a number above 0"),
        ({"from": 3, "to": 1, "step": 1}, "from was 3 and to 1; expected from <= to"),
        (
            {"from": 0, "to": 1, "step": 1e-6},
            "from, to and step give 1,000,001 values; expected at most 100,000",
        ),
        (
            {"log_uniform": [0, 3]},
            "log_uniform was [0, 3]; expected 0 < lowest < highest",
        ),
    ],
)
def test_values_that_cannot_be_are_refused(value, text):
    with pytest.raises(ValidationError) as error:
        axis(value)
    assert text in str(error.value)


def test_steps_are_written_as_they_are_read():
    steps = Steps.model_validate({"from": 1, "to": 2, "step": 1})
    assert steps.model_dump(by_alias=True) == {"from": 1, "to": 2, "step": 1}
