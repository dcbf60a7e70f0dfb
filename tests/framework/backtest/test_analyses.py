"""What analyzers found: tables of their own, and studies of what would have been."""

import zipfile
from pathlib import Path

import pandas as pd
import pytest
from kit.places import EXAMPLES

from bt_run import (
    BacktestResult,
    PluginError,
    load_config,
    play,
    prepare,
    run,
)
from bt_run.checks.reproduction import reproduce
from bt_run.results.bundle import pack_run
from bt_run.results.run_folder import load_result

PLUGIN = '''
import pandas as pd
from bt_run import Component, Config, hookimpl, play


class Neighbours:
    """What other speeds of the trend would have earned."""

    def decided(self, decision):
        pass

    def table(self):
        return "first", pd.DataFrame({"a": [1]})

    def study(self, prepared, played):
        rows = {"as run": played.nav[-1]}
        for fast in (20, 60):
            rows[f"fast {fast}"] = play(prepared.changed({"strategy.fast": fast})).nav[-1]
        return {"neighbours": pd.DataFrame({"nav": rows}).rename_axis("what")}

class Twice(Neighbours):
    def study(self, prepared, played):
        return {"first": pd.DataFrame()}

class NoTable(Neighbours):
    def study(self, prepared, played):
        return {"second": [1, 2]}

class NoName(Neighbours):
    def study(self, prepared, played):
        return {"../second": pd.DataFrame()}

class Failing(Neighbours):
    def study(self, prepared, played):
        raise RuntimeError("no idea")

@hookimpl
def bt_analyzers():
    return [
        Component(name=kind.__name__.lower(), config=Config, summary="Study.",
                  build=lambda config, context, kind=kind: kind())
        for kind in (Neighbours, Twice, NoTable, NoName, Failing)
    ]
'''
SHORT = "data.end=2002-12-31"


@pytest.fixture
def study(tmp_path: Path):
    plugin = tmp_path / "study.py"
    plugin.write_text(PLUGIN)

    def ran(name: str, out: Path | None = None) -> BacktestResult:
        words = [SHORT, f"plugins=[{plugin}]", f"analyzers=[{name}]"]
        return run(load_config(EXAMPLES / "spy_qqq.yaml", words), out, reports=False)

    return ran


def test_a_study_plays_other_configurations_on_the_bars_of_the_run(study) -> None:
    result = study("neighbours")
    found = result.analyses["neighbours"]["nav"]
    assert found["as run"] == result.nav["nav"].iloc[-1]
    prepared = prepare(load_config(EXAMPLES / "spy_qqq.yaml", [SHORT]))
    for fast in (20, 60):
        other = play(prepared.changed({"strategy.fast": fast}))
        assert found[f"fast {fast}"] == other.nav[-1]
    assert found.nunique() == 3


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("twice", "analyzer Twice: gave a table 'first', which is there already"),
        ("notable", "gave a list as 'second'; expected a DataFrame"),
        ("noname", r"named a table '../second'; expected letters, digits, spaces"),
        ("failing", "analyzer Failing: study.*RuntimeError: no idea"),
    ],
)
def test_a_study_that_breaks_its_contract_is_named(study, name: str, text: str) -> None:
    with pytest.raises(PluginError, match=text):
        study(name)


def test_the_tables_lie_beside_the_run_and_are_compared(study, tmp_path: Path) -> None:
    result = study("neighbours", tmp_path / "runs")
    folder = result.folder
    files = sorted(path.name for path in (folder / "analyses").iterdir())
    assert files == ["first.parquet", "neighbours.parquet"]
    again = load_result(folder)
    pd.testing.assert_frame_equal(
        again.analyses["neighbours"], result.analyses["neighbours"]
    )
    assert result.manifest["analyses"].keys() == {"first", "neighbours"}
    assert reproduce(folder).identical

    file = folder / "analyses" / "neighbours.parquet"
    (pd.read_parquet(file) * 1.1).to_parquet(file)
    (found,) = reproduce(folder).differences
    assert found.text.startswith("analyses: neighbours: row 0: nav was ")


def test_they_change_no_id_and_go_into_a_bundle(study, tmp_path: Path) -> None:
    result = study("neighbours", tmp_path / "runs")
    bundle = tmp_path / "b.zip"
    pack_run(result.folder, bundle)
    with zipfile.ZipFile(bundle) as opened:
        assert "run/analyses/neighbours.parquet" in opened.namelist()
