"""A run that is run again is identical, or the culprit is named; a bundle repeats it elsewhere."""

import json
import shutil
import subprocess
import sys
import zipfile

import numpy as np
import pandas as pd
import pytest
from kit.places import EXAMPLES

from bt_run import load_config, run
from bt_run.checks.reproduction import reproduce
from bt_run.checks.table_differences import first_difference
from bt_run.cli.entry import main
from bt_run.errors import ConfigError, DataError, PluginError
from bt_run.results.bundle import pack_run
from bt_run.results.config_changes import config_differences
from bt_run.results.manifest import table_hash

LOCAL = """
import numpy as np
from bt_run import Component, Config, hookimpl

class Level(Config):
    level: float = 0.5

class Signal:
    def __init__(self, config, context):
        self.level = config.level

    def signals(self, bars):
        return np.full((len(bars), len(bars.assets)), self.level)

@hookimpl
def bt_strategies():
    yield Component(name="level", config=Level, build=Signal, summary="one level for all")
"""
YAML = """
name: small
plugins: [local.py]
data:
  source: {use: csv, path: prices}
  assets: [AAA, BBB]
  benchmark: AAA
  start: 2020-01-13
  end: 2020-06-30
  calendar: 24/5
strategy: {use: level, level: 0.5}
sizer: signal_weight
schedule: week
broker: {use: simulated, cash: 100000, fill: next_close}
limits: {gross: 1.0}
"""


@pytest.fixture
def small(tmp_path):
    """Return the folder of a small project: a YAML file, a plugin, prices."""
    place = tmp_path / "project"
    (place / "prices").mkdir(parents=True)
    rng = np.random.default_rng(2)
    dates = pd.bdate_range("2020-01-01", "2020-06-30").strftime("%Y-%m-%d")
    for name in ("AAA", "BBB", "OTHER"):
        close = 50 * np.exp(np.cumsum(rng.normal(0, 0.01, len(dates))))
        pd.DataFrame({"date": dates, "close": close.round(4)}).to_csv(
            place / "prices" / f"{name}.csv", index=False
        )
    (place / "local.py").write_text(LOCAL)
    (place / "small.yaml").write_text(YAML)
    return place


@pytest.fixture
def done(small):
    """Return the folder of a finished run."""
    return run(load_config(small / "small.yaml"), small / "runs", reports=False).folder


def agreed(found):
    """Let the code of a bundle run."""


def culprits(found):
    return list(dict.fromkeys(item.culprit for item in found.differences))


