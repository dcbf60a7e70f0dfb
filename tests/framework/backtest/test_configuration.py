"""From a YAML file to a bound configuration, and what is told when it is wrong."""

from __future__ import annotations

import os
import pickle
from datetime import date, time
from pathlib import Path

import pytest
from pydantic import ValidationError

from bt_run import ConfigError, PluginError, RunConfig, load_config
from bt_run.catalogue import Catalogue
from bt_run.config.binding import Bound, bind
from bt_run.config.canonical_form import canonical, resolved
from bt_run.plugins import catalogue, get_plugin_manager

PLUGIN = """
from __future__ import annotations
from datetime import time
from pathlib import Path
from bt_run import Component, Config, Nested, hookimpl

class Leg(Config):
    weight: float
    table: Path | None = None

class ClockConfig(Config):
    at: time
    label: str = ""
    table: Path | None = None
    tables: list[Path] = []
    legs: list[Leg] = []
    words: frozenset[str] = frozenset()
    threshold: int | time = 0

class MetaConfig(Config):
    children: list[Nested["strategy"]]
    defensive: Nested["sizer"] | None = None

def offer(name, config):
    return Component(name=name, config=config, build=lambda config, context: None, summary=name)

@hookimpl
def bt_strategies():
    return [offer("clock", ClockConfig), offer("meta", MetaConfig)]
"""

RUN = """\
name: mine
plugins: [plugin.py]
data:
  source: {use: sample, set: indices}
  assets: [SP500, NASDAQ]
  benchmark: SP500
  start: 2000-01-03
  end: 2018-12-31
strategy: {use: trend, fast: 50}
sizer: equal_weight
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a folder with a plugin and a valid run.yaml, and stand in it."""
    (tmp_path / "plugin.py").write_text(PLUGIN)
    (tmp_path / "run.yaml").write_text(RUN)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def installed(config: RunConfig) -> Catalogue:
    return catalogue(get_plugin_manager(config.plugins))


def bound_strategy(config: RunConfig) -> Bound:
    return bind(config, installed(config)).strategy


def told(text: str | bytes, *overrides: str) -> str:
    """Return what is told about a run.yaml with this content."""
    Path("run.yaml").write_bytes(text.encode() if isinstance(text, str) else text)
    with pytest.raises(ConfigError) as caught:
        load_config("run.yaml", overrides)
    return str(caught.value)


# -- what is read ----------------------------------------------------------------------------------


def test_a_file_becomes_a_config_with_defaults(folder: Path) -> None:
    config = load_config("run.yaml")
    assert config.data.assets == {"SP500": "SP500", "NASDAQ": "NASDAQ"}
    assert (config.data.start, config.seed, config.schedule) == (date(2000, 1, 3), 0, "bar")
    assert (config.broker.use, config.sizer and config.sizer.use) == ("simulated", "equal_weight")
    assert (config.strategy.use, config.strategy.options) == ("trend", {"fast": 50})
    assert config.plugins == (folder / "plugin.py",)


def test_a_time_needs_no_quotes(folder: Path) -> None:
    text = RUN.replace("{use: trend, fast: 50}", "{use: clock, at: 10:30, label: 10:30}")
    (folder / "run.yaml").write_text(text)
    options = bound_strategy(load_config("run.yaml")).options
    assert options.model_dump()["at"] == time(10, 30)
    assert options.model_dump()["label"] == "10:30"


def test_words_that_older_yaml_takes_for_booleans_are_strings(folder: Path) -> None:
    (folder / "run.yaml").write_text(RUN.replace("[SP500, NASDAQ]", "{ON: SP500, NO: NASDAQ}"))
    assert list(load_config("run.yaml").data.assets) == ["ON", "NO"]


def test_1e_minus_4_is_a_number(folder: Path) -> None:
    (folder / "run.yaml").write_text(
        RUN + "broker: {use: simulated, slippage: {bps: 1e-4}}\nrisk_free: 1e-2\n"
    )
    config = load_config("run.yaml")
    assert config.risk_free == 0.01
    assert bind(config, installed(config)).broker.options.model_dump()["slippage"]["bps"] == 1e-4


