"""Tables of a run for other programs: csv, parquet, or one workbook."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bt_run.atomic import is_full, replace_file
from bt_run.errors import ConfigError, DataError
from bt_run.libraries import require_installed
from bt_run.results.result import LEARNED, TABLES
from bt_run.text import did_you_mean

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FORMATS", "Format", "export_tables"]

Format = Literal["csv", "xlsx", "parquet"]
FORMATS: tuple[Format, ...] = ("csv", "xlsx", "parquet")
# what a spreadsheet takes for the start of a formula
FORMULA = ("=", "+", "-", "@", "\t", "\r")
EARLIEST = datetime(1980, 1, 1)
MOST_ROWS = 1_048_575  # of a sheet, below its head


def export_tables(
    found: Mapping[str, Any],
    out: Path,
    kind: Format,
    names: Sequence[str] = (),
) -> tuple[Path, ...]:
    """Write tables of a run, as ``read_run`` returns it, into the folder ``out``; return the files.

    ``names`` are those of tables and of analyzers' tables, by default all. Text that a spreadsheet
    would take for a formula gets an apostrophe before it in csv, and is text in a workbook. Times
    are UTC; those of daily bars are written as dates.

    Raises:
        ConfigError: a table has another name, or a package is missing.
        DataError: a table has more rows than a sheet, or the disk is full.
    """
    tables = _chosen(found, names)
    shown = {name: _plain(frame) for name, frame in tables.items()}
    try:
        out.mkdir(parents=True, exist_ok=True)
        if kind == "xlsx":
            path = out / "run.xlsx"
            replace_file(path, _workbook(shown))
            return (path,)
        write = _csv if kind == "csv" else _parquet
        paths = {name: out / f"{name}.{kind}" for name in shown}
        for name, frame in shown.items():
            replace_file(paths[name], write(frame))
    except OSError as error:
        if not is_full(error):
            raise
        raise DataError(
            f"{error.filename or out}: cannot be written: {error.strerror}; make room, then repeat "
            "the command"
        ) from error
    return tuple(paths.values())


def _chosen(found: Mapping[str, Any], names: Sequence[str]) -> dict[str, pd.DataFrame]:
    taught = [name for name in LEARNED if name in found]
    have: dict[str, pd.DataFrame] = {name: found[name] for name in (*TABLES, *taught)}
    have |= found["analyses"]
    for name in names:
        if name not in have:
            raise ConfigError(
                f"--tables: no table {name!r}; found {', '.join(have)}"
                f"{did_you_mean(name, have)}"
            )
    return {name: have[name] for name in names or have}


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table with its index as columns, and times without their zone, which is UTC."""
    import pandas as pd

    named = [name for name in frame.index.names if name is not None]
    out = frame.reset_index() if named else frame.copy()
    for column in out.columns:
        if isinstance(out[column].dtype, pd.DatetimeTZDtype):
            out[column] = out[column].dt.tz_convert("UTC").dt.tz_localize(None)
    return out


def _csv(frame: pd.DataFrame) -> bytes:
    safe = frame.copy()
    for column in safe.columns:
        if safe[column].dtype.kind == "M":
            # dates where all are, else times: a column has one form
            days = (safe[column].dropna() == safe[column].dropna().dt.normalize()).all()
            form = "%Y-%m-%d" if days else "%Y-%m-%dT%H:%M:%S.%fZ"
            safe[column] = safe[column].dt.strftime(form)
        elif safe[column].dtype.kind not in "fiub":
            safe[column] = safe[column].map(_as_text, na_action="ignore")
    # RFC 4180's line ends, so that a cell with either half of one is quoted
    return safe.to_csv(index=False, lineterminator="\r\n").encode()


def _as_text(value: Any) -> Any:
    """Return what a spreadsheet shows and does not compute."""
    text = value if isinstance(value, str) else str(value)
    return f"'{text}" if text.startswith(FORMULA) else text


def _parquet(frame: pd.DataFrame) -> bytes:
    content: bytes = frame.to_parquet(None, index=False)
    return content


def _workbook(tables: Mapping[str, pd.DataFrame]) -> bytes:
    import pandas as pd

    for name, frame in tables.items():
        if len(frame) > MOST_ROWS:
            raise DataError(
                f"{name}: has {len(frame):,} rows, and a sheet holds {MOST_ROWS:,}; export it with "
                "--to csv, or others with --tables"
            )
    # text stays text, and a workbook of the same run has the same bytes
    options = {
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "in_memory": True,
    }
    content = io.BytesIO()
    require_installed("--to xlsx", {"xlsxwriter": "bt-run[excel]"})
    with pd.ExcelWriter(
        content, engine="xlsxwriter", engine_kwargs={"options": options}
    ) as writer:
        writer.book.set_properties({"created": EARLIEST})
        for name, frame in tables.items():
            frame.to_excel(writer, sheet_name=name[:31], index=False)
    return content.getvalue()
