"""Several sources in one run: each has its assets and its own convention of prices."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from jsonschema import Draft202012Validator
from ruamel.yaml import YAML

from bt_run import BtRunError, ConfigError, load_config, run
from bt_run.checks.reproduction import reproduce
from bt_run.config.schema import json_schema
from bt_run.plugins import catalogue, get_plugin_manager
from bt_run.results.bundle import pack_run
from bt_run.results.description import describe_run

DAYS = pd.bdate_range("2020-01-02", "2020-04-30")
ONE = "  source: {use: csv, path: all, prices: as_traded}\n"
TWO = """\
  source:
    - {use: csv, path: csv, assets: [A]}
    - {use: parquet, path: parquet, prices: split_adjusted, assets: [B, INDEX]}
"""
REST = """\
  assets: {A: AAA, B: BBB}
  benchmark: INDEX
  start: 2020-02-03
  end: 2020-04-30
strategy: buy_and_hold
sizer: equal_weight
schedule: month
broker: {use: simulated, fill: next_close}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with A as csv and B and an index as parquet, and all three as traded."""
    rng = np.random.default_rng(5)
    for name in ("csv", "parquet", "all"):
        (tmp_path / name).mkdir()
    for name in ("AAA", "BBB", "INDEX"):
        close = np.round(50 * np.exp(np.cumsum(rng.normal(0, 0.01, len(DAYS)))), 2)
        frame = pd.DataFrame({"date": DAYS, "close": close, "volume": 1e5})
        if name == "BBB":
            frame["split"] = np.where(np.arange(len(DAYS)) == 40, 2.0, 1.0)
            # as traded, a share cost twice as much before its split
            twice = np.where(np.arange(len(DAYS)) < 40, 2.0, 1.0)
            traded = frame.assign(close=close * twice, volume=1e5 / twice)
        else:
            traded = frame
        traded.to_csv(tmp_path / "all" / f"{name}.csv", index=False)
        if name == "AAA":
            frame.to_csv(tmp_path / "csv" / f"{name}.csv", index=False)
        else:
            frame.to_parquet(tmp_path / "parquet" / f"{name}.parquet")
    return tmp_path


def config_of(folder: Path, source: str, *overrides: str):
    (folder / "run.yaml").write_text(f"name: both\ndata:\n{source}{REST}")
    return load_config(folder / "run.yaml", overrides)


def test_two_sources_are_as_one(folder):
    one = run(config_of(folder, ONE))
    two = run(config_of(folder, TWO))
    np.testing.assert_allclose(two.nav["nav"], one.nav["nav"], rtol=1e-12)
    # as traded in the one, split-adjusted in the other
    real = run(config_of(folder, TWO, "data.adjust=none"))
    same = run(config_of(folder, ONE, "data.adjust=none"))
    np.testing.assert_allclose(real.nav["nav"], same.nav["nav"], rtol=1e-12)


def test_such_a_run_repeats_and_is_packed(folder, tmp_path):
    result = run(config_of(folder, TWO), tmp_path / "runs")
    assert reproduce(result.folder).identical
    pack_run(result.folder, tmp_path / "b.zip", with_data=True)
    for name in ("csv", "parquet", "all"):
        for file in (folder / name).iterdir():
            file.unlink()
    assert reproduce(tmp_path / "b.zip").identical
    with pytest.raises(
        BtRunError, match=r"lie in 2 places, \./csv, \./parquet; expected one"
    ):
        reproduce(tmp_path / "b.zip", data=folder)


def test_a_list_is_in_the_schema_and_in_words(folder):
    schema = json_schema(catalogue(get_plugin_manager()))
    text = f"name: both\ndata:\n{TWO}{REST}"
    tree = YAML(typ="safe").load(text)
    tree["data"] |= {"start": "2020-02-03", "end": "2020-04-30"}
    Draft202012Validator(schema).validate(json.loads(json.dumps(tree)))
    result = run(config_of(folder, TWO))
    words = describe_run(result.manifest["config"]).source
    assert "csv" in words
    assert "parquet" in words


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "[A]",
            "[A, B]",
            r"data\.source\.1\.assets: B stands in data\.source\.0\.assets too",
        ),
        (
            "[B, INDEX]",
            "[B]",
            r"no source says that it has INDEX; expected each asset, and the",
        ),
        (
            ", assets: [A]",
            "",
            r"data\.source\.0\.assets: missing; of several sources each says",
        ),
        (
            "[A]",
            "[AA]",
            r"no asset 'AA' in this run, nor is it the benchmark; .*did you mean 'A'",
        ),
        (
            "{use: csv, path: csv, assets: [A]}",
            "yahoo",
            r"data\.source\.0: source 'yahoo' cannot stand beside others",
        ),
        ("path: csv", "pth: csv", r"run\.yaml:4:18: data\.source\.0\.pth: unknown key"),
    ],
)
def test_what_nobody_has_or_two_have_is_refused(folder, old, new, message):
    with pytest.raises(ConfigError, match=message):
        run(config_of(folder, TWO.replace(old, new)))
