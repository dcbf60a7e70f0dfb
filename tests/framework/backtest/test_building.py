"""What a run refuses before its first bar because its parts do not fit the data."""

from pathlib import Path

import pytest
from kit.configured import folder_of_files
from kit.places import EXAMPLES

from bt_run import (
    BacktestResult,
    ConfigError,
    PluginError,
    RunConfig,
    load_config,
    prepare,
    run,
)
from bt_run.checks.reproduction import reproduce

MACRO = {"use": "sample", "set": "macro"}


def config(tables: dict[str, object]) -> RunConfig:
    """Return the example on two series, with other tables."""
    given = load_config(EXAMPLES / "credit_spread.yaml")
    raw = given.model_dump(mode="json")
    raw["data"]["tables"] = tables
    raw["data"]["source"] = {"use": "sample", "set": "indices"}
    raw["strategy"] = {"use": "credit_spread", "lookback": 252}
    raw["sizer"] = "equal_weight"
    raw["broker"] = {"use": "simulated", "fill": "next_close"}
    raw |= {"overlays": [], "triggers": [], "exits": [], "reports": [], "analyzers": []}
    return RunConfig.model_validate(raw)


def series(symbol: str) -> dict[str, object]:
    return {"symbol": symbol, "source": MACRO, "lag": 1}


def test_tables_that_a_component_reads_are_there() -> None:
    prepare(config({"baa": series("BAA"), "aaa": series("AAA")}))


@pytest.mark.parametrize(
    ("tables", "text"),
    [
        ({}, "strategy: reads the series 'baa', and data.tables has none"),
        (
            {"baa": series("BAA"), "aa": series("AAA")},
            r"reads the series 'aaa', and data.tables has baa, aa \(did you mean 'aa'\?\)",
        ),
    ],
)
def test_a_table_that_is_missing_is_refused_before_the_first_bar(
    tables: dict[str, object], text: str
) -> None:
    with pytest.raises(ConfigError, match=text):
        prepare(config(tables))


def test_a_table_of_the_other_kind_is_refused_before_the_first_bar(
    tmp_path: Path,
) -> None:
    file = tmp_path / "aaa.csv"
    file.write_text("date,SPY,QQQ\n1999-01-04,1,2\n")
    tables = {"baa": series("BAA"), "aaa": {"file": str(file), "lag": 1}}
    found = "strategy: reads 'aaa' as a series; data.tables.aaa is a table of "
    with pytest.raises(ConfigError, match=f"{found}numbers"):
        prepare(config(tables))
    file.write_text("date,SPY,QQQ\n1999-01-04,good,bad\n")
    with pytest.raises(ConfigError, match=f"{found}text"):
        prepare(config(tables))


# -- what a name stands for ------------------------------------------------------------------------

NAMED = """
import json
from pathlib import Path
import numpy as np
from bt_run import Component, Config, hookimpl

POLICIES = Path(__file__).with_name("policies.json")

class Policy(Config):
    policy: str
    level: float | None = None

class Held:
    def __init__(self, config, context):
        self.level = config.level

    def signal(self, state):
        return np.full(len(state.history.assets), self.level)

def content(config, where):
    if config.level is not None:
        return config
    return {returned}

@hookimpl
def bt_strategies():
    yield Component(name="named", config=Policy, build=Held, summary="a policy by its name",
                    resolve=content)
"""
CONTENT = 'config.model_copy(update={"level": json.loads(POLICIES.read_text())[config.policy]})'


def named(folder: Path, level: float, returned: str = CONTENT) -> BacktestResult:
    """Run a strategy whose config names a policy that a file holds."""
    (folder / "policies.json").write_text(f'{{"calm": {level}}}')
    (folder / "named.py").write_text(NAMED.replace("{returned}", returned))
    config = {
        "name": "named",
        "plugins": [str(folder / "named.py")],
        "data": {
            "source": {"use": "sample", "set": "indices"},
            "assets": ["SP500"],
            "benchmark": "SP500",
            "start": "2003-01-02",
            "end": "2003-12-31",
        },
        "strategy": {"use": "named", "policy": "calm"},
        "sizer": "signal_weight",
        "broker": {"use": "simulated", "fill": "next_close"},
    }
    return run(RunConfig.model_validate(config), folder / "runs")


def test_a_name_is_replaced_by_its_content_in_manifest_and_id(tmp_path: Path) -> None:
    one, other = named(tmp_path, 0.5), named(tmp_path, 0.25)
    assert one.manifest["config"]["strategy"] == {
        "use": "named",
        "policy": "calm",
        "level": 0.5,
    }
    assert one.run_id != other.run_id
    assert one.decisions["signal"].max() == 0.5


def test_a_run_by_name_repeats_by_the_content_that_it_had(tmp_path: Path) -> None:
    result = named(tmp_path, 0.5)
    (tmp_path / "policies.json").write_text('{"calm": 0.9}')
    assert result.folder is not None
    assert not reproduce(result.folder).differences


@pytest.mark.parametrize(
    ("returned", "text"),
    [
        (
            "42",
            "strategy: resolve of strategy 'named' .* returned a int; expected Policy",
        ),
        (
            "json.loads('no')",
            "strategy: resolve of strategy 'named' .*: failed: JSONDecodeError",
        ),
    ],
)
def test_a_resolve_that_gives_no_config_is_the_plugins_fault(
    tmp_path: Path, returned: str, text: str
) -> None:
    with pytest.raises(PluginError, match=text):
        named(tmp_path, 0.5, returned)


def test_a_tax_on_dividends_needs_dividends(tmp_path: Path) -> None:
    config = load_config(
        folder_of_files(tmp_path) / "run.yaml",
        ["broker={use: simulated, dividend_tax: 0.2}"],
    )
    with pytest.raises(
        ConfigError,
        match=r"broker\.dividend_tax: was 0\.2, but `adjust: total_return` pays no",
    ):
        run(config)
