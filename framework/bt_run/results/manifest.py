"""What a third person needs to repeat a run and to see that it is the same."""

from __future__ import annotations

import hashlib
import json
import platform
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bt_run.results.identity import Provenance

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["build_manifest", "order_list_hash", "table_hash"]


def build_manifest(
    run_id: str,
    provenance: Provenance,
    tables: Mapping[str, pd.DataFrame],
    notes: Sequence[str],
) -> dict[str, Any]:
    """Return the manifest of a run: what it follows from, and the hashes of what it gave."""
    return {
        "run_id": run_id,
        "config": dict(provenance.config),
        "data": provenance.fingerprint,
        "files": dict(provenance.files),
        "sources": dict(provenance.code.sources),
        "versions": dict(provenance.code.versions),
        "plugins": list(provenance.code.plugins),
        "seed": provenance.seed,
        "python": platform.python_version(),
        "orders": order_list_hash(tables["fills"]),
        "tables": {name: table_hash(table) for name, table in tables.items()},
        "notes": list(notes),
    }


def order_list_hash(fills: pd.DataFrame) -> str:
    """Return the sha256 of who was asked for and filled when, shares to 9 significant digits.

    It is equal on every machine, where the hashes of the tables are equal on equal wheels only.
    """
    digest = hashlib.sha256()
    columns = [
        fills[name] for name in ("decided_at", "time", "asset", "asked", "filled")
    ]
    for decided, time, asset, asked, filled in zip(*columns, strict=True):
        shares = [f"{number + 0.0:.9g}" for number in (asked, filled)]
        line = [_time_text(decided), _time_text(time), asset, *shares]
        digest.update(("\t".join(line) + "\n").encode())
    return digest.hexdigest()


def table_hash(table: pd.DataFrame) -> str:
    """Return the sha256 of a table's names and values, whatever pandas calls their types."""
    import pandas as pd

    digest = hashlib.sha256()
    frame = table if isinstance(table.index, pd.RangeIndex) else table.reset_index()
    for name in frame.columns:
        words, data = _content(frame[name])
        digest.update(words.encode())
        digest.update(json.dumps([str(name), len(data)]).encode())
        digest.update(np.ascontiguousarray(data).tobytes())
    return digest.hexdigest()


def _content(values: pd.Series[Any]) -> tuple[str, NDArray[Any]]:
    """Return a column as numbers, and as JSON the words that the numbers of a text column mean."""
    import pandas as pd

    if pd.api.types.is_datetime64_any_dtype(values):
        return "", pd.DatetimeIndex(values).as_unit("ns").asi8.astype("<i8")
    if pd.api.types.is_numeric_dtype(values):
        numbers = values.to_numpy(dtype="<f8") + 0.0  # no -0.0
        numbers[np.isnan(numbers)] = np.nan
        return "", numbers
    codes, words = pd.factorize(values)  # in order of appearance; missing is -1
    return json.dumps([str(word) for word in words]), codes.astype("<i8")


def _time_text(time: Any) -> str:
    # NaT differs from itself
    return "" if time != time else str(time.isoformat())
