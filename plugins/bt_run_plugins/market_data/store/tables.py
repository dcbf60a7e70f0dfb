"""Tables as the bytes of parquet files, and back."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["columns_of", "parquet", "span", "table_of"]


def parquet(frame: pd.DataFrame) -> bytes:
    """Return a table as the bytes of a parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    out = BytesIO()
    table = pa.Table.from_pandas(frame, preserve_index=False)
    pq.write_table(
        table,
        out,
        compression="lz4",
        use_dictionary=False,
        write_statistics=False,
    )
    return out.getvalue()


def table_of(content: bytes) -> pd.DataFrame:
    """Return the table in the bytes of a parquet file."""
    found: pd.DataFrame = _arrow_table(content).to_pandas()
    return found


def columns_of(content: bytes) -> dict[str, NDArray[Any]]:
    """Return the columns in the bytes of a parquet file, each (n,)."""
    table = _arrow_table(content)
    return {
        name: np.asarray(table.column(name).to_numpy()) for name in table.column_names
    }


def _arrow_table(content: bytes) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    # read_table, made for sets of files, would take twice as long
    return pq.ParquetFile(pa.BufferReader(content)).read(use_threads=False)


def span(frame: pd.DataFrame) -> tuple[str | None, str | None]:
    """Return the first and the last time in a table's column date: a date, or for intraday bars a
    time in UTC.
    """
    if "date" not in frame.columns or frame["date"].dropna().empty:
        return None, None
    times = np.array([frame["date"].min(), frame["date"].max()], dtype="datetime64[s]")
    days = times.astype("datetime64[D]")
    if (times == days).all():
        return str(days[0]), str(days[1])
    return f"{times[0]}Z", f"{times[1]}Z"
