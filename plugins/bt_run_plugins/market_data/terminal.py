"""What the commands on market data show: notes, aligned tables and a bar."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bt_run.text import aligned
from bt_run_plugins.market_data.processing import Judged
from bt_run_plugins.market_data.store.store import Store

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["opened_store", "progress", "show_counts", "show_rows", "span_text", "table"]

_MOST = 20  # rows of findings or of a log that the screen shows


def opened_store(folder: Path | None) -> Store:
    """Return the store that a command works on; what it has to say is shown as a note."""
    return Store.at(folder, lambda text: click.echo(f"note: {text}", err=True))


def table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return rows under headers in aligned columns; columns of numbers stand to the right."""
    text = [tuple(headers)]
    for row in rows:
        text.append(tuple(str(cell) for cell in row))
    right = []
    for column in range(len(headers)):
        cells = [row[column] for row in rows]
        right.append(_are_numbers(cells))
    return "\n".join(aligned(text, right))


def _are_numbers(cells: Sequence[object]) -> bool:
    return bool(cells) and all(isinstance(cell, int) for cell in cells)


def span_text(first: str | None, last: str | None) -> str:
    """Return the first and the last day of a series as they read, or a dash without any."""
    return f"{first} to {last}" if first else "-"


def show_counts(judged: Judged) -> None:
    """Print how often each rule found something."""
    show_rows(judged.counts, ("severity", "rule", "findings", "symbols"))


def show_rows(rows: pd.DataFrame, columns: Sequence[str]) -> None:
    """Print some columns of a table, as many rows as a screen takes."""
    if not len(rows):
        return
    shown = rows.head(_MOST)[list(columns)].copy()
    if "date" in shown:
        shown["date"] = shown["date"].dt.strftime("%Y-%m-%d").fillna("-")
    click.echo(table(columns, shown.astype(object).to_numpy().tolist()))
    if len(rows) > _MOST:
        click.echo(f"and {len(rows) - _MOST} more; `bt-run data report` shows them")


@contextmanager
def progress(label: str, count: int) -> Iterator[Callable[[str], None]]:
    """Yield a function that moves a bar on by a symbol; without a terminal it shows nothing."""
    if not sys.stderr.isatty():
        yield lambda symbol: None
        return
    bar = click.progressbar(
        length=count,
        label=label,
        file=sys.stderr,
        item_show_func=str,
    )
    with bar:
        yield lambda symbol: bar.update(1, symbol)