def edit(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


# -- reproduce -------------------------------------------------------------------------------------


def test_run_again_is_identical(done):
    found = reproduce(done)
    assert found.identical
    assert found.text.endswith(
        "identical: config, data, sources, versions, order list, every table, metric and caveat"
    )


def test_run_again_in_a_fresh_process_is_identical(done, tmp_path):
    command = [
        sys.executable,
        "-c",
        "import sys; from bt_run.cli.entry import main; sys.exit(main())",
        "reproduce",
        str(done),
    ]
    again = subprocess.run(
        command, capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert again.returncode == 0, again.stderr
    assert "identical" in again.stdout


def test_one_changed_price_is_named(small, done, capsys):
    file = small / "prices" / "BBB.csv"
    lines = file.read_text().splitlines()
    day, price = lines[60].split(",")
    lines[60] = f"{day},{float(price) + 0.01}"
    file.write_text("\n".join(lines))
    assert main(["reproduce", str(done)]) == 6
    out = capsys.readouterr().out
    assert (
        "differs: data, numbers" in out or "differs: data, order list, numbers" in out
    )
    assert (
        f"the first that shows: row 61 ({day} BBB): price was {price}, is {float(price) + 0.01:.4f}"
        not in out
    )
    assert (
        f"({day} BBB): price was {float(price)!r}, is {round(float(price) + 0.01, 4)!r}"
        in out
    )


def test_one_changed_key_of_the_manifest_is_named(done):
    edit(done / "manifest.json", '"level": 0.5', '"level": 0.4')
    found = reproduce(done)
    assert culprits(found)[0] == "config"
    assert "is not the one that its run id was made of: it was edited" in found.text
    assert "order list" in culprits(found)


def test_one_changed_key_of_the_yaml_file_is_named(small, done):
    edit(small / "small.yaml", "level: 0.5", "level: 0.4")
    found = reproduce(done, config=small / "small.yaml")
    assert "config: strategy.level was 0.5, is 0.4" in found.text
    assert "order list: fills: row 0 (2020-01-14 AAA): asked was" in found.text


def test_one_changed_line_of_a_plugin_is_named(small, done):
    edit(
        small / "local.py",
        "np.full((len(bars), len(bars.assets)), self.level)",
        "bars.close * 0 + self.level",
    )
    found = reproduce(done)
    assert culprits(found) == ["component source"]
    assert "component source: local.py was " in found.text
    assert found.text.endswith("the order list and all numbers are the same")


def test_one_changed_version_is_named(done, capsys):
    version = json.loads((done / "manifest.json").read_text())["versions"]["numpy"]
    edit(done / "manifest.json", f'"numpy": "{version}"', '"numpy": "1.0.0"')
    assert main(["reproduce", str(done)]) == 6
    out = capsys.readouterr().out
    assert "differs: package version\n" in out
    assert f"package version: numpy was 1.0.0, is {version}" in out


def test_changed_table_in_the_folder_is_named(done):
    nav = pd.read_parquet(done / "nav.parquet")
    nav.loc[nav.index[5], "nav"] += 1.0
    nav.to_parquet(done / "nav.parquet")
    found = reproduce(done)
    assert culprits(found) == ["files"]
    assert (
        "nav.parquet is not what the run wrote; it was changed afterwards" in found.text
    )


def test_changed_order_list_is_named(done):
    manifest = json.loads((done / "manifest.json").read_text())
    manifest["orders"] = "0" * 64
    (done / "manifest.json").write_text(json.dumps(manifest))
    found = reproduce(done)
    assert "order list: fills: only the hash in the manifest differs" in found.text


def test_last_digits_of_another_machine_are_reported_and_forgiven(done):
    nav = pd.read_parquet(done / "nav.parquet")
    nav["cash"] *= 1 + 1e-13
    nav.to_parquet(done / "nav.parquet")
    manifest = json.loads((done / "manifest.json").read_text())
    kept = {
        name: pd.read_parquet(done / f"{name}.parquet") for name in manifest["tables"]
    }
    assert table_hash(kept["nav"]) != manifest["tables"]["nav"]
    manifest["tables"] = {name: table_hash(kept[name]) for name in manifest["tables"]}
    (done / "manifest.json").write_text(json.dumps(manifest))
    found = reproduce(done)
    assert found.identical
    assert found.text.endswith(
        "the order list is equal and all numbers are equal to 1e-9; not to the last bit: nav"
    )


def test_changed_metric_is_named(done):
    metrics = json.loads((done / "metrics.json").read_text())
    metrics["sharpe"]["run"] += 1e-6
    (done / "metrics.json").write_text(json.dumps(metrics))
    assert "numbers: metrics: sharpe.run was" in reproduce(done).text


def test_run_whose_plugin_is_gone_says_which_run_it_was(small, done):
    (small / "local.py").unlink()
    with pytest.raises(PluginError, match=r"local\.py does not exist") as caught:
        reproduce(done)
    assert not isinstance(caught.value, ConfigError)


def test_first_difference_names_the_row_and_the_column():
    index = pd.DatetimeIndex(["2020-01-02", "2020-01-03"], tz="UTC", name="time")
    table = pd.DataFrame({"nav": [1.0, 2.0], "word": ["a", None]}, index=index)
    assert first_difference(table, table.copy()) is None
    assert first_difference(table, table.assign(nav=[1.0, 2.0 + 1e-12])) is None
    assert (
        first_difference(table, table.assign(nav=[1.0, 3.0]))
        == "row 1 (2020-01-03): nav was 2.0, is 3.0"
    )
    assert (
        first_difference(table, table.iloc[:1])
        == "row 1 was there and is not now: 2020-01-03"
    )
    assert (
        first_difference(table.iloc[:1], table)
        == "row 1 is there and was not before: 2020-01-03"
    )
    assert (
        first_difference(table, table[["nav"]])
        == "the columns were time, nav, word, are time, nav"
    )


def test_config_differences_name_keys_and_ignore_places():
    was = {
        "name": "a",
        "data": {"path": "/a/x", "end": 1},
        "overlays": [{"use": "x"}],
        "reports": [1],
    }
    now = {
        "name": "b",
        "data": {"path": "/b/x", "start": 2},
        "overlays": [{"use": "y"}],
        "reports": [],
    }
    assert config_differences(was, now) == [
        "data.end was 1, is gone",
        "data.start was not there, is 2",
        "overlays.0.use was 'x', is 'y'",
    ]


# -- bundle ----------------------------------------------------------------------------------------


def test_bundle_with_prices_repeats_the_run_elsewhere(small, done, tmp_path, capsys):
    out = tmp_path / "small.zip"
    assert main(["bundle", str(done), "-o", str(out), "--with-data"]) == 0
    assert "The prices are inside, because --with-data says" in capsys.readouterr().out
    shutil.rmtree(small)
    assert main(["reproduce", str(out), "--yes"]) == 0
    assert "identical" in capsys.readouterr().out
    with zipfile.ZipFile(out) as bundle:
        names = bundle.namelist()
    assert "data/AAA.csv" in names
    assert "data/OTHER.csv" not in names  # the run did not use it
    assert "plugins/0/local.py" in names


def test_bundle_without_prices_says_so_and_takes_them_from_elsewhere(
    small, done, tmp_path
):
    said = pack_run(done, tmp_path / "small.zip")
    assert (
        "not inside, because nothing says that their licence allows it; their fingerprint is"
        in said
    )
    prices = tmp_path / "bought"
    shutil.move(small / "prices", prices)
    with pytest.raises(DataError, match="no such file or folder"):
        reproduce(tmp_path / "small.zip")
    again = reproduce(tmp_path / "small.zip", data=prices, agree=agreed)
    assert again.identical


def test_bundle_of_one_price_table_holds_it(small, tmp_path):
    parts = [
        pd.read_csv(small / "prices" / f"{n}.csv").assign(ticker=n)
        for n in ("AAA", "BBB")
    ]
    pd.concat(parts).to_csv(small / "all.csv", index=False)
    folder = run(
        load_config(small / "small.yaml", [f"data.source.path={small}/all.csv"]),
        small / "runs",
    ).folder
    pack_run(folder, tmp_path / "one.zip", with_data=True)
    (small / "all.csv").unlink()
    assert reproduce(tmp_path / "one.zip", agree=agreed).identical


def test_equal_runs_give_equal_bundles(done, tmp_path):
    for name in ("one.zip", "other.zip"):
        pack_run(done, tmp_path / name)
    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "other.zip").read_bytes()


def test_bundle_refuses_a_plugin_that_changed_or_is_gone(small, done, tmp_path):
    (small / "local.py").write_text(LOCAL + "\n# changed\n")
    with pytest.raises(
        DataError, match=r"local\.py was changed since the run; run it again, then pack"
    ):
        pack_run(done, tmp_path / "x.zip")
    (small / "local.py").unlink()
    with pytest.raises(
        DataError, match=r"local\.py of the run is gone; a bundle needs it"
    ):
        pack_run(done, tmp_path / "x.zip")


def test_bundle_refuses_prices_that_are_gone(small, done, tmp_path):
    shutil.rmtree(small / "prices")
    with pytest.raises(DataError, match="are gone; pack without --with-data"):
        pack_run(done, tmp_path / "x.zip", with_data=True)


def test_bundle_of_a_sample_run_says_who_brings_the_prices(
    tmp_path, capsys, monkeypatch
):
    example = EXAMPLES / "local_plugin.yaml"
    config = load_config(example, ["data.start=2017-01-03"])
    folder = run(config, tmp_path / "runs", reports=False).folder
    monkeypatch.chdir(tmp_path)
    assert main(["bundle", str(folder)]) == 0
    out = capsys.readouterr().out
    assert "the source 'sample' brings them" in out
    assert (tmp_path / f"local_plugin_{folder.name}.zip").is_file()
    assert main(["reproduce", f"local_plugin_{folder.name}.zip", "--yes"]) == 0
