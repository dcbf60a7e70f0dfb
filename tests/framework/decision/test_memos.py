"""Which memos a later pipeline finds."""

from bt_run.decision.memos import carried_memos

NAMES = {
    "strategy": "meta",
    "strategy.members.0": "trend",
    "strategy.members.1": "rsi",
    "sizer": "equal_weight",
}
MEMOS = {
    "strategy": {"members": [{"a": 1}, {"b": 2}], "since": {"x": 3}},
    "sizer": {"c": 4},
    "exits": {"SPY": 1},
}


def test_the_same_pipeline_finds_all_of_them():
    assert carried_memos(MEMOS, NAMES, NAMES) == MEMOS


def test_a_component_of_another_name_starts_with_none():
    after = NAMES | {"sizer": "inverse_volatility"}
    assert carried_memos(MEMOS, NAMES, after) == {
        "strategy": MEMOS["strategy"],
        "exits": {"SPY": 1},
    }


def test_so_does_a_nested_one_alone():
    after = NAMES | {"strategy.members.1": "macd"}
    found = carried_memos(MEMOS, NAMES, after)["strategy"]
    assert found == {"members": [{"a": 1}, {}], "since": {"x": 3}}


def test_and_one_that_is_no_longer_there():
    after = {"strategy": "meta", "sizer": "equal_weight"}
    found = carried_memos(MEMOS, NAMES, after)["strategy"]
    assert found == {"members": [{}, {}], "since": {"x": 3}}
