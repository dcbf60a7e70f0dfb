"""Run a finished run again, and say identical or name what differs."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from bt_run.backtest.configuration import load_config
from bt_run.backtest.running import run
from bt_run.config.binding import bind
from bt_run.config.canonical_form import canonical
from bt_run.config.run_config import RunConfig
from bt_run.errors import BtRunError
from bt_run.plugins import catalogue, get_plugin_manager
from bt_run.results.bundle import unpack
from bt_run.results.config_changes import config_differences, flattened
from bt_run.results.identity import Provenance, build_manifest, run_identity
from bt_run.results.result import TABLES, BacktestResult
from bt_run.results.run_folder import read_run

if TYPE_CHECKING:
    import pandas as pd


__all__ = ["Difference", "Reproduction", "first_difference", "reproduce"]

Culprit = Literal[
    "files", "config", "data", "component source", "package version", "order list", "numbers"
]
TOLERANCE = 1e-9  # relative: what another machine may round differently


@dataclass(frozen=True)
class Difference:
    """Hold what differs and the words that say how."""

    culprit: Culprit
    text: str


@dataclass(frozen=True)
class Reproduction:
    """Hold what came of running again. ``rounded`` names tables that are equal to 1e-9 but not to
    the last bit.
    """

    run_id: str
    differences: tuple[Difference, ...]
    rounded: tuple[str, ...] = ()

    @property
    def identical(self) -> bool:
        return not self.differences

    @property
    def text(self) -> str:
        """Return the verdict in words."""
        if self.differences:
            culprits = list(dict.fromkeys(item.culprit for item in self.differences))
            lines = [f"run {self.run_id} differs: {', '.join(culprits)}"]
            lines += [f"  {item.culprit}: {item.text}" for item in self.differences]
            if not {"order list", "numbers"} & set(culprits):
                lines.append("  the order list and all numbers are the same")
            return "\n".join(lines)
        if self.rounded:
            return (
                f"run {self.run_id}: the order list is equal and all numbers are equal to 1e-9; "
                "not to the last bit: "
                f"{', '.join(self.rounded)}"
            )
        return f"run {self.run_id}: identical: config, data, sources, versions, order list and every table"


def reproduce(place: Path, *, config: Path | None = None, data: Path | None = None) -> Reproduction:
    """Run again what a run's folder or bundle holds, and compare.

    ``config`` is a YAML file to run instead of the recorded configuration; ``data`` is where the
    prices lie now, for sources with a ``path``.

    Raises:
        BtRunError: the run cannot be repeated here: prices or a plugin are missing.
    """
    with _opened(place) as (folder, moved):
        kept = read_run(folder)
        recorded = _rebased(kept["manifest"]["config"], moved, data)
        wanted = load_config(config) if config else RunConfig.model_validate(recorded)
        try:
            again = run(wanted)
        except BtRunError as error:
            error.add_note(f"while repeating run {kept['manifest']['run_id']}")
            raise
        return _compared(kept, recorded, again)


@contextmanager
def _opened(place: Path) -> Iterator[tuple[Path, Mapping[str, str]]]:
    """Yield the folder of a run and where the files that its configuration names lie now."""
    if not place.is_file():
        yield place, {}
        return
    with tempfile.TemporaryDirectory(prefix="bt-run-") as folder:
        yield unpack(place, Path(folder))


def _rebased(value: Any, moved: Mapping[str, str], data: Path | None) -> dict[str, Any]:
    """Return the recorded configuration with paths where the files lie now."""

    def walk(item: Any) -> Any:
        if isinstance(item, Mapping):
            return {key: walk(inner) for key, inner in item.items()}
        if isinstance(item, list):
            return [walk(inner) for inner in item]
        return moved.get(item, item) if isinstance(item, str) else item

    config: dict[str, Any] = walk(value)
    if data is not None:
        config["data"]["source"]["path"] = str(data.resolve())
    # tables are compared, reports are not
    return config | {"reports": []}


def _compared(
    kept: Mapping[str, Any], recorded: Mapping[str, Any], again: BacktestResult
) -> Reproduction:
    was, now = kept["manifest"], again.manifest
    found = list(_changed_files(kept))
    found += [Difference("config", text) for text in config_differences(recorded, now["config"])]
    if not found and was["run_id"] != _identity(again.config, was):
        text = (
            "the manifest's configuration is not the one that its run id was made of: it was edited"
        )
        found.append(Difference("config", text))
    if was["data"] != now["data"]:
        text = f"the fingerprint of the prices was {was['data'][:12]}, is {now['data'][:12]}"
        found.append(Difference("data", text + _first_price(kept, again)))
    for key, culprit in (("sources", "component source"), ("versions", "package version")):
        found += [Difference(culprit, text) for text in _entries(was[key], now[key])]  # type: ignore[arg-type]
    if was["orders"] != now["orders"]:
        row = (
            first_difference(kept["fills"], again.fills) or "only the hash in the manifest differs"
        )
        found.append(Difference("order list", f"fills: {row}"))
    rounded: list[str] = []
    for name, table in again.tables.items():
        if was["tables"][name] == now["tables"][name]:
            continue
        place = first_difference(kept[name], table)
        if place is None:
            rounded.append(name)
        elif name != "fills" or was["orders"] == now["orders"]:
            found.append(Difference("numbers", f"{name}: {place}"))
    found += [
        Difference("numbers", f"metrics: {text}")
        for text in _metrics(kept["metrics"], again.metrics)
    ]
    # an entry of the manifest that was edited also breaks the run id, and has been named itself
    if any(item.culprit in ("package version", "component source", "data") for item in found):
        found = [item for item in found if "run id was made of" not in item.text]
    return Reproduction(was["run_id"], tuple(found), tuple(rounded))


def _identity(config: RunConfig, manifest: Mapping[str, Any]) -> str:
    """Return the run id that follows from a configuration and the rest of a manifest."""
    bound = bind(config, catalogue(get_plugin_manager(config.plugins)))
    return run_identity(
        canonical(config, bound), manifest["data"], manifest["sources"], manifest["versions"]
    )


def _changed_files(kept: Mapping[str, Any]) -> Iterator[Difference]:
    """Yield the tables in the folder that are not what the run wrote."""
    empty = Provenance(config={}, fingerprint="", sources={}, versions={}, seed=0)
    hashes = build_manifest("", empty, {name: kept[name] for name in TABLES}, [])["tables"]
    for name in TABLES:
        if hashes[name] != kept["manifest"]["tables"][name]:
            yield Difference(
                "files", f"{name}.parquet is not what the run wrote; it was changed afterwards"
            )


def _entries(was: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(was.keys() | now.keys()):
        old, new = was.get(name, "not there"), now.get(name, "not there")
        if old != new:
            yield f"{name} was {old[:16]}, is {new[:16]}"


def _first_price(kept: Mapping[str, Any], again: BacktestResult) -> str:
    """Name the first price of a holding, or the first value of the benchmark, that is not what it
    was.
    """
    columns = ["time", "asset", "price"]
    row = first_difference(kept["positions"][columns], again.positions[columns])
    row = row or first_difference(kept["nav"][["benchmark"]], again.nav[["benchmark"]])
    return (
        f"; the first that shows: {row}"
        if row
        else "; no price of a holding and no benchmark value shows it"
    )


def _metrics(was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    for key, value in flattened(was):
        other = dict(flattened(now)).get(key)
        if value is None or other is None:
            if value is not other:
                yield f"{key} was {value}, is {other}"
        elif abs(value - other) > TOLERANCE * max(abs(value), abs(other), TOLERANCE):
            yield f"{key} was {value!r}, is {other!r}"
            return  # the first says enough


def first_difference(
    was: pd.DataFrame, now: pd.DataFrame, tolerance: float = TOLERANCE
) -> str | None:
    """Return the first row in which two tables differ, in words; None when equal within
    ``tolerance``, relative.
    """
    import pandas as pd

    old, new = (t if isinstance(t.index, pd.RangeIndex) else t.reset_index() for t in (was, now))
    if list(old.columns) != list(new.columns):
        return f"the columns were {', '.join(old.columns)}, are {', '.join(new.columns)}"
    count = min(len(old), len(new))
    differs = {
        name: _unequal(old[name].iloc[:count], new[name].iloc[:count], tolerance)
        for name in old.columns
    }
    rows = [int(np.argmax(flags)) for flags in differs.values() if flags.any()]
    if not rows:
        if len(old) == len(new):
            return None
        longer = old if len(old) > len(new) else new
        told = "was there and is not now" if longer is old else "is there and was not before"
        return f"row {count} {told}: {_row(longer, count)}"
    row = min(rows)
    name = next(name for name, flags in differs.items() if flags.any() and flags[row])
    label = f" ({_row(old, row)})" if "time" in old.columns else ""
    return f"row {row}{label}: {name} was {_shown(old[name].iloc[row])}, is {_shown(new[name].iloc[row])}"


def _unequal(old: pd.Series[Any], new: pd.Series[Any], tolerance: float) -> Any:
    import pandas as pd

    if pd.api.types.is_numeric_dtype(old) and pd.api.types.is_numeric_dtype(new):
        x, y = (v.to_numpy(dtype=np.float64) for v in (old, new))
        return ~np.isclose(x, y, rtol=tolerance, atol=tolerance * 1e-3, equal_nan=True)
    both = old.isna().to_numpy() & new.isna().to_numpy()
    return (old.to_numpy(dtype=object) != new.to_numpy(dtype=object)) & ~both


def _row(table: pd.DataFrame, row: int) -> str:
    """Name a row by its time and asset."""
    cells = table.iloc[row]
    return " ".join(
        _shown(cells[name]) for name in ("time", "asset", "component") if name in table.columns
    )


def _shown(value: Any) -> str:
    if hasattr(value, "strftime"):
        return f"{value:%Y-%m-%d}" if value == value.normalize() else f"{value:%Y-%m-%d %H:%M}"
    return repr(float(value)) if isinstance(value, float | np.floating) else str(value)
