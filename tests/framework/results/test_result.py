"""The result: who a run is, what its files hold, and that writing them is safe."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from bt_run.errors import DataError
from bt_run.results.identity import (
    Provenance,
    build_manifest,
    dependency_versions,
    order_list_hash,
    run_identity,
    source_hashes,
)
from bt_run.results.metrics import compute_metrics
from bt_run.results.result import TABLES, BacktestResult
from bt_run.results.run_folder import read_run, write_run

PROVENANCE = Provenance(
    config={"seed": 7}, fingerprint="f" * 64, sources={"bt_run": "a"}, versions={}, seed=7
)


def make_tables():
    """Return the tables of a run of four sessions that buys one asset and is refused another."""
    times = pd.DatetimeIndex(
        ["2020-01-02", "2020-01-03", "2020-01-06", "2020-01-07"], tz="UTC", name="time"
    )
    nav = pd.DataFrame(
        {"nav": [100.0, 100.0, 102.0, 101.0], "cash": [100.0, 50.0, 50.0, 50.0]}, index=times
    )
    nav = nav.assign(
        gross=0.5, net=0.5, benchmark=nav["nav"], equal_weight=nav["nav"], constant_mix=nav["nav"]
    )
    position = {"time": times[1:], "asset": "A", "shares": 5.0, "price": [10.0, 10.4, 10.2]}
    positions = pd.DataFrame(position).assign(value=[50.0, 52.0, 51.0], stale=[False, False, True])
    fills = pd.DataFrame(
        {
            "decided_at": [times[0], pd.NaT],
            "time": [times[1], times[2]],
            "asset": ["A", "B"],
            "asked": [5.0, -1 / 3],
            "filled": [5.0, 0.0],
            "price": [10.0, 1.0],
            "commission": [0.0, 0.0],
            "slippage": [0.0, 0.0],
            "reason": [None, "not tradable"],
        }
    )
    decision = {
        "signal": 1.0,
        "sized": 0.5,
        "target": 0.5,
        "drifted": 0.0,
        "fired": True,
        "reason": "schedule",
    }
    decisions = pd.DataFrame({"time": times[:1], "asset": ["A"], **decision})
    memos = pd.DataFrame(
        {"time": times[:1], "component": ["sizer"], "memo": ['{"n": 1}'], "notes": ["{}"]}
    )
    flows = pd.DataFrame({"time": times[:0], "asset": [], "kind": [], "amount": np.zeros(0)})
    return dict(zip(TABLES, (nav, positions, fills, decisions, memos, flows), strict=True))


def make_result(name="demo", run_id="0123456789ab", **changes):
    tables = make_tables()
    return BacktestResult(
        config=SimpleNamespace(name=name),
        run_id=run_id,
        **tables,
        metrics=compute_metrics(tables["nav"], {"run": tables["fills"]}, 0.0),
        manifest=build_manifest(run_id, PROVENANCE, tables, ["price return only"]),
        notes=("price return only",),
        **changes,
    )


def files(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def lone_module(folder, name, text):
    path = folder / f"{name}.py"
    path.write_text(text)
    found = ModuleType(name)
    found.__file__ = str(path)
    return found


def test_returns_begin_at_the_session_after_the_start():
    returns = make_result().returns
    assert returns.tolist() == pytest.approx([0.0, 0.02, 101 / 102 - 1])
    assert str(returns.index[0]) == "2020-01-03 00:00:00+00:00"


def test_closes_keep_the_time_of_each_sessions_last_bar():
    result = make_result()
    intraday = result.nav.set_axis(
        result.nav.index[:2].repeat(2) + pd.to_timedelta([15, 21, 15, 21], "h")
    )
    closes = replace(result, nav=intraday).closes
    assert closes["nav"].tolist() == [100.0, 101.0]
    assert [str(day.date()) for day in closes.index] == ["2020-01-02", "2020-01-03"]
    assert closes["time"].tolist() == intraday.index[[1, 3]].tolist()


def test_summary_puts_the_run_beside_its_yardsticks():
    table = make_result().summary()
    assert list(table.columns) == ["run", "benchmark", "equal weight", "constant mix"]
    assert table.loc["Total return"].tolist() == ["1.00%"] * 4
    assert table.loc["Beta", "run"] == "1.00"
    assert table.loc["Fills"].tolist() == ["1", "n/a", "n/a", "n/a"]


def test_notebook_view_is_escaped_and_shows_values_with_units():
    html = make_result(name="<b>", warnings=("a < b",))._repr_html_()
    assert "<b><b>" not in html
    assert "&lt;b&gt; · 2020-01-02 to 2020-01-07 · run 0123456789ab" in html
    assert "<li>price return only</li><li>a &lt; b</li>" in html
    assert "<td>1.00%</td>" in html
    assert "<td>n/a</td>" in html


# -- who a run is


def test_identity_does_not_depend_on_the_order_of_keys():
    one = run_identity({"a": 1, "b": {"c": 2, "d": 3}}, "f", {"x": "1", "y": "2"}, {})
    other = run_identity({"b": {"d": 3, "c": 2}, "a": 1}, "f", {"y": "2", "x": "1"}, {})
    assert one == other
    assert len(one) == 12
    assert set(one) <= set("0123456789abcdef")


@pytest.mark.parametrize("place", range(4))
def test_identity_changes_with_everything_that_affects_the_result(place):
    parts = [{"a": 1}, "f", {"bt_run": "1"}, {"numpy": "2"}]
    changed = [*parts]
    changed[place] = {"a": 2} if place != 1 else "g"
    assert run_identity(*parts) != run_identity(*changed)


def test_identity_takes_numpy_numbers_and_dates():
    stamp = pd.Timestamp("2020-01-02")
    plain = run_identity({"n": 3, "d": "2020-01-02T00:00:00"}, "f", {}, {})
    assert run_identity({"n": np.int64(3), "d": stamp}, "f", {}, {}) == plain


def test_identity_refuses_what_is_not_plain():
    with pytest.raises(TypeError, match="is a object; expected plain JSON values or a date"):
        run_identity({"a": object()}, "f", {}, {})


def test_source_hash_of_a_lone_file_follows_its_content(tmp_path):
    mine = lone_module(tmp_path, "my_strategy", "a = 1\n")
    first = source_hashes([mine])
    assert list(first) == ["bt_run", "my_strategy.py"]
    assert source_hashes([mine]) == first
    lone_module(tmp_path, "my_strategy", "a = 2\n")
    second = source_hashes([mine])
    assert second["my_strategy.py"] != first["my_strategy.py"]
    assert second["bt_run"] == first["bt_run"]


def test_lone_files_are_named_after_themselves_and_both_count_when_they_share_a_name(tmp_path):
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()
    one, two = (lone_module(folder, "mine", f"x = '{folder.name}'\n") for folder in folders)
    one.__name__, two.__name__ = "bt_run_local_mine_1", "bt_run_local_mine_2"
    both = source_hashes([one, two])
    assert list(both) == ["bt_run", "mine.py"]
    assert both == source_hashes([two, one])
    assert both["mine.py"] == "+".join(sorted(source_hashes([m])["mine.py"] for m in (one, two)))


def test_source_hash_of_a_module_covers_its_whole_package(tmp_path, monkeypatch):
    for name in ("stranger", "copy"):
        (tmp_path / name / "stranger" / "deep").mkdir(parents=True)
        for file in ("__init__.py", "one.py", "deep/two.py"):
            (tmp_path / name / "stranger" / file).write_text("x = 1\n")
    monkeypatch.syspath_prepend(tmp_path / "stranger")
    import stranger.one

    first = source_hashes([stranger.one])
    assert list(first) == ["bt_run", "stranger"]
    monkeypatch.setattr(stranger, "__file__", str(tmp_path / "copy" / "stranger" / "__init__.py"))
    assert source_hashes([stranger.one]) == first  # the place does not matter
    (tmp_path / "copy" / "stranger" / "deep" / "two.py").write_text("x = 2\n")
    assert source_hashes([stranger.one]) != first
    for name in [name for name in sys.modules if name.partition(".")[0] == "stranger"]:
        monkeypatch.delitem(sys.modules, name)


def test_module_without_a_file_says_that_it_has_no_source():
    assert source_hashes([ModuleType("notebook")])["notebook"] == "no source file"


def test_versions_name_the_owner_and_what_it_declares():
    versions = dependency_versions([pytest])
    assert versions["pytest"] == pytest.__version__
    assert "pluggy" in versions
    assert list(versions) == sorted(versions)


def test_versions_leave_out_what_is_not_installed(tmp_path):
    versions = dependency_versions([lone_module(tmp_path, "my_strategy", "")])
    assert "my-strategy" not in versions


def test_order_list_ignores_money_and_the_last_digits():
    fills = make_tables()["fills"]
    close = fills.assign(price=fills["price"] * 2, filled=fills["filled"] * (1 + 1e-12))
    assert order_list_hash(close) == order_list_hash(fills)
    assert order_list_hash(fills.assign(filled=[5.0, -0.0])) == order_list_hash(fills)


@pytest.mark.parametrize("column", ["decided_at", "time", "asset", "asked", "filled"])
def test_order_list_sees_each_of_its_columns(column):
    fills = make_tables()["fills"]
    other = {"asset": "Z"}.get(
        column, 7.0 if column in ("asked", "filled") else pd.Timestamp(0, tz="UTC")
    )
    assert order_list_hash(fills.assign(**{column: other})) != order_list_hash(fills)


def test_manifest_hashes_each_table_by_its_values_alone():
    tables = make_tables()
    first = build_manifest("id", PROVENANCE, tables, [])["tables"]
    assert list(first) == list(TABLES)
    same = tables | {"fills": tables["fills"].astype({"asset": object}).copy()}
    same["nav"] = tables["nav"].set_axis(tables["nav"].index.as_unit("s"), axis=0)
    assert build_manifest("id", PROVENANCE, same, [])["tables"] == first
    other = tables | {"nav": tables["nav"].assign(cash=1.0)}
    changed = build_manifest("id", PROVENANCE, other, [])["tables"]
    assert [name for name in TABLES if changed[name] != first[name]] == ["nav"]


# -- on disk


def test_written_run_reads_back_the_same(tmp_path):
    texts = make_tables()["memos"].astype({"component": object, "memo": object})
    result = write_run(replace(make_result(), memos=texts), tmp_path)
    assert result.folder == tmp_path / "demo" / "0123456789ab"
    found = read_run(result.folder)
    for name, table in result.tables.items():
        pd.testing.assert_frame_equal(found[name], table)
        pd.testing.assert_frame_equal(pd.read_parquet(result.folder / f"{name}.parquet"), table)
    assert found["metrics"] == result.metrics
    assert found["manifest"] == result.manifest
    assert sorted(files(result.folder)) == sorted(
        [*(f"{t}.parquet" for t in TABLES), "metrics.json", "manifest.json"]
    )


def test_same_content_gives_the_same_bytes_whatever_the_clock_says(tmp_path):
    one = write_run(make_result(timings={"engine": 1.0}), tmp_path / "one")
    other = write_run(make_result(timings={"engine": 2.0}), tmp_path / "other")
    assert files(one.folder) == files(other.folder)


def test_json_files_are_sorted_and_end_with_a_newline(tmp_path):
    text = (write_run(make_result(), tmp_path).folder / "manifest.json").read_text()
    assert text == json.dumps(json.loads(text), sort_keys=True, indent=2) + "\n"


def test_latest_points_to_the_newest_run(tmp_path):
    write_run(make_result(), tmp_path)
    write_run(make_result(run_id="ffffffffffff"), tmp_path)
    latest = tmp_path / "demo" / "latest"
    assert latest.is_symlink()
    assert str(latest.readlink()) == "ffffffffffff"
    assert sorted(path.name for path in (tmp_path / "demo").iterdir()) == [
        "0123456789ab",
        "ffffffffffff",
        "latest",
    ]


def test_equal_run_keeps_the_folder_and_its_reports(tmp_path):
    folder = write_run(make_result(), tmp_path).folder
    (folder / "tear_sheet.pdf").write_bytes(b"pdf")
    write_run(make_result(), tmp_path)
    assert (folder / "tear_sheet.pdf").read_bytes() == b"pdf"


def test_different_run_of_the_same_id_replaces_the_folder(tmp_path):
    folder = write_run(make_result(), tmp_path).folder
    (folder / "tear_sheet.pdf").write_bytes(b"of the old run")
    write_run(replace(make_result(), metrics={}), tmp_path)
    assert read_run(folder)["metrics"] == {}
    assert not (folder / "tear_sheet.pdf").exists()
    assert sorted(path.name for path in folder.parent.iterdir()) == ["0123456789ab", "latest"]


@pytest.mark.parametrize("step", range(4))
def test_death_between_any_two_renames_leaves_a_whole_run(tmp_path, monkeypatch, step):
    folder = write_run(make_result(), tmp_path).folder
    steps = []

    def dying(rename):
        def call(*args):
            steps.append(args)
            if len(steps) > step:
                raise KeyboardInterrupt
            return rename(*args)

        return call

    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", dying(Path.rename))
        patch.setattr(Path, "replace", dying(Path.replace))
        if step < 3:
            with pytest.raises(KeyboardInterrupt):
                write_run(replace(make_result(), metrics={}), tmp_path)
        else:
            write_run(replace(make_result(), metrics={}), tmp_path)
    found = read_run(folder)
    assert found["metrics"] == (make_result().metrics if step < 2 else {})
    assert len(found["positions"]) == 3
    write_run(replace(make_result(), metrics={}), tmp_path)
    assert read_run(folder)["metrics"] == {}


def test_failure_while_writing_leaves_the_old_run_and_no_litter(tmp_path, monkeypatch):
    folder = write_run(make_result(), tmp_path).folder
    before = files(folder)
    monkeypatch.setattr("bt_run.results.run_folder.json.dump", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        write_run(replace(make_result(), metrics={}), tmp_path)
    assert files(folder) == before
    assert sorted(path.name for path in folder.parent.iterdir()) == ["0123456789ab", "latest"]


def test_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"it holds no manifest\.json; expected runs/NAME/RUN_ID"):
        read_run(tmp_path / "nothing")


def test_a_damaged_run_is_told(tmp_path):
    (tmp_path / "manifest.json").write_text("{broken")
    with pytest.raises(DataError, match="the run is damaged, a file is missing or cannot be read"):
        read_run(tmp_path)
