"""What the commands on market data read and write: symbols, settings and aligned tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from bt_run import ConfigError, DataError
from bt_run_plugins.market_data.store.manifest import Key
from bt_run_plugins.market_data.store.store import Store

__all__ = ["checked", "chosen", "cut_date", "span_words", "symbols_in", "table"]


def table(headers: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return rows under headers in aligned columns; columns of numbers stand to the right."""
    text = [[str(cell) for cell in row] for row in rows]
    widths = [max(len(cells[i]) for cells in (headers, *text)) for i in range(len(headers))]
    numbers = [
        bool(rows) and all(isinstance(row[i], int) for row in rows) for i in range(len(headers))
    ]
    lines = [
        "  ".join(
            cell.rjust(width) if number else cell.ljust(width)
            for cell, width, number in zip(cells, widths, numbers, strict=True)
        ).rstrip()
        for cells in (headers, *text)
    ]
    return "\n".join(lines)


def chosen(
    store: Store, symbols: Sequence[str], source: str | None, interval: str | None
) -> tuple[Key, ...]:
    """Return the series of the store that the words of a command mean."""
    all_keys = store.keys()
    keys = [
        key for key in all_keys if source in (None, key.source) and interval in (None, key.interval)
    ]
    if not keys:
        some = sorted({f"{key.source} at {key.interval}" for key in all_keys})
        raise DataError(
            f"{store.folder}: nothing to work on; found {', '.join(some) or 'an empty store'}; "
            "`bt-run data fetch` or `bt-run data import` brings prices"
        )
    known = {key.symbol for key in keys}
    for symbol in symbols:
        if symbol not in known:
            near = get_close_matches(symbol.upper(), known, 1)
            hint = (
                f"did you mean {near[0]!r}?" if near else "`bt-run data list` shows what there is"
            )
            raise DataError(f"{store.folder}: no prices of {symbol!r}; {hint}")
    return tuple(key for key in keys if not symbols or key.symbol in symbols)


def symbols_in(file: Path | None) -> list[str]:
    """Return the symbols in a text file, one a line; what follows # is a comment."""
    if file is None:
        return []
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{file}: cannot be read: {getattr(error, 'strerror', None) or error}"
        ) from error
    return [word for line in lines if (word := line.partition("#")[0].strip())]


def cut_date(text: str) -> tuple[str, date]:
    symbol, _, value = text.partition("=")
    try:
        return symbol, date.fromisoformat(value)
    except ValueError as error:
        raise ConfigError(
            f"--cut-before was {text!r}; expected SYMBOL=DAY, such as AAPL=2001-02-03"
        ) from error


def checked(model: Callable[..., Any], settings: Mapping[str, Any]) -> Any:
    from pydantic import ValidationError

    try:
        return model(**settings)
    except ValidationError as error:
        found = error.errors()[0]
        where = ".".join(str(part) for part in found["loc"])
        raise ConfigError(f"{where}: was {found['input']!r}; {found['msg']}") from error


def span_words(first: str | None, last: str | None) -> str:
    return f"{first} to {last}" if first else "-"
