"""Run a finished run again, and say identical or name what differs."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from bt_run.backtest.configuration import load_config
from bt_run.backtest.running import run
from bt_run.checks.table_differences import TOLERANCE, first_difference
from bt_run.config.binding import bind
from bt_run.config.canonical_form import canonical
from bt_run.config.run_config import RunConfig
from bt_run.errors import BtRunError
from bt_run.plugins import catalogue, get_plugin_manager
from bt_run.results.bundle import unpack
from bt_run.results.config_changes import config_differences, flattened
from bt_run.results.identity import run_identity
from bt_run.results.manifest import table_hash
from bt_run.results.result import TABLES, BacktestResult
from bt_run.results.run_folder import read_run
from bt_run.results.sources import UsedCode

__all__ = ["Deviation", "Reproduction", "reproduce"]

Culprit = Literal[
    "files",
    "config",
    "data",
    "outside file",
    "component source",
    "package version",
    "order list",
    "numbers",
]
# what a manifest holds of each, and how a deviation of it is called
RECORDED: tuple[tuple[str, Culprit], ...] = (
    ("files", "outside file"),
    ("sources", "component source"),
    ("versions", "package version"),
)
EDITED = "the manifest's configuration is not the one that its run id was made of: it was edited"


@dataclass(frozen=True)
class Deviation:
    """What differs between a run and its repetition, and the words that say how."""

    culprit: Culprit
    text: str


@dataclass(frozen=True)
class Reproduction:
    """What came of running again.

    ``rounded`` names tables that are equal to 1e-9 but not to the last bit.
    """

    run_id: str
    differences: tuple[Deviation, ...]
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
                f"not to the last bit: {', '.join(self.rounded)}"
            )
        return (
            f"run {self.run_id}: identical: config, data, sources, versions, order list and every "
            "table"
        )


def reproduce(
    place: Path, *, config: Path | None = None, data: Path | None = None
) -> Reproduction:
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
    manifest = kept["manifest"]
    causes = [*_changed_files(kept), *_changed_config(manifest, recorded, again)]
    causes += _changed_inputs(kept, again)
    effects, rounded = _changed_results(kept, again)
    # an entry of the manifest that was edited also breaks the run id, and has been named itself
    named = {item.culprit for item in causes} - {"files", "config"}
    if named:
        causes = [item for item in causes if item.text != EDITED]
    return Reproduction(manifest["run_id"], (*causes, *effects), rounded)


# -- causes ----------------------------------------------------------------------------------------


def _changed_files(kept: Mapping[str, Any]) -> Iterator[Deviation]:
    """Yield the tables in the folder that are not what the run wrote."""
    for name in TABLES:
        if table_hash(kept[name]) != kept["manifest"]["tables"][name]:
            text = (
                f"{name}.parquet is not what the run wrote; it was changed afterwards"
            )
            yield Deviation("files", text)


def _changed_config(
    manifest: Mapping[str, Any], recorded: Mapping[str, Any], again: BacktestResult
) -> Iterator[Deviation]:
    found = config_differences(recorded, again.manifest["config"])
    for text in found:
        yield Deviation("config", text)
    if not found and manifest["run_id"] != _identity(again.config, manifest):
        yield Deviation("config", EDITED)


def _identity(config: RunConfig, manifest: Mapping[str, Any]) -> str:
    """Return the run id that follows from a configuration and the rest of a manifest."""
    bound = bind(config, catalogue(get_plugin_manager(config.plugins)))
    code = UsedCode(manifest["sources"], manifest["versions"])
    return run_identity(
        canonical(config, bound), manifest["data"], manifest["files"], code
    )


def _changed_inputs(
    kept: Mapping[str, Any], again: BacktestResult
) -> Iterator[Deviation]:
    was, now = kept["manifest"], again.manifest
    if was["data"] != now["data"]:
        text = f"the fingerprint of the prices was {was['data'][:12]}, is {now['data'][:12]}"
        yield Deviation("data", text + _first_price(kept, again))
    for key, culprit in RECORDED:
        for text in _changed_entries(was[key], now[key]):
            yield Deviation(culprit, text)


def _changed_entries(was: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(was.keys() | now.keys()):
        old, new = was.get(name, "not there"), now.get(name, "not there")
        if old != new:
            yield f"{name} was {old[:16]}, is {new[:16]}"


def _first_price(kept: Mapping[str, Any], again: BacktestResult) -> str:
    """Name the first price of a holding, or benchmark value, that is not what it was."""
    columns = ["time", "asset", "price"]
    row = first_difference(kept["positions"][columns], again.positions[columns])
    row = row or first_difference(
        kept["nav"][["benchmark"]], again.tables["nav"][["benchmark"]]
    )
    if row is None:
        return "; no price of a holding and no benchmark value shows it"
    return f"; the first that shows: {row}"


# -- effects ---------------------------------------------------------------------------------------


def _changed_results(
    kept: Mapping[str, Any], again: BacktestResult
) -> tuple[list[Deviation], tuple[str, ...]]:
    """Return what differs in the results, and the tables that differ by rounding only."""
    was, now = kept["manifest"], again.manifest
    found: list[Deviation] = []
    rounded: list[str] = []
    same_orders = was["orders"] == now["orders"]
    if not same_orders:
        row = first_difference(kept["fills"], again.tables["fills"])
        text = f"fills: {row or 'only the hash in the manifest differs'}"
        found.append(Deviation("order list", text))
    for name, table in again.tables.items():
        if was["tables"][name] == now["tables"][name]:
            continue
        row = first_difference(kept[name], table)
        if row is None:
            rounded.append(name)
        elif name != "fills" or same_orders:
            found.append(Deviation("numbers", f"{name}: {row}"))
    for text in _changed_metrics(kept["metrics"], again.metrics):
        found.append(Deviation("numbers", f"metrics: {text}"))
    return found, tuple(rounded)


def _changed_metrics(was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    others = dict(flattened(now))
    for key, value in flattened(was):
        other = others.get(key)
        if value is None or other is None:
            if value is not other:
                yield f"{key} was {value}, is {other}"
        elif abs(value - other) > TOLERANCE * max(abs(value), abs(other), TOLERANCE):
            yield f"{key} was {value!r}, is {other!r}"
            return  # the first says enough
