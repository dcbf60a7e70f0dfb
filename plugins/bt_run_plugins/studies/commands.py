"""The commands ``bt-run sweep`` and ``bt-run trials ...``."""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from pathlib import Path
from typing import Any

import click

from bt_run import ConfigError, hookimpl, load_config, run
from bt_run.errors import CHECK_FAILED
from bt_run.studies.cells import Outcome, run_cell
from bt_run.studies.counting import ledger_path, with_counting
from bt_run.studies.kept_cells import open_kept
from bt_run.studies.ledger_check import check_ledger, merge_ledgers
from bt_run.studies.sweeping import Sweep, Tried, open_sweep
from bt_run.studies.trials import open_ledger
from bt_run_plugins.studies.places import built_executor, refuse_missing
from bt_run_plugins.studies.plan_lines import (
    outcome_lines,
    plan_text,
    progress_text,
)
from bt_run_plugins.studies.recorder import counts
from bt_run_plugins.studies.sweep_report import best_facts, facts_json, write_sweep
from bt_run_plugins.studies.sweep_tables import sweep_id, tables_of

__all__ = ["bt_commands"]

SWEEPS = "sweeps"  # the folder of a name's sweeps, beside its runs
KEPT = "cells.sqlite"
TELL_EVERY = 0.5  # seconds between two lines of progress

ledger_option = click.option(
    "--ledger",
    type=click.Path(path_type=Path),
    help="The trial ledger; OUT/trials.sqlite if not given.",
)


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override one key, such as sweep.n=50; may be repeated.",
)
@click.option(
    "--executor",
    metavar="NAME",
    help="Where cells are played: serial, local, dask or a plugin's.",
)
@click.option("--workers", type=click.IntRange(1), help="How many processes.")
@click.option("--address", help="Of the executor's scheduler: tcp://head:8786.")
@click.option(
    "--keep",
    metavar="best:N",
    help="Run the N best again as ordinary runs, with tables and reports.",
)
@click.option("--dry-run", is_flag=True, help="Count the cells, and time one.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("runs"),
    show_default=True,
    help="Results go to OUT/NAME/sweeps/ID.",
)
@ledger_option
@click.option("--no-ledger", is_flag=True, help="Count no trial; the report says so.")
@click.option("--offline", is_flag=True, help="Forbid the network.")
def sweep(
    file: Path,
    overrides: tuple[str, ...],
    executor: str | None,
    workers: int | None,
    address: str | None,
    keep: str | None,
    dry_run: bool,
    out: Path,
    ledger: Path | None,
    no_ledger: bool,
    offline: bool,
) -> None:
    """Play the many runs that `sweep:` in FILE describes, and rank them.

    What was played once is kept: after an interruption, the same command does only what is
    missing.

    \b
    Examples:
      bt-run sweep spy_qqq_sweep.yaml --dry-run
      bt-run sweep spy_qqq_sweep.yaml --executor local --workers 2
      bt-run sweep spy_qqq_sweep.yaml --keep best:3
    """
    best = _best_count(keep)
    config = with_counting(
        load_config(file, overrides), ledger=ledger, counted=not no_ledger
    )
    spec = {"use": executor, "workers": workers, "address": address}
    place = out / config.name / SWEEPS
    if dry_run:
        with open_sweep(config, place, offline=offline) as found:
            click.echo(plan_text(found, _timed(found)))
        return
    with ExitStack() as opened:
        # first, so that workers start while the bars are loaded
        plays = built_executor(config, spec)
        opened.callback(plays.close)
        found = opened.enter_context(open_sweep(config, place, offline=offline))
        ranked = _played(found, plays, place, out)
        for one in ranked[:best]:
            _kept(found, one, out)


