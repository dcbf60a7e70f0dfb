"""The JSON of a run, read by somebody who did not write it: well formed, shallow, of the right
kinds.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from bt_run.results.result import TABLE_NAME, TABLES

__all__ = ["check_manifest", "check_metrics", "first_fault", "parsed_json", "read_json"]

MOST_BYTES = 1 << 26
DEEPEST = 60


class _Manifest(BaseModel):
    """What every manifest holds; further keys are those of later runs."""

    model_config = ConfigDict(strict=True, extra="allow")

    run_id: str
    config: dict[str, Any]
    data: str
    files: dict[str, str]
    sources: dict[str, str]
    versions: dict[str, str]
    plugins: list[str] = []
    analyses: dict[Annotated[str, Field(pattern=f"^{TABLE_NAME}$")], str] = {}
    orders: str
    tables: dict[str, str]
    notes: list[str]
    warnings: list[str] = []


_METRICS = TypeAdapter(dict[str, dict[str, float | None]])


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Raises:
        ValueError: it is too long, not UTF-8, not JSON, or too deep.
        OSError: it cannot be read.
    """
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise ValueError(
            f"{path.name}: found {size:,} bytes; expected {MOST_BYTES:,} at most"
        )
    return parsed_json(path.read_bytes(), path.name)


def parsed_json(content: bytes, name: str) -> Any:
    """Return what a JSON text holds; ``name`` is what an error calls it.

    Raises:
        ValueError: it is not UTF-8, not JSON, or too deep.
    """
    too_deep = f"{name}: nested too deep; expected {DEEPEST} levels at most"
    try:
        found = json.loads(content.decode(), parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise ValueError(f"{name}: not UTF-8 (byte {error.start})") from error
    except RecursionError as error:
        raise ValueError(too_deep) from error
    except ValueError as error:
        raise ValueError(f"{name}: not JSON: {error}") from error
    level = [found]
    for _ in range(DEEPEST):
        level = [inner for item in level for inner in _inside(item)]
        if not level:
            return found
    raise ValueError(too_deep)


def check_manifest(value: Any) -> None:
    """Refuse what is no manifest of a run.

    Raises:
        ValueError: names the first key that is missing or of another kind.
    """
    try:
        manifest = _Manifest.model_validate(value)
    except ValidationError as error:
        raise ValueError(f"manifest.json: {first_fault(error)}") from error
    lacking = sorted(set(TABLES) - manifest.tables.keys())
    if lacking:
        raise ValueError(f"manifest.json: tables: no hash of {', '.join(lacking)}")


def check_metrics(value: Any) -> None:
    """Refuse what are no metrics of a run.

    Raises:
        ValueError: names the first that is of another kind.
    """
    try:
        _METRICS.validate_python(value, strict=True)
    except ValidationError as error:
        raise ValueError(f"metrics.json: {first_fault(error)}") from error


def _refuse_constant(word: str) -> None:
    raise ValueError(f"found {word}; expected numbers or null")


def _inside(item: Any) -> list[Any]:
    if isinstance(item, dict):
        return list(item.values())
    return item if isinstance(item, list) else []


def first_fault(error: ValidationError) -> str:
    """Return what is wrong first, and where."""
    fault = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in fault["loc"])
    return f"{place}: {fault['msg']}" if place else str(fault["msg"])
