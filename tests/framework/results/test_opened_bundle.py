"""A bundle made by hand, by somebody who means no good: one sentence, exit 3, and nothing run."""

import io
import json
import stat
import zipfile

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from kit.small_project import make_project, members_of, zip_of

from bt_run import load_config, run
from bt_run.cli.entry import main
from bt_run.errors import DataError
from bt_run.results.bundle import pack_run
from bt_run.results.opened_bundle import bulk, is_inside, unpack

MARK = "evil.txt"
NO_BUNDLE = "is no bundle of a run; expected a file that `bt-run bundle` wrote"


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """Return the files of a sound bundle: name -> content."""
    place = make_project(tmp_path_factory.mktemp("sound") / "project")
    done = run(load_config(place / "small.yaml"), place / "runs", reports=False).folder
    pack_run(done, place / "small.zip", with_data=True)
    return members_of(place / "small.zip")


def evil(place):
    """Return Python that leaves a mark."""
    return f"open({str(place / MARK)!r}, 'w').write('ran')\n".encode()


def changed(content, **keys):
    return json.dumps(json.loads(content) | keys).encode()


def with_config(members, **keys):
    manifest = json.loads(members["run/manifest.json"])
    manifest["config"] |= keys
    return members | {"run/manifest.json": json.dumps(manifest).encode()}


def with_paths(members, **paths):
    """Return members whose bundle.json says that the plugin or prices lie elsewhere."""
    known = {"plugin": "./local.py", "prices": "./prices"}
    contents = json.loads(members["bundle.json"])
    contents["paths"] |= {known[name]: place for name, place in paths.items()}
    return members | {"bundle.json": json.dumps(contents).encode()}


def parquet(table):
    packed = io.BytesIO()
    pq.write_table(table, packed)
    return packed.getvalue()


def endless_table():
    """Return some kilobytes that hold 300 million zeros."""
    schema = pa.schema([("a", pa.int8())])
    packed = io.BytesIO()
    part = pa.table({"a": np.zeros(30_000_000, "int8")}, schema=schema)
    with pq.ParquetWriter(packed, schema, compression="zstd") as writer:
        for _ in range(10):
            writer.write_table(part)
    return packed.getvalue()


