"""Every example is valid and runs; one whose source is missing explains itself."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import fields, replace
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from jsonschema import Draft202012Validator
from kit.places import EXAMPLES
from ruamel.yaml import YAML

from bt_run import ConfigError, Prices, load_config, run, write_report
from bt_run.backtest.preparing import prepare
from bt_run.cli.entry import main
from bt_run.config.schema import json_schema
from bt_run.plugins import catalogue, get_plugin_manager

PLUGIN_PACKAGE = EXAMPLES / "plugin_package"
NEEDS_NETWORK = {
    "spy_qqq_yahoo.yaml",
    "track_spy_yahoo.yaml",
    "multi_asset_yahoo.yaml",
}  # test_yahoo_examples.py runs them on recorded answers
NEEDS_PACK = "multi_asset.yaml"  # test_multi_asset.py makes it
NEEDS_FILES = "sixty_forty_csv.yaml"  # of the user's own
FILES = sorted(path for path in EXAMPLES.rglob("*.yaml") if "runs" not in path.parts)

each_file = pytest.mark.parametrize(
    "path", FILES, ids=lambda path: str(path.relative_to(EXAMPLES))
)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the stranger's distribution, by pip, into a folder of its own."""
    folder = tmp_path_factory.mktemp("stranger")
    keep = shutil.ignore_patterns("__pycache__", "*.egg-info", "build")
    shutil.copytree(PLUGIN_PACKAGE, folder / "source", ignore=keep)
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--target",
    ]
    subprocess.run(
        [*command, folder / "site", folder / "source"], check=True, capture_output=True
    )
    return folder / "site"


@pytest.fixture
def example_plugin(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the stranger's distribution be found during one test."""
    monkeypatch.syspath_prepend(installed)


def as_json(path: Path) -> Any:
    return json.loads(json.dumps(YAML(typ="safe").load(path), default=str))


@each_file
def test_an_example_is_valid_by_the_schema(
    path: Path, request: pytest.FixtureRequest
) -> None:
    if path.parent == PLUGIN_PACKAGE:
        request.getfixturevalue("example_plugin")
    local = [path.parent / name for name in as_json(path).get("plugins", ())]
    schema = json_schema(catalogue(get_plugin_manager(local)))
    errors = [
        error.message
        for error in Draft202012Validator(schema).iter_errors(as_json(path))
    ]
    assert not errors


@each_file
def test_an_example_refuses_an_unknown_key(path: Path) -> None:
    schema = json_schema(catalogue(get_plugin_manager()))
    document = {**as_json(path), "brokr": 1}
    errors = [
        error.message for error in Draft202012Validator(schema).iter_errors(document)
    ]
    assert any("brokr" in error for error in errors)


def beside_prices(path: Path, folder: Path) -> Path:
    """Return a copy of a run beside price files as its comment describes them."""
    prices = folder / "prices"
    prices.mkdir()
    dates = pd.bdate_range("2003-01-02", "2012-12-31")
    for seed, name in enumerate(("SPY", "TLT")):
        moves = np.random.default_rng(seed).normal(0.0003, 0.015, len(dates))
        close = 100 * np.cumprod(1 + moves)
        columns = dict.fromkeys(("open", "high", "low", "close", "adj_close"), close)
        table = pd.DataFrame({"date": dates, **columns, "volume": 1e6})
        table.to_csv(prices / f"{name}.csv", index=False)
    return Path(shutil.copy(path, folder))


@each_file
def test_an_example_runs_and_its_page_says_which_trial_it_is(
    path: Path,
    request: pytest.FixtureRequest,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("BT_RUN_NO_LEDGER")
    if path.name in {*NEEDS_NETWORK, NEEDS_PACK}:
        return
    if path.name == NEEDS_FILES:
        path = beside_prices(path, tmp_path)
    if path.parent == PLUGIN_PACKAGE:
        request.getfixturevalue("example_plugin")
    result = run(load_config(path), tmp_path / "runs", reports=False)
    assert len(result.fills) > 10
    assert result.folder is not None
    assert (result.folder / "nav.parquet").is_file()
    (page,) = write_report(result, "html")
    assert result.trial_sentence.startswith("trial 1 of 1; ")
    shown = page.read_text(encoding="utf-8")
    assert f'<p class="trials">Trials: {escape(result.trial_sentence)}</p>' in shown


def test_the_main_example_ends_with_a_tear_sheet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main([str(EXAMPLES / "spy_qqq.yaml")]) == 0
    out = capsys.readouterr().out
    report = next(
        line
        for line in out.splitlines()
        if line.startswith("report: ") and line.endswith(".pdf")
    )
    assert Path(report.removeprefix("report: ")).read_bytes().startswith(b"%PDF")
    assert "S&P 500" in out


def test_the_strangers_plugin_is_listed_with_its_distribution(
    example_plugin: None,
) -> None:
    found = catalogue(get_plugin_manager())
    origin = "bt-run-example-plugin 0.1.0 (bt_run_example_plugin)"
    assert found.find("strategy", "momentum_12_1").origin == origin
    assert found.find("overlay", "cash_in_month").origin == origin


def test_the_strangers_overlay_holds_cash_in_its_month(example_plugin: None) -> None:
    result = run(load_config(PLUGIN_PACKAGE / "momentum.yaml"))
    months = result.decisions["time"].dt.month
    september = result.decisions[months == 9]
    assert (september["target"].fillna(0) == 0).all()
    assert (result.decisions[months == 10]["target"].fillna(0) > 0).any()


def test_the_strangers_strategy_knows_no_future(example_plugin: None) -> None:
    from bt_run_example_plugin import Momentum, MomentumConfig

    bars = prepare(load_config(EXAMPLES / "stocks.yaml")).bars
    momentum = Momentum(MomentumConfig(top=2, lookback=60, skip=5), None)
    whole = momentum.signals(bars)
    cut = 800

    early = replace(
        bars,
        times=bars.times[:cut],
        adjusted=head(bars.adjusted, cut),
        traded=head(bars.traded, cut),
        present=bars.present[:cut],
        dividends=bars.dividends[:cut],
        splits=bars.splits[:cut],
        benchmark=bars.benchmark[:cut],
    )
    np.testing.assert_array_equal(momentum.signals(early), whole[:cut])
    assert np.nansum(whole) > 0


def head(prices: Prices, rows: int) -> Prices:
    return Prices(*(getattr(prices, field.name)[:rows] for field in fields(prices)))


def test_the_strangers_config_refuses_what_makes_no_sense(example_plugin: None) -> None:
    with pytest.raises(
        ConfigError, match="skip was 300; expected less than lookback, 252"
    ):
        load_config(PLUGIN_PACKAGE / "momentum.yaml", ["strategy.skip=300"])
