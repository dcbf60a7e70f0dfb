"""Commands on runs that are done: explain, reproduce, compare, bundle."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["COMMANDS"]

DIFFERS = 6

run_folder = click.argument("folder", type=click.Path(path_type=Path))


@click.command()
@run_folder
@click.option("--date", required=True, metavar="DAY", help="The day of the decision, such as 2008-03-03.")
@click.option("--asset", help="One asset; without it, those that change most.")
def explain(folder: Path, date: str, asset: str | None) -> None:
    """Take one decision of the run in FOLDER apart, from the signal to the fill.

    \b
    Example:
      bt-run explain runs/spy_qqq/latest --date 2008-01-02 --asset SPY
    """
    from bt_run.explain import explain as explain_run
    from bt_run.result import read_run

    click.echo(explain_run(read_run(folder), date, asset))


@click.command()
@run_folder
@click.option(
    "--with", "config", type=click.Path(path_type=Path), help="Run this YAML file instead of what is recorded."
)
@click.option("--data", type=click.Path(path_type=Path), help="Where the prices lie now, for sources with a path.")
def reproduce(folder: Path, config: Path | None, data: Path | None) -> int:
    """Run again what FOLDER, or a bundle, holds; say identical, or what differs.

    \b
    Exit code 0: identical, or equal to 1e-9 on another machine. 6: something differs.

    \b
    Examples:
      bt-run reproduce runs/spy_qqq/latest
      bt-run reproduce spy_qqq.zip
    """
    from bt_run.reproduce import reproduce as run_again

    found = run_again(folder, config=config, data=data)
    click.echo(found.text)
    return 0 if found.identical else DIFFERS


@click.command()
@run_folder
@click.option("-o", "--out", type=click.Path(path_type=Path), help="The zip file; NAME_RUN-ID.zip when not given.")
@click.option("--with-data", is_flag=True, help="Put the price files in: you say that their licence lets you.")
def bundle(folder: Path, out: Path | None, with_data: bool) -> None:
    """Pack the run in FOLDER into one file that `bt-run reproduce` repeats elsewhere.

    \b
    Example:
      bt-run bundle runs/spy_qqq/latest -o spy_qqq.zip
    """
    from bt_run.bundle import pack
    from bt_run.result import read_run

    manifest = read_run(folder)["manifest"]
    path = out or Path(f"{manifest['config']['name']}_{manifest['run_id']}.zip")
    click.echo(pack(folder, path, with_data=with_data))
    click.echo(f"bundle: {path}")


@click.command()
@click.argument("folders", nargs=-1, type=click.Path(path_type=Path))
@click.option("-o", "--out", type=click.Path(path_type=Path), help="Write a page with growth and drawdowns overlaid.")
def compare(folders: tuple[Path, ...], out: Path | None) -> None:
    """Lay the runs in two or more FOLDERS side by side: metrics, and what differs between them.

    \b
    Example:
      bt-run compare runs/spy_qqq/latest runs/stocks/latest -o both.html
    """
    from bt_run.compare import compare as compare_runs
    from bt_run.reports import write_comparison

    found = compare_runs(folders)
    click.echo(found.text)
    if out is not None:
        write_comparison(found, out)
        click.echo(f"\npage: {out}")


COMMANDS = (explain, reproduce, bundle, compare)
