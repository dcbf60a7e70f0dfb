"""Files of prices: a folder with one file per symbol, parts of one long table, or one table, long
or wide.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from bt_run import (
    DataError,
    PlainReader,
    PlainTable,
    PriceTable,
    Rows,
    TableForm,
    csv_header,
    csv_lines,
    csv_table,
    parquet_table,
    price_table,
    rows_by_ticker,
    rows_of_table,
    tickers_of,
    usual_name,
)
from bt_run.text import listed, nearest
from bt_run_plugins.sources.wide_tables import Wide, parts_by_symbol

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FilesForm", "Kind", "Read", "read_rows", "tickers"]

Kind = Literal["parquet", "csv"]

MISSING = ("", "nan", "NaN", "null")
SYMBOL = "{symbol}"
_NOT_WIDE = "{}: a folder; expected a file, since `wide` is set"
PACKED = ("", ".gz", ".zip")  # how a csv file may end


@dataclass(frozen=True)
class FilesForm:
    """How files of prices lie and write.

    Attributes:
        table: how each table writes prices.
        files: the names of the files of a folder, with ``{symbol}`` where the symbol stands;
            without it all files are parts of one long table. Empty: the symbol and the usual
            ending.
        separator: what stands between the cells of a csv file.
        wide: the field that a table with a column per symbol holds, or ``fields``, where two lines
            of heads name field and symbol; None of a long table.
    """

    table: TableForm = field(default_factory=TableForm)
    files: str = ""
    separator: str = ","
    wide: Wide | None = None


@dataclass(frozen=True)
class Read:
    """The rows of each symbol, the columns that were left unread, by file, and our names of those
    of the first table.
    """

    rows: Mapping[str, Rows]
    unread: Mapping[str, tuple[str, ...]]
    columns: Mapping[str, str | None]

    def notes(self) -> tuple[str, ...]:
        """Return which columns nobody reads."""
        if not self.unread:
            return ()
        columns = dict.fromkeys(
            name for names in self.unread.values() for name in names
        )
        where = listed(list(self.unread), most=3)
        return (
            f"columns that are not read: {listed(list(columns), most=8)} (of {where})",
        )


def read_rows(
    path: Path,
    kind: Kind,
    symbols: Set[str] | None = None,
    form: FilesForm | None = None,
) -> Read:
    """Return the rows of ``symbols``, or of all there are, as they stand.

    Raises:
        DataError: a file, a symbol or a column is missing, holds something that is no date or
            number, or adjusts prices and is not read.
    """
    form = form or FilesForm()
    if path.is_dir() and (not form.files or SYMBOL in form.files):
        if form.wide is not None:
            raise DataError(_NOT_WIDE.format(path))
        return _read_folder(path, kind, symbols, form)
    if form.wide is not None:
        return _read_wide(path, kind, symbols, form, form.wide)
    table = _long_table(path, kind, form)
    if symbols is not None:
        known = tickers_of(table).unique().tolist()
        _refuse_unknown(symbols, known, f"{path} has no ticker {{}}")
    rows = rows_by_ticker(table, form.table, symbols)
    names = _names(table)
    return Read(rows, _unread([names]), names.columns)


def tickers(path: Path, kind: Kind, form: FilesForm | None = None) -> tuple[str, ...]:
    """Return the symbols that a folder or a table has, sorted."""
    form = form or FilesForm()
    if path.is_dir() and (not form.files or SYMBOL in form.files):
        return tuple(sorted(_files_by_symbol(path, kind, form)))
    if form.wide is not None:
        return tuple(sorted(_read_wide(path, kind, None, form, form.wide).rows))
    return tuple(sorted(tickers_of(_long_table(path, kind, form)).unique().tolist()))


def _read_folder(
    path: Path, kind: Kind, symbols: Set[str] | None, form: FilesForm
) -> Read:
    have = _files_by_symbol(path, kind, form)
    wanted = have.keys() if symbols is None else symbols
    pattern = form.files or f"{SYMBOL}.{kind}"
    _refuse_unknown(wanted, have, f"{path} has no file {pattern.replace(SYMBOL, '{}')}")
    reader = PlainReader(form.table, form.separator)
    plain, tables = {}, {}
    for symbol in sorted(wanted):
        file = have[symbol]
        read = reader.parquet(file) if kind == "parquet" else reader.csv(file)
        if read is not None:
            plain[symbol] = read
        else:
            frame = _frame(file, kind, form)
            tables[symbol] = price_table(str(file), frame, form.table)
    for symbol, item in tables.items():
        _refuse_other_tickers(symbol, item)
    rows = {
        symbol: reader.rows(plain[symbol])
        if symbol in plain
        else rows_of_table(tables[symbol], form.table)
        for symbol in sorted(wanted)
    }
    names = [_names(plain.get(symbol) or tables[symbol]) for symbol in sorted(wanted)]
    return Read(rows, _unread(names), names[0].columns if names else {})


def _refuse_other_tickers(symbol: str, table: PriceTable) -> None:
    """Refuse a file of one symbol whose rows are another one's."""
    if "ticker" not in table.frame.columns:
        return
    found = tickers_of(table)
    others = found[found.str.casefold() != symbol.casefold()]
    if len(others):
        raise DataError(
            f"{table.where}: its rows are of {listed(found.unique(), most=4)}, and its name says "
            f"{symbol}; give the file itself as `path`, which reads it by its tickers, or "
            "`ignore` the column"
        )


