"""Tables with a column for each symbol: of one field, or with two lines of heads, field and
symbol.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from bt_run import DataError, usual_name

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["WIDE", "Wide", "parts_by_symbol"]

Wide = Literal["open", "high", "low", "close", "adj_close", "volume", "fields"]
WIDE: tuple[str, ...] = get_args(Wide)
# what may stand above the column of dates where two lines of heads name field and symbol
_CORNERS = frozenset({"", "price", "date", "ticker", "field"})


def parts_by_symbol(
    path: Path, lines: pd.DataFrame, wide: Wide
) -> Iterator[tuple[str, pd.DataFrame]]:
    """Yield each symbol with a table of its own: the dates at which it has a value, and its fields.

    ``lines`` holds every line of the file, heads too, as text.

    Raises:
        DataError: the heads are not those of such a table.
    """
    if wide == "fields":
        yield from _by_two_heads(path, lines)
        return
    heads = [str(head).strip() for head in lines.iloc[0]]
    dates = _column_of_dates(path, heads)
    body = lines.iloc[1:].reset_index(drop=True)
    for place, symbol in enumerate(heads):
        if place != dates:
            columns = {"date": body.iloc[:, dates], wide: body.iloc[:, place]}
            yield symbol, _present(columns, (wide,))


def _by_two_heads(
    path: Path, lines: pd.DataFrame
) -> Iterator[tuple[str, pd.DataFrame]]:
    """Read the table that yfinance writes: fields above, symbols below, or the other way round."""

    if len(lines) < 3:
        raise DataError(
            f"{path}: found {len(lines)} lines; expected two of heads, and rows"
        )
    upper = [str(head).strip() for head in lines.iloc[0, 1:]]
    lower = [str(head).strip() for head in lines.iloc[1, 1:]]
    corner = str(lines.iloc[0, 0]).strip()
    if corner.lower() not in _CORNERS:
        raise DataError(
            f"{path}: the first head was {corner!r}; expected the dates in the first column, below "
            "two lines of heads that name field and symbol"
        )
    first, named = 2, str(lines.iloc[2, 0]).strip().lower()
    if named in _CORNERS and not any(str(cell).strip() for cell in lines.iloc[2, 1:]):
        first = 3  # a line with the name of the dates alone
    fields, symbols = (upper, lower) if _are_fields(upper) else (lower, upper)
    if not _are_fields(fields):
        raise DataError(
            f"{path}: found the heads {', '.join(dict.fromkeys(upper))} and "
            f"{', '.join(dict.fromkeys(lower))}; expected one line of fields such as Close and one "
            "of symbols"
        )
    body = lines.iloc[first:].reset_index(drop=True)
    for symbol in dict.fromkeys(symbols):
        columns: dict[str, pd.Series[str]] = {"date": body.iloc[:, 0]}
        for place, (field, own) in enumerate(
            zip(fields, symbols, strict=True), start=1
        ):
            if own != symbol:
                continue
            if field in columns:
                raise DataError(
                    f"{path}: {field} of {symbol} stands there twice; expected once"
                )
            columns[field] = body.iloc[:, place]
        yield symbol, _present(columns, tuple(columns)[1:])


def _are_fields(heads: list[str]) -> bool:
    return any(usual_name(head) in WIDE for head in heads)


def _present(
    columns: dict[str, pd.Series[str]], values: tuple[str, ...]
) -> pd.DataFrame:
    """Return the rows in which the symbol has a value: other symbols have the other rows."""
    import pandas as pd

    frame = pd.DataFrame(columns)
    cells = frame[list(values)]
    there = ~(cells.isna() | (cells == "")).all(axis="columns")
    return frame.where(frame != "")[there].reset_index(drop=True)


def _column_of_dates(path: Path, heads: list[str]) -> int:
    named = [place for place, head in enumerate(heads) if usual_name(head) == "date"]
    if len(named) == 1:
        return named[0]
    if not named and heads[0] == "":
        return 0  # an index without a name, as pandas writes it
    raise DataError(
        f"{path}: found the heads {', '.join(heads[:8])}; expected one called date, and a symbol "
        "in each of the others"
    )
