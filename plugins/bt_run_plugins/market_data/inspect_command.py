"""The command ``bt-run data inspect``: one screen on what would be read of a file."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import click

from bt_run import DataError, Rows, csv_lines, day_of
from bt_run.errors import CHECK_FAILED, ConfigError
from bt_run.text import counted
from bt_run_plugins.market_data.terminal import table
from bt_run_plugins.sources.inspection import Inspected, inspect_prices, other_keys

__all__ = ["inspect"]

FIELDS = ("open", "high", "low", "close", "volume", "adj_close", "dividend", "split")
SHOWN = 8  # symbols, or sentences of a kind


@click.command()
@click.argument("path", type=click.Path(path_type=Path))
@click.option(
    "--set",
    "keys",
    multiple=True,
    metavar="KEY=VALUE",
    help="A key of the source, such as vendor=tiingo or dates=dayfirst; may be repeated.",
)
@click.option("--calendar", default="XNYS", show_default=True, help="The exchange's.")
def inspect(path: Path, keys: tuple[str, ...], calendar: str) -> int:
    """Say what of the file or folder PATH a run would read, and the YAML to paste.

    \b
    Exit code 6: it cannot be read as it is, and what would read it is shown; or a run would
    refuse some of it.

    \b
    Examples:
      bt-run data inspect prices
      bt-run data inspect prices/SPY.csv --set vendor=tiingo
    """
    given = dict(_key(text) for text in keys)
    try:
        found = inspect_prices(path, given, calendar)
    except DataError as error:
        if not path.exists():
            raise
        click.echo(str(error))
        _show_head(path)
        _show_others(path, given, calendar, told="`" in str(error))
        return CHECK_FAILED
    for line in _lines(found):
        click.echo(line)
    return CHECK_FAILED if found.refused else 0


def _key(text: str) -> tuple[str, Any]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    name, equals, value = text.partition("=")
    if not equals:
        raise ConfigError(f"--set {text}: expected KEY=VALUE, such as dates=dayfirst")
    try:
        return name.strip(), YAML(typ="safe", pure=True).load(value)
    except YAMLError as error:
        raise ConfigError(f"--set {text}: the value is not YAML") from error


def _show_head(path: Path) -> None:
    """Show the first lines of a file, or of the first of a folder."""
    files = sorted(path.glob("*")) if path.is_dir() else [path]
    first = next((file for file in files if ".csv" in file.name), None)
    if first is None:
        return
    try:
        lines = csv_lines(first)
    except DataError:
        return
    click.echo(f"\n{first.name} begins with")
    for cells in lines.head(3).to_numpy().tolist():
        click.echo(f"  {' | '.join(map(str, cells))[:110]}")


def _show_others(
    path: Path, given: Mapping[str, Any], calendar: str, *, told: bool
) -> None:
    """Show keys that would read a path; ``told`` says that the error has named one."""
    others = other_keys(path, given, calendar)
    if not others and not told:
        click.echo("\nno key alone reads it; `columns` names what the file calls ours")
    if not others:
        return
    click.echo("\nit can be read with")
    for more in others:
        words = " ".join(f"--set {key}={value!r}" for key, value in more.items())
        click.echo(f"  {words.replace(chr(39), chr(34))}")
    if len(others) > 1:
        click.echo("they may read it differently: choose the one that is true")


def _lines(found: Inspected) -> Iterator[str]:
    """Yield the screen: columns, rows, what is missing, and the YAML."""
    rows = found.read.rows
    what = "folder" if found.path.is_dir() else "file"
    yield f"{found.path}: a {what} of {counted(len(rows), 'symbol')}, read by `{found.kind}`"
    yield ""
    pairs = [
        (theirs, ours or "not read") for theirs, ours in found.read.columns.items()
    ]
    yield table(("column", "is our"), pairs)
    yield ""
    yield table(
        ("symbol", "rows", "first", "last"), [_span(*item) for item in _some(rows)]
    )
    if len(rows) > SHOWN:
        yield f"and {len(rows) - SHOWN} more"
    yield ""
    first = found.symbols[0]
    yield f"{first}, its first and last rows"
    yield _ends(rows[first])
    parts = (
        ("refused", found.refused),
        ("calendar", found.strange),
        ("to know", found.missing),
    )
    for head, sentences in parts:
        if sentences:
            yield ""
        yield from (f"{head}: {text}" for text in sentences[:SHOWN])
        if len(sentences) > SHOWN:
            yield f"{head}: and {len(sentences) - SHOWN} more"
    yield ""
    yield _yaml(found)


def _some(rows: Mapping[str, Rows]) -> list[tuple[str, Rows]]:
    return sorted(rows.items())[:SHOWN]


def _span(name: str, rows: Rows) -> tuple[object, ...]:
    if not len(rows.times):
        return (name, 0, "-", "-")
    return (name, len(rows.times), day_of(rows.times[0]), day_of(rows.times[-1]))


def _ends(rows: Rows) -> str:
    """Return the first two and the last row, as numbers."""
    names = [name for name in FIELDS if rows.field(name) is not None]
    count = len(rows.times)
    lines = []
    for place in sorted({0, min(1, count - 1), count - 1}) if count else ():
        values = [rows.field(name) for name in names]
        cells = [f"{value[place]:.10g}" for value in values if value is not None]
        lines.append((day_of(rows.times[place]), *cells))
    return table(("date", *names), lines)


def _yaml(found: Inspected) -> str:
    """Return what to write under ``data`` of a run file."""
    keys = "".join(f", {key}: {_written(value)}" for key, value in found.keys.items())
    times = [rows.times for rows in found.read.rows.values() if len(rows.times)]
    names = [_quoted(name) for name in found.symbols]
    lines = [
        "data:",
        f"  source: {{use: {found.kind}, path: {_quoted(str(found.path))}{keys}}}",
        f"  assets: [{', '.join(names)}]",
        f"  benchmark: {names[0]}",
    ]
    if times:
        first, last = (
            min(item.min() for item in times),
            max(item.max() for item in times),
        )
        lines += [f"  start: {day_of(first)[:10]}", f"  end: {day_of(last)[:10]}"]
    return "\n".join(lines)


def _quoted(text: str) -> str:
    """Return a text as YAML reads it back: TRUE, 007 and A,B are symbols too."""
    plain = re.fullmatch(r"[A-Za-z./_][A-Za-z0-9./_-]*", text)
    word = text.lower() in (
        "true",
        "false",
        "yes",
        "no",
        "on",
        "off",
        "null",
        "nan",
        "y",
        "n",
    )
    return text if plain and not word else json.dumps(text, ensure_ascii=False)


def _written(value: Any) -> str:
    if isinstance(value, Mapping):
        inner = ", ".join(f"{key}: {_written(item)}" for key, item in value.items())
        return f"{{{inner}}}"
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    if isinstance(value, str) and not value.replace("_", "").isalnum():
        return f'"{value}"'
    return str(value).lower() if isinstance(value, bool) else str(value)
