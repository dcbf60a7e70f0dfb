"""Commands on the folder of runs: list, show, open, export."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import cast

import click

from bt_run.backtest.reporting import write_report
from bt_run.cli.console import metrics_table, shortened
from bt_run.cli.run_commands import ledger_option
from bt_run.errors import DataError
from bt_run.results.export import FORMATS, Format, export_tables
from bt_run.results.listing import ListedRun, find_run, listed_runs
from bt_run.results.metric_definitions import format_metric
from bt_run.results.run_folder import intact_run, load_result
from bt_run.results.trial_facts import read_trial
from bt_run.studies.counting import LEDGER_FILE
from bt_run.studies.judging import judge_run
from bt_run.studies.significance_text import significance_sentence
from bt_run.studies.unnamed import unnamed_runs
from bt_run.text import aligned, counted

__all__ = ["RUNS_COMMANDS"]

HEADS = ("run", "id", "from", "to", "a year", "Sharpe", "drawdown", "trial", "size")
SHOWN = ("cagr", "sharpe", "max_drawdown")
PAGES = ("report.html", "tear_sheet.pdf")

in_root = click.option(
    "--in",
    "root",
    default="runs",
    show_default=True,
    type=click.Path(path_type=Path),
    help="The folder of the runs.",
)
run_name = click.argument("run")


@click.group()
def runs() -> None:
    """List, show and open runs that are done."""


@runs.command("list")
@in_root
def list_runs(root: Path) -> None:
    """List the runs, the newest of each name first; a star marks it.

    \b
    Example:
      bt-run runs list
    """
    found = listed_runs(root)
    if not found:
        click.echo(f"no runs in {root}")
        return
    for line in aligned([HEADS, *map(_row, found)], [False] * 4 + [True] * 5):
        click.echo(line)
    for run in found:
        if run.damage:
            click.echo(f"damaged: {run.folder}: {run.damage}", err=True)


@runs.command("show")
@run_name
@in_root
def show_run(run: str, root: Path) -> None:
    """Show what a run gave: RUN is its folder, its name for the newest, or an id's first letters.

    \b
    Examples:
      bt-run runs show spy_qqq
      bt-run runs show 1f3a
    """
    folder = find_run(root, run)
    result = load_result(folder)
    click.echo(f"{result.config.name} {result.run_id}: {result.period}")
    for note in result.notes:
        click.echo(f"data: {shortened(note)}")
    for warning in result.manifest.get("warnings", []):
        click.echo(f"warning: {shortened(warning)}")
    click.echo(f"trials: {result.trial_sentence}")
    click.echo(f"verdict: {significance_sentence(judge_run(result))}")
    click.echo("")
    click.echo(metrics_table(result))
    click.echo("")
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            name = path.relative_to(folder).as_posix()
            click.echo(f"{_size(path.stat().st_size):>9}  {name}")
    click.echo(f"folder: {folder}")


@runs.command("prune")
@in_root
@ledger_option
@click.option(
    "--bundles",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("."),
    show_default=True,
    help="The folder whose bundles are looked at, beside the one of the runs.",
)
@click.option("--yes", is_flag=True, help="Remove without asking.")
def prune(root: Path, ledger: Path | None, bundles: Path, yes: bool) -> None:
    """Remove runs that no row of the ledger, no bundle and no `latest` names; show them first.

    \b
    Example:
      bt-run runs prune --in runs
    """
    found = unnamed_runs(root, ledger or root / LEDGER_FILE, (root, bundles))
    if not found:
        click.echo(f"every run in {root} is named by the ledger, a bundle or `latest`")
        return
    for run in found:
        click.echo(f"{_size(run.size):>9}  {run.folder}")
    total = _size(sum(run.size for run in found))
    told = f"{counted(len(found), 'run')}, {total}"
    if not yes and not sys.stdin.isatty():
        click.echo(f"{told}: nothing was removed; --yes removes them")
        return
    if not yes and not click.confirm(f"Remove {told}?"):
        click.echo("nothing was removed")
        return
    for run in found:
        shutil.rmtree(run.folder)
    click.echo(f"{told}: removed")


@runs.command("open")
@run_name
@in_root
def open_run(run: str, root: Path) -> None:
    """Open the page of a run, or else its tear sheet.

    \b
    Example:
      bt-run runs open spy_qqq
    """
    folder = find_run(root, run)
    pages = [folder / name for name in PAGES if (folder / name).is_file()]
    if not pages:
        raise DataError(
            f"{folder}: has no page; `reports: [html]` in the run file makes one when it runs again"
        )
    click.echo(f"page: {pages[0]}")
    click.launch(str(pages[0]))


@click.command()
@run_name
@click.option(
    "--one-page",
    "one_page",
    is_flag=True,
    help="The run on one sheet of A4 or Letter, to be printed.",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="The folder to write to; by default that of the run.",
)
@in_root
def report(run: str, one_page: bool, out: Path | None, root: Path) -> None:
    """Write the page about a run that is done, or with --one-page one sheet of paper.

    RUN is its folder, its name for the newest, or an id's first letters.

    \b
    Examples:
      bt-run report spy_qqq
      bt-run report runs/spy_qqq/latest --one-page -o sheets
    """
    result = load_result(find_run(root, run))
    for path in write_report(result, "one_page" if one_page else "html", out):
        click.echo(f"report: {path}")


@click.command()
@run_name
@click.option(
    "--to",
    "kind",
    required=True,
    type=click.Choice(FORMATS),
    help="csv and parquet: a file for each table; xlsx: one workbook (needs bt-run[excel]).",
)
@click.option(
    "--tables",
    default="",
    metavar="NAMES",
    help="Which, such as fills,positions; by default all, those of analyzers too.",
)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    help="The folder to write to; by default NAME_ID beside you.",
)
@in_root
def export(run: str, kind: str, tables: str, out: Path | None, root: Path) -> None:
    """Write the tables of a run for a spreadsheet or another program.

    RUN is its folder, its name for the newest, or an id's first letters. No cell becomes a formula.

    \b
    Examples:
      bt-run export spy_qqq --to csv --tables fills,positions
      bt-run export runs/spy_qqq/latest --to xlsx -o excel
    """
    folder = find_run(root, run)
    names = [name.strip() for name in tables.split(",") if name.strip()]
    place = out or Path(f"{folder.parent.name}_{folder.name}")
    paths = export_tables(intact_run(folder), place, cast(Format, kind), names)
    for path in paths:
        click.echo(f"table: {path}")


def _row(run: ListedRun) -> tuple[str, ...]:
    star = "*" if run.latest else ""
    name, size = f"{run.name}{star}", _size(run.size)
    if run.manifest is None or run.metrics is None:
        return (name, run.run_id, "damaged", "", "", "", "", "", size)
    data = run.manifest["config"]["data"]
    numbers = [
        format_metric(metric, run.metrics.get(metric, {}).get("run"))
        for metric in SHOWN
    ]
    days = str(data["start"]), str(data["end"])
    return (name, run.run_id, *days, *numbers, _trial(run), size)


def _trial(run: ListedRun) -> str:
    """Return which trial of how many a run is; nothing where nobody counted."""
    try:
        facts = read_trial(run.folder)
    except DataError:
        return "damaged"
    return "" if facts is None else f"{facts.number}/{facts.of}"


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"


RUNS_COMMANDS: tuple[click.Command, ...] = (runs, report, export)
