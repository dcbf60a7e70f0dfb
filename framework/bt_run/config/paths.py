"""Relative paths of a YAML file start at the folder of the file in which they stand."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from bt_run.config.fields import leaf_types
from bt_run.config.places import KeyPath, Positions
from bt_run.model import ComponentSpec

__all__ = ["folder_of", "rebased"]


def rebased(
    value: Any, leaves: Collection[type], path: KeyPath, places: Positions
) -> Any:
    """Let relative paths start at the folder of the file in which they stand.

    ``leaves`` are the classes that the value's annotation is made of. This happens before
    validation, so that a type such as ``FilePath`` looks in the right place.
    """
    if isinstance(value, str | Path):
        is_path = any(issubclass(leaf, Path) for leaf in leaves) and str not in leaves
        return (
            (folder_of(places, path) / Path(value).expanduser()) if is_path else value
        )
    if isinstance(value, list | tuple):
        return [
            rebased(item, leaves, (*path, i), places) for i, item in enumerate(value)
        ]
    if not isinstance(value, Mapping):
        return value
    models = [
        leaf
        for leaf in leaves
        if issubclass(leaf, BaseModel) and leaf is not ComponentSpec
    ]
    known = {
        name: field for model in models for name, field in model.model_fields.items()
    }
    return {
        name: rebased(
            item,
            leaf_types(known[name].annotation) if name in known else leaves,
            (*path, name),
            places,
        )
        for name, item in value.items()
    }


def folder_of(places: Positions, path: KeyPath) -> Path:
    return places[path][1].folder if path in places else Path.cwd()
