"""The command line: the only place that prints or exits."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

import click
from click_default_group import DefaultGroup

from bt_run.atomic import is_full
from bt_run.backtest.configuration import load_config
from bt_run.backtest.preparing import prepare
from bt_run.backtest.running import run as run_config
from bt_run.cli.console import (
    components_json,
    components_text,
    headline,
    metrics_table,
    report_table,
    shortened,
    timings_text,
)
from bt_run.cli.init_command import COMMANDS_INIT
from bt_run.cli.new_command import COMMANDS_NEW
from bt_run.cli.run_commands import (
    COMMANDS,
    ledger_option,
    overrides,
    progress_bar,
    run_file,
)
from bt_run.cli.runs_commands import RUNS_COMMANDS
from bt_run.config.editor import SCHEMA_FILE, SETTINGS_FILE, install_schema
from bt_run.config.run_config import RunConfig
from bt_run.config.schema import json_schema
from bt_run.errors import BtRunError, ConfigError, DataError, PluginError
from bt_run.plugins import catalogue, get_plugin_manager
from bt_run.results.result import BacktestResult
from bt_run.studies.counting import with_counting
from bt_run.studies.judging import judge_run
from bt_run.studies.significance_text import significance_sentence
from bt_run.text import did_you_mean

__all__ = ["command_line", "main", "show_result"]

INTERRUPTED = 130
HELP = """Turn one YAML file into a backtest that can be repeated, and into its tear sheet.

\b
First steps:
  bt-run init --list                 the examples, and what each shows
  bt-run init my_tests               copy them into a folder
  cd my_tests
  bt-run spy_qqq.yaml                run one; short for `bt-run run spy_qqq.yaml`

\b
Then:
  bt-run spy_qqq.yaml --set broker.cash=50000 --set strategy.fast=20
  bt-run validate spy_qqq.yaml       check a file and its data without running it
  bt-run plugins                     what a YAML file can name, with every key
  bt-run schema --install            completion in an editor
  bt-run data fetch SPY QQQ          real prices, kept in a store
  bt-run new strategy my_momentum    a plugin of your own, tested
  bt-run check lookahead FILE        does it know the future?