def test_anchors_and_merge_keys_are_understood(folder: Path) -> None:
    text = RUN.replace("{use: trend, fast: 50}", "&t {use: trend, fast: 50}")
    (folder / "run.yaml").write_text(
        text.replace("sizer: equal_weight", "sizer: {<<: *t, use: equal_weight}")
    )
    with pytest.raises(ConfigError, match=r"run\.yaml:\d+:\d+: sizer\.fast: unknown key; found 50"):
        load_config("run.yaml")


def test_a_config_from_python_needs_no_file(folder: Path) -> None:
    config = RunConfig.model_validate(
        {
            "name": "mine",
            "data": {
                "source": {"use": "sample", "set": "indices"},
                "assets": ["SP500"],
                "benchmark": "SP500",
                "start": date(2000, 1, 3),
                "end": date(2001, 1, 3),
            },
            "strategy": {"use": "trend", "fsat": 3},
        }
    )
    with pytest.raises(
        ConfigError, match=r"^strategy\.fsat: unknown key; found 3; .*did you mean 'fast'"
    ):
        bind(config, installed(config))


def test_a_wrong_config_from_python_is_reported_alike() -> None:
    with pytest.raises(
        ConfigError, match=r"name: not a safe folder name: .*; found 'a/b'\ndata: missing key; "
    ):
        RunConfig(name="a/b")  # type: ignore[call-arg]


def test_a_config_is_frozen_and_survives_pickling(folder: Path) -> None:
    config = load_config("run.yaml")
    with pytest.raises(ValidationError, match="frozen"):
        config.name = "other"  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(config)) == config


# -- extends ---------------------------------------------------------------------------------------


def test_extends_merges_mappings_and_replaces_lists(folder: Path) -> None:
    (folder / "base.yaml").write_text(RUN + "overlays: [{use: volatility_target, annual: 0.1}]\n")
    (folder / "run.yaml").write_text(
        "extends: base.yaml\nname: other\noverlays: []\nstrategy: {slow: 100}\ndata: {end: "
        "2010-01-04}\n"
    )
    config = load_config("run.yaml")
    assert (config.name, config.overlays) == ("other", ())
    assert config.strategy.options == {"fast": 50, "slow": 100}
    assert (config.data.start, config.data.end) == (date(2000, 1, 3), date(2010, 1, 4))


def test_extends_replaces_a_component_by_another_whole(folder: Path) -> None:
    (folder / "base.yaml").write_text(RUN)
    (folder / "run.yaml").write_text("extends: base.yaml\nstrategy: {use: buy_and_hold}\n")
    assert load_config("run.yaml").strategy.options == {}


def test_extends_keeps_the_keys_of_the_same_component(folder: Path) -> None:
    (folder / "base.yaml").write_text(RUN)
    (folder / "run.yaml").write_text("extends: base.yaml\nstrategy: {use: trend, slow: 100}\n")
    assert load_config("run.yaml").strategy.options == {"fast": 50, "slow": 100}


def test_an_inherited_mistake_is_reported_where_it_stands(folder: Path) -> None:
    (folder / "deep").mkdir()
    (folder / "deep" / "base.yaml").write_text(
        RUN.replace("plugin.py", "../plugin.py").replace("fast", "fsat")
    )
    message = told("extends: deep/base.yaml\nname: other\n")
    assert message.startswith(f"deep{os.sep}base.yaml:9:24: strategy.fsat: unknown key; found 50; ")


def test_files_that_extend_each_other_are_reported_with_the_circle(folder: Path) -> None:
    (folder / "base.yaml").write_text("extends: run.yaml\n")
    assert told("name: x\nextends: base.yaml\n") == (
        "base.yaml:1:10: extends: the files extend each other in a circle: "
        "run.yaml -> base.yaml -> run.yaml\n"
        "    extends: run.yaml\n"
        "             ^"
    )


