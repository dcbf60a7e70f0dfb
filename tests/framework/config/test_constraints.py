"""Conditions between the keys of a sweep."""

import pytest

from bt_run import ConfigError
from bt_run.config.constraints import parsed_constraint

VALUES = {"strategy.fast": 20, "strategy.slow": 50, "overlays.0.annual": 0.1}


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("strategy.fast < strategy.slow", True),
        ("strategy.slow < strategy.fast", False),
        ("2 * strategy.fast + 10 <= strategy.slow", True),
        ("10 < strategy.fast < strategy.slow", True),
        ("not strategy.fast == 20", False),
        ("overlays.0.annual / 2 >= 0.05 and strategy.fast != strategy.slow", True),
        ("strategy.fast > 30 or strategy.slow - 1 > 30", True),
        ("-strategy.fast < 0", True),
    ],
)
def test_a_condition_is_decided_by_the_values_of_its_keys(text, holds):
    constraint = parsed_constraint(text)
    assert constraint.holds(VALUES) is holds


def test_the_keys_of_a_condition_are_those_that_stand_in_it():
    found = parsed_constraint("a.b < c.0.d and a.b > 1")
    assert found.keys == ("a.b", "c.0.d")


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("a <", "not a condition: 'a <'"),
        ("open('x')", "'open('x')' has a Call"),
        ("a[0] < 1", "'a[0] < 1' has a Subscript"),
        ("a ** 2 < 1", "'a ** 2 < 1' has a Pow"),
        ("1 < 2", "'1 < 2' names no key"),
        ("a + b", "'a + b' compares nothing"),
        ("a == [1]", "has a List"),
    ],
)
def test_what_is_no_condition_is_refused(text, wrong):
    with pytest.raises(ValueError) as error:
        parsed_constraint(text)
    assert wrong in str(error.value).replace('"', "'")
    assert "expected keys, numbers, + - * /, comparisons, and, or, not" in str(
        error.value
    )


def test_values_that_cannot_be_compared_are_named():
    constraint = parsed_constraint("a.b < a.c")
    with pytest.raises(ConfigError) as error:
        constraint.holds({"a.b": "month", "a.c": 3})
    assert "the constraint `a.b < a.c` cannot be decided" in str(error.value)
    assert "found a.b = 'month', a.c = 3" in str(error.value)


def test_a_division_by_zero_is_named():
    with pytest.raises(ConfigError, match="division by zero"):
        parsed_constraint("1 / a < 2").holds({"a": 0})
