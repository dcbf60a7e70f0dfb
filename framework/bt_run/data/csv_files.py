"""csv files, held to their header: every column named once, and no row with more cells than names.

pandas reads a column that stands twice under another name, and takes the first column of a file
whose header is too short for row labels; both shift what a number means.
"""

from __future__ import annotations

import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bt_run.errors import DataError
from bt_run.text import listed

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["csv_header", "csv_lines", "csv_table", "refuse_doubled"]

# what a packed file that is damaged, empty or encrypted raises too
UNREADABLE = (
    *(OSError, ValueError, EOFError, RuntimeError),
    *(zipfile.BadZipFile, zlib.error),
)


def csv_header(path: Path, separator: str = ",") -> tuple[str, ...]:
    """Return the names in the first line of the csv file at ``path``, as they are written;
    ``separator`` stands between its cells.

    Raises:
        DataError: the file cannot be read, is empty, or names a column twice.
    """
    import pandas as pd

    try:
        line = pd.read_csv(
            path,
            sep=separator,
            header=None,
            nrows=1,
            dtype=str,
            keep_default_na=False,
        )
    except pd.errors.EmptyDataError as error:
        raise DataError(
            f"{path}: the file is empty; expected a header and rows"
        ) from error
    except UNREADABLE as error:
        raise DataError(_unreadable(path, error)) from error
    names = tuple(str(name) for name in line.iloc[0])
    if len(names) == 1:
        _refuse_another_separator(path, names[0])
    refuse_doubled(path, names)
    return names


def csv_table(
    path: Path,
    *,
    dtype: type | Mapping[str, type] | None = None,
    missing: Sequence[str] | None = None,
    separator: str = ",",
) -> pd.DataFrame:
    """Return the csv file at ``path`` as it stands; cells that are one of ``missing`` are NaN.

    ``dtype`` is that of all columns or of each, as pandas takes it; ``separator`` stands between
    the cells.

    Raises:
        DataError: the file cannot be read, is empty, names a column twice, or has rows with more
            cells than its header has names.
    """
    import pandas as pd

    names = csv_header(path, separator)
    told: dict[str, Any] = {"keep_default_na": False, "sep": separator}
    if missing is not None:
        told["na_values"] = list(missing)
    try:
        frame: pd.DataFrame = pd.read_csv(path, dtype=dtype, **told)
    except UNREADABLE as error:
        raise DataError(_unreadable(path, error)) from error
    if not isinstance(frame.index, pd.RangeIndex):
        raise DataError(
            f"{path}: the rows have {len(names) + frame.index.nlevels} cells, and the header names "
            f"{len(names)} columns: {listed(names, most=8)}; expected a name for every cell"
        )
    return frame


def csv_lines(path: Path, separator: str = ",") -> pd.DataFrame:
    """Return every line of the csv file at ``path`` as text, heads too, whose names may stand there
    twice; ``separator`` stands between its cells.

    Raises:
        DataError: the file cannot be read, or is empty.
    """
    import pandas as pd

    try:
        lines: pd.DataFrame = pd.read_csv(
            path, sep=separator, header=None, dtype=str, keep_default_na=False
        )
    except pd.errors.EmptyDataError as error:
        raise DataError(
            f"{path}: the file is empty; expected a header and rows"
        ) from error
    except UNREADABLE as error:
        raise DataError(_unreadable(path, error)) from error
    return lines


def _refuse_another_separator(path: Path, header: str) -> None:
    """Refuse a header in one piece that something else than the separator divides."""
    for other, name in ((";", '";"'), ("\t", r'"\t"'), ("|", '"|"'), (",", '","')):
        if other in header:
            raise DataError(
                f"{path}: found one column, {header!r}; expected several: say what stands between "
                f"them, `separator: {name}`"
            )


def _unreadable(path: Path, error: Exception) -> str:
    return f"{path}: cannot be read as csv: {' '.join(str(error).split())}"


def refuse_doubled(path: Path | str, names: Iterable[str]) -> None:
    """Refuse a column that stands in a file more than once.

    Raises:
        DataError: it does.
    """
    counts = Counter(name.strip() for name in names)
    doubled = [name for name, count in counts.items() if name and count > 1]
    if doubled:
        first = doubled[0]
        raise DataError(
            f"{path}: column {first} stands there {counts[first]} times; expected every column once"
        )