\b
Exit codes: 0 done, 1 a bug of bt-run, 2 configuration, 3 data, 4 infeasible or solver,
5 plugin, 6 a check found what it looks for, 7 a check had nothing to check.
"""

offline = click.option(
    "--offline",
    is_flag=True,
    help="Forbid the network: what a source has not stored is an error.",
)
verbose = click.option(
    "-v", "--verbose", is_flag=True, help="Show more, and a traceback with every error."
)


def main(args: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    words = list(sys.argv[1:] if args is None else args)
    verbose = "-v" in words or "--verbose" in words
    try:
        code = command_line().main(words or ["--help"], "bt-run", standalone_mode=False)
    except click.ClickException as error:
        unknown = _unknown_command(words, error)
        if unknown:
            click.echo(f"bt-run: {unknown}", err=True)
        else:
            error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("bt-run: interrupted", err=True)
        return INTERRUPTED
    except BtRunError as error:
        if verbose:
            click.echo(traceback.format_exc(), err=True)
        click.echo(f"bt-run: {error}", err=True)
        if isinstance(error, PluginError) and error.__cause__ and not verbose:
            click.echo("bt-run: -v shows the whole traceback", err=True)
        return error.exit_code
    except OSError as error:
        click.echo(
            f"bt-run: {error.filename or 'a file'}: {error.strerror or error}", err=True
        )
        return DataError.exit_code if is_full(error) else ConfigError.exit_code
    except Exception:
        click.echo(traceback.format_exc(), err=True)
        click.echo(
            "bt-run: this is a bug of bt-run or of a plugin named above; please report it",
            err=True,
        )
        return 1
    return code if isinstance(code, int) else 0


def command_line() -> click.Group:
    """Return the commands of bt-run and those that plugins add."""
    cli: click.Group = DefaultGroup(name="bt-run", help=HELP, default="run")
    click.version_option(version("bt-run"), prog_name="bt-run")(cli)
    for command in (
        run,
        validate,
        plugins,
        schema,
        *COMMANDS_INIT,
        *COMMANDS,
        *RUNS_COMMANDS,
        *COMMANDS_NEW,
    ):
        cli.add_command(command)
    try:
        get_plugin_manager().hook.bt_commands(cli=cli)
    except Exception as error:
        # whoever has a broken plugin installed needs the help most
        click.echo(
            f"bt-run: warning: commands of plugins are missing: {_one_line(error)}",
            err=True,
        )
    return cli


@click.command()
@run_file
@overrides
@click.option("--no-reports", is_flag=True, help="Write the tables only.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("runs"),
    show_default=True,
    help="Results go to OUT/NAME/RUN_ID; OUT/NAME/latest points to the newest.",
)
@ledger_option
@click.option(
    "--no-ledger", is_flag=True, help="Do not count the run as a trial; reports say so."
)
@click.option(
    "-q", "--quiet", is_flag=True, help="Print only the paths of what was written."
)
@offline
@verbose
def run(
    file: Path,
    overrides: tuple[str, ...],
    no_reports: bool,
    out: Path,
    ledger: Path | None,
    no_ledger: bool,
    quiet: bool,
    offline: bool,
    verbose: bool,
) -> None:
    """Run the backtest that FILE describes, and print its numbers and its report's path.

    \b
    Examples:
      bt-run spy_qqq.yaml
      bt-run run spy_qqq.yaml --set data.end=2010-12-31 --out /tmp/runs
    """
    config = with_counting(_load(file, overrides), ledger=ledger, counted=not no_ledger)
    with progress_bar(visible=not quiet and sys.stderr.isatty()) as progress:
        result = run_config(
            config, out, reports=not no_reports, offline=offline, progress=progress
        )
    if quiet:
        for path in result.reports or (result.folder,):
            click.echo(path)
    else:
        show_result(result, verbose=verbose)


@click.command()
@run_file
@overrides
@offline
@verbose
def validate(
    file: Path, overrides: tuple[str, ...], offline: bool, verbose: bool
) -> None:
    """Check FILE, its components and its data without running it.

    \b
    Example:
      bt-run validate spy_qqq.yaml --set data.start=2005-01-03
    """
    config = _load(file, overrides)
    prepared = prepare(config, offline=offline)
    for warning in prepared.warnings:
        click.echo(f"warning: {warning}", err=True)
    bars = prepared.bars
    click.echo(
        f"OK: {file}: {len(bars)} bars of {len(bars.assets)} assets, {bars.index[0]:%Y-%m-%d} "
        f"to {bars.index[-1]:%Y-%m-%d}"
    )
    if verbose:
        for note in bars.notes:
            click.echo(f"data: {note}")


local_files = click.argument("files", nargs=-1, type=click.Path(path_type=Path))


@click.command()
@local_files
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def plugins(files: tuple[Path, ...], as_json: bool) -> None:
    """List every component that a YAML file can name: role, keys with defaults, origin.

    With FILES, those of local plugin files too.

    \b
    Examples:
      bt-run plugins
      bt-run plugins local_plugin.py
    """
    found = catalogue(get_plugin_manager(files))
    click.echo(
        json.dumps(components_json(found), indent=2)
        if as_json
        else components_text(found)
    )


@click.command()
@local_files
@click.option(
    "--install",
    type=click.Path(path_type=Path),
    is_flag=False,
    flag_value=Path("."),
    metavar="[FOLDER]",
    help="Write it into FOLDER, or here, with VS Code's workspace setting, instead of printing it.",
)
def schema(files: tuple[Path, ...], install: Path | None) -> None:
    """Print the JSON schema of a YAML file, from all installed plugins and local plugin FILES.

    An editor with the YAML language server then completes and checks the keys.

    \b
    Examples:
      bt-run schema > schema.json
      bt-run schema local_plugin.py --install
    """
    made = json_schema(catalogue(get_plugin_manager(files)))
    if install is None:
        click.echo(json.dumps(made, indent=2))
        return
    done = install_schema(install, made)
    click.echo(f"schema: {install / SCHEMA_FILE}: {done.schema}")
    click.echo(f"VS Code: {install / SETTINGS_FILE}: {done.settings}")
    if done.add:
        click.echo(f"it is not plain JSON; add this to it by hand:\n{done.add}")
    click.echo(
        f"other editors: start a YAML file with\n# yaml-language-server: $schema={SCHEMA_FILE}"
    )


def _unknown_command(words: Sequence[str], error: click.ClickException) -> str:
    """Return what to say where the first word was meant for a command, or nothing."""
    word = words[0] if words else "-"
    if word.startswith("-") or Path(word).suffix or Path(word).exists():
        return ""
    if not isinstance(error, click.UsageError) or error.ctx is None:
        return ""
    known = _commands(error.ctx)
    if word in known:
        return ""
    return f"no command {word!r}{did_you_mean(word, known)}; `bt-run --help` lists them"


def _commands(context: click.Context) -> list[str]:
    """Return the names of all commands, those of plugins too."""
    root = context.find_root()
    return (
        root.command.list_commands(root)
        if isinstance(root.command, click.Group)
        else []
    )


def _load(file: Path, overrides: Sequence[str]) -> RunConfig:
    if not file.exists() and file.suffix == "":
        hint = did_you_mean(str(file), _commands(click.get_current_context()))
        if hint:
            raise ConfigError(f"{file}: no such file or command{hint}")
    return load_config(file, overrides)


def show_result(result: BacktestResult, *, verbose: bool) -> None:
    """Print what a run found: its notes, warnings, metrics, tables and paths."""
    click.echo(headline(result))
    for note in result.notes:
        click.echo(f"data: {shortened(note)}")
    click.echo(f"look-ahead: {result.look_ahead}")
    click.echo(f"trials: {result.trial_sentence}")
    if result.reports:
        # a report has judged the run already; a run without any stays quick
        click.echo(f"verdict: {significance_sentence(judge_run(result))}")
    for warning in result.warnings:
        click.echo(f"warning: {warning}", err=True)
    click.echo(f"\n{metrics_table(result)}\n")
    if verbose:
        click.echo(f"{timings_text(result)}\n")
    for path in result.reports:
        if path.suffix == ".csv":
            click.echo(f"{path.stem.replace('_', ' ')}\n{report_table(path)}\n")
    for path in result.reports:
        click.echo(f"report: {path}")
    click.echo(f"folder: {result.folder}")


def _one_line(error: Exception) -> str:
    return (
        " ".join(str(error).split()) if isinstance(error, BtRunError) else repr(error)
    )