DEEP = b"[" * 100_000 + b"]" * 100_000
DEEP_ENOUGH = b'{"a":' * 200 + b"1" + b"}" * 200
# what is done to a sound bundle's files, and what is said of it
WORDS = {
    "bundle_json_is_a_list": (lambda m, _: m | {"bundle.json": b"[]"}, NO_BUNDLE),
    "bundle_json_is_empty": (lambda m, _: m | {"bundle.json": b"{}"}, "run_id: Field"),
    "bundle_json_is_not_utf8": (
        lambda m, _: m | {"bundle.json": b"\xff\xfe{}"},
        "bundle.json: not UTF-8",
    ),
    "bundle_json_is_no_json": (lambda m, _: m | {"bundle.json": b"{"}, "not JSON"),
    "bundle_json_is_deep": (lambda m, _: m | {"bundle.json": DEEP}, "nested too deep"),
    "bundle_json_is_rather_deep": (
        lambda m, _: m | {"bundle.json": DEEP_ENOUGH},
        "nested too deep; expected 60 levels at most",
    ),
    "bundle_json_is_missing": (
        lambda m, _: {k: v for k, v in m.items() if k != "bundle.json"},
        "it holds no bundle.json",
    ),
    "paths_are_a_list": (
        lambda m, _: m | {"bundle.json": changed(m["bundle.json"], paths=[])},
        "bundle.json: paths: Input should be",
    ),
    "a_path_is_a_number": (
        lambda m, _: m | {"bundle.json": changed(m["bundle.json"], paths={"a": 1})},
        "paths.a: Input should be",
    ),
    "bundle_json_names_another_run": (
        lambda m, _: m | {"bundle.json": changed(m["bundle.json"], run_id="a\x1b[2J")},
        "bundle.json names run 'a\\x1b[2J', its manifest '",
    ),
    "a_plugin_lies_at_an_absolute_path": (
        lambda m, at: with_paths(m, plugin=str(at / "evil.py")),
        "./local.py: names '/",
    ),
    "a_plugin_lies_above": (
        lambda m, _: with_paths(m, plugin="../../evil.py"),
        "names '../../evil.py', a file outside of itself; it is not opened",
    ),
    "a_plugin_lies_above_by_a_detour": (
        lambda m, _: with_paths(m, plugin="plugins/../../evil.py"),
        "names 'plugins/../../evil.py', a file outside of itself",
    ),
    "prices_lie_above": (
        lambda m, _: with_paths(m, prices="../prices"),
        "./prices: names '../prices', a file outside of itself",
    ),
    "a_path_is_not_inside": (
        lambda m, _: with_paths(m, plugin="plugins/0/gone.py"),
        "names 'plugins/0/gone.py', which it does not hold",
    ),
    "a_plugin_lies_among_the_prices": (
        lambda m, at: with_paths(m, plugin="data/x.py") | {"data/x.py": evil(at)},
        "'./local.py' of its run is not in its folder plugins",
    ),
    "the_configuration_names_a_plugin_elsewhere": (
        lambda m, at: with_config(m, plugins=[str(at / "evil.py")]),
        "evil.py' of its run is not in its folder plugins",
    ),
    "the_configuration_names_a_plugin_here": (
        lambda m, _: with_config(m, plugins=["./evil.py"]),
        "'./evil.py' of its run is not in its folder plugins",
    ),
    "plugins_are_a_mapping": (
        lambda m, _: with_config(m, plugins={"a": 1}),
        "the plugins of its configuration are no list of files",
    ),
    "plugins_are_numbers": (
        lambda m, _: with_config(m, plugins=[1]),
        "the plugins of its configuration are no list of files",
    ),
    "bytecode_lies_beside_a_plugin": (
        lambda m, at: m | {"plugins/0/__pycache__/local.cpython-312.pyc": evil(at)},
        "__pycache__/local.cpython-312.pyc', which no plugin of its run imports",
    ),
    "a_module_lies_beside_a_plugin": (
        lambda m, at: m | {"plugins/0/numpy.py": evil(at), "plugins/0/sub/x.py": b""},
        "holds 'plugins/0/sub/x.py', which no plugin of its run imports",
    ),
    "a_file_lies_above": (
        lambda m, at: m | {"../evil.py": evil(at)},
        "names '../evil.py', a file outside of itself",
    ),
    "a_file_is_absolute": (
        lambda m, at: m | {f"{at}/evil.py": evil(at)},
        "a file outside of itself",
    ),
    "a_file_is_named_for_windows": (
        lambda m, at: m | {"run\\..\\evil.py": evil(at)},
        "a file outside of itself",
    ),
    "a_file_lies_on_a_drive": (
        lambda m, at: m | {"C:/evil.py": evil(at)},
        "a file outside of itself",
    ),
    "a_name_gives_orders_to_the_terminal": (
        lambda m, _: m | {"data/\x1b[2J.csv": b""},
        "a file outside of itself",
    ),
    "a_file_is_of_no_folder": (
        lambda m, _: m | {"sitecustomize.py": b""},
        "holds 'sitecustomize.py'; expected bundle.json and files in data, files",
    ),
    "a_name_is_there_in_two_cases": (
        lambda m, at: m | {"plugins/0/LOCAL.PY": evil(at)},
        "2 times; expected it once",
    ),
    "the_manifest_is_a_list": (
        lambda m, _: m | {"run/manifest.json": b"[]"},
        NO_BUNDLE,
    ),
    "the_manifest_is_empty": (
        lambda m, _: m | {"run/manifest.json": b"{}"},
        "manifest.json: run_id: Field required",
    ),
    "the_manifest_is_missing": (
        lambda m, _: {k: v for k, v in m.items() if k != "run/manifest.json"},
        NO_BUNDLE,
    ),
    "the_manifest_is_deep": (
        lambda m, _: m | {"run/manifest.json": DEEP},
        "manifest.json: nested too deep",
    ),
    "sources_are_a_list": (
        lambda m, _: (
            m | {"run/manifest.json": changed(m["run/manifest.json"], sources=[])}
        ),
        "manifest.json: sources: Input should be",
    ),
    "hashes_are_missing": (
        lambda m, _: (
            m | {"run/manifest.json": changed(m["run/manifest.json"], tables={})}
        ),
        "manifest.json: tables: no hash of cash_flows, decisions",
    ),
    "the_configuration_is_empty": (
        lambda m, _: (
            m | {"run/manifest.json": changed(m["run/manifest.json"], config={})}
        ),
        "holds 'plugins/0/local.py', which no plugin of its run imports",
    ),
    "the_data_are_a_number": (
        lambda m, _: with_config(m, data=3),
        "the configuration of its run cannot be",
    ),
    "metrics_are_a_list": (
        lambda m, _: m | {"run/metrics.json": b"[1]"},
        "metrics.json: Input should be",
    ),
    "metrics_are_no_numbers": (
        lambda m, _: m | {"run/metrics.json": b'{"cagr": {"run": NaN}}'},
        "metrics.json: not JSON: found NaN; expected numbers or null",
    ),
    "a_table_is_no_table": (lambda m, _: m | {"run/nav.parquet": b"PAR1"}, NO_BUNDLE),
    "a_table_says_nonsense_of_itself": (
        lambda m, _: (
            m
            | {
                "run/nav.parquet": parquet(
                    pa.table({"a": [1]}).replace_schema_metadata({"pandas": "[]"})
                )
            }
        ),
        "nav.parquet: cannot be read as parquet: TypeError",
    ),
    "a_table_is_missing": (
        lambda m, _: {k: v for k, v in m.items() if k != "run/nav.parquet"},
        "a file is missing or cannot be read",
    ),
    "a_table_has_no_end": (
        lambda m, _: m | {"data/AAA.parquet": endless_table()},
        "data/AAA.parquet: found 300,000,000 values; expected 200,000,000 at most",
    ),
    "a_file_unpacks_to_a_disk": (
        lambda m, _: m | {"data/AAA.csv": b"0" * 300_000_000},
        "300,",
    ),
}


