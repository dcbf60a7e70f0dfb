"""What the commands on market data take: options that they share, symbols, days and settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import click

from bt_run import ConfigError, DataError
from bt_run.text import nearest
from bt_run_plugins.market_data.store.manifest import Key
from bt_run_plugins.market_data.store.store import Store

__all__ = [
    "calendar_option",
    "checked",
    "chosen",
    "cut_date",
    "day",
    "interval_option",
    "profile_option",
    "source_option",
    "store_option",
    "symbols_argument",
    "symbols_in",
]

SymbolDay = tuple[str, date]

day = click.DateTime(["%Y-%m-%d"])
symbols_argument = click.argument("symbols", nargs=-1)
calendar_option = click.option(
    "--calendar", default="XNYS", show_default=True, help="The exchange's calendar."
)
store_option = click.option(
    "--store",
    type=click.Path(path_type=Path, file_okay=False),
    help="The store; else $BT_RUN_STORE or ~/.bt-run/store.",
)
source_option = click.option(
    "--source", help="Only series of this source, such as yahoo or import."
)
interval_option = click.option(
    "--interval", help="Only series with bars of this length, such as 1d or 5m."
)
profile_option = click.option(
    "--profile",
    type=click.Choice(["standard", "strict"]),
    default="standard",
    show_default=True,
)


def chosen(
    store: Store, symbols: Sequence[str], source: str | None, interval: str | None
) -> tuple[Key, ...]:
    """Return the series of the store that the words of a command mean.

    Raises:
        DataError: there are none, or one of the symbols is not there.
    """
    keys = _matching(store, source, interval)
    known = {key.symbol for key in keys}
    for symbol in symbols:
        if symbol not in known:
            raise DataError(
                f"{store.folder}: no prices of {symbol!r}; {_hint(symbol, known)}"
            )
    if not symbols:
        return keys
    return tuple(key for key in keys if key.symbol in symbols)


def _matching(
    store: Store,
    source: str | None,
    interval: str | None,
) -> tuple[Key, ...]:
    """Return the series of a source and of bars of some length, if these are given."""
    every = store.keys()
    keys = []
    for key in every:
        if source in (None, key.source) and interval in (None, key.interval):
            keys.append(key)
    if not keys:
        kinds = sorted({f"{key.source} at {key.interval}" for key in every})
        raise DataError(
            f"{store.folder}: nothing to work on; found {', '.join(kinds) or 'an empty store'}; "
            "`bt-run data fetch` or `bt-run data import` brings prices"
        )
    return tuple(keys)


def _hint(symbol: str, known: set[str]) -> str:
    near = nearest(symbol, known)
    if near is None:
        return "`bt-run data list` shows what there is"
    return f"did you mean {near!r}?"


def symbols_in(file: Path | None) -> list[str]:
    """Return the symbols in a text file, one a line; what follows # is a comment.

    Raises:
        ConfigError: the file cannot be read.
    """
    if file is None:
        return []
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"{file}: cannot be read: {reason}") from error
    symbols = [line.partition("#")[0].strip() for line in lines]
    return [symbol for symbol in symbols if symbol]


def cut_date(text: str) -> SymbolDay:
    """Return the symbol and the day of an option such as AAPL=2001-02-03.

    Raises:
        ConfigError: it is not of that form.
    """
    symbol, _, value = text.partition("=")
    try:
        return symbol, date.fromisoformat(value)
    except ValueError as error:
        raise ConfigError(
            f"--cut-before was {text!r}; expected SYMBOL=DAY, such as AAPL=2001-02-03"
        ) from error


def checked(model: Callable[..., Any], settings: Mapping[str, Any]) -> Any:
    """Return a configuration made of what a command was given.

    Raises:
        ConfigError: a setting cannot be.
    """
    from pydantic import ValidationError

    try:
        return model(**settings)
    except ValidationError as error:
        found = error.errors()[0]
        where = ".".join(str(part) for part in found["loc"])
        raise ConfigError(f"{where}: was {found['input']!r}; {found['msg']}") from error
