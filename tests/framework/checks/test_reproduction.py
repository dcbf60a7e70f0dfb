"""A run that is run again is identical, or the culprit is named; a bundle repeats it elsewhere."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from types import SimpleNamespace

import pandas as pd
import pytest
from kit.places import EXAMPLES
from kit.small_project import LOCAL, YAML, agreed, make_project, members_of, zip_of

from bt_run import load_config, run
from bt_run.checks.reproduction import reproduce
from bt_run.checks.table_differences import first_difference
from bt_run.cli.entry import main
from bt_run.errors import ConfigError, DataError, PluginError
from bt_run.results.bundle import pack_run
from bt_run.results.config_changes import config_differences
from bt_run.results.manifest import table_hash


@pytest.fixture
def small(tmp_path):
    """Return the folder of a small project: a YAML file, a plugin, prices."""
    return make_project(tmp_path / "project")


@pytest.fixture
def done(small):
    """Return the folder of a finished run."""
    return run(load_config(small / "small.yaml"), small / "runs", reports=False).folder


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
        "overlay x removed",
        "overlay y added",
        "data.end was 1, is gone",
        "data.start was not there, is 2",
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


def test_bundle_of_a_plugin_brings_what_it_imports_from_beside_it(small, tmp_path):
    package = small / "deep"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "levels.py").write_text("from .half import HALF\n")
    (package / "half.py").write_text("HALF = 0.5\n")
    (small / "unused.py").write_text("")
    text = "from deep.levels import HALF\n" + LOCAL.replace("= 0.5", "= HALF")
    (small / "local.py").write_text(text)
    done = run(load_config(small / "small.yaml"), small / "runs", reports=False).folder
    out = tmp_path / "small.zip"
    pack_run(done, out, with_data=True)
    shutil.rmtree(small)
    assert reproduce(out, agree=agreed).identical
    assert sorted(name for name in members_of(out) if name.startswith("plugins")) == [
        "plugins/0/deep/__init__.py",
        "plugins/0/deep/half.py",
        "plugins/0/deep/levels.py",
        "plugins/0/local.py",
    ]


def test_a_full_disk_while_packing_is_named_and_leaves_nothing(
    done, tmp_path, monkeypatch, capsys
):
    out = tmp_path / "small.zip"
    out.write_bytes(b"the bundle before")

    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        assert main(["bundle", str(done), "-o", str(out)]) == 3
    said = capsys.readouterr().err
    assert f"{out}: cannot be written: No space left on device; make room" in said
    assert out.read_bytes() == b"the bundle before"
    assert [path.name for path in tmp_path.glob("*.tmp*")] == []


def test_a_file_that_no_bundle_can_name_is_told(small, tmp_path):
    (small / "prices" / "B:B.csv").write_bytes(
        (small / "prices" / "BBB.csv").read_bytes()
    )
    config = load_config(small / "small.yaml", ["data.assets=[AAA, 'B:B']"])
    done = run(config, small / "runs", reports=False).folder
    with pytest.raises(DataError, match=r"'data/B:B\.csv' cannot be named in a bundle"):
        pack_run(done, tmp_path / "x.zip", with_data=True)


def test_a_bundle_that_could_not_be_opened_is_not_packed(done, tmp_path, monkeypatch):
    monkeypatch.setattr("bt_run.results.opened_bundle.MOST_BYTES", 10)
    with pytest.raises(DataError, match=r"expected 10 at most; it is not packed"):
        pack_run(done, tmp_path / "x.zip")
    assert not (tmp_path / "x.zip").exists()


# -- strangers -------------------------------------------------------------------------------------

MARKS = "from pathlib import Path\nPath({place!r}).write_text('ran')\n"


@pytest.fixture
def stranger(small, done, tmp_path):
    """Return a bundle of somebody else, whose files are not here."""
    out = tmp_path / "stranger.zip"
    pack_run(done, out, with_data=True)
    shutil.rmtree(small)
    return out


def test_a_bundle_with_python_is_refused_where_nobody_can_be_asked(stranger, capsys):
    assert main(["reproduce", str(stranger)]) == 2
    said = capsys.readouterr().err
    assert "stranger.zip: holds Python of its own (plugins/0/local.py)" in said
    assert "`--inspect` shows it and runs nothing, `--yes` runs it" in said
    with pytest.raises(ConfigError, match="nobody was asked whether it may run here"):
        reproduce(stranger)


@pytest.mark.parametrize(("answer", "code"), [("y", 0), ("n", 2)])
def test_whoever_sits_at_a_terminal_is_shown_the_code_and_asked(
    stranger, capsys, monkeypatch, answer, code
):
    monkeypatch.setattr("sys.stdin", SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("click.termui.visible_prompt_func", lambda _: answer)
    assert main(["reproduce", str(stranger)]) == code
    said = capsys.readouterr()
    digest = hashlib.sha256(LOCAL.encode()).hexdigest()
    assert f"plugins/0/local.py: {len(LOCAL)} bytes, sha256 {digest}" in said.err
    assert ("identical" in said.out) == (code == 0)
    assert ("nothing of it was run, as you said" in said.err) == (code == 2)


def test_a_bundle_without_python_needs_no_question(tmp_path, monkeypatch, capsys):
    (tmp_path / "plain.yaml").write_text(PLAIN)
    monkeypatch.chdir(tmp_path)
    done = run(load_config("plain.yaml"), "runs", reports=False).folder
    pack_run(done, tmp_path / "plain.zip")
    assert main(["reproduce", "plain.zip"]) == 0
    assert main(["reproduce", "plain.zip", "--inspect"]) == 0
    assert "no Python of its own\nall else is installed here" in capsys.readouterr().out


PLAIN = """
name: plain
data:
  source: {use: sample, set: indices}
  assets: [SP500]
  benchmark: SP500
  start: 2017-01-03
  end: 2018-12-31
