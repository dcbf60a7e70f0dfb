"""Runs that neither a ledger, nor a bundle, nor `latest` names."""

from kit.small_project import make_project

import bt_run
from bt_run.results.bundle import pack_run
from bt_run.studies.counting import trial_of_run
from bt_run.studies.trials import open_ledger
from bt_run.studies.unnamed import unnamed_runs


def test_only_what_nothing_names_is_unnamed(tmp_path):
    file = make_project(tmp_path) / "small.yaml"
    runs = tmp_path / "runs"
    made = {}
    for level in (0.1, 0.2, 0.3, 0.4):
        config = bt_run.load_config(file, [f"strategy.level={level}"])
        made[level] = bt_run.run(config, runs, reports=False)
    with open_ledger(runs / "trials.sqlite") as ledger:
        ledger.add([trial_of_run(made[0.1])])
    pack_run(made[0.2].folder, tmp_path / "bundles" / "kept.zip")
    (tmp_path / "bundles" / "other.zip").write_text("no zip file at all")
    found = unnamed_runs(runs, runs / "trials.sqlite", (tmp_path / "bundles",))
    assert [run.run_id for run in found] == [made[0.3].run_id]
    assert (
        made[0.4].folder.parent.joinpath("latest").resolve()
        == made[0.4].folder.resolve()
    )


def test_without_a_ledger_the_runs_it_would_name_are_unnamed(tmp_path):
    file = make_project(tmp_path) / "small.yaml"
    runs = tmp_path / "runs"
    for level in (0.1, 0.2):
        config = bt_run.load_config(file, [f"strategy.level={level}"])
        bt_run.run(config, runs, reports=False)
    assert len(unnamed_runs(runs, runs / "none.sqlite", ())) == 1
