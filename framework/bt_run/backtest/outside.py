"""What a run reads beside its prices: files that components name, and what components say they
read.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from bt_run.config.binding import Bound, BoundConfig
from bt_run.config.run_config import RunConfig
from bt_run.results.sources import file_tree_hash

__all__ = ["NO_FILE", "joint_fingerprint", "outside_files"]

NO_FILE = "no such file"
# prices have a fingerprint of their own, and what a report reads changes no number
WITHOUT = ("source", "report")


def outside_files(config: RunConfig, bound: BoundConfig) -> dict[str, str]:
    """Return the sha256 of each file or folder that a component's config names, by its key's
    path, and of the controls.
    """
    found = dict(_paths_in(config.controls, "controls"))
    for path, item in bound.placed():
        if item.role not in WITHOUT:
            found |= dict(_files(item, path))
    return {
        key: file_tree_hash(file) if file.exists() else NO_FILE
        for key, file in found.items()
    }


def joint_fingerprint(bars: str, others: Mapping[str, str]) -> str:
    """Return the fingerprint of the bars and of what components say they read; ``bars`` if
    nothing.
    """
    told = {path: fingerprint for path, fingerprint in others.items() if fingerprint}
    if not told:
        return bars
    text = json.dumps([bars, sorted(told.items())])
    return hashlib.sha256(text.encode()).hexdigest()


def _files(bound: Bound, path: str) -> Iterator[tuple[str, Path]]:
    for name, value in bound.options:
        if name not in bound.children:
            yield from _paths_in(value, f"{path}.{name}")


def _paths_in(value: Any, key: str) -> Iterator[tuple[str, Path]]:
    """Yield the paths inside a value of a config, each with the path of its key."""
    if isinstance(value, Path):
        yield key, value
    elif isinstance(value, BaseModel):
        for name, item in value:
            yield from _paths_in(item, f"{key}.{name}")
    elif isinstance(value, Mapping):
        for name, item in value.items():
            yield from _paths_in(item, f"{key}.{name}")
    elif isinstance(value, list | tuple):
        for place, item in enumerate(value):
            yield from _paths_in(item, f"{key}.{place}")
