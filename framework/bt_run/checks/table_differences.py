"""The first row in which two tables of a run differ, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from bt_run.arrays import Mask
from bt_run.text import day_text

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["TOLERANCE", "analysis_differences", "first_difference"]

TOLERANCE = 1e-9  # relative: what another machine may round differently


def first_difference(
    was: pd.DataFrame, now: pd.DataFrame, tolerance: float = TOLERANCE
) -> str | None:
    """Return the first row in which two tables differ; None when equal within ``tolerance``."""
    old, new = _with_index(was), _with_index(now)
    if list(old.columns) != list(new.columns):
        return (
            f"the columns were {', '.join(old.columns)}, are {', '.join(new.columns)}"
        )
    count = min(len(old), len(new))
    differs: dict[str, Mask] = {}
    for name in old.columns:
        differs[name] = _unequal(
            old[name].iloc[:count], new[name].iloc[:count], tolerance
        )
    rows = [int(np.argmax(flags)) for flags in differs.values() if flags.any()]
    if not rows:
        return _missing_row(old, new)
    row = min(rows)
    name = next(name for name, flags in differs.items() if flags.any() and flags[row])
    label = f" ({_row_name(old, row)})" if "time" in old.columns else ""
    before, after = _value_text(old[name].iloc[row]), _value_text(new[name].iloc[row])
    return f"row {row}{label}: {name} was {before}, is {after}"


def analysis_differences(
    was: Mapping[str, pd.DataFrame], now: Mapping[str, pd.DataFrame]
) -> Iterator[str]:
    """Yield what differs between the analyzers' tables of two runs, a sentence a table."""
    for name in sorted(was.keys() | now.keys()):
        if name not in now:
            yield f"analyses: {name} was there and is not now"
        elif name not in was:
            yield f"analyses: {name} is there and was not before"
        else:
            row = first_difference(was[name], now[name])
            if row is not None:
                yield f"analyses: {name}: {row}"


def _with_index(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with its index, where it has one of its own, among the columns."""
    import pandas as pd

    return table if isinstance(table.index, pd.RangeIndex) else table.reset_index()


def _missing_row(old: pd.DataFrame, new: pd.DataFrame) -> str | None:
    count = min(len(old), len(new))
    if len(old) > count:
        return f"row {count} was there and is not now: {_row_name(old, count)}"
    if len(new) > count:
        return f"row {count} is there and was not before: {_row_name(new, count)}"
    return None


def _unequal(old: pd.Series[Any], new: pd.Series[Any], tolerance: float) -> Mask:
    import pandas as pd

    if pd.api.types.is_numeric_dtype(old) and pd.api.types.is_numeric_dtype(new):
        before, after = old.to_numpy(dtype=np.float64), new.to_numpy(dtype=np.float64)
        close = np.isclose(
            before, after, rtol=tolerance, atol=tolerance * 1e-3, equal_nan=True
        )
        return np.asarray(~close)
    both_missing = old.isna().to_numpy() & new.isna().to_numpy()
    differs = old.to_numpy(dtype=object) != new.to_numpy(dtype=object)
    return np.asarray(differs & ~both_missing)


def _row_name(table: pd.DataFrame, row: int) -> str:
    """Name a row by its time, asset and component."""
    cells = table.iloc[row]
    names = [name for name in ("time", "asset", "component") if name in table.columns]
    return " ".join(_value_text(cells[name]) for name in names)


def _value_text(value: Any) -> str:
    if hasattr(value, "strftime"):
        return day_text(value)
    return repr(float(value)) if isinstance(value, float | np.floating) else str(value)
