"""Runs on disk that nothing names any more."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from bt_run.results.listing import ListedRun, listed_runs
from bt_run.results.opened_bundle import RUN
from bt_run.studies.trials import open_ledger

__all__ = ["unnamed_runs"]


def unnamed_runs(
    root: Path, ledger: Path, places: Iterable[Path]
) -> tuple[ListedRun, ...]:
    """Return the runs below ``root`` that are no trial in ``ledger``, in no bundle that lies in
    one of ``places``, and to which no ``latest`` points.

    Raises:
        ConfigError: there is no such folder.
        DataError: the ledger cannot be read.
    """
    runs = listed_runs(root)
    named = set(_in_bundles(places))
    if ledger.is_file():
        with open_ledger(ledger) as opened:
            named |= opened.cells()
    return tuple(run for run in runs if not run.latest and run.run_id not in named)


def _in_bundles(places: Iterable[Path]) -> Iterator[str]:
    """Yield the run ids in the bundles of folders; what is no bundle is passed over."""
    for path in {path.resolve() for place in places for path in place.glob("*.zip")}:
        try:
            with zipfile.ZipFile(path) as file:
                manifest = json.loads(file.read(f"{RUN}/manifest.json"))
                yield str(manifest["run_id"])
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
            continue
