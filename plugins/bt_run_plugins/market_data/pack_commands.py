"""The commands ``bt-run data pack ...``: create, verify and list."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import click

from bt_run.errors import CHECK_FAILED
from bt_run_plugins.market_data.arguments import (
    chosen,
    day,
    interval_option,
    source_option,
    store_option,
    symbols_argument,
)
from bt_run_plugins.market_data.store.packs import Pack, Part, open_pack, packs_in
from bt_run_plugins.market_data.store.packs import create as create_pack
from bt_run_plugins.market_data.store.packs import verify as verify_pack
from bt_run_plugins.market_data.terminal import opened_store, span_text, table

__all__ = ["pack"]

_SHOWN = 4  # symbols of a pack that the list names


@click.group()
def pack() -> None:
    """Freeze prices: a pack's id is a hash of its content, so equal ids are equal prices."""


@pack.command()
@symbols_argument
@click.option(
    "--as-of",
    "as_of",
    type=day,
    required=True,
    help="The last day that the pack holds.",
)
@source_option
@interval_option
@store_option
def create(
    symbols: tuple[str, ...],
    as_of: datetime,
    source: str | None,
    interval: str | None,
    store: Path | None,
) -> None:
    """Freeze the cleaned prices of SYMBOLS, or of all, up to a day.

    \b
    Example:
      bt-run data pack create --as-of 2024-12-31 --source yahoo
    """
    opened = opened_store(store)
    keys = chosen(opened, symbols, source, interval)
    made, there = create_pack(opened, keys, as_of.date())
    already = ", there already" if there else ""
    click.echo(f"pack {made.id}: {len(made.parts)} symbols as of {made.as_of}{already}")
    click.echo(f"folder: {made.folder}")
    click.echo(f"in a YAML file: source: {{use: pack, id: {made.id}}}")


@pack.command()
@click.argument("name", metavar="ID")
@store_option
def verify(name: str, store: Path | None) -> int:
    """Compute every hash of a pack again.

    \b
    Exit code 0: all as it was made. 6: something differs.

    \b
    Example:
      bt-run data pack verify 0123456789abcdef
    """
    opened = opened_store(store)
    wrong = verify_pack(opened, name)
    if wrong:
        for text in wrong:
            click.echo(text)
        return CHECK_FAILED
    count = len(open_pack(opened, name).parts)
    click.echo(f"pack {name}: all {count} symbols are as they were made")
    return 0


@pack.command("list")
@store_option
def list_packs(store: Path | None) -> None:
    """List the packs of the store.

    \b
    Example:
      bt-run data pack list
    """
    rows = [_row(one) for one in packs_in(opened_store(store))]
    click.echo(table(("id", "as of", "symbols", "span", "made"), rows))


def _row(one: Pack) -> tuple[object, ...]:
    first = min(part.first or "" for part in one.parts)
    last = max(part.last or "" for part in one.parts)
    return (
        one.id,
        one.as_of,
        _symbols_text(one.parts),
        span_text(first, last),
        one.made_at,
    )


def _symbols_text(parts: Sequence[Part]) -> str:
    names = ", ".join(part.symbol for part in parts[:_SHOWN])
    more = ", ..." if len(parts) > _SHOWN else ""
    return f"{len(parts)}: {names}{more}"
