"""Commands on runs: explain, reproduce, compare, bundle those that are done, check those to
come.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from bt_run.backtest.configuration import load_config
from bt_run.backtest.reporting import write_comparison
from bt_run.checks.inspection import Inspection, inspect_run, refuse_to_run
from bt_run.checks.lookahead import CUTS, check_lookahead
from bt_run.checks.reproduction import reproduce as run_again
from bt_run.checks.warmup import check_warmup
from bt_run.checks.words import lookahead_text, warmup_text
from bt_run.errors import CHECK_FAILED, ConfigError
from bt_run.results.bundle import pack_run
from bt_run.results.comparison import compare as compare_runs
from bt_run.results.explanation import explain as explain_run
from bt_run.results.run_folder import intact_run, read_run

__all__ = ["COMMANDS", "ledger_option", "overrides", "progress_bar", "run_file"]

run_folder = click.argument("folder", type=click.Path(path_type=Path))
run_file = click.argument("file", type=click.Path(path_type=Path))
overrides = click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Override one key, such as broker.cash=50000 or overlays.0.annual=0.15; may be repeated.",
)
ledger_option = click.option(
    "--ledger",
    type=click.Path(path_type=Path),
    help="The ledger that counts the trials; OUT/trials.sqlite if not given.",
)


@contextmanager
def progress_bar(*, visible: bool) -> Iterator[Callable[[str, float], None] | None]:
    """Yield a function that shows the phase and its fraction on stderr, or None."""
    if not visible:
        yield None
        return
    with click.progressbar(
        length=100, file=sys.stderr, show_eta=False, item_show_func=str
    ) as bar:

        def show(phase: str, fraction: float) -> None:
            percent = round(100 * fraction)
            if (phase, percent) != (bar.current_item, bar.pos):
                bar.current_item, bar.pos = phase, percent
                bar.render_progress()

        yield show


@click.command()
@run_folder
@click.option(
    "--date",
    required=True,
    metavar="DAY",
    help="The day of the decision, such as 2008-03-03.",
)
@click.option("--asset", help="One asset; without it, those that change most.")
def explain(folder: Path, date: str, asset: str | None) -> None:
    """Take one decision of the run in FOLDER apart, from the signal to the fill.

    \b
    Example:
      bt-run explain runs/spy_qqq/latest --date 2008-01-02 --asset SPY
    """
    click.echo(explain_run(intact_run(folder), date, asset))


@click.command()
@run_folder
@click.option(
    "--with",
    "config",
    type=click.Path(path_type=Path),
    help="Run this YAML file instead of what is recorded.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Where the prices lie now, for sources with a path.",
)
@click.option("--yes", is_flag=True, help="Run a bundle's Python without asking.")
@click.option(
    "--inspect",
    is_flag=True,
    help="Show whose code would run, and run nothing.",
)
def reproduce(
    folder: Path, config: Path | None, data: Path | None, yes: bool, inspect: bool
) -> int:
    """Run again what FOLDER, or a bundle, holds; say identical, or what differs.

    A bundle may hold Python of its own: it is shown, with what is installed otherwise here, and
    runs only when you agree.

    \b
    Exit code 0: identical, or equal to 1e-9 on another machine. 6: something differs.

    \b
    Examples:
      bt-run reproduce runs/spy_qqq/latest
      bt-run reproduce spy_qqq.zip --inspect
      bt-run reproduce spy_qqq.zip
    """
    if inspect:
        seen = inspect_run(folder)
        click.echo(seen.text)
        return CHECK_FAILED if seen.altered else 0
    agree = _show if yes else _ask
    found = run_again(folder, config=config, data=data, agree=agree)
    click.echo(found.text)
    return 0 if found.identical else CHECK_FAILED


def _show(found: Inspection) -> None:
    click.echo(found.text, err=True)


def _ask(found: Inspection) -> None:
    """Show whose code would run, and ask whether it may.

    Raises:
        ConfigError: it may not, or there is nobody to ask.
    """
    if not sys.stdin.isatty():
        refuse_to_run(found)
    _show(found)
    if not click.confirm("Run it?", err=True):
        raise ConfigError(f"{found.place}: nothing of it was run, as you said")


@click.command()
@run_folder
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    help="The zip file; NAME_RUN-ID.zip when not given.",
)
@click.option(
    "--with-data",
    is_flag=True,
    help="Put the price files in: you say that their licence lets you.",
)
def bundle(folder: Path, out: Path | None, with_data: bool) -> None:
    """Pack the run in FOLDER into one file that `bt-run reproduce` repeats elsewhere.

    \b
    Example:
      bt-run bundle runs/spy_qqq/latest -o spy_qqq.zip
    """
    manifest = read_run(folder)["manifest"]
    path = out or Path(f"{manifest['config']['name']}_{manifest['run_id']}.zip")
    click.echo(pack_run(folder, path, with_data=with_data))
    click.echo(f"bundle: {path}")


@click.command()
@click.argument("folders", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    help="Write a page with growth, differences, years and drawdowns side by side.",
)
@click.option(
    "--whole",
    is_flag=True,
    help="Measure each run over its own period, not over the sessions that all have.",
)
def compare(folders: tuple[Path, ...], out: Path | None, whole: bool) -> None:
    """Lay the runs in two or more FOLDERS side by side: metrics, and what differs between them.

    \b
    Example:
      bt-run compare runs/spy_qqq/latest runs/stocks/latest -o both.html
    """
    found = compare_runs(folders, whole=whole)
    click.echo(found.text)
    if out is not None:
        write_comparison(found, out, "html")
        click.echo(f"\npage: {out}")


@click.group()
def check() -> None:
    """Look for mistakes that flatter a backtest: look-ahead, too little warm-up."""


as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@check.command()
@run_file
@overrides
@click.option(
    "--dates",
    default=6,
    show_default=True,
    type=click.IntRange(1),
    help="How many dates to try.",
)
@click.option(
    "--seed", default=0, show_default=True, help="Of the dates and of the noise."
)
@click.option(
    "--cuts",
    default=CUTS,
    show_default=True,
    type=click.IntRange(0),
    help="At how many dates more to compare vectorised signals alone.",
)
@click.option("--strict", is_flag=True, help="Exit with 6 on a suspicion, too.")
@as_json
def lookahead(
    file: Path,
    overrides: tuple[str, ...],
    dates: int,
    seed: int,
    cuts: int,
    strict: bool,
    as_json: bool,
) -> int:
    """Take the future of FILE's run away in several ways, and see whether its past changes.

    Signals, weights, memos, orders and fills are compared after the data were cut off, replaced
    by noise or by nothing, and after only the close of the fill bar was changed; the source is
    asked for less data once. Vectorised signals alone are compared at many dates more. The source
    of the components is read for what looks as if it reached ahead, and files are named that they
    read while the run decides: suspicions, which prove nothing.

    \b
    Exit code 0: clean. 6: a leak, or with --strict a suspicion. 7: nothing to check, as when the
    run never gives a signal.

    \b
    Example:
      bt-run check lookahead spy_qqq.yaml --dates 12
    """
    config = load_config(file, overrides)
    with progress_bar(visible=not as_json and sys.stderr.isatty()) as progress:
        found = check_lookahead(
            config, dates=dates, cuts=cuts, seed=seed, progress=progress
        )
    click.echo(
        json.dumps(found.as_json(), indent=2) if as_json else lookahead_text(found)
    )
    return found.strict_exit_code if strict else found.exit_code


@check.command()
@run_file
@overrides
@as_json
def warmup(file: Path, overrides: tuple[str, ...], as_json: bool) -> int:
    """Find how much history before the start FILE's run needs until its outputs agree.

    \b
    Exit code 0: there is enough. 6: outputs still change with more history. 7: nothing to check.

    \b
    Example:
      bt-run check warmup spy_qqq.yaml
    """
    config = load_config(file, overrides)
    with progress_bar(visible=not as_json and sys.stderr.isatty()) as progress:
        found = check_warmup(config, progress=progress)
    click.echo(json.dumps(found.as_json(), indent=2) if as_json else warmup_text(found))
    return found.exit_code


COMMANDS = (explain, reproduce, bundle, compare, check)
