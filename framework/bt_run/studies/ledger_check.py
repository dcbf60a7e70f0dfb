"""Does a trial ledger still hold what was written to it?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bt_run.errors import DataError
from bt_run.results.listing import listed_runs
from bt_run.results.trial_facts import TrialFacts, read_trial
from bt_run.studies.trials import BEGINNING, Trial, TrialLedger, row_hash

__all__ = ["LedgerCheck", "check_ledger", "merge_ledgers"]

UNSEEN = (
    "What no check sees: rows taken off the end of which no run is left, runs made with "
    "--no-ledger or on another machine, and a ledger that was deleted with all its runs."
)


@dataclass(frozen=True)
class LedgerCheck:
    """What a check of a ledger found.

    Attributes:
        rows: how many rows it has.
        runs: how many runs name one of them.
        faults: what is not as it was written, a sentence each, the first row first.
    """

    rows: int
    runs: int
    faults: tuple[str, ...]

    @property
    def text(self) -> str:
        """Return what was found, in words."""
        seen = f"{self.rows} rows and {self.runs} runs were read"
        if self.faults:
            return "\n".join((*self.faults, seen))
        return f"{seen}: no row was changed or taken out\n{UNSEEN}"


def check_ledger(ledger: TrialLedger, runs: Path | None) -> LedgerCheck:
    """Compare each row of ``ledger`` with its hash and the one before, and with the ``trial.json``
    of each run in the folder ``runs``.
    """
    try:
        trials = ledger.trials()
    except DataError as error:
        return LedgerCheck(0, 0, (str(error),))
    known = {trial.hash for trial in trials} | {trial.origin for trial in trials}
    named = [] if runs is None else list(_named(runs))
    faults = [*_broken(trials)]
    faults += [
        f"{folder}: is trial {facts.number} of {facts.family!r} by row {facts.row[:12]}, which the "
        "ledger does not have: it was taken out, or changed"
        for folder, facts in named
        if facts.row not in known
    ]
    return LedgerCheck(len(trials), len(named), tuple(faults))


def merge_ledgers(into: TrialLedger, other: TrialLedger) -> int:
    """Add the rows of ``other`` to ``into``, as far as their cells are not there; return how many
    were added. Each keeps the hash that it had as its origin.

    Raises:
        DataError: ``other`` is not what was written.
    """
    found = other.trials()
    faults = list(_broken(found))
    if faults:
        raise DataError(f"{other.path}: {faults[0]}; nothing was merged")
    before = len(into.trials())
    into.add([replace(trial, origin=trial.origin or trial.hash) for trial in found])
    return len(into.trials()) - before


def _broken(trials: Sequence[Trial]) -> Iterator[str]:
    """Yield what is wrong with rows, by number; after the first that is missing or changed the
    others are compared with what stands before them.
    """
    before, number = BEGINNING, 0
    for trial in trials:
        number += 1
        if trial.number != number:
            gone = f"row {number} is" if trial.number == number + 1 else "rows are"
            yield f"{gone} missing before row {trial.number} ({trial.family!r}, {trial.time})"
        elif trial.previous != before:
            yield f"row {number} does not follow from the one before it: one was put in or changed"
        if row_hash(trial) != trial.hash:
            yield f"row {trial.number} ({trial.family!r}, {trial.time}) was changed"
        before, number = trial.hash, trial.number


def _named(runs: Path) -> Iterator[tuple[Path, TrialFacts]]:
    for run in listed_runs(runs):
        facts = read_trial(run.folder)
        if facts is not None:
            yield run.folder, facts
