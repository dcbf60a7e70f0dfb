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
        "overlays.0.use was 'x', is gone",
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
