"""parquet files, whose damage shows in any error that their reader may raise."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from bt_run.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["parquet_table"]


def parquet_table(path: Path) -> pd.DataFrame:
    """Return the parquet file at ``path`` as it stands.

    Raises:
        DataError: the file cannot be read.
    """
    import pandas as pd

    try:
        return pd.read_parquet(path)
    except (
        Exception
    ) as error:  # pyarrow lets through what a damaged file makes of its own code
        found = " ".join(f"{type(error).__name__}: {error}".split())
        raise DataError(f"{path}: cannot be read as parquet: {found}") from error