def test_a_file_that_extends_itself_is_reported(folder: Path) -> None:
    assert "in a circle: run.yaml -> run.yaml" in told("extends: run.yaml\n")


def test_a_missing_base_is_reported_at_its_place(folder: Path) -> None:
    (folder / "base.yaml").write_text(RUN)
    message = told("name: x\nextends: bsae.yaml\n")
    assert message.startswith(
        "run.yaml:2:10: extends: no such file; found 'bsae.yaml'; expected a path that"
    )
    assert "(did you mean 'base.yaml'?)" in message


def test_extends_must_be_one_name(folder: Path) -> None:
    message = (
        "run.yaml:1:10: extends: wrong type; found ['a.yaml']; expected the name of one YAML file"
    )
    assert told("extends: [a.yaml]\n").startswith(message)


# -- overrides -------------------------------------------------------------------------------------


def test_an_override_sets_one_key(folder: Path) -> None:
    overrides = [
        "strategy.fast=20",
        "data.end=2010-01-04",
        "limits.gross=0.5",
        "data.assets={A: SP500}",
    ]
    config = load_config("run.yaml", [*overrides, "data.benchmark=A"])
    assert config.strategy.options == {"fast": 20}
    assert (config.data.end, config.limits.gross) == (date(2010, 1, 4), 0.5)
    assert config.data.assets == {"A": "SP500"}


def test_an_override_reaches_into_lists_and_bare_names(folder: Path) -> None:
    (folder / "run.yaml").write_text(RUN + "overlays: [{use: volatility_target, annual: 0.1}]\n")
    config = load_config("run.yaml", ["overlays.0.annual=0.2", "sizer.redistribute=true"])
    assert config.overlays[0].options == {"annual": 0.2}
    assert config.sizer is not None
    assert config.sizer.options == {"redistribute": True}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            "strategy.fsat=3",
            "--set strategy.fsat: strategy.fsat: unknown key; found 3; expected one of fast, slow",
        ),
        (
            "bogus.key=3",
            "--set bogus.key: bogus: unknown key; found {'key': 3}; expected one of name, seed",
        ),
        (
            "strategy.fast=x",
            "--set strategy.fast: strategy.fast: wrong value; found 'x'; expected an integer",
        ),
        ("data.assets.0=A", "--set data.assets.0: "),
        (
            "overlays.1.annual=3",
            "--set overlays.1.annual: overlays is a list; found '1'; expected an index from 0 to 0",
        ),
        (
            "overlays.x=3",
            "--set overlays.x: overlays is a list; found 'x'; expected an index from 0 to 0",
        ),
        (
            "triggers.0=3",
            "--set triggers.0: triggers is a list; found '0'; expected nothing, for the list is "
            "empty",
        ),
        (
            "strategy.fast.x=3",
            "--set strategy.fast.x: strategy.fast is 50 and has no keys; found 'x' after it",
        ),
        (
            "strategy.fast=[1",
            "--set strategy.fast: the value is not YAML; found '[1'; not valid YAML: ",
        ),
        (
            "strategy.fast",
            "--set strategy.fast: expected KEY=VALUE with a dotted key, such as broker.cash=50000",
        ),
        ("a..b=3", "--set a..b=3: expected KEY=VALUE"),
    ],
)
def test_a_wrong_override_is_reported_as_such(folder: Path, override: str, message: str) -> None:
    text = RUN.replace("[SP500, NASDAQ]", "{A: SP500}") if "assets" not in override else RUN
    text += "overlays: [{use: volatility_target, annual: 0.1}]\ntriggers: []\n"
    text = text.replace("benchmark: SP500", "benchmark: A")
    if override == "data.assets.0=A":
        assert load_config_text(text, override).data.assets == {"A": "A", "NASDAQ": "NASDAQ"}
    else:
        assert told(text, override).startswith(message)


def load_config_text(text: str, *overrides: str) -> RunConfig:
    Path("run.yaml").write_text(text)
    return load_config("run.yaml", overrides)


