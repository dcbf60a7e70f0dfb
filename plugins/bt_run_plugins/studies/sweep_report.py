"""A sweep on disk: its tables, its facts, and the page that is made of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bt_run.atomic import replace_file
from bt_run.results.trial_facts import TrialFacts, trial_sentence
from bt_run.studies.counting import facts_of
from bt_run.studies.sweeping import Sweep, Tried
from bt_run.studies.trials import TrialLedger
from bt_run_plugins.studies.sweep_page import PAGE, page_of
from bt_run_plugins.studies.sweep_tables import SweepTables

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FACTS", "best_facts", "facts_json", "write_sweep"]

FACTS = "sweep.json"


def best_facts(
    best: Tried | None, ledger: TrialLedger | None, family: str
) -> TrialFacts | None:
    """Return what the ``ledger`` makes of the ``best`` cell, in its ``family``; None where nobody
    counted.
    """
    if ledger is None or best is None:
        return None
    own = [trial for trial in ledger.trials(family) if trial.cell == best.key]
    return facts_of(own[0], ledger) if own else None


def facts_json(
    sweep: Sweep, tried: Sequence[Tried], best: Tried | None, facts: TrialFacts | None
) -> dict[str, Any]:
    """Return what the page says beside the tables: ``sweep``, what was ``tried``, the ``best``,
    and the ledger's ``facts`` of it.
    """
    counts: dict[str, int] = {}
    for one in tried:
        counts[one.outcome.status] = counts.get(one.outcome.status, 0) + 1
    settings = sweep.settings
    return {
        "name": sweep.config.name,
        "score": sweep.score.name,
        "sign": sweep.score.sign,
        "search": settings.search,
        "seed": settings.seed,
        "constraints": list(settings.constraints),
        "folds": None if settings.folds is None else settings.folds.model_dump(),
        "keys": list(sweep.space.axes),
        "counts": counts,
        "best": None
        if best is None
        else {"key": best.key, "values": dict(best.candidate), "score": best.score},
        "trial": None if facts is None else facts.as_json(),
        "sentence": trial_sentence(facts),
    }


def write_sweep(folder: Path, tables: SweepTables, facts: Mapping[str, Any]) -> Path:
    """Write ``tables`` and ``facts`` into ``folder``, and the page that is made of them; return
    the page.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, table in tables.by_name.items():
        replace_file(folder / f"{name}.parquet", _parquet(table))
    text = json.dumps(facts, indent=2, sort_keys=True, default=str)
    replace_file(folder / FACTS, f"{text}\n".encode())
    replace_file(folder / PAGE, page_of(folder).encode())
    return folder / PAGE


def _parquet(table: pd.DataFrame) -> bytes:
    import pyarrow as pa
    import pyarrow.parquet as pq

    sink = pa.BufferOutputStream()
    pq.write_table(pa.Table.from_pandas(table), sink, compression="zstd")
    return bytes(sink.getvalue())