def _played(found: Sweep, plays: Any, place: Path, out: Path) -> list[Tried]:
    """Play a sweep, write and print what it found; return its cells, the best first."""
    config = found.config
    ledger_at = ledger_path(config, out)
    open_counted = open_ledger(ledger_at) if counts(config) else nullcontext()
    with open_kept(place / KEPT) as kept, open_counted as ledger:
        with _progress() as tell:
            tried = found.play(plays, kept, ledger, tell)
        ranked = _ranked(found, tried)
        best = ranked[0] if ranked else None
        facts = best_facts(best, ledger, found.family)
    tables = tables_of(found, tried)
    folder = place / sweep_id(found, found.key)
    told = facts_json(found, tried, best, facts)
    page = write_sweep(folder, tables, told)
    for text in outcome_lines(found, tried):
        click.echo(text)
    click.echo(f"trials: of the best: {told['sentence']}")
    click.echo(f"report: {page}")
    click.echo(f"folder: {folder}")
    return ranked


def _ranked(found: Sweep, tried: list[Tried]) -> list[Tried]:
    """Return what has a score, the best first, of equals the first by key."""
    return sorted(
        (one for one in tried if one.score is not None),
        key=lambda one: (-found.score.sign * (one.score or 0.0), one.key),
    )


def _kept(found: Sweep, one: Tried, out: Path) -> None:
    """Run a cell again as an ordinary run."""
    result = run(found.config_of(one.candidate), out)
    values = ", ".join(f"{key} = {value}" for key, value in one.candidate)
    click.echo(f"kept: {values}: {result.folder}")


def _timed(found: Sweep) -> float:
    """Play one cell twice and return the seconds of the second time, when all is loaded."""
    first = found.search.ask()[0]
    cell = found.asked(first).cell
    refuse_missing(run_cell(cell))
    begun = time.perf_counter()
    run_cell(cell)
    return time.perf_counter() - begun


@contextmanager
def _progress() -> Iterator[Callable[[int, int, Outcome], None]]:
    """Yield what shows how many cells have ended, on a terminal only."""
    begun = time.perf_counter()
    shown = begun
    visible = sys.stderr.isatty()

    def tell(ended: int, total: int, outcome: Outcome) -> None:
        nonlocal shown
        now = time.perf_counter()
        if visible and (now - shown > TELL_EVERY or ended == total):
            shown = now
            text = progress_text(ended, total, now - begun)
            click.echo(f"\r{text:<60}", nl=ended == total, err=True)

    yield tell


def _best_count(keep: str | None) -> int:
    if keep is None:
        return 0
    found = re.fullmatch(r"best:([1-9]\d*)", keep)
    if found is None:
        raise ConfigError(f"--keep {keep}: expected best:N, such as best:3")
    return int(found[1])


@click.group()
def trials() -> None:
    """Check and merge ledgers of trials."""


@trials.command()
@click.option(
    "--runs",
    default=Path("runs"),
    show_default=True,
    type=click.Path(path_type=Path),
    help="The folder of the runs whose trial.json is compared.",
)
@ledger_option
def check(runs: Path, ledger: Path | None) -> int:
    """Look for rows of the ledger that were changed or taken out.

    \b
    Exit code 0: none. 6: there are some; the first is named first.

    \b
    Example:
      bt-run trials check --runs runs
    """
    path = ledger or runs / "trials.sqlite"
    if not path.is_file():
        raise ConfigError(f"{path}: no such ledger; name one by --ledger")
    with open_ledger(path) as opened:
        found = check_ledger(opened, runs if runs.is_dir() else None)
    click.echo(found.text)
    return CHECK_FAILED if found.faults else 0


@trials.command()
@click.argument("into", type=click.Path(path_type=Path))
@click.argument("other", type=click.Path(path_type=Path))
def merge(into: Path, other: Path) -> None:
    """Add the rows of the ledger OTHER to the ledger INTO, those that it has already left out.

    \b
    Example:
      bt-run trials merge runs/trials.sqlite from_the_other_machine.sqlite
    """
    if not other.is_file():
        raise ConfigError(f"{other}: no such ledger")
    with open_ledger(into) as one, open_ledger(other) as two:
        added = merge_ledgers(one, two)
    click.echo(f"{into}: {added} rows were added")


@hookimpl
def bt_commands(cli: click.Group) -> None:
    """Add the commands."""
    cli.add_command(sweep)
    cli.add_command(trials)
