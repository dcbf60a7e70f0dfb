"""The commands ``bt-run policies ...``."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import click

from bt_run import hookimpl, require_installed
from bt_run.text import aligned, counted
from bt_run_plugins.policy.database import Database, Stored, open_database
from bt_run_plugins.policy.policy_files import policies_in, shipped_policies
from bt_run_plugins.policy.policy_store import VARIABLE, database_url

__all__ = ["bt_commands", "opened"]

LIBRARIES = MappingProxyType(
    {"platformdirs": "bt-run[policy]", "sqlalchemy": "bt-run[policy]"}
)

db_option = click.option(
    "--db",
    metavar="URL",
    help=f"A SQLite file or a database's URL; {VARIABLE}, or policies.sqlite in the user's data "
    "folder, if not given.",
)
label_argument = click.argument("policy", metavar="ID[@VERSION]")


@contextmanager
def opened(db: str | None) -> Iterator[Database]:
    """Open the database of policies at ``db``, or at the usual place.

    Raises:
        ConfigError: its libraries are not installed.
        DataError: it cannot be used.
    """
    require_installed("bt-run policies", LIBRARIES)
    with open_database(db or database_url(os.environ)) as database:
        yield database


@click.group()
def policies() -> None:
    """Keep the written policies under which portfolios are rebalanced, by version."""


@policies.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option(
    "--defaults",
    type=click.Path(path_type=Path),
    help="A JSON file of keys that every policy of FILE has unless it says otherwise.",
)
@db_option
def load(file: Path | None, defaults: Path | None, db: str | None) -> None:
    """Store the policies in FILE, or the three templates that ship with bt-run.

    A policy whose newest version has the same content is left as it is; changed content is the next
    version. A file with a mistake is refused whole.

    \b
    Examples:
      bt-run policies load
      bt-run policies load house.json --defaults costs.json
    """
    wanted = shipped_policies() if file is None else policies_in(file, defaults)
    with opened(db) as database:
        stored = database.store(wanted)
    for one in stored:
        what = "stored" if one.new else "as it was"
        click.echo(f"{one.label}: {what} ({one.sha256[:12]})")


@policies.command("list")
@db_option
def list_policies(db: str | None) -> None:
    """List the newest version of each policy.

    \b
    Example:
      bt-run policies list
    """
    with opened(db) as database:
        found = database.policies()
    if not found:
        click.echo("no policies; `bt-run policies load` stores the templates")
        return
    rows = [("policy", "version", "stored", "sha256", "name")]
    rows += [
        (
            one.policy.id,
            str(one.version),
            one.created_at,
            one.sha256[:12],
            one.policy.name,
        )
        for one in found
    ]
    for line in aligned(rows, [False, True, False, False, False]):
        click.echo(line)


@policies.command()
@label_argument
@db_option
def show(policy: str, db: str | None) -> None:
    """Show the content of a policy, as JSON with all defaults.

    \b
    Example:
      bt-run policies show quality_focused@1
    """
    with opened(db) as database:
        found = database.find(policy)
    click.echo(json.dumps(_tree(found), indent=2))


@policies.command()
@click.argument("policy", metavar="ID")
@db_option
def history(policy: str, db: str | None) -> None:
    """List every version of a policy with what changed in it.

    \b
    Example:
      bt-run policies history quality_focused
    """
    with opened(db) as database:
        found = database.history(policy)
    before: Stored | None = None
    for one in found:
        changes = "first" if before is None else "; ".join(_changes(before, one))
        click.echo(f"{one.label}  {one.created_at}  {one.sha256[:12]}  {changes}")
        before = one


@policies.command()
@click.argument("one", metavar="ID[@VERSION]")
@click.argument("other", metavar="ID[@VERSION]")
@db_option
def diff(one: str, other: str, db: str | None) -> None:
    """Show what differs between two policies or versions.

    \b
    Example:
      bt-run policies diff quality_focused@1 quality_focused@2
    """
    with opened(db) as database:
        first, second = database.find(one), database.find(other)
    found = _changes(first, second)
    for text in found:
        click.echo(text)
    click.echo(f"{first.label}, {second.label}: {counted(len(found), 'difference')}")


def _tree(stored: Stored) -> dict[str, Any]:
    return stored.policy.model_dump(mode="json")


def _changes(one: Stored, other: Stored) -> list[str]:
    before, after = _tree(one), _tree(other)
    return [
        f"{key} was {before[key]!r}, is {after[key]!r}"
        for key in before
        if before[key] != after[key]
    ]


@hookimpl
def bt_commands(cli: click.Group) -> None:
    """Add the commands."""
    cli.add_command(policies)
