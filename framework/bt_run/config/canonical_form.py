"""A configuration as plain JSON: with all defaults, or with only what affects the result."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic_core import to_jsonable_python

from bt_run.component import ClassicConfig
from bt_run.config.binding import Bound, BoundConfig
from bt_run.config.portable_paths import PortablePaths
from bt_run.config.run_config import RunConfig

__all__ = ["NO_PART_OF_A_RESULT", "canonical", "placed", "portable", "resolved"]

Written = Callable[[Path], str]
# keys of a run file that change no number of the run
NO_PART_OF_A_RESULT = ("name", "plugins", "reports", "research", "sweep")


def resolved(config: RunConfig, bound: BoundConfig) -> dict[str, Any]:
    """Return the configuration with all defaults, JSON-able, in the order of the YAML."""
    return _tree(config, bound, str)


def placed(config: RunConfig, bound: BoundConfig) -> dict[str, Any]:
    """Return the resolved configuration with absolute paths."""
    return _tree(config, bound, lambda path: str(path.absolute()))


def portable(
    config: RunConfig, bound: BoundConfig, names: PortablePaths
) -> dict[str, Any]:
    """Return the resolved configuration with names in the place of paths; ``names`` keeps them."""
    return _tree(config, bound, names.name)


def canonical(config: RunConfig, bound: BoundConfig) -> dict[str, Any]:
    """Return what affects the result: no name, reports, research or sweep, no paths; assets
    sorted, but for a Backtrader strategy, which knows them by their number.
    """
    tree = _tree(config, bound, None)
    if not _is_classic(bound):
        tree["data"]["assets"] = dict(sorted(tree["data"]["assets"].items()))
    return {key: value for key, value in tree.items() if key not in NO_PART_OF_A_RESULT}


def _tree(
    config: RunConfig, bound: BoundConfig, paths: Written | None
) -> dict[str, Any]:
    order = list(type(config).model_fields)
    tree = {name: _jsonable(getattr(config, name), paths) for name in order}
    for item in fields(bound):
        if item.name not in ("source", "tables"):
            tree[item.name] = _component(getattr(bound, item.name), paths)
    tree["data"]["source"] = _component(bound.source, paths)
    for name, child in bound.tables.items():
        tree["data"]["tables"][name]["source"] = _component(child, paths)
    if _is_classic(bound):
        # JSON with sorted keys would lose the order
        tree["data"]["assets"] = [list(pair) for pair in tree["data"]["assets"].items()]
    return {name: tree[name] for name in order}


def _is_classic(bound: BoundConfig) -> bool:
    return issubclass(bound.strategy.offer.component.config, ClassicConfig)


def _component(bound: Bound | tuple[Bound, ...] | None, paths: Written | None) -> Any:
    if bound is None:
        return None
    if isinstance(bound, tuple):
        return [_component(item, paths) for item in bound]
    options: dict[str, Any] = {}
    for name, value in bound.options:
        if name in bound.children:
            options[name] = _component(bound.children[name], paths)
        elif paths or not _holds_path(value):
            options[name] = _jsonable(value, paths)
    return {"use": bound.name, **options}


def _jsonable(value: Any, paths: Written | None) -> Any:
    """Return ``value`` as JSON knows it; ``paths`` writes those inside, and None drops them."""
    if value is None or type(value) in (str, bool, int, float):
        return value
    if isinstance(value, Path) and paths is not None:
        return paths(value)
    if isinstance(value, BaseModel):
        value = {
            field.alias or name: getattr(value, name)
            for name, field in type(value).model_fields.items()
        }
    if isinstance(value, Mapping):
        kept = {
            key: item for key, item in value.items() if paths or not _holds_path(item)
        }
        return {str(key): _jsonable(item, paths) for key, item in kept.items()}
    if isinstance(
        value, set | frozenset
    ):  # their order changes from process to process
        return sorted(
            (_jsonable(item, paths) for item in sorted(value, key=repr)), key=repr
        )
    if isinstance(value, list | tuple):
        return [
            _jsonable(item, paths) for item in value if paths or not _holds_path(item)
        ]
    return to_jsonable_python(value, fallback=str)


def _holds_path(value: Any) -> bool:
    if isinstance(value, list | tuple | set | frozenset):
        return bool(value) and all(_holds_path(item) for item in value)
    return isinstance(value, Path)