@pytest.mark.parametrize("name", WORDS)
def test_a_bundle_made_by_hand_is_refused_in_one_sentence(
    name, sound, tmp_path, capsys, monkeypatch
):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for place in (tmp_path, tmp_path / "here"):
        (place / "evil.py").write_bytes(evil(tmp_path))
    change, words = WORDS[name]
    bundle = zip_of(change(dict(sound), tmp_path), tmp_path / "hand.zip")
    for command in (["--yes"], ["--inspect"], []):
        code = main(["reproduce", str(bundle), *command])
        said = capsys.readouterr()
        assert code == 3, said
        assert words in said.err
        assert "Traceback" not in said.err
        assert said.err.startswith("bt-run: ")
        assert str(bundle) in said.err
    assert not (tmp_path / MARK).exists()


def raw(tmp_path, content):
    path = tmp_path / "raw.zip"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("share", [0.02, 0.5, 0.98])
def test_a_truncated_bundle_is_refused(sound, tmp_path, share):
    whole = zip_of(sound, tmp_path / "whole.zip").read_bytes()
    with pytest.raises(DataError, match=NO_BUNDLE):
        unpack(raw(tmp_path, whole[: int(len(whole) * share)]), tmp_path / "out")


@pytest.mark.parametrize("content", [b"", b"no zip", b"PK\x05\x06" + b"\0" * 18])
def test_what_is_no_archive_is_refused(tmp_path, content):
    with pytest.raises(DataError, match=NO_BUNDLE):
        unpack(raw(tmp_path, content), tmp_path / "out")


def test_altered_bytes_are_refused(sound, tmp_path):
    stored = io.BytesIO()
    with zipfile.ZipFile(stored, "w", zipfile.ZIP_STORED) as bundle:
        for name, content in sound.items():
            bundle.writestr(name, content)
    altered = stored.getvalue().replace(b"summary=", b"Summary=", 1)
    assert altered != stored.getvalue()
    with pytest.raises(DataError, match=r"Bad CRC-32 for file 'plugins/0/local\.py'"):
        unpack(raw(tmp_path, altered), tmp_path / "out")


