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

ORDER_LINE = (
    "%s\t%s\t%s\t%.9g\t%.9g\n"  # decided, filled at, asset, shares asked and filled
)
AT_ONCE = 2**16  # orders put into one text


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
    columns = (
        *(_time_texts(fills[name]) for name in ("decided_at", "time")),
        fills["asset"].to_numpy(dtype=object),
        *(fills[name].to_numpy(dtype=np.float64) + 0.0 for name in ("asked", "filled")),
    )
    for begin in range(0, len(fills), AT_ONCE):
        parts = [column[begin : begin + AT_ONCE].tolist() for column in columns]
        cells: list[Any] = [None] * (len(parts) * len(parts[0]))
        for place, part in enumerate(parts):
            cells[place :: len(parts)] = part
        digest.update((ORDER_LINE * len(parts[0]) % tuple(cells)).encode())
    return digest.hexdigest()


def _time_texts(times: pd.Series[Any]) -> NDArray[np.object_]:
    """Return times (n,) as text, "" for none: each time is written once, since many orders share
    it.
    """
    import pandas as pd

    codes, different = pd.factorize(times)  # missing is -1, the last text
    texts = [time.isoformat() for time in different]
    return np.array([*texts, ""], dtype=object)[codes]


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