strategy: buy_and_hold
sizer: equal_weight
schedule: month
"""


def swapped(bundle, place, **files):
    """Write a bundle in which files of the plugin's folder are others."""
    members = members_of(bundle)
    members |= {f"plugins/0/{name}.py": text.encode() for name, text in files.items()}
    return zip_of(members, place)


@pytest.mark.parametrize("command", [["--yes"], ["--inspect"], []])
def test_a_swapped_file_is_named_before_it_could_run(
    stranger, tmp_path, capsys, command
):
    mark = tmp_path / "mark.txt"
    text = LOCAL + MARKS.format(place=str(mark))
    bundle = swapped(stranger, tmp_path / "swapped.zip", local=text)
    assert main(["reproduce", str(bundle), *command]) == 6
    out = capsys.readouterr().out
    assert "local.py was " in out
    assert "nothing of " in out
    assert not mark.exists()


def test_a_swapped_neighbour_is_named_before_it_could_run(small, tmp_path):
    (small / "near.py").write_text("")
    (small / "local.py").write_text("import near\n" + LOCAL)
    done = run(load_config(small / "small.yaml"), small / "runs", reports=False).folder
    pack_run(done, tmp_path / "near.zip", with_data=True)
    mark = tmp_path / "mark.txt"
    text = MARKS.format(place=str(mark))
    bundle = swapped(tmp_path / "near.zip", tmp_path / "swapped.zip", near=text)
    found = reproduce(bundle, agree=agreed)
    assert culprits(found) == ["component source"]
    assert not found.ran
    assert found.text.endswith("nothing of the bundle was run")
    assert not mark.exists()


def test_a_swapped_policy_is_named_before_it_could_be_read(small, tmp_path):
    (small / "local.py").write_text(
        LOCAL.replace(
            "level: float = 0.5", "level: float = 0.5\n    file: Path = None"
        ).replace("import numpy", "from pathlib import Path\nimport numpy", 1)
    )
    (small / "policy.txt").write_text("a")
    config = load_config(small / "small.yaml", [f"strategy.file={small}/policy.txt"])
    done = run(config, small / "runs", reports=False).folder
    pack_run(done, tmp_path / "policy.zip", with_data=True)
    members = members_of(tmp_path / "policy.zip")
    assert "files/0/policy.txt" in members
    members["files/0/policy.txt"] = b"b"
    found = reproduce(zip_of(members, tmp_path / "swapped.zip"), agree=agreed)
    assert not found.ran
    assert "strategy.file was " in found.text


def test_inspection_imports_and_runs_nothing(small, tmp_path, capsys):
    mark = tmp_path / "mark.txt"
    (small / "local.py").write_text(LOCAL + MARKS.format(place=str(mark)))
    done = run(load_config(small / "small.yaml"), small / "runs", reports=False).folder
    pack_run(done, tmp_path / "marks.zip", with_data=True)
    mark.unlink()
    for place in (tmp_path / "marks.zip", done):
        assert main(["reproduce", str(place), "--inspect"]) == 0
        assert not mark.exists()
        out = capsys.readouterr().out
        assert (
            "of small\nPython of its own, which would run with all your rights:" in out
        )
        assert "local.py: " in out


def test_inspection_tells_what_is_installed_otherwise_here(stranger, tmp_path, capsys):
    members = members_of(stranger)
    manifest = json.loads(members["run/manifest.json"])
    manifest["versions"]["numpy"] = "1.0\x1b[2J"
    manifest["sources"]["bt_run"] = "0" * 64
    members["run/manifest.json"] = json.dumps(manifest).encode()
    bundle = zip_of(members, tmp_path / "old.zip")
    assert main(["reproduce", str(bundle), "--inspect"]) == 0
    out = capsys.readouterr().out
    assert "other here than where the run was made:" in out
    assert "  source: bt_run was 0000000000000000, is " in out
    assert "  version: numpy was 1.0?[2J, is " in out


