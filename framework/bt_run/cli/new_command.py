"""The command ``bt-run new``."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import click

from bt_run.cli.scaffolding import NEW_ROLES, Scaffold, scaffold

__all__ = ["COMMANDS_NEW"]


@click.command()
@click.argument("role", type=click.Choice(tuple(NEW_ROLES)))
@click.argument("name")
@click.option(
    "--full",
    is_flag=True,
    help="With a memo or more keys, tests of its numbers, a changelog and a CI file.",
)
@click.option(
    "--single-file",
    is_flag=True,
    help="NAME.py and NAME.yaml only: a local plugin, no package.",
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Where to write; NAME when not given, with --single-file the current folder.",
)
def new(
    role: str, name: str, full: bool, single_file: bool, folder: Path | None
) -> None:
    """Start a plugin of your own: a small package that runs and passes its tests.

    Nothing is overwritten.

    \b
    Examples:
      bt-run new strategy near_high
      bt-run new overlay storm_cut --full
      bt-run new sizer capped --single-file
    """
    place = folder or Path("." if single_file else name)
    paths = scaffold(Scaffold(role, name, full=full, single_file=single_file), place)
    for path in paths:
        click.echo(path)
    module = next(path for path in paths if path.name in (f"{name}.py", "plugin.py"))
    run_file = next(path for path in paths if path.suffix == ".yaml")
    pytest = "pytest" if find_spec("pytest") else "pip install pytest && pytest"
    if single_file:
        click.echo(f"next: bt-run {run_file} && {pytest} --bt-plugin {module}")
    else:
        click.echo(
            f"next: cd {place} && pip install -e . && bt-run {run_file.name} && {pytest} "
            f"--bt-plugin {name}"
        )


COMMANDS_NEW = (new,)
