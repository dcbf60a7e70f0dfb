"""The configuration of a run that is repeated, with its paths where the files lie now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bt_run.checks.inspection import OpenedRun, value_at
from bt_run.config.portable_paths import with_places
from bt_run.config.run_config import RunConfig
from bt_run.errors import ConfigError, DataError

__all__ = ["recorded_config"]


def recorded_config(opened: OpenedRun, data: Path | None) -> RunConfig:
    """Return the configuration of a run, with paths where the files lie now, without reports."""
    # tables are compared, reports are not
    tree = {**opened.manifest["config"], "reports": []}
    places = dict(opened.places)
    if data is not None:
        places |= _given_place(tree, data)
    if opened.packed:
        _refuse_missing(opened.place, tree, places)
    try:
        config = RunConfig.model_validate(with_places(tree, places))
    except ConfigError as error:
        if opened.packed:
            raise DataError(
                f"{opened.place}: the configuration of its run cannot be: {error}"
            ) from error
        raise
    config._path_names = places
    return config


def _given_place(config: Mapping[str, Any], data: Path) -> dict[str, str]:
    """Return where the prices lie by the user's word.

    Raises:
        DataError: the run reads them from several places.
    """
    names = [value_at(config, key) for key in _source_paths(config)]
    named = [name for name in names if isinstance(name, str)]
    if len(named) > 1:
        raise DataError(
            f"--data {data}: the prices of this run lie in {len(named)} places, "
            f"{', '.join(named)}; expected one; `bt-run bundle --with-data` packs them all"
        )
    return dict.fromkeys(named, str(data.resolve()))


def _source_paths(config: Mapping[str, Any]) -> Iterator[str]:
    """Yield the keys of the places where the sources' prices lie."""
    given = value_at(config, "data.source")
    if isinstance(given, list):
        yield from (f"data.source.{place}.path" for place in range(len(given)))
    else:
        yield "data.source.path"


def _refuse_missing(
    place: Path, config: Mapping[str, Any], places: Mapping[str, str]
) -> None:
    """Refuse a bundle whose prices lie neither in it nor where the user says."""
    for key in _data_keys(config):
        name = value_at(config, key)
        if isinstance(name, str) and name not in places:
            raise DataError(
                f"{place}: {key}: {name}: no such file or folder in the bundle; `--data PATH` "
                "says where the prices lie, and `bt-run bundle --with-data` packs them and tables"
            )


def _data_keys(config: Mapping[str, Any]) -> Iterator[str]:
    yield from _source_paths(config)
    yield "data.universe.file"
    tables = value_at(config, "data.tables")
    for name in tables if isinstance(tables, Mapping) else ():
        yield f"data.tables.{name}.file"
        yield f"data.tables.{name}.source.path"
