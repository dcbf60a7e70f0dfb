"""Run a finished run again, and say identical or name what differs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from bt_run.backtest.configuration import load_config
from bt_run.backtest.running import run
from bt_run.checks.inspection import (
    Inspection,
    changed_entries,
    inspection_of,
    opened_run,
    refuse_to_run,
)
from bt_run.checks.recording import recorded_config
from bt_run.checks.table_differences import (
    TOLERANCE,
    analysis_differences,
    first_difference,
)
from bt_run.config.binding import bind
from bt_run.config.canonical_form import canonical
from bt_run.config.run_config import RunConfig
from bt_run.errors import BtRunError
from bt_run.plugins import catalogue, get_plugin_manager
from bt_run.results.config_changes import config_differences, flattened
from bt_run.results.identity import run_identity
from bt_run.results.manifest import table_hash
from bt_run.results.result import BacktestResult, tables_in
from bt_run.results.sources import UsedCode
from bt_run.text import listed

if TYPE_CHECKING:
    import pandas as pd

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
    "caveats",
]
# what a manifest holds of each, and how a deviation of it is called
RECORDED: tuple[tuple[str, Culprit], ...] = (
    ("files", "outside file"),
    ("sources", "component source"),
    ("versions", "package version"),
)
# what is compared by other means, and the interpreter, on which nothing needs to depend
COMPARED = frozenset(
    {
        "analyses",
        "config",
        "data",
        "files",
        "orders",
        "plugins",
        "python",
        "run_id",
        "sources",
        "tables",
        "versions",
    }
)
ABSENT = "not there"
EDITED = "the manifest's configuration is not the one that its run id was made of: it was edited"


@dataclass(frozen=True)
class Deviation:
    """What differs between a run and its repetition, and the words that say how."""

    culprit: Culprit
    text: str


@dataclass(frozen=True)
class Reproduction:
    """What came of running again.

    ``rounded`` names tables that are equal to 1e-9 but not to the last bit. ``ran`` is False where
    the code of a bundle is not what its run recorded, so that it was not imported.
    """

    run_id: str
    differences: tuple[Deviation, ...]
    rounded: tuple[str, ...] = ()
    ran: bool = True

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
            if not self.ran:
                lines.append("  nothing of the bundle was run")
            elif not {"order list", "numbers"} & set(culprits):
                lines.append("  the order list and all numbers are the same")
            return "\n".join(lines)
        if self.rounded:
            return (
                f"run {self.run_id}: the order list is equal and all numbers are equal to 1e-9; "
                f"not to the last bit: {', '.join(self.rounded)}"
            )
        return (
            f"run {self.run_id}: identical: config, data, sources, versions, order list, every "
            "table, metric and caveat"
        )


def reproduce(
    place: Path,
    *,
    config: Path | None = None,
    data: Path | None = None,
    agree: Callable[[Inspection], None] = refuse_to_run,
) -> Reproduction:
    """Run again what a run's folder or bundle holds, and compare.

    ``config`` is a YAML file to run instead of the recorded configuration; ``data`` is where the
    prices lie now, for sources with a ``path``. ``agree`` is shown what Python a bundle brings
    along before any of it is imported, and raises an error to stop; files that are not those that
    the run recorded are never imported.

    Raises:
        BtRunError: the run cannot be repeated here: prices or a plugin are missing.
    """
    with opened_run(place) as opened:
        if config is not None:
            wanted = load_config(config)
        else:
            wanted = recorded_config(opened, data)
            if opened.packed:
                found = inspection_of(opened)
                if found.altered:
                    return _not_run(found)
                if found.code:
                    agree(found)
        try:
            again = run(wanted)
        except BtRunError as error:
            error.add_note(f"while repeating run {opened.manifest['run_id']}")
            raise
        return _compared(opened.kept, again)


def _not_run(found: Inspection) -> Reproduction:
    differences = tuple(Deviation("component source", text) for text in found.altered)
    return Reproduction(found.run_id, differences, ran=False)


def _compared(kept: Mapping[str, Any], again: BacktestResult) -> Reproduction:
    manifest = kept["manifest"]
    unlike = dict(_unlike_tables(kept, again))
    causes = [Deviation("files", text) for text in unlike.values()]
    causes += _changed_files(kept, unlike)
    causes += _changed_config(manifest, again)
    causes += _changed_inputs(kept, again, unlike)
    effects, rounded = _changed_results(kept, again, unlike)
    effects += _changed_words(manifest, again.manifest)
    # an entry of the manifest that was edited also breaks the run id, and has been named itself
    named = {item.culprit for item in causes} - {"files", "config"}
    if named:
        causes = [item for item in causes if item.text != EDITED]
    return Reproduction(manifest["run_id"], (*causes, *effects), rounded)


# -- causes ----------------------------------------------------------------------------------------


def _unlike_tables(
    kept: Mapping[str, Any], again: BacktestResult
) -> Iterator[tuple[str, str]]:
    """Yield the tables that no run could have written, so that nothing in them is compared."""
    tables = again.tables
    for name in tables_in(kept["manifest"]):
        if name not in tables:
            yield name, f"{name}.parquet: was there and is not now"
    for name, table in tables.items():
        if name not in kept:
            yield name, f"{name}.parquet: is there and was not before"
            continue
        was, now = _form(kept[name]), _form(table)
        if was != now:
            found = listed([f"{column} ({kind})" for column, kind in was], most=4)
            yield name, f"{name}.parquet: the columns are {found or 'none'}"


def _form(table: pd.DataFrame) -> list[tuple[str, str]]:
    """Return the names of a table's columns, each with the kind of what it holds."""
    import pandas as pd

    frame = table if isinstance(table.index, pd.RangeIndex) else table.reset_index()
    return [(str(name), _kind(frame[name])) for name in frame.columns]


