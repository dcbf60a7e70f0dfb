"""What was done to a run on disk since it was written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bt_run.config.run_config import RunConfig
from bt_run.data.data_config import DataConfig
from bt_run.errors import ConfigError, DataError
from bt_run.results.manifest import table_hash
from bt_run.results.metric_definitions import COLUMNS, DEFINITIONS
from bt_run.results.result import tables_in

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["refuse_damage"]

AGAIN = "run its configuration again"


def refuse_damage(folder: Path, found: Mapping[str, Any]) -> None:
    """Refuse a run, as ``read_run`` returns it, that is not what was written.

    Raises:
        DataError: its manifest or metrics lack what every run has, or a table is another one than
            the manifest knows.
    """
    manifest = found["manifest"]
    _refuse_other_config(folder, manifest["config"])
    _refuse_other_metrics(folder, found["metrics"])
    for kind, tables in (("tables", _tables(found)), ("analyses", found["analyses"])):
        for name, table in sorted(tables.items()):
            if _hash(table) != manifest[kind].get(name):
                text = f"{name}.parquet is not the table that manifest.json knows"
                raise DataError(f"{folder}: the run is damaged: {text}; {AGAIN}")


def _tables(found: Mapping[str, Any]) -> dict[str, pd.DataFrame]:
    return {name: found[name] for name in tables_in(found["manifest"])}


def _refuse_other_config(folder: Path, config: Mapping[str, Any]) -> None:
    """Refuse a configuration that is none, or not the whole of one."""
    try:
        RunConfig.model_validate(config)
    except ConfigError as error:
        text = f"manifest.json: config: {str(error).splitlines()[0]}"
        raise DataError(f"{folder}: the run is damaged: {text}; {AGAIN}") from error
    missing = sorted(RunConfig.model_fields.keys() - config.keys())
    missing += sorted(DataConfig.model_fields.keys() - config["data"].keys())
    if missing:
        text = f"manifest.json: config has no {missing[0]}"
        raise DataError(
            f"{folder}: the run is damaged, or of another version: {text}; {AGAIN}"
        )


def _refuse_other_metrics(
    folder: Path, metrics: Mapping[str, Mapping[str, Any]]
) -> None:
    """Refuse metrics without one of ours, or without one of its columns."""
    for metric in DEFINITIONS:
        if not COLUMNS.keys() <= metrics.get(metric, {}).keys():
            text = f"metrics.json has no {metric} of {', '.join(COLUMNS)}"
            raise DataError(
                f"{folder}: {text}; the run is damaged, or of another version: {AGAIN}"
            )


def _hash(table: pd.DataFrame) -> str | None:
    """Return the hash of a table; None of one that holds what no table of a run does."""
    try:
        return table_hash(table)
    except (TypeError, ValueError):
        return None
