"""What a configuration resolves to, and what of it affects a result."""

from __future__ import annotations

from pathlib import Path

from kit.configured import RUN, installed, load_config_text, told

from bt_run import RunConfig, load_config
from bt_run.config.binding import bind
from bt_run.config.canonical_form import canonical, resolved


def test_resolved_is_complete_and_in_the_order_of_the_yaml(folder: Path) -> None:
    config = load_config("run.yaml")
    tree = resolved(config, bind(config, installed(config)))
    assert list(tree) == list(RunConfig.model_fields)
    assert tree["strategy"] == {
        "use": "trend",
        "fast": 50,
        "slow": 200,
        "band": 0.0,
        "short": False,
    }
    assert tree["data"]["source"] == {"use": "sample", "set": "indices", "assets": []}
    assert tree["data"]["start"] == "2000-01-03"
    assert tree["sizer"]["use"] == "equal_weight"
    assert list(tree["data"]["assets"]) == ["SP500", "NASDAQ"]


def test_resolved_contains_nested_components_with_their_defaults(folder: Path) -> None:
    nested = "{use: pile, children: [{use: trend, fast: 3}]}"
    config = load_config_text(RUN.replace("{use: trend, fast: 50}", nested))
    strategy = resolved(config, bind(config, installed(config)))["strategy"]
    trend = {"use": "trend", "fast": 3, "slow": 200, "band": 0.0, "short": False}
    assert strategy == {"use": "pile", "children": [trend], "defensive": None}


def test_canonical_holds_what_affects_the_result_and_nothing_else(folder: Path) -> None:
    legs = "[{weight: 1, table: c}]"
    clock = f"{{use: clock, at: 10:30, table: a, tables: [b], words: [b, c, a], legs: {legs}}}"
    text = RUN.replace("{use: trend, fast: 50}", clock)
    config = load_config_text(text + "reports: [tear_sheet]\n")
    tree = canonical(config, bind(config, installed(config)))
    without = {"name", "plugins", "reports", "research", "sweep"}
    assert tree.keys() == RunConfig.model_fields.keys() - without
    assert tree["strategy"] == {
        "use": "clock",
        "at": "10:30:00",
        "label": "",
        "legs": [{"weight": 1.0}],
        "words": ["a", "b", "c"],
        "threshold": 0,
    }
    assert list(tree["data"]["assets"]) == ["NASDAQ", "SP500"]


def test_canonical_does_not_depend_on_the_order_of_assets_or_the_way_of_writing(
    folder: Path,
) -> None:
    one = load_config("run.yaml")
    other = load_config_text(
        RUN.replace("[SP500, NASDAQ]", "{NASDAQ: NASDAQ, SP500: SP500}").replace(
            "equal_weight", "{use: equal_weight}"
        )
    )
    assert canonical(one, bind(one, installed(one))) == canonical(
        other, bind(other, installed(other))
    )


def test_a_list_of_pairs_is_a_mapping_whose_order_counts(folder):
    text = RUN.replace("assets: [SP500, NASDAQ]", "assets: [[B, SP500], [A, NASDAQ]]")
    assert text != RUN
    assert list(load_config_text(text).data.assets.items()) == [
        ("B", "SP500"),
        ("A", "NASDAQ"),
    ]
    message = told(text.replace("[A, NASDAQ]", "[B, NASDAQ]"))
    assert "'B' stands in the list more than once" in message