# -- files that cannot be read ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "name: a\nname: b\n",
            'run.yaml:2:1: duplicate key "name" with value "b" (original value: "a"); a key may',
        ),
        (
            "data:\n\tstart: 2000-01-03\n",
            "run.yaml:2:1: a tab stands here; YAML is indented with spaces",
        ),
        ("", "run.yaml: the file is empty; expected a run, such as `bt-run init` writes"),
        ("# only a comment\n", "run.yaml: the file is empty"),
        (
            "- a\n- b\n",
            "run.yaml:1:1: wrong type; found a list; expected a mapping such as `name: my_run`",
        ),
        ("hello\n", "run.yaml:1:1: wrong type; found 'hello'; expected a mapping"),
        ("name: [a\nseed: 1\n", "run.yaml:2:5: not valid YAML: expected ',' or ']'"),
        ("name: a\x00b\n", "run.yaml: not valid YAML: unacceptable character"),
        (
            "name: !special x\n",
            "run.yaml:1:7: tags such as !name are not used here; found one; expected a plain",
        ),
        (
            "data: {assets: {600519: A}}\n",
            "run.yaml:1:17: a key must be a string; found 600519; put it in quotes",
        ),
        (
            b"name: caf\xe9\n",
            "run.yaml:1:10: the file is not UTF-8; found the byte 0xe9; save it as UTF-8",
        ),
        ("[" * 600, "run.yaml: the file is nested too deeply to be read"),
    ],
)
def test_a_file_that_cannot_be_read_is_reported(
    folder: Path, text: str | bytes, message: str
) -> None:
    assert told(text).startswith(message)


def test_a_missing_file_is_reported_in_one_line_with_the_nearest(folder: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config("rnu.yaml")
    assert str(caught.value) == "rnu.yaml: no such file (did you mean 'run.yaml'?)"


def test_a_folder_is_reported(folder: Path) -> None:
    with pytest.raises(ConfigError, match="found a folder; expected a YAML file"):
        load_config(folder)


# -- values that are wrong -------------------------------------------------------------------------


def test_an_error_shows_the_source_line_and_a_caret(folder: Path) -> None:
    assert told(RUN.replace("fast: 50", "fsat: 50")) == (
        "run.yaml:9:24: strategy.fsat: unknown key; found 50; expected one of fast, slow, band, "
        "short "
        "(did you mean 'fast'?)\n"
        "    strategy: {use: trend, fsat: 50}\n"
        "                           ^"
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "sizer:",
            "sizr:",
            "run.yaml:10:1: sizr: unknown key; found 'equal_weight'; expected one of name, seed",
        ),
        (
            "fast: 50",
            "fast: quick",
            "run.yaml:9:30: strategy.fast: wrong value; found 'quick'; expected an integer\n",
        ),
        (
            "fast: 50",
            "fast: 0",
            "run.yaml:9:30: strategy.fast: wrong value; found 0; expected a number greater than",
        ),
        (
            "fast: 50",
            "fast: 300",
            "run.yaml:9:11: strategy: fast was 300 and slow 200; expected fast < slow; found",
        ),
        (
            "use: trend",
            "use: tredn",
            "run.yaml:9:17: strategy.use: no strategy 'tredn' is installed; strategies ins",
        ),
        (
            "equal_weight",
            "trend",
            "run.yaml:10:8: sizer: 'trend' is a strategy, not a sizer; sizers installed: equal",
        ),
        (
            "sizer: equal_weight",
            "sizer: 4",
            "run.yaml:10:8: sizer: wrong value; found 4; expected a component's NAME",
        ),
        (
            "{use: trend, fast: 50}",
            "{fast: 50}",
            "run.yaml:9:1: strategy.use: missing key; found nothing; expected th",
        ),
        (
            "set: indices",
            "set: indexes",
            "run.yaml:4:30: data.source.set: unknown word; found 'indexes'; expected 'in",
        ),
        (
            ", set: indices",
            "",
            "run.yaml:4:3: data.source.set: missing key; found nothing; expected indices | stocks",
        ),
        (
            "[SP500, NASDAQ]",
            "{}",
            "run.yaml:5:11: data.assets: wrong value; found {}; expected at least 1 item\n",
        ),
        (
            "[SP500, NASDAQ]",
            "{A: 600519}",
            "run.yaml:5:15: data.assets.A: wrong value; found 600519; expected a stri",
        ),
        (
            "[SP500, NASDAQ]",
            "[A, 600519]",
            "run.yaml:5:11: data.assets: an asset's name must be a string, so put 600",
        ),
        (
            "[SP500, NASDAQ]",
            "[A, A]",
            "run.yaml:5:11: data.assets: 'A' stands in the list more than once; an asset may",
        ),
        (
            "[SP500, NASDAQ]",
            "A",
            "run.yaml:5:11: data.assets: wrong value; found 'A'; expected a mapping\n",
        ),
        (
            "2018-12-31",
            "1999-12-31",
            "run.yaml:8:8: data.end: end was 1999-12-31; expected a day after start, 2000-01",
        ),
        (
            "2018-12-31",
            "2018",
            "run.yaml:8:8: data.end: a date is written YEAR-MONTH-DAY, such as 2000-01-03; found 20",
        ),
        (
            "2018-12-31",
            "soon",
            "run.yaml:8:8: data.end: wrong value; found 'soon'; expected a date\n",
        ),
        (
            "name: mine",
            "name: a/b",
            "run.yaml:1:7: name: not a safe folder name: only letters, digits and _, with - and",
        ),
        (
            "name: mine",
            "schedule: dayly",
            "run.yaml:1:1: name: missing key; found nothing; expected string (names the",
        ),
        (
            "sizer: equal_weight",
            "schedule: moth",
            "run.yaml:10:11: schedule: unknown word; found 'moth'; expected 'once', 'bar', "
            "'session'",
        ),
        (
            "  start: 2000-01-03",
            "  start: 2000-01-03\n  history_from: 2001-01-03",
            "run.yaml:8:17: data.history_from: history_from was 2001-01-03; expected a day not "
            "after start",
        ),
    ],
)
def test_a_wrong_value_is_reported_with_its_place(
    folder: Path, old: str, new: str, message: str
) -> None:
    assert told(RUN.replace(old, new)).startswith(message)


