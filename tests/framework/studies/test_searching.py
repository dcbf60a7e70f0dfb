"""How a sweep goes through its values."""

import pytest
from kit.libraries import hide

from bt_run import ConfigError
from bt_run.config.sweep_config import SweepConfig
from bt_run.studies.candidates import space_of
from bt_run.studies.searching import search_of


def search(**keys):
    sweep = SweepConfig(**keys)
    return search_of(sweep, space_of(sweep, {"b": 9}, {}))


def asked(found, score):
    """Return all that a search asks for, each candidate scored by ``score``."""
    out = []
    while batch := found.ask():
        out.append(batch)
        found.tell([score(dict(one)) for one in batch])
    return out


def test_an_exhaustive_search_asks_once_for_everything():
    found = search(over={"a": [1, 2, 3]})
    assert found.total == 3
    ((one, two, three),) = asked(found, lambda _: 0.0)
    assert [one[0][1], two[0][1], three[0][1]] == [1, 2, 3]


def test_constraints_that_leave_nothing_are_refused():
    with pytest.raises(ConfigError) as error:
        search(over={"a": [1, 2]}, constraints=["a > b"])
    assert str(error.value) == (
        "sweep: no cell is left: of 2 combinations every one breaks a constraint (a > b)"
    )


OPTUNA = {
    "over": {
        "a": {"from": 0, "to": 100, "step": 1},
        "c": {"log_uniform": [0.01, 10.0]},
        "kind": ["x", "y"],
    },
    "search": "optuna",
    "n": 40,
    "batch": 8,
}


def distance(values):
    return -abs(values["a"] - 70) - (values["kind"] == "x")


def test_optuna_asks_in_batches_never_twice_and_the_same_again():
    pytest.importorskip("optuna")
    one = asked(search(**OPTUNA), distance)
    assert [len(batch) for batch in one] == [8] * 5
    flat = [candidate for batch in one for candidate in batch]
    assert len(set(flat)) == 40
    assert asked(search(**OPTUNA), distance) == one
    assert asked(search(**OPTUNA, seed=1), distance) != one


def test_optuna_learns():
    pytest.importorskip("optuna")
    found = asked(search(**OPTUNA), distance)
    first = max(distance(dict(one)) for one in found[0])
    last = max(distance(dict(one)) for one in found[-1])
    assert last >= first
    assert last > -10


def test_optuna_keeps_constraints_and_ends_where_there_is_nothing_new():
    pytest.importorskip("optuna")
    keys = {"over": {"a": [1, 5, 20]}, "search": "optuna", "n": 9}
    found = asked(search(**keys, constraints=["a < b"]), lambda _: None)
    assert sorted(one[0][1] for batch in found for one in batch) == [1, 5]


def test_a_search_by_optuna_says_how_to_install_it(monkeypatch):
    hide(monkeypatch, "optuna")
    with pytest.raises(ConfigError) as error:
        search(**OPTUNA)
    assert str(error.value) == (
        "sweep.search: optuna needs optuna, not installed: pip install 'bt-run[tune]'"
    )