def _files_by_symbol(path: Path, kind: Kind, form: FilesForm) -> dict[str, Path]:
    """Return the files of a folder by the symbol in their names.

    Raises:
        DataError: two files have one symbol.
    """
    endings = PACKED if kind == "csv" and not form.files else ("",)
    pattern = form.files or f"{SYMBOL}.{kind}"
    known = re.compile(
        re.escape(pattern).replace(re.escape(SYMBOL), "(?P<symbol>.+)")
        + f"(?:{'|'.join(map(re.escape, endings))})"
    )
    found: dict[str, Path] = {}
    for file in sorted(path.iterdir()):
        match = known.fullmatch(file.name)
        if match is None or not file.is_file():
            continue
        symbol = match["symbol"]
        if symbol in found:
            raise DataError(
                f"{path}: {found[symbol].name} and {file.name} are both of {symbol}; expected one"
            )
        found[symbol] = file
    return found


def _long_table(path: Path, kind: Kind, form: FilesForm) -> PriceTable:
    """Return a table with a column of tickers: one file, or all those of a folder."""
    if not path.is_dir():
        return price_table(str(path), _frame(path, kind, form), form.table)
    import pandas as pd

    files = sorted(path.glob(form.files))
    if not files:
        raise DataError(f"{path}: no file is called {form.files}; `files` names them")
    tables = [
        price_table(str(file), _frame(file, kind, form), form.table) for file in files
    ]
    for file, table in zip(files, tables, strict=True):
        if table.found != tables[0].found:
            raise DataError(
                f"{file}: found columns {', '.join(table.found)}; expected those of "
                f"{files[0].name}, {', '.join(tables[0].found)}, since they are parts of one table"
            )
    whole = pd.concat([table.frame for table in tables], ignore_index=True)
    return replace(tables[0], where=str(path), frame=whole)


def _read_wide(
    path: Path, kind: Kind, symbols: Set[str] | None, form: FilesForm, wide: Wide
) -> Read:
    """Read a table with columns for each symbol."""
    if path.is_dir():
        raise DataError(_NOT_WIDE.format(path))
    if not path.exists():
        raise DataError(f"{path}: no such file or folder")
    parts = dict(parts_by_symbol(path, _lines(path, kind, form), wide))
    if symbols is not None:
        _refuse_unknown(symbols, parts, f"{path} has no column {{}}")
    chosen = sorted(parts if symbols is None else symbols)
    tables = {
        name: price_table(f"{path}: {name}", parts[name], form.table) for name in chosen
    }
    rows = {name: rows_of_table(item, form.table) for name, item in tables.items()}
    unread = {name: item.unread for name, item in tables.items() if item.unread}
    columns = _names(next(iter(tables.values()))).columns if tables else {}
    return Read(rows, unread, columns)


@dataclass(frozen=True)
class _Names:
    """Our names of a table's columns, and those of them that are not read; ``where`` is its file.

    Of a symbol's part of a wide table ``where`` is the symbol.
    """

    where: str
    columns: Mapping[str, str | None]
    unread: tuple[str, ...]


def _names(table: PriceTable | PlainTable) -> _Names:
    ours = table.names.ours if isinstance(table, PlainTable) else table.ours
    unread = table.names.unread if isinstance(table, PlainTable) else table.unread
    columns = dict(zip(table.found, ours, strict=True))
    return _Names(Path(table.where).name, columns, unread)


def _lines(path: Path, kind: Kind, form: FilesForm) -> pd.DataFrame:
    """Return every line of a file as text, its heads first."""
    import pandas as pd

    if kind == "csv":
        return csv_lines(path, form.separator)
    frame = parquet_table(path)
    heads = frame.reset_index() if frame.index.name is not None else frame
    names = [name if isinstance(name, tuple) else (name,) for name in heads.columns]
    depth = max(map(len, names))
    above = pd.DataFrame(
        [
            [str((*name, *[""] * depth)[level]) for name in names]
            for level in range(depth)
        ]
    )
    text = heads.astype(object).where(heads.notna(), "").astype(str)
    return pd.concat([above, text.set_axis(range(len(names)), axis="columns")])


def _unread(tables: Iterable[_Names]) -> dict[str, tuple[str, ...]]:
    return {table.where: table.unread for table in tables if table.unread}


def _frame(path: Path, kind: Kind, form: FilesForm) -> pd.DataFrame:
    """Return a file as it stands, those values of a csv file as text that are none elsewhere."""
    if not path.exists():
        raise DataError(f"{path}: no such file or folder")
    if kind == "csv":
        return _read_csv(path, form)
    frame = parquet_table(path)
    return frame if frame.index.name is None else frame.reset_index()


def _read_csv(path: Path, form: FilesForm) -> pd.DataFrame:
    """Read a csv file in which NA and 000001 are tickers and an empty cell is nothing."""
    if form.table.numbers is not None:
        # pandas would read 1.234 as a little more than 1
        return csv_table(path, dtype=str, missing=MISSING, separator=form.separator)
    names = csv_header(path, form.separator)
    dated = {form.table.columns.get("date"), form.table.columns.get("ticker")}
    text = [
        name
        for name in names
        if usual_name(name) in ("ticker", "date") or name in dated
    ]
    return csv_table(
        path,
        dtype=dict.fromkeys(text, str),
        missing=MISSING,
        separator=form.separator,
    )


def _refuse_unknown(symbols: Set[str], have: Iterable[str], text: str) -> None:
    known = list(have)
    unknown = sorted(symbols - set(known))
    if not unknown:
        return
    near = nearest(unknown[0], known)
    if near is not None:
        hint = f"did you mean {near!r}?"
    elif known:
        hint = f"it has {len(known)}, such as {', '.join(known[:5])}"
    else:
        hint = "it has none at all"
    raise DataError(f"{text.format(unknown[0])}; {hint}")