def zipped(sound, tmp_path, change, method=zipfile.ZIP_DEFLATED):
    """Write a bundle in which one file's entry is changed."""
    path = tmp_path / "entry.zip"
    with zipfile.ZipFile(path, "w", method) as bundle:
        for name, content in sound.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = method
            if name == "plugins/0/local.py":
                change(info)
            bundle.writestr(info, content)
    return path


def test_a_link_is_refused(sound, tmp_path):
    def link(info):
        info.external_attr = (stat.S_IFLNK | 0o777) << 16

    with pytest.raises(DataError, match="is a link or a device; expected plain files"):
        unpack(zipped(sound, tmp_path, link), tmp_path / "out")


def test_an_encrypted_file_is_refused(sound, tmp_path):
    path = zipped(sound, tmp_path, lambda info: None)
    content = bytearray(path.read_bytes())
    at = content.rindex(b"PK\x01\x02", 0, content.rindex(b"plugins/0/local.py"))
    content[at + 8] |= 1
    path.write_bytes(bytes(content))
    with pytest.raises(
        DataError, match=r"local\.py' is encrypted; expected plain files"
    ):
        unpack(path, tmp_path / "out")


def test_another_method_than_deflate_is_refused(sound, tmp_path):
    path = zipped(sound, tmp_path, lambda info: None, zipfile.ZIP_LZMA)
    with pytest.raises(DataError, match="compressed by another method than deflate"):
        unpack(path, tmp_path / "out")


def test_too_many_files_are_refused(sound, tmp_path, monkeypatch):
    monkeypatch.setattr("bt_run.results.opened_bundle.MOST_MEMBERS", 3)
    with pytest.raises(DataError, match=r"files; expected 3 at most; it is not opened"):
        unpack(zip_of(sound, tmp_path / "many.zip"), tmp_path / "out")


def test_a_bundle_that_is_not_there_is_named(tmp_path):
    with pytest.raises(DataError, match=r"gone\.zip: no such file or folder"):
        unpack(tmp_path / "gone.zip", tmp_path / "out")


def test_a_disk_that_fills_while_a_bundle_is_opened_is_named(
    sound, tmp_path, monkeypatch
):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("bt_run.results.opened_bundle._extract", full)
    with pytest.raises(DataError, match="out: the bundle cannot be opened: No space"):
        unpack(zip_of(sound, tmp_path / "some.zip"), tmp_path / "out")


def test_a_sound_bundle_is_opened_where_it_is_told_to(sound, tmp_path):
    folder, places = unpack(zip_of(sound, tmp_path / "sound.zip"), tmp_path / "out")
    assert folder == tmp_path / "out" / "run"
    assert places == {
        "./local.py": str(tmp_path / "out" / "plugins" / "0" / "local.py"),
        "./prices": str(tmp_path / "out" / "data"),
    }
    assert len(pd.read_parquet(folder / "nav.parquet")) > 100


@pytest.mark.parametrize(
    ("name", "inside"),
    [
        ("run/nav.parquet", True),
        ("data/^GSPC.csv", True),
        ("data/.hidden/a b.csv", True),
        ("", False),
        (".", False),
        ("..", False),
        ("a/./b", False),
        ("a//b", False),
        ("/a", False),
        ("a/..", False),
        ("a/b.", False),
        ("a /b", False),
        ("a:b", False),
        ("a\x00b", False),
        ("a" * 241, False),
    ],
)
def test_names_that_lead_to_one_place_inside(name, inside):
    assert is_inside(name) is inside


def test_sizes_and_ratios_are_bounded():
    assert bulk(16 << 20, 1) is None
    assert bulk(100_000_000, 1_000_000) is None
    assert bulk(300_000_000, 332_000) == (
        "332,000 bytes unpack to 300,000,000; expected 100 times as much at most"
    )
    assert bulk((2 << 30) + 1, 1 << 30) == (
        "holds 2,147,483,649 bytes; expected 2,147,483,648 at most"
    )
