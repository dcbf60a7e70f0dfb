"""From a YAML file, or from Python, to a frozen configuration."""

from __future__ import annotations

import pickle
from datetime import date, time
from pathlib import Path

import pytest
from kit.configured import RUN, bound_strategy, installed
from pydantic import ValidationError

from bt_run import ConfigError, RunConfig, load_config
from bt_run.config.binding import bind


def test_a_file_becomes_a_config_with_defaults(folder: Path) -> None:
    config = load_config("run.yaml")
    assert config.data.assets == {"SP500": "SP500", "NASDAQ": "NASDAQ"}
    assert (config.data.start, config.seed, config.schedule) == (
        date(2000, 1, 3),
        0,
        "bar",
    )
    assert (config.broker.use, config.sizer and config.sizer.use) == (
        "simulated",
        "equal_weight",
    )
    assert (config.strategy.use, config.strategy.options) == ("trend", {"fast": 50})
    assert config.plugins == (folder / "plugin.py",)


def test_a_time_needs_no_quotes(folder: Path) -> None:
    text = RUN.replace(
        "{use: trend, fast: 50}", "{use: clock, at: 10:30, label: 10:30}"
    )
    (folder / "run.yaml").write_text(text)
    options = bound_strategy(load_config("run.yaml")).options
    assert options.model_dump()["at"] == time(10, 30)
    assert options.model_dump()["label"] == "10:30"


def test_words_that_older_yaml_takes_for_booleans_are_strings(folder: Path) -> None:
    (folder / "run.yaml").write_text(
        RUN.replace("[SP500, NASDAQ]", "{ON: SP500, NO: NASDAQ}")
    )
    assert list(load_config("run.yaml").data.assets) == ["ON", "NO"]


def test_1e_minus_4_is_a_number(folder: Path) -> None:
    (folder / "run.yaml").write_text(
        RUN + "broker: {use: simulated, slippage: {bps: 1e-4}}\nrisk_free: 1e-2\n"
    )
    config = load_config("run.yaml")
    assert config.risk_free == 0.01
    assert (
        bind(config, installed(config)).broker.options.model_dump()["slippage"]["bps"]
        == 1e-4
    )


def test_anchors_and_merge_keys_are_understood(folder: Path) -> None:
    text = RUN.replace("{use: trend, fast: 50}", "&t {use: trend, fast: 50}")
    (folder / "run.yaml").write_text(
        text.replace("sizer: equal_weight", "sizer: {<<: *t, use: equal_weight}")
    )
    with pytest.raises(
        ConfigError, match=r"run\.yaml:\d+:\d+: sizer\.fast: unknown key; found 50"
    ):
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
        ConfigError,
        match=r"^strategy\.fsat: unknown key; found 3; .*did you mean 'fast'",
    ):
        bind(config, installed(config))


def test_a_wrong_config_from_python_is_reported_alike() -> None:
    with pytest.raises(
        ConfigError,
        match=r"name: not a safe folder name: .*; found 'a/b'\ndata: missing key; ",
    ):
        RunConfig(name="a/b")  # type: ignore[call-arg]


def test_a_config_is_frozen_and_survives_pickling(folder: Path) -> None:
    config = load_config("run.yaml")
    with pytest.raises(ValidationError, match="frozen"):
        config.name = "other"  # type: ignore[misc]
    assert pickle.loads(pickle.dumps(config)) == config


def test_a_plugin_file_that_is_not_there_is_told_at_its_place(folder: Path) -> None:
    (folder / "run.yaml").write_text(
        RUN.replace("[plugin.py]", "[plugin.py, plugni.py]")
    )
    with pytest.raises(ConfigError) as caught:
        load_config("run.yaml")
    text = str(caught.value)
    assert text.startswith("run.yaml:2:22: plugins.1: the plugin file ")
    assert (
        "plugni.py does not exist; expected a path that starts at the folder of the"
        in text
    )
