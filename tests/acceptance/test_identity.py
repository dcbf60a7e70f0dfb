"""A run's id: what a stranger may change without changing it, and what must change it."""

import json
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import bt_run
import bt_run_plugins
from bt_run import load_config, run
from bt_run.checks.reproduction import reproduce
from bt_run.cli.entry import main
from bt_run.results.opened_bundle import unpack
from bt_run.results.run_folder import read_run

RUN = """
name: policies
plugins: [policy.py]
data:
  source: {use: csv, path: prices}
  assets: [A, B]
  benchmark: A
  calendar: "24/5"
  start: 2020-01-06
  end: 2020-03-31
strategy: buy_and_hold
sizer: {use: by_policy, policy: policy.json}
broker: {use: simulated, fill: next_close}
reports: []
"""
POLICY = '''
import json
from pathlib import Path
import numpy as np
from pydantic import Field
from bt_run import Component, Config, hookimpl


class PolicyConfig(Config):
    """Configuration of a sizer by a written policy."""

    policy: Path
    folder: Path | None = None


class ByPolicy:
    """Weights that a file names."""

    def __init__(self, config, context):
        self.weights = json.loads(config.policy.read_text())

    def target_weights(self, state):
        return np.array([self.weights[name] for name in state.history.assets])


class Told(ByPolicy):
    """The same, from a place that no key names."""

    @property
    def fingerprint(self):
        return Path(__file__).with_name("told.txt").read_text()


@hookimpl
def bt_sizers():
    keys = {"config": PolicyConfig, "summary": "weights by a file"}
    return [
        Component(name="by_policy", build=ByPolicy, **keys),
        Component(name="told", build=Told, **keys),
    ]
'''


@pytest.fixture
def folder(tmp_path):
    """Make a run whose sizer reads a policy from a file."""
    (tmp_path / "prices").mkdir()
    days = pd.bdate_range("2020-01-02", "2020-03-31")
    for number, name in enumerate("AB"):
        close = 100.0 + np.arange(len(days)) * (1 - 2 * number) * 0.1
        table = pd.DataFrame(
            {"date": days.strftime("%Y-%m-%d"), "open": close, "close": close}
        )
        table.to_csv(tmp_path / "prices" / f"{name}.csv", index=False)
    (tmp_path / "policy.json").write_text('{"A": 0.6, "B": 0.3}')
    (tmp_path / "told.txt").write_text("one")
    (tmp_path / "policy.py").write_text(POLICY)
    (tmp_path / "run.yaml").write_text(RUN)
    return tmp_path


def run_id(folder, *overrides):
    return run(load_config(folder / "run.yaml", list(overrides))).run_id


def test_a_policy_file_under_an_unchanged_yaml_changes_the_id(folder):
    before = run(load_config(folder / "run.yaml"), folder / "runs")
    (folder / "policy.json").write_text('{"A": 0.5, "B": 0.3}')
    after = run(load_config(folder / "run.yaml"), folder / "runs")
    assert after.run_id != before.run_id
    assert before.folder.is_dir()
    assert before.manifest["files"].keys() == {"sizer.policy"}


def test_where_a_policy_lies_does_not_change_the_id(folder):
    before = run_id(folder)
    shutil.copy(folder / "policy.json", folder / "elsewhere.json")
    assert run_id(folder, f"sizer.policy={folder / 'elsewhere.json'}") == before


def test_a_folder_counts_by_its_names_and_contents(folder):
    (folder / "many").mkdir()
    (folder / "many" / "a.txt").write_text("1")
    key = f"sizer.folder={folder / 'many'}"
    before = run_id(folder, key)
    (folder / "many" / "a.txt").rename(folder / "many" / "b.txt")
    assert run_id(folder, key) != before


def test_what_a_component_says_it_read_changes_the_id(folder):
    before = run_id(folder, "sizer.use=told")
    (folder / "told.txt").write_text("two")
    assert run_id(folder, "sizer.use=told") != before


def test_a_changed_policy_is_named_by_reproduce(folder):
    done = run(load_config(folder / "run.yaml"), folder / "runs").folder
    assert reproduce(done).identical
    (folder / "policy.json").write_text('{"A": 0.1, "B": 0.3}')
    text = reproduce(done).text
    assert "differs: outside file, order list, numbers" in text
    assert "outside file: sizer.policy was " in text


def test_a_bundle_brings_the_policy_along(folder, tmp_path_factory):
    done = run(load_config(folder / "run.yaml"), folder / "runs").folder
    bundle = folder / "run.zip"
    assert main(["bundle", str(done), "-o", str(bundle), "--with-data"]) == 0
    place, moved = unpack(bundle, tmp_path_factory.mktemp("opened"))
    recorded = read_run(place)["manifest"]["config"]["sizer"]["policy"]
    assert json.loads(Path(moved[recorded]).read_text()) == {"A": 0.6, "B": 0.3}
    shutil.rmtree(folder / "prices")
    (folder / "policy.json").unlink()
    assert reproduce(bundle, agree=lambda found: None).identical


def test_a_policy_that_was_changed_since_the_run_is_not_packed(folder, capsys):
    done = run(load_config(folder / "run.yaml"), folder / "runs").folder
    (folder / "policy.json").write_text("{}")
    assert main(["bundle", str(done), "-o", str(folder / "run.zip")]) == 3
    assert "sizer.policy: " in (said := capsys.readouterr().err)
    assert "was changed since the run; run it again, then pack" in said


@pytest.fixture
def houses(tmp_path, monkeypatch):
    """Lay copies of the core and of the plugins where sources are hashed."""
    for package in (bt_run, bt_run_plugins):
        copy = tmp_path / "houses" / package.__name__
        keep = shutil.ignore_patterns("__pycache__")
        shutil.copytree(Path(package.__file__).parent, copy, ignore=keep)
        monkeypatch.setattr(package.__spec__, "origin", str(copy / "__init__.py"))
    return tmp_path / "houses"


@pytest.mark.parametrize(
    "file",
    [
        "bt_run_plugins/reports/html/report.py",
        "bt_run_plugins/reports/comparison.py",
        "bt_run_plugins/page/svg.py",
        "bt_run_plugins/page/render.py",
        "bt_run_plugins/figures/pages.py",
        "bt_run_plugins/sizers/inverse_volatility.py",
        "bt_run/cli/entry.py",
        "bt_run/testing/made_bars.py",
    ],
)
def test_a_comment_in_what_a_run_does_not_use_leaves_it_identical(folder, houses, file):
    config = load_config(folder / "run.yaml", ["reports=[html]"])
    done = run(config, folder / "runs", reports=False)
    with (houses / file).open("a", encoding="utf-8") as text:
        text.write("\n# a comment\n")
    assert run(config).run_id == done.run_id
    assert reproduce(done.folder).identical


@pytest.mark.parametrize(
    "file",
    [
        "bt_run/account/account.py",
        "bt_run/account/basket.py",
        "bt_run_plugins/brokers/simulated.py",
        "bt_run_plugins/brokers/costs.py",
        "bt_run_plugins/sources/files.py",
    ],
)
def test_a_comment_in_what_a_run_uses_gives_another_id(folder, houses, file):
    config = load_config(folder / "run.yaml")
    done = run(config, folder / "runs")
    with (houses / file).open("a", encoding="utf-8") as text:
        text.write("\n# a comment\n")
    assert run(config).run_id != done.run_id
    assert "differs: component source" in reproduce(done.folder).text
