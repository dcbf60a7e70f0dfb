"""Bars in a folder of arrays that other processes map into their memory instead of loading them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bt_run.data.bars import FIELDS, Bars, Prices
from bt_run.data.known import Table
from bt_run.errors import DataError

__all__ = ["map_bars", "store_bars"]

FACTS = "bars.json"
ARRAYS = ("times", "present", "dividends", "splits", "last_session", "benchmark")
OPTIONAL = ("members", "assumed_end", "market_shares")


def store_bars(bars: Bars, folder: Path) -> None:
    """Write bars, with the tables beside them, to ``folder``, one ``.npy`` file an array.

    ``map_bars`` opens them; the fingerprint is the same.
    """
    folder.mkdir(parents=True, exist_ok=True)
    arrays = {name: getattr(bars, name) for name in (*ARRAYS, *OPTIONAL)}
    panels = {"adjusted": bars.adjusted}
    if bars.traded is not bars.adjusted:
        panels["traded"] = bars.traded
    for panel, prices in panels.items():
        arrays |= {f"{panel}.{name}": prices.field(name) for name in FIELDS}
    tables = {}
    for place, (name, table) in enumerate(bars.tables.items()):
        arrays[f"table{place}.rows"] = table.rows
        tables[name] = {"revised": table.revised, "texts": _texts(table)}
        if tables[name]["texts"] is None:
            arrays[f"table{place}.values"] = table.values
    kept = {name: array for name, array in arrays.items() if array is not None}
    for name, array in kept.items():
        np.save(folder / f"{name}.npy", array, allow_pickle=False)
    facts = {
        "arrays": sorted(kept),
        "assets": bars.assets,
        "start": bars.start,
        "calendar": bars.calendar,
        "notes": bars.notes,
        "tables": tables,
    }
    # last, so that a folder without it is none of ours
    (folder / FACTS).write_text(json.dumps(facts), encoding="utf-8")


def map_bars(folder: Path) -> Bars:
    """Open what ``store_bars`` wrote to ``folder``, its arrays mapped into memory and read-only.

    Raises:
        DataError: the folder holds no bars, or not all of them.
    """
    try:
        facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        arrays = {
            name: np.load(folder / f"{name}.npy", mmap_mode="r", allow_pickle=False)
            for name in facts["arrays"]
        }
    except (OSError, ValueError, KeyError) as error:
        raise DataError(
            f"{folder}: holds no bars, or not all of them: {error}; expected a folder that "
            "store_bars wrote"
        ) from error
    adjusted = _prices(arrays, "adjusted")
    given: dict[str, Any] = {name: arrays.get(name) for name in OPTIONAL}
    given |= {name: arrays[name] for name in ARRAYS}
    return Bars(
        **given,
        assets=tuple(facts["assets"]),
        adjusted=adjusted,
        traded=_prices(arrays, "traded") if "traded.open" in arrays else adjusted,
        start=facts["start"],
        calendar=facts["calendar"],
        notes=tuple(facts["notes"]),
        tables=_tables(facts["tables"], arrays),
    )


def _prices(arrays: Mapping[str, NDArray[Any]], panel: str) -> Prices:
    return Prices(*(arrays[f"{panel}.{name}"] for name in FIELDS))


def _texts(table: Table) -> list[list[str | None]] | None:
    """Return the values of a table of text, which no array of numbers holds; None of others."""
    texts: list[list[str | None]] = table.values.tolist()
    return texts if table.kind == "text" else None


def _tables(
    facts: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]
) -> Mapping[str, Table]:
    tables = {}
    for place, (name, told) in enumerate(facts.items()):
        texts = told["texts"]
        values = (
            arrays[f"table{place}.values"]
            if texts is None
            else np.array(texts, dtype=object)
        )
        tables[name] = Table(values, arrays[f"table{place}.rows"], told["revised"])
    return MappingProxyType(tables)
