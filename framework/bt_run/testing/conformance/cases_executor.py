"""Cases of executors: every cell comes back once, and none takes others with it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from bt_run.studies.cells import Cell, Outcome, run_cell
from bt_run.testing.conformance.cases import Bench, Broken, Case, told
from bt_run.testing.conformance.cases_offer import offer_cases
from bt_run.testing.conformance.small_sweep import made_cells

__all__ = ["CASES"]

METHODS = ("submit", "done", "cancel", "close")


@contextmanager
def _executor(bench: Bench) -> Iterator[Any]:
    executor = bench.subject.build().thing
    lacking = [name for name in METHODS if not hasattr(executor, name)]
    if lacking:
        raise Broken(f"no {' and no '.join(lacking)}()", ", ".join(METHODS))
    try:
        yield executor
    finally:
        executor.close()


@contextmanager
def _cells() -> Iterator[list[Cell]]:
    folder = Path(tempfile.mkdtemp(prefix="bt_run_conformance_"))
    try:
        yield made_cells(folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _played(executor: Any, cells: list[Cell]) -> dict[str, Outcome]:
    for cell in cells:
        executor.submit(cell.key, cell)
    found: dict[str, Outcome] = {}
    try:
        for key, outcome in executor.done():
            if key in found:
                raise Broken(f"the cell {key} came back twice", "once")
            found[key] = outcome
    except Broken:
        raise
    except Exception as error:
        raise Broken(told(error), "an outcome of every cell") from error
    lost = [cell.key for cell in cells if cell.key not in found]
    if lost:
        raise Broken(f"{len(lost)} of {len(cells)} cells did not come back", "all")
    return found


def _plays(bench: Bench) -> None:
    with _cells() as cells, _executor(bench) as executor:
        found = _played(executor, cells)
        for cell in cells:
            _same(found[cell.key], run_cell(cell))


def _same(one: Outcome, other: Outcome) -> None:
    if one.result is None or other.result is None:
        raise Broken(f"{one.status}: {one.text}", other.status)
    if one.result.metrics != other.result.metrics or not np.array_equal(
        one.result.returns, other.result.returns
    ):
        raise Broken("other numbers than in this process", "the same bits everywhere")


def _raises(bench: Bench) -> None:
    with _cells() as cells, _executor(bench) as executor:
        wrong = replace(cells[1], overrides=(("sizer.no_such_key", 1),))
        found = _played(executor, [cells[0], wrong, cells[2]])
        outcome = found[wrong.key]
        if outcome.status != "raised" or "no_such_key" not in outcome.text:
            raise Broken(f"{outcome.status}: {outcome.text}", "raised, with its text")
        for cell in (cells[0], cells[2]):
            _same(found[cell.key], run_cell(cell))


def _nothing(bench: Bench) -> None:
    with _executor(bench) as executor:
        if list(executor.done()):
            raise Broken("outcomes of cells that nobody submitted", "none")


def _again(bench: Bench) -> None:
    with _cells() as cells, _executor(bench) as executor:
        _played(executor, cells[:1])
        _played(executor, cells[1:])


CASES: tuple[Case, ...] = (
    *offer_cases("E"),
    Case(
        "E08",
        "plays_cells",
        "a sweep whose numbers depend on where it was played cannot be repeated",
        _plays,
        ("E01",),
    ),
    Case(
        "E09",
        "reports_what_raises",
        "one bad cell of a thousand must neither vanish nor take the others with it",
        _raises,
        ("E08",),
    ),
    Case(
        "E10",
        "ends_without_cells",
        "a sweep of which all cells are kept submits none, and must end",
        _nothing,
        ("E01",),
    ),
    Case(
        "E11",
        "goes_on_after_a_batch",
        "a search that learns submits the next batch after the first has ended",
        _again,
        ("E08",),
    ),
)