def _kind(values: pd.Series[Any]) -> str:
    import pandas as pd

    if pd.api.types.is_datetime64_any_dtype(values):
        return "times"
    # a column in which nothing stands has no kind of its own
    if values.isna().all():
        return "texts"
    if pd.api.types.is_numeric_dtype(values):
        return "numbers"
    return "texts" if all(isinstance(v, str) for v in values.dropna()) else "others"


def _changed_files(
    kept: Mapping[str, Any], unlike: Collection[str]
) -> Iterator[Deviation]:
    """Yield the tables in the folder that are not what the run wrote."""
    for name in tables_in(kept["manifest"]):
        if name in unlike:
            continue
        if table_hash(kept[name]) != kept["manifest"]["tables"][name]:
            text = (
                f"{name}.parquet is not what the run wrote; it was changed afterwards"
            )
            yield Deviation("files", text)


def _changed_config(
    manifest: Mapping[str, Any], again: BacktestResult
) -> Iterator[Deviation]:
    found = config_differences(manifest["config"], again.manifest["config"])
    for text in found:
        yield Deviation("config", text)
    if not found and manifest["run_id"] != _identity(again.config, manifest):
        yield Deviation("config", EDITED)


def _identity(config: RunConfig, manifest: Mapping[str, Any]) -> str:
    """Return the run id that follows from a configuration and the rest of a manifest."""
    bound = bind(config, catalogue(get_plugin_manager(config.plugins)))
    plugins = tuple(manifest.get("plugins", ()))
    code = UsedCode(manifest["sources"], manifest["versions"], plugins)
    return run_identity(
        canonical(config, bound), manifest["data"], manifest["files"], code
    )


def _changed_inputs(
    kept: Mapping[str, Any], again: BacktestResult, unlike: Collection[str]
) -> Iterator[Deviation]:
    was, now = kept["manifest"], again.manifest
    if was["data"] != now["data"]:
        text = f"the fingerprint of the prices was {was['data'][:12]}, is {now['data'][:12]}"
        shown = "" if {"positions", "nav"} & set(unlike) else _first_price(kept, again)
        yield Deviation("data", text + shown)
    for key, culprit in RECORDED:
        for text in changed_entries(was[key], now[key]):
            yield Deviation(culprit, text)
    before, after = was.get("plugins", []), now["plugins"]
    if before != after and sorted(before) == sorted(after):
        yield Deviation("component source", "the plugin files are in another order")


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
    kept: Mapping[str, Any], again: BacktestResult, unlike: Collection[str]
) -> tuple[list[Deviation], tuple[str, ...]]:
    """Return what differs in the results, and the tables that differ by rounding only."""
    was, now = kept["manifest"], again.manifest
    found: list[Deviation] = []
    rounded: list[str] = []
    same_orders = was["orders"] == now["orders"]
    if not same_orders and "fills" not in unlike:
        row = first_difference(kept["fills"], again.tables["fills"])
        text = f"fills: {row or 'only the hash in the manifest differs'}"
        found.append(Deviation("order list", text))
    for name, table in again.tables.items():
        if name in unlike or was["tables"][name] == now["tables"][name]:
            continue
        row = first_difference(kept[name], table)
        if row is None:
            rounded.append(name)
        elif name != "fills" or same_orders:
            found.append(Deviation("numbers", f"{name}: {row}"))
    for text in _changed_metrics(kept["metrics"], again.metrics):
        found.append(Deviation("numbers", f"metrics: {text}"))
    for text in analysis_differences(kept["analyses"], again.analyses):
        found.append(Deviation("numbers", text))
    return found, tuple(rounded)


def _changed_metrics(was: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[str]:
    """Yield the first metric that differs, on either side, and how many others do."""
    before, after = dict(flattened(was)), dict(flattened(now))
    changed = [
        key
        for key in sorted(before.keys() | after.keys())
        if not _equal_metric(before.get(key, ABSENT), after.get(key, ABSENT))
    ]
    if changed:
        more = f", and {len(changed) - 1} more" if len(changed) > 1 else ""
        old, new = before.get(changed[0], ABSENT), after.get(changed[0], ABSENT)
        yield f"{changed[0]} was {old!r}, is {new!r}{more}"


def _equal_metric(was: Any, now: Any) -> bool:
    numbers = isinstance(was, int | float) and isinstance(now, int | float)
    if not numbers:
        return bool(was == now)
    # so written that what is no number equals nothing
    return bool(abs(was - now) <= TOLERANCE * max(abs(was), abs(now), TOLERANCE))


def _changed_words(
    was: Mapping[str, Any], now: Mapping[str, Any]
) -> Iterator[Deviation]:
    """Yield what a manifest says beside its hashes, notes and warnings above all, and says
    otherwise now.
    """
    for name in sorted((was.keys() | now.keys()) - COMPARED):
        before, after = dict(flattened(was.get(name))), dict(flattened(now.get(name)))
        for key in sorted(before.keys() | after.keys()):
            old, new = before.get(key, ABSENT), after.get(key, ABSENT)
            if old != new:
                place = f"{name}.{key}" if key else name
                yield Deviation("caveats", f"{place} was {old!r:.200}, is {new!r:.200}")
                break  # the first says enough
