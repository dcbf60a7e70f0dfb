"""What differs between two configurations."""

from bt_run.results.config_changes import config_differences, flattened

WAS = {
    "name": "a",
    "seed": 1,
    "strategy": {"use": "trend", "fast": 50},
    "overlays": [{"use": "x"}],
}


def test_each_key_is_named_by_its_dotted_path() -> None:
    now = {
        "name": "b",
        "seed": 1,
        "strategy": {"use": "trend", "slow": 90},
        "overlays": [],
    }
    assert config_differences(WAS, now) == [
        "overlay x removed",
        "strategy.fast was 50, is gone",
        "strategy.slow was not there, is 90",
    ]


def test_a_name_is_no_difference() -> None:
    assert config_differences(WAS, WAS | {"name": "b", "reports": ["html"]}) == []


def test_where_a_file_lies_is_no_difference() -> None:
    assert config_differences({"file": "/one/a.csv"}, {"file": "/other/a.csv"}) == []
    assert config_differences({"file": "a"}, {"file": "b"}) == ["file was 'a', is 'b'"]


def test_values_are_flattened_with_their_paths() -> None:
    assert dict(flattened({"a": [1, {"b": 2}], "c": 3})) == {
        "a.0": 1,
        "a.1.b": 2,
        "c": 3,
    }


def test_components_are_named_where_they_came_went_or_were_replaced() -> None:
    was = {
        "strategy": {"use": "trend", "fast": 50},
        "sizer": {"use": "equal_weight"},
        "overlays": [{"use": "x", "annual": 0.1}, {"use": "y"}],
    }
    now = {
        "strategy": {"use": "buy_and_hold"},
        "sizer": None,
        "overlays": [{"use": "z"}, {"use": "x", "annual": 0.2}],
        "triggers": [{"use": "calendar"}],
    }
    assert config_differences(was, now) == [
        "overlay y removed",
        "overlay z added",
        "overlay x: annual was 0.1, is 0.2",
        "trigger calendar added",
        "strategy trend replaced by buy_and_hold",
        "sizer equal_weight removed",
    ]


def test_order_counts_and_two_of_one_name_are_told_apart() -> None:
    one, other, third = {"use": "x", "n": 1}, {"use": "y"}, {"use": "x", "n": 2}
    assert config_differences({"exits": [one, other]}, {"exits": [other, one]}) == [
        "exits in another order: y, x"
    ]
    assert config_differences({"exits": [one]}, {"exits": [one, third]}) == [
        "exit x #2 added"
    ]


def test_what_a_run_is_judged_by_is_no_difference() -> None:
    was, now = {"research": {"purpose": None}}, {"research": {"purpose": "track"}}
    assert config_differences(was, now) == []
