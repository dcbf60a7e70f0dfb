"""Who a run is: the hash of all that affects its result."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from bt_run.results.sources import UsedCode

__all__ = ["Provenance", "plain_json", "run_identity"]


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """What a result follows from.

    Attributes:
        config: the resolved configuration, plain JSON, with names for paths.
        fingerprint: the sha256 of the data.
        files: the sha256 of each outside file that a component names, by the path of its key.
        code: the sources and versions of what ran.
    """

    config: Mapping[str, Any]
    fingerprint: str
    files: Mapping[str, str]
    code: UsedCode
    seed: int


def run_identity(
    canonical: Mapping[str, Any],
    fingerprint: str,
    files: Mapping[str, str],
    code: UsedCode,
) -> str:
    """Return the 12 hex digits that name a run.

    They are equal exactly where everything that affects the result is equal.
    """
    parts: dict[str, Any] = {
        "config": canonical,
        "data": fingerprint,
        "files": files,
        "sources": code.sources,
        "versions": code.versions,
    }
    if len(code.plugins) > 1:
        # of a single file, sources say all
        parts["plugins"] = code.plugins
    text = json.dumps(
        parts,
        sort_keys=True,
        separators=(",", ":"),
        allow_nan=False,
        default=plain_json,
    )
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def plain_json(value: Any) -> Any:
    """Turn into JSON what numpy and dates put into a mapping.

    Raises:
        TypeError: the value is neither.
    """
    if isinstance(value, np.generic):
        return value.item()
    if hasattr(value, "isoformat"):
        return value.isoformat()
    raise TypeError(
        f"{value!r} is a {type(value).__name__}; expected plain JSON values or a date"
    )
