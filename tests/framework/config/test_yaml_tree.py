"""YAML files, what they extend and what overrides them."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest
from kit.configured import RUN, load_config_text, told

from bt_run import ConfigError, load_config


def test_extends_merges_mappings_and_replaces_lists(folder: Path) -> None:
    (folder / "base.yaml").write_text(
        RUN + "overlays: [{use: volatility_target, annual: 0.1}]\n"
    )
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
    (folder / "run.yaml").write_text(
        "extends: base.yaml\nstrategy: {use: buy_and_hold}\n"
    )
    assert load_config("run.yaml").strategy.options == {}


def test_extends_keeps_the_keys_of_the_same_component(folder: Path) -> None:
    (folder / "base.yaml").write_text(RUN)
    (folder / "run.yaml").write_text(
        "extends: base.yaml\nstrategy: {use: trend, slow: 100}\n"
    )
    assert load_config("run.yaml").strategy.options == {"fast": 50, "slow": 100}


def test_an_inherited_mistake_is_reported_where_it_stands(folder: Path) -> None:
    (folder / "deep").mkdir()
    (folder / "deep" / "base.yaml").write_text(
        RUN.replace("plugin.py", "../plugin.py").replace("fast", "fsat")
    )
    message = told("extends: deep/base.yaml\nname: other\n")
    assert message.startswith(
        f"deep{os.sep}base.yaml:9:24: strategy.fsat: unknown key; found 50; "
    )


def test_files_that_extend_each_other_are_reported_with_the_circle(
    folder: Path,
) -> None:
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
    message = "run.yaml:1:10: extends: wrong type; found ['a.yaml']; expected the name of one YAML"
    assert told("extends: [a.yaml]\n").startswith(message)


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
    (folder / "run.yaml").write_text(
        RUN + "overlays: [{use: volatility_target, annual: 0.1}]\n"
    )
    config = load_config(
        "run.yaml", ["overlays.0.annual=0.2", "sizer.redistribute=true"]
    )
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
def test_a_wrong_override_is_reported_as_such(
    folder: Path, override: str, message: str
) -> None:
    text = (
        RUN.replace("[SP500, NASDAQ]", "{A: SP500}")
        if "assets" not in override
        else RUN
    )
    text += "overlays: [{use: volatility_target, annual: 0.1}]\ntriggers: []\n"
    text = text.replace("benchmark: SP500", "benchmark: A")
    if override == "data.assets.0=A":
        assert load_config_text(text, override).data.assets == {
            "A": "A",
            "NASDAQ": "NASDAQ",
        }
    else:
        assert told(text, override).startswith(message)


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
        (
            "",
            "run.yaml: the file is empty; expected a run, such as `bt-run init` writes",
        ),
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


# -- what beginners write --------------------------------------------------------------------------


def test_anchors_may_stand_under_keys_that_begin_with_x(folder: Path) -> None:
    aside = "x-trend: &trend {use: trend, fast: 20}\n"
    text = RUN.replace("strategy: {use: trend, fast: 50}", "strategy: *trend")
    assert text != RUN
    config = load_config_text(aside + text)
    assert config.strategy.options == {"fast": 20}
    assert "x-trend" not in config.model_dump()


def test_an_aside_stands_at_the_top_only(folder: Path) -> None:
    message = told(RUN.replace("  end:", "  x-end: 2000-01-03\n  end:"))
    assert "data.x-end: unknown key" in message


def test_a_key_without_a_space_after_its_colon_is_told_on_its_own_line(
    folder: Path,
) -> None:
    message = told(RUN + "schedule:month\n")
    line = len(RUN.splitlines()) + 1
    assert message.startswith(
        f"run.yaml:{line}:1: a key needs a colon and a space; expected such as `schedule: month`"
    )
    assert "    schedule:month\n    ^" in message


def test_a_comma_in_a_number_is_told_as_such(folder: Path) -> None:
    inline = told(RUN + "broker: {use: simulated, cash: 100,000}\n")
    assert (
        "found 0, a number where a key is expected; a comma ends a value here" in inline
    )
    block = told(RUN + "broker:\n  use: simulated\n  cash: 100,000\n")
    assert (
        "broker.cash: wrong value; found '100,000'; expected a number without commas"
        in block
    )


def test_an_empty_value_is_told_on_its_own_line(folder: Path) -> None:
    message = told(RUN + "broker:\n  use:\nseed: 1\n")
    line = len(RUN.splitlines()) + 2
    assert message.startswith(f"run.yaml:{line}:3: broker.use: wrong value; found None")


# -- aliases and what YAML can hold beside a run ---------------------------------------------------

NINE_LINES = "".join(
    f"x-{name}: &{name} [{', '.join([item] * 9)}]\n"
    for name, item in zip(
        "abcdefghi", ["1", *(f"*{c}" for c in "abcdefgh")], strict=True
    )
)


def test_nine_lines_of_aliases_are_refused_at_a_limit(folder: Path) -> None:
    text = told(NINE_LINES + RUN)
    assert "the file holds more than 100,000 values, its aliases written out" in text
    assert "at most that many are read" in text


def test_mappings_of_aliases_are_refused_too(folder: Path) -> None:
    lines = ["x-a: &a {k: 1}"]
    for before, name in zip("abcdefg", "bcdefgh", strict=True):
        keys = ", ".join(f"k{number}: *{before}" for number in range(9))
        lines.append(f"x-{name}: &{name} {{{keys}}}")
    assert "more than 100,000 values" in told("\n".join(lines) + "\n" + RUN)


def test_aliases_in_the_value_of_an_override_are_refused_too(folder: Path) -> None:
    nest = "&a [1,1,1,1,1,1,1,1,1,1]"
    for before, name in zip("abcde", "bcdef", strict=True):
        nest = f"&{name} [{nest},{','.join([f'*{before}'] * 9)}]"
    text = told(RUN, f"overlays={nest}")
    assert text.startswith("--set overlays: the file holds more than 100,000 values")


def test_a_plain_file_of_many_values_is_read(folder: Path) -> None:
    names = ", ".join(f"A{number}" for number in range(20_000))
    config = load_config_text(RUN.replace("[SP500, NASDAQ]", f"[SP500, {names}]"))
    assert len(config.data.assets) == 20_001


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name: &a [*a]\n", "name"),
        (
            "name: " + "[" * 200 + "]" * 200,
            "more than 100 mappings and lists stand inside",
        ),
        ("name: &a\n  <<: *a\n  b: 1\n", "not valid YAML"),
        ("name: 2001-99-99\n", "not valid YAML: ValueError: month must be in 1..12"),
        ("name: !!bool abc\n", "not valid YAML: KeyError: 'abc'"),
        ("name: " + "9" * 6000, "not valid YAML: ValueError"),
    ],
)
def test_what_no_run_can_be_is_refused_in_words(
    folder: Path, text: str, words: str
) -> None:
    assert words in told(text)


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ("[" * 5000, "--set name: the value is nested too deeply"),
        ("2001-99-99", "the value is not YAML; found '2001-99-99'"),
    ],
)
def test_an_override_that_no_yaml_is_is_refused_in_words(
    folder: Path, value: str, words: str
) -> None:
    assert words in told(RUN, f"name={value}")
