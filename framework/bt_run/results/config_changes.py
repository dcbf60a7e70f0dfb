"""What differs between two configurations, key by key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bt_run.config.portable_paths import is_path_name

__all__ = ["config_differences", "flattened"]


_NOT_THE_RESULT = ("name", "plugins", "reports")


def config_differences(was: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return a line for each key that affects a result and differs, by its dotted path.

    Paths do not count.
    """
    old, new = _of_the_result(was), _of_the_result(now)
    lines = []
    for key in sorted(old.keys() | new.keys()):
        if key not in old:
            lines.append(f"{key} was not there, is {new[key]!r}")
        elif key not in new:
            lines.append(f"{key} was {old[key]!r}, is gone")
        elif old[key] != new[key] and not (
            is_path_name(old[key]) and is_path_name(new[key])
        ):
            lines.append(f"{key} was {old[key]!r}, is {new[key]!r}")
    return lines


def flattened(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the values inside mappings and lists, each with its dotted path."""
    if isinstance(value, Mapping):
        items = list(value.items())
    elif isinstance(value, list | tuple):
        items = list(enumerate(value))
    else:
        yield path, value
        return
    for key, item in items:
        yield from flattened(item, f"{path}.{key}" if path else str(key))


def _of_the_result(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Return what affects a result, flat."""
    kept = {key: value for key, value in tree.items() if key not in _NOT_THE_RESULT}
    return dict(flattened(kept))
