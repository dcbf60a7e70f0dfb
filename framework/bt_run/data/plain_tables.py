"""Files of prices of one asset that need no interpretation, read by columns and without pandas.

A file is plain where its numbers are numbers and its dates are dates. Whatever else it may hold is
left to ``price_table``, which reads more forms and says which row is at fault; what a plain file
gives is what that would give.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from bt_run.arrays import Array, Times
from bt_run.data.date_forms import WrittenTimes
from bt_run.data.price_frames import (
    ColumnNames,
    TableForm,
    column_names,
    rows_of_arrays,
)
from bt_run.data.rows import Rows

__all__ = ["PlainReader", "PlainTable"]

_UNNAMED_INDEX = re.compile(r"__index_level_\d+__")  # as pandas calls it in a file
# days since 1970 that nanoseconds reach
_FIRST, _LAST = np.datetime64("1677-09-22", "D"), np.datetime64("2262-04-11", "D")
MOST_BYTES = 2**30  # read in one piece
NOTHING = ("", "nan", "NaN", "null")  # cells of a csv file without a number


@dataclass(frozen=True)
class PlainTable:
    """What was read of a plain file.

    Attributes:
        where: what errors call it.
        found: all columns of the file, as it calls them.
        names: ours of them, and those that are not read.
        clock: (n,) datetime64[ns], the times as the file shows them.
        values: our name -> numbers (n,).
    """

    where: str
    found: tuple[str, ...]
    names: ColumnNames
    clock: Times
    values: Mapping[str, Array]


class PlainReader:
    """A reader of many plain files of one form: what they have in common is looked at once.

    Files whose dates are the same share one array of times.
    """

    def __init__(self, form: TableForm, separator: str = ",") -> None:
        self.form = form
        self.separator = separator
        self._names: dict[tuple[str, ...], ColumnNames] = {}
        self._clock: Times = np.empty(0, dtype="datetime64[ns]")

    def parquet(self, path: Path) -> PlainTable | None:
        """Return the table in the parquet file at ``path``; None where it is not plain, or cannot
        be read: whoever reads it in full then says what is wrong.

        Raises:
            DataError: a column stands there twice, is not there, or adjusts prices and is not read.
        """
        return self._table(path, _parquet)

    def csv(self, path: Path) -> PlainTable | None:
        """Return the table in the csv file at ``path``, as ``parquet`` does.

        Raises:
            DataError: a column stands there twice, is not there, or adjusts prices and is not read.
        """
        return self._table(path, partial(_csv, self.separator))

    def _table(self, path: Path, opening: _Opening) -> PlainTable | None:
        if self.form.dates not in (None, "iso") or self.form.numbers is not None:
            return None
        found = _opened(path, opening)
        if found is None:
            return None
        names = self._names_of(str(path), found.names)
        if not {"date", "close"} <= set(names.read) or "ticker" in names.read:
            return None
        arrays = _arrays(found, names)
        if arrays is None:
            return None
        clock = self._shared(arrays.pop("date"))
        return PlainTable(str(path), found.names, names, clock, arrays)

    def rows(self, table: PlainTable) -> Rows:
        """Return the rows of a table that this reader read, oldest first.

        Raises:
            DataError: the times do not say what they are.
        """
        read = WrittenTimes(table.clock, None)
        return rows_of_arrays(table.where, read, table.values, self.form)

    def _names_of(self, where: str, found: tuple[str, ...]) -> ColumnNames:
        if found not in self._names:
            self._names[found] = column_names(where, found, self.form)
        return self._names[found]

    def _shared(self, clock: Times) -> Times:
        """Return the array of the file before, where it holds the same times."""
        if not np.array_equal(clock.view(np.int64), self._clock.view(np.int64)):
            self._clock = clock
        return self._clock


def _opened(path: Path, opening: _Opening) -> _Parquet | _Csv | None:
    try:
        return opening(path)
    except Exception:  # of a damaged file pyarrow raises whatever comes of its bytes
        return None


@dataclass(frozen=True)
class _Parquet:
    """An opened parquet file, and the names of its columns."""

    file: Any
    names: tuple[str, ...]

    def columns(self, ours: tuple[str | None, ...]) -> list[Any]:
        """Return the columns that are ours."""
        wanted = [
            name for name, our in zip(self.names, ours, strict=True) if our is not None
        ]
        table = self.file.read(columns=wanted, use_threads=False)
        return [table.column(name) for name in wanted]


def _parquet(path: Path) -> _Parquet | None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    # from memory, a small file takes pyarrow four fifths of the time
    file = pq.ParquetFile(pa.BufferReader(path.read_bytes()))
    schema = file.schema_arrow
    told = (schema.metadata or {}).get(b"pandas")
    names = list(schema.names)
    index = (schema.pandas_metadata or {}).get("index_columns", []) if told else []
    levels = [level for level in index if isinstance(level, str)]
    names = [name for name in names if name not in levels]
    if len(levels) == 1 and not _UNNAMED_INDEX.fullmatch(levels[0]):
        names.insert(0, levels[0])  # an index with a name is a column
    plain = len(names) == len(set(names)) and not any("." in name for name in names)
    return _Parquet(file, tuple(names)) if plain else None


@dataclass(frozen=True)
class _Csv:
    """The content of a csv file, and the names in its header."""

    content: bytes
    names: tuple[str, ...]
    separator: str

    def columns(self, ours: tuple[str | None, ...]) -> list[Any]:
        """Return the columns that are ours: a date as days, the others as numbers.

        Raises:
            ArrowException: a cell is none.
        """
        import pyarrow as pa
        from pyarrow import csv

        kinds = {
            name: pa.date32() if our == "date" else pa.float64()
            for name, our in zip(self.names, ours, strict=True)
            if our is not None
        }
        convert = csv.ConvertOptions(
            column_types=kinds, include_columns=list(kinds), null_values=NOTHING
        )
        size = min(len(self.content) + 1, MOST_BYTES)
        whole = csv.ReadOptions(use_threads=False, block_size=size)
        table = csv.read_csv(
            pa.BufferReader(self.content),
            read_options=whole,
            parse_options=csv.ParseOptions(delimiter=self.separator),
            convert_options=convert,
        )
        return [table.column(name) for name in kinds]


def _csv(separator: str, path: Path) -> _Csv | None:
    """Open a csv file whose header is plain: no packing, no quotes, no name twice."""
    if path.suffix in (".gz", ".zip"):
        return None
    content = path.read_bytes()
    head = content.partition(b"\n")[0].removesuffix(b"\r").decode("ascii")
    names = tuple(head.split(separator))
    plain = head.strip() and '"' not in head and len(names) == len(set(names))
    return _Csv(content, names, separator) if plain else None


_Opening = Callable[[Path], _Parquet | _Csv | None]


def _arrays(file: _Parquet | _Csv, names: ColumnNames) -> dict[str, Any] | None:
    """Return the columns as arrays (n,) by our names; None where one is not plain."""
    try:
        columns = file.columns(names.ours)
    except Exception:  # as above: damage shows in any error
        return None
    found = {}
    for our, column in zip(names.read, columns, strict=True):
        values = _times(column) if our == "date" else _numbers(column)
        if values is None:
            return None
        found[our] = values
    return found


def _numbers(column: Any) -> Array | None:
    from pyarrow import types

    kind = column.type
    if not (types.is_float32(kind) or types.is_float64(kind) or types.is_integer(kind)):
        return None
    return np.asarray(column.to_numpy(), dtype=np.float64)


def _times(column: Any) -> Times | None:
    """Return dates or times without a zone, (n,) datetime64[ns]; None where a cell is none."""
    from pyarrow import types

    kind = column.type
    plain = types.is_date32(kind) or (types.is_timestamp(kind) and kind.tz is None)
    if not plain or column.null_count:
        return None
    written = column.to_numpy()
    if not len(written) or written.min() < _FIRST or written.max() > _LAST:
        return None
    return np.asarray(written.astype("datetime64[ns]"))