def test_with_a_file_of_ones_own_nothing_of_a_bundle_runs(done, small, tmp_path):
    pack_run(done, tmp_path / "small.zip", with_data=True)
    assert reproduce(tmp_path / "small.zip", config=small / "small.yaml").identical


# -- caveats, metrics ------------------------------------------------------------------------------


def edit_json(path, change):
    found = json.loads(path.read_text())
    path.write_text(json.dumps(change(found)))


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("notes", [], "caveats: notes"),
        ("notes", ["all is well"], "caveats: notes.0 was 'all is well', is '"),
        ("warnings", ["an invented one"], "caveats: warnings.0 was 'an invented one'"),
        ("look_ahead", {"verdict": "no difference"}, "caveats: look_ahead.dates"),
        ("ruined", True, "caveats: ruined was True, is False"),
        ("seed", 8, "caveats: seed was 8, is 0"),
        ("further", "word", "caveats: further was 'word', is None"),
    ],
)
def test_an_edited_caveat_is_named(done, key, value, said):
    edit_json(done / "manifest.json", lambda found: found | {key: value})
    found = reproduce(done)
    assert culprits(found) == ["caveats"]
    assert said in found.text


def test_a_caveat_that_was_cut_out_is_named(done):
    edit_json(
        done / "manifest.json",
        lambda found: {k: v for k, v in found.items() if k != "look_ahead"},
    )
    assert culprits(reproduce(done)) == ["caveats"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda found: {}, "metrics: alpha.benchmark was 'not there', is None, and "),
        (lambda found: found | {"fame": {"run": 1.0}}, "metrics: fame.run was 1.0, is"),
        (
            lambda found: {k: v for k, v in found.items() if k != "sharpe"},
            "metrics: sharpe.",
        ),
        (
            lambda found: found | {"sharpe": found["sharpe"] | {"run": None}},
            "metrics: sharpe.run was None, is ",
        ),
    ],
)
def test_every_metric_on_either_side_counts(done, change, said):
    edit_json(done / "metrics.json", change)
    found = reproduce(done)
    assert culprits(found) == ["numbers"]
    assert said in found.text


@pytest.mark.parametrize(
    "change",
    [
        lambda table: table[["nav"]],
        lambda table: table.assign(nav="a"),
        lambda table: table.assign(nav=[[1]] * len(table)),
        lambda table: table.rename(columns={"nav": "wealth"}),
        lambda table: table.reset_index(drop=True),
    ],
)
def test_a_table_that_no_run_writes_is_named(done, change):
    change(pd.read_parquet(done / "nav.parquet")).to_parquet(done / "nav.parquet")
    found = reproduce(done)
    assert culprits(found) == ["files"]
    assert "nav.parquet: the columns are " in found.text


# -- places ----------------------------------------------------------------------------------------


def test_a_run_is_repeated_from_another_folder(done, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert reproduce(done).identical


def test_manifest_and_bundle_name_no_place_of_the_machine(small, done, tmp_path):
    out = tmp_path / "small.zip"
    pack_run(done, out, with_data=True)
    config = json.loads((done / "manifest.json").read_text())["config"]
    assert config["plugins"] == ["./local.py"]
    assert config["data"]["source"]["path"] == "./prices"
    for name, content in members_of(out).items():
        assert str(small).encode() not in content, name
    assert "run/places.json" not in members_of(out)


def test_a_run_whose_places_are_unknown_starts_where_one_stands(
    small, done, monkeypatch
):
    (done / "places.json").unlink()
    monkeypatch.chdir(small)
    assert reproduce(done).identical


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", r"places\.json: found a list; expected names of paths with the paths"),
        ("{", r"places\.json: cannot be read: places\.json: not JSON.*may be removed"),
    ],
)
def test_damaged_places_are_named(done, text, said):
    (done / "places.json").write_text(text)
    with pytest.raises(DataError, match=said):
        reproduce(done)


def test_another_order_of_plugins_is_named(small):
    (small / "other.py").write_text("x = 1\n")
    both = YAML.replace("[local.py]", "[local.py, other.py]")
    (small / "small.yaml").write_text(both)
    done = run(load_config(small / "small.yaml"), small / "runs", reports=False).folder
    assert reproduce(done).identical
    edit(small / "small.yaml", "[local.py, other.py]", "[other.py, local.py]")
    assert run(load_config(small / "small.yaml")).run_id != done.name
    text = reproduce(done, config=small / "small.yaml").text
    assert "component source: the plugin files are in another order" in text
