"""Cases of analyzers and reports: what they write about a run."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np

from bt_run.decision.state import Decision
from bt_run.results.result import BacktestResult
from bt_run.testing.conformance.cases import Bench, Broken, Case, NotApplicable, told
from bt_run.testing.conformance.cases_offer import offer_cases
from bt_run.testing.conformance.digests import digest_of_files
from bt_run.testing.conformance.samples import (
    made_decisions,
    made_result,
    watched_table,
)

__all__ = ["ANALYZER_CASES", "REPORT_CASES"]


def _gives_a_table(bench: Bench) -> None:
    import pandas as pd

    try:
        name, table = watched_table(bench.subject)
    except (TypeError, ValueError, AttributeError) as error:
        raise Broken(
            told(error), "decided(decision), then table() -> (name, DataFrame)"
        ) from error
    if (
        not isinstance(name, str)
        or not name.strip()
        or not isinstance(table, pd.DataFrame)
    ):
        raise Broken(f"({name!r}, {type(table).__name__})", "(name, DataFrame)")
    if table.empty:
        raise NotApplicable("gave an empty table after the made decisions")


def _no_decisions(bench: Bench) -> None:
    try:
        bench.subject.build().thing.table()
    except Exception as error:
        raise Broken(
            told(error), "a table, if an empty one, for a run without a decision"
        ) from error


def _only_watches(bench: Bench) -> None:
    decisions = made_decisions()
    before = [_bytes(decision) for decision in decisions]
    watched_table(bench.subject, decisions)
    if [_bytes(decision) for decision in decisions] != before:
        raise Broken(
            "a decision was changed",
            "decisions as they came: what observes must not act",
        )


def _starts_anew(bench: Bench) -> None:
    one, other = watched_table(bench.subject), watched_table(bench.subject)
    if not one[1].equals(other[1]):
        raise Broken(
            "another table at the second run",
            "the same; nothing is kept in the class or the module",
        )


def _bytes(decision: Decision) -> bytes:
    arrays = (
        decision.signal,
        *decision.stages,
        decision.target,
        decision.drifted,
        decision.traded,
    )
    said = f"{dict(decision.memos)} {dict(decision.notes)}"
    words = f"{decision.fired} {list(decision.reason)} {said}"
    return b"".join(np.asarray(item).tobytes() for item in arrays) + words.encode()


def _written(bench: Bench, result: BacktestResult) -> dict[str, bytes]:
    """Write the report into an empty folder; return name -> content of each path that it gave back.

    Raises:
        Broken: it failed, or gave back what it did not write, or wrote what it did not give back.
    """
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        try:
            paths = [
                Path(path) for path in bench.subject.build().thing.write(result, folder)
            ]
        except Exception as error:
            raise Broken(
                told(error), "files in the folder, and the list of their paths"
            ) from error
        missing = [
            path for path in paths if folder not in path.parents or not path.is_file()
        ]
        if missing:
            raise Broken(
                f"{missing[0].name} was given back and is not in the folder",
                "paths of files in the folder",
            )
        extra = {path for path in folder.rglob("*") if path.is_file()} - set(paths)
        if extra:
            raise Broken(
                f"{min(extra).name} was written and not given back",
                "the paths of all files",
            )
        return {path.name: path.read_bytes() for path in paths}


def _writes(bench: Bench) -> None:
    result = made_result()
    before = {name: table.to_csv() for name, table in result.tables.items()}
    files = _written(bench, result)
    if not files or not all(files.values()):
        raise Broken(
            f"{len(files)} files, {sum(not content for content in files.values())} of them empty",
            "a report",
        )
    bench.digest = digest_of_files(
        files
    )  # a report may be slow, and this one need not be written again
    changed = [
        name for name, table in result.tables.items() if table.to_csv() != before[name]
    ]
    if changed:
        raise Broken(
            f"result.{changed[0]} was changed",
            "a result as it came; the next report reads it too",
        )


def _no_trades(bench: Bench) -> None:
    _written(bench, made_result(trades=False))


ANALYZER_CASES = (
    *offer_cases("A"),
    Case(
        "A08",
        "gives_a_table",
        "tables of analyzers stand in the reports",
        _gives_a_table,
        ("A01",),
    ),
    Case(
        "A09",
        "takes_a_run_without_decisions",
        "a window may hold no scheduled bar",
        _no_decisions,
        ("A08",),
    ),
    Case(
        "A10",
        "only_watches",
        "what observes must not change what it sees",
        _only_watches,
        ("A08",),
    ),
    Case(
        "A11",
        "starts_anew",
        "each run has an analyzer of its own",
        _starts_anew,
        ("A08",),
    ),
)
REPORT_CASES = (
    *offer_cases("R"),
    Case(
        "R08",
        "writes_files",
        "the paths given back are what `bt-run` prints, and other reports read the same result",
        _writes,
        ("R01",),
    ),
    Case(
        "R09",
        "takes_a_run_without_trades",
        "such a run is a result too, and the reader wants to see it",
        _no_trades,
        ("R08",),
    ),
)
