"""The JSON schema of a YAML file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from bt_run import PluginError
from bt_run.component import ROLES
from bt_run.config.schema import json_schema
from bt_run.config.yaml_tree import plain, read_tree
from bt_run.plugins import catalogue, get_plugin_manager

RUN = """\
name: mine
data:
  source: {use: sample, set: indices}
  assets: [SP500, NASDAQ]
  benchmark: SP500
  start: 2000-01-03
  end: 2018-12-31
strategy: {use: trend, fast: 50}
sizer: equal_weight
overlays: [{use: volatility_target, annual: 0.1}]
broker: {use: simulated, commission: {bps: 1}}
"""
PLUGIN = """
from __future__ import annotations
from datetime import time
from bt_run import Component, Config, Nested, hookimpl

class MetaConfig(Config):
    children: list[Nested["strategy"]]
    defensive: Nested["sizer"] = "equal_weight"
    at: time = time(10, 30)

class OddConfig(Config):
    thing: {thing}

@hookimpl
def bt_strategies():
    build = lambda config, context: None
    return [Component(name=name, config=config, build=build, summary="A " + name)
            for name, config in {{"pile": MetaConfig, "odd": OddConfig}}.items()]
"""


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    path = tmp_path_factory.mktemp("plugin") / "plugin.py"
    path.write_text(PLUGIN.format(thing="int = 0"))
    return json_schema(catalogue(get_plugin_manager([path])))


def accepts(schema: dict[str, Any], text: str, tmp_path: Path) -> bool:
    path = tmp_path / "run.yaml"
    path.write_text(text)
    # dates are strings in JSON; `extends` is taken as it stands
    document = (
        plain(read_tree(path))
        if "extends" not in text
        else {"extends": "x", **plain_lines(text)}
    )
    return bool(
        Draft202012Validator(schema).is_valid(
            json.loads(json.dumps(document, default=str))
        )
    )


def plain_lines(text: str) -> dict[str, Any]:
    from ruamel.yaml import YAML

    return dict(YAML(typ="safe").load(text))


def test_the_schema_is_a_valid_schema_and_json(schema: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(schema)
    assert json.loads(json.dumps(schema)) == schema


def test_every_reference_leads_somewhere(schema: dict[str, Any]) -> None:
    text = json.dumps(schema)
    names = {part.split('"')[0] for part in text.split("#/$defs/")[1:]}
    assert names <= schema["$defs"].keys()
    assert "ComponentSpec" not in text


def test_every_role_has_one_branch_per_component(schema: dict[str, Any]) -> None:
    assert set(ROLES) <= schema["$defs"].keys()
    branches = schema["$defs"]["sizer"]["oneOf"]
    named = [
        branch["properties"]["use"]["const"]
        for branch in branches
        if "properties" in branch
    ]
    assert {"equal_weight", "inverse_volatility", "signal_weight"} <= set(named)
    assert sorted(named) == named
    few = get_plugin_manager(
        modules=("bt_run_plugins.sources.sample",), installed=False
    )
    assert json_schema(catalogue(few))["$defs"]["analyzer"] == {"not": {}}


def test_keys_carry_their_descriptions(schema: dict[str, Any]) -> None:
    trend = next(
        b for b in schema["$defs"]["strategy"]["oneOf"] if b.get("title") == "trend"
    )
    assert trend["properties"]["fast"]["description"]
    assert trend["description"]
    assert trend["additionalProperties"] is False


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("name: mine", "name: mine"),
        ("[SP500, NASDAQ]", "{A: SP500, B: NASDAQ}"),
        ("sizer: equal_weight", "sizer: {use: equal_weight, redistribute: true}"),
        ("sizer: equal_weight", "sizer: null"),
        (
            "{use: trend, fast: 50}",
            "{use: pile, children: [trend, {use: trend, fast: 3}], at: 10:30}",
        ),
        (
            "{use: trend, fast: 50}",
            "{use: pile, children: [], defensive: {use: equal_weight}}",
        ),
        (RUN, "extends: other.yaml\n"),
        (
            RUN,
            "extends: other.yaml\ndata: {source: {set: stocks}}\nbroker: {cash: 5}\nsizer: {x: "
            "1}\n",
        ),
    ],
)
def test_what_a_run_may_say_is_valid(
    schema: dict[str, Any], tmp_path: Path, old: str, new: str
) -> None:
    assert accepts(schema, RUN.replace(old, new), tmp_path)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("name: mine", "nmae: mine"),
        ("name: mine", "name: a/b"),
        ("fast: 50", "fsat: 50"),
        ("fast: 50", "fast: quick"),
        ("fast: 50", "fast: 0"),
        ("use: trend", "use: tredn"),
        ("use: trend, ", ""),
        ("bps: 1", "bsp: 1"),
        ("start: 2000-01-03", "strat: 2000-01-03"),
        ("  benchmark: SP500\n", ""),
        ("sizer: equal_weight", "sizer: trend"),
        ("[{use: volatility_target, annual: 0.1}]", "[volatility_target]"),
        ("overlays:", "analyzers: [x]\noverlays:"),
        ("{use: trend, fast: 50}", "{use: pile, children: [{use: trend, fsat: 3}]}"),
        ("{use: trend, fast: 50}", "{use: pile, children: [equal_weight]}"),
        ("{use: trend, fast: 50}", "{use: pile, children: [], at: noon}"),
        (RUN, "extends: other.yaml\nstrategy: {use: trend, fsat: 3}\n"),
        (RUN, "extends: other.yaml\nbrokr: {cash: 5}\n"),
    ],
)
def test_what_a_run_may_not_say_is_not(
    schema: dict[str, Any], tmp_path: Path, old: str, new: str
) -> None:
    assert not accepts(schema, RUN.replace(old, new), tmp_path)


def test_a_config_without_a_schema_is_reported_with_its_plugin(tmp_path: Path) -> None:
    path = tmp_path / "plugin.py"
    text = PLUGIN.format(thing="Callable[[int], int]")
    path.write_text(
        "from collections.abc import Callable\n"
        + text.replace("from __future__ import annotations\n", "")
    )
    with pytest.raises(
        PluginError,
        match=r"plugin\.py: the config of the strategy 'odd' has no JSON schema: ",
    ):
        json_schema(catalogue(get_plugin_manager([path])))
