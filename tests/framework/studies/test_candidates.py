"""The cells that a sweep may try."""

import pytest

from bt_run import ConfigError
from bt_run.config.sweep_config import SweepConfig
from bt_run.studies.candidates import candidate_text, drawn, every, space_of

TREE = {
    "strategy": {"use": "trend", "fast": 30, "slow": 200},
    "overlays": [{"use": "volatility_target", "annual": 0.1}],
}


def space(over, constraints=(), search="exhaustive", n=None):
    sweep = SweepConfig(over=over, constraints=constraints, search=search, n=n)
    return space_of(sweep, TREE, {})


def test_every_combination_comes_once_the_last_key_changing_fastest():
    found = list(every(space({"a": [1, 2], "b": ["x", "y"]})))
    assert found == [
        (("a", 1), ("b", "x")),
        (("a", 1), ("b", "y")),
        (("a", 2), ("b", "x")),
        (("a", 2), ("b", "y")),
    ]


def test_what_breaks_a_constraint_is_not_tried():
    over = {"strategy.fast": [20, 60], "strategy.slow": [50, 100]}
    found = list(every(space(over, ["strategy.fast < strategy.slow"])))
    values = [tuple(value for _, value in one) for one in found]
    assert values == [(20, 50), (20, 100), (60, 100)]


def test_a_constraint_reads_keys_that_no_axis_has_from_the_file():
    found = list(
        every(space({"strategy.fast": [20, 199, 300]}, ["strategy.fast < strategy.slow"]))
    )
    assert [one[0][1] for one in found] == [20, 199]
    inside = space(
        {"strategy.fast": [1]}, ["strategy.fast > 10 * overlays.0.annual - 1"]
    )
    assert inside.others == {"overlays.0.annual": 0.1}


def test_a_constraint_on_an_unknown_key_is_refused_with_what_is_there():
    with pytest.raises(ConfigError) as error:
        space({"strategy.fast": [1]}, ["strategy.fast < strategy.slw"])
    text = str(error.value)
    assert "names strategy.slw, and there is no 'slw'; found use, fast, slow" in text
    assert "did you mean 'slow'?" in text
    with pytest.raises(ConfigError, match="there is no '3'; found nothing"):
        space({"strategy.fast": [1]}, ["strategy.fast < overlays.3.annual"])


def test_draws_are_seeded_distinct_and_fulfil_the_constraints():
    over = {"strategy.fast": {"log_uniform": [2, 400]}}
    where = space(over, ["strategy.fast < strategy.slow"], "random", 50)
    one, again, other = (list(drawn(where, 50, seed)) for seed in (3, 3, 4))
    assert one == again != other
    assert len({candidate_text(item) for item in one}) == 50
    assert all(2 <= item[0][1] < 200 for item in one)


def test_draws_end_where_there_is_nothing_new():
    found = list(drawn(space({"a": [1, 2, 3]}, (), "random", 50), 50, 0))
    assert sorted(item[0][1] for item in found) == [1, 2, 3]


def test_the_size_is_the_product_or_none():
    assert space({"a": [1, 2], "b": {"from": 0, "to": 1, "step": 0.25}}).size == 10
    endless = space({"a": {"log_uniform": [1, 2.5]}}, (), "random", 3)
    assert endless.size is None
