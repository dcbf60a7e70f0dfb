"""Components and paths of a bound configuration."""

from __future__ import annotations

from pathlib import Path

import pytest
from kit.configured import PLUGIN, RUN, bound_strategy, installed, load_config_text

from bt_run import PluginError
from bt_run.config.binding import Bound, bind


def test_nested_components_are_bound(folder: Path) -> None:
    nested = "{use: pile, children: [{use: trend, fast: 3}, buy_and_hold], defensive: equal_weight}"
    strategy = bound_strategy(
        load_config_text(RUN.replace("{use: trend, fast: 50}", nested))
    )
    children, defensive = strategy.children["children"], strategy.children["defensive"]
    assert isinstance(children, tuple)
    assert [child.name for child in children] == ["trend", "buy_and_hold"]
    assert isinstance(defensive, Bound)
    assert (defensive.role, defensive.name) == ("sizer", "equal_weight")


def test_a_component_nested_inside_another_field_is_refused(folder: Path) -> None:
    text = PLUGIN.replace(
        "    table: Path | None = None\n\nclass Clock",
        '    inner: Nested["sizer"]\n\nclass Clock',
    )
    (folder / "plugin.py").write_text(text)
    with pytest.raises(
        PluginError,
        match=r"plugin\.py: clock\.legs\.inner is Nested inside another field; a nested",
    ):
        load_config_text(
            RUN.replace("{use: trend, fast: 50}", "{use: clock, at: 10:30}")
        )


def test_iterating_a_bound_config_yields_nested_components_too(folder: Path) -> None:
    nested = "{use: pile, children: [{use: trend, fast: 3}], defensive: equal_weight}"
    config = load_config_text(RUN.replace("{use: trend, fast: 50}", nested))
    names = [bound.name for bound in bind(config, installed(config))]
    assert names == [
        "sample",
        "pile",
        "trend",
        "equal_weight",
        "equal_weight",
        "simulated",
    ]


def test_paths_start_at_the_folder_of_the_file_in_which_they_stand(
    folder: Path,
) -> None:
    (folder / "deep").mkdir()
    legs = "[{weight: 1, table: c.csv}]"
    clock = f"{{use: clock, at: 10:30, table: a.csv, tables: [b.csv], legs: {legs}}}"
    text = RUN.replace("{use: trend, fast: 50}", clock).replace(
        "plugin.py", "../plugin.py"
    )
    (folder / "deep" / "base.yaml").write_text(text)
    config = load_config_text(
        "extends: deep/base.yaml\nstrategy: {tables: [d.csv]}\n", "strategy.label=x"
    )
    options = bound_strategy(config).options.model_dump()
    deep = folder / "deep"
    assert (options["table"], options["tables"]) == (deep / "a.csv", [folder / "d.csv"])
    assert options["legs"] == [{"weight": 1.0, "table": deep / "c.csv"}]
