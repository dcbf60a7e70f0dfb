"""Every run is a trial: counted in the ledger as soon as its tables are written."""

from __future__ import annotations

import json
import os

from bt_run import BacktestResult, RunConfig, hookimpl
from bt_run.atomic import forget, replace_file
from bt_run.results.trial_facts import TRIAL_FILE
from bt_run.studies.counting import facts_of, ledger_path, trial_of_run
from bt_run.studies.trials import open_ledger

__all__ = ["SWITCH", "bt_after_run", "counts"]

SWITCH = "BT_RUN_NO_LEDGER"


def counts(config: RunConfig) -> bool:
    """Tell whether the trials of ``config`` are counted."""
    return config.research.counted and os.environ.get(SWITCH, "") in ("", "0")


@hookimpl
def bt_after_run(config: RunConfig, result: BacktestResult) -> None:
    """Count a run that was written, and write its ``trial.json``."""
    folder = result.folder
    if folder is None:
        return
    file = folder / TRIAL_FILE
    trial = trial_of_run(result) if counts(config) else None
    if trial is None:
        # what an earlier, counted, run of the same left would not be true of this one
        forget(file)
        return
    path = ledger_path(config, folder.resolve().parent.parent)
    with open_ledger(path) as ledger:
        (kept,) = ledger.add([trial])
        facts = facts_of(kept, ledger)
    text = json.dumps(facts.as_json(), indent=2, sort_keys=True)
    replace_file(file, f"{text}\n".encode())