def test_the_keys_of_a_component_stand_beside_its_name(folder: Path) -> None:
    message = told(
        RUN.replace("{use: trend, fast: 50}", "{use: trend, options: {fast: 3}, fsat: 3}")
    )
    assert message.startswith(
        "run.yaml:9:24: strategy.options: unknown key; the keys of a component stand beside"
    )


def test_every_mistake_is_reported_at_once(folder: Path) -> None:
    message = told(RUN.replace("fast: 50", "fsat: 50").replace("equal_weight", "equl_weight"))
    assert "strategy.fsat: unknown key" in message
    assert "sizer: no sizer 'equl_weight' is installed" in message
    assert "(did you mean 'equal_weight'?)" in message


def test_the_alternatives_of_a_value_are_reported_together(folder: Path) -> None:
    message = told(
        RUN.replace("{use: trend, fast: 50}", "{use: clock, at: 10:30, threshold: late}")
    )
    assert "strategy.threshold: wrong value; found 'late'; expected an integer or" in message
    assert message.count("strategy.threshold") == 1


def test_a_long_source_line_is_shown_around_the_mistake(folder: Path) -> None:
    assets = ", ".join(f"ASSET{i}: SP500" for i in range(50))
    message = told(RUN.replace("[SP500, NASDAQ]", f"{{{assets}, LAST: 5}}"))
    _, line, caret = message.splitlines()
    assert len(line) < 160
    assert line[caret.index("^")] == "5"


def test_nested_components_are_reported_with_their_place(folder: Path) -> None:
    nested = "{use: meta, children: [{use: trend, fsat: 3}, {use: tredn}], defensive: trend}"
    message = told(RUN.replace("{use: trend, fast: 50}", nested))
    assert "run.yaml:9:47: strategy.children.0.fsat: unknown key; found 3" in message
    assert "run.yaml:9:63: strategy.children.1.use: no strategy 'tredn' is installed" in message
    assert "strategy.defensive: 'trend' is a strategy, not a sizer" in message


# -- what is bound ---------------------------------------------------------------------------------


def test_nested_components_are_bound(folder: Path) -> None:
    nested = "{use: meta, children: [{use: trend, fast: 3}, buy_and_hold], defensive: equal_weight}"
    strategy = bound_strategy(load_config_text(RUN.replace("{use: trend, fast: 50}", nested)))
    children, defensive = strategy.children["children"], strategy.children["defensive"]
    assert isinstance(children, tuple)
    assert [child.name for child in children] == ["trend", "buy_and_hold"]
    assert isinstance(defensive, Bound)
    assert (defensive.role, defensive.name) == ("sizer", "equal_weight")


def test_a_component_nested_inside_another_field_is_refused(folder: Path) -> None:
    text = PLUGIN.replace(
        "    table: Path | None = None\n\nclass Clock", '    inner: Nested["sizer"]\n\nclass Clock'
    )
    (folder / "plugin.py").write_text(text)
    with pytest.raises(
        PluginError,
        match=r"plugin\.py: clock\.legs\.inner is Nested inside another field; a nested",
    ):
        load_config_text(RUN.replace("{use: trend, fast: 50}", "{use: clock, at: 10:30}"))


def test_iterating_a_bound_config_yields_nested_components_too(folder: Path) -> None:
    nested = "{use: meta, children: [{use: trend, fast: 3}], defensive: equal_weight}"
    config = load_config_text(RUN.replace("{use: trend, fast: 50}", nested))
    names = [bound.name for bound in bind(config, installed(config))]
    assert names == ["sample", "meta", "trend", "equal_weight", "equal_weight", "simulated"]


def test_paths_start_at_the_folder_of_the_file_in_which_they_stand(folder: Path) -> None:
    (folder / "deep").mkdir()
    clock = (
        "{use: clock, at: 10:30, table: a.csv, tables: [b.csv], legs: [{weight: 1, table: c.csv}]}"
    )
    text = RUN.replace("{use: trend, fast: 50}", clock).replace("plugin.py", "../plugin.py")
    (folder / "deep" / "base.yaml").write_text(text)
    config = load_config_text(
        "extends: deep/base.yaml\nstrategy: {tables: [d.csv]}\n", "strategy.label=x"
    )
    options = bound_strategy(config).options.model_dump()
    deep = folder / "deep"
    assert (options["table"], options["tables"]) == (deep / "a.csv", [folder / "d.csv"])
    assert options["legs"] == [{"weight": 1.0, "table": deep / "c.csv"}]


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
    assert tree["data"]["source"] == {"use": "sample", "set": "indices"}
    assert tree["data"]["start"] == "2000-01-03"
    assert tree["sizer"]["use"] == "equal_weight"
    assert list(tree["data"]["assets"]) == ["SP500", "NASDAQ"]


def test_resolved_contains_nested_components_with_their_defaults(folder: Path) -> None:
    nested = "{use: meta, children: [{use: trend, fast: 3}]}"
    config = load_config_text(RUN.replace("{use: trend, fast: 50}", nested))
    strategy = resolved(config, bind(config, installed(config)))["strategy"]
    trend = {"use": "trend", "fast": 3, "slow": 200, "band": 0.0, "short": False}
    assert strategy == {"use": "meta", "children": [trend], "defensive": None}


def test_canonical_holds_what_affects_the_result_and_nothing_else(folder: Path) -> None:
    clock = "{use: clock, at: 10:30, table: a, tables: [b], words: [b, c, a], legs: [{weight: 1, table: c}]}"
    text = RUN.replace("{use: trend, fast: 50}", clock)
    config = load_config_text(text + "reports: [tear_sheet]\n")
    tree = canonical(config, bind(config, installed(config)))
    assert tree.keys() == RunConfig.model_fields.keys() - {"name", "plugins", "reports"}
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
