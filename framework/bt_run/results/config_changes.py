"""What differs between two configurations: component by component, and key by key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from bt_run.config.portable_paths import is_path_name

__all__ = ["config_differences", "flattened"]


_NOT_THE_RESULT = ("name", "plugins", "reports", "research", "sweep")
# keys that hold components in order -> what one of them is called
_SEVERAL: Mapping[str, str] = MappingProxyType(
    {
        "overlays": "overlay",
        "triggers": "trigger",
        "exits": "exit",
        "analyzers": "analyzer",
    }
)
_ONE = ("strategy", "sizer", "broker")


def config_differences(was: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Return a line for each thing that affects a result and differs: components that came, went
    or were replaced by name, and keys by their dotted path.

    Paths do not count.
    """
    lines: list[str] = []
    old, new = _of_the_result(was), _of_the_result(now)
    for key, word in _SEVERAL.items():
        lines += _in_order(word, old.pop(key, None) or (), new.pop(key, None) or ())
    for key in _ONE:
        if _use(old.get(key)) != _use(new.get(key)):
            lines.append(
                _replaced(key, _use(old.pop(key, None)), _use(new.pop(key, None)))
            )
    return lines + _keys(old, new)


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


def _in_order(word: str, was: Sequence[Any], now: Sequence[Any]) -> list[str]:
    """Return what became of components that stand in order; two of one name are told apart by
    their order.
    """
    old, new = _numbered(was), _numbered(now)
    lines = [f"{word} {name} removed" for name in old if name not in new]
    lines += [f"{word} {name} added" for name in new if name not in old]
    both = [name for name in old if name in new]
    if both != [name for name in new if name in old]:
        lines.append(f"{word}s in another order: {', '.join(new)}")
    for name in both:
        changes = _keys(old[name], new[name])
        lines += [f"{word} {name}: {text}" for text in changes]
    return lines


def _numbered(items: Sequence[Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for item in items:
        name = _use(item) or str(item)
        again = sum(known.split(" #")[0] == name for known in found)
        found[f"{name} #{again + 1}" if again else name] = item
    return found


def _replaced(key: str, was: str, now: str) -> str:
    if not was:
        return f"{key} {now} added"
    return f"{key} {was} replaced by {now}" if now else f"{key} {was} removed"


def _use(item: Any) -> str:
    return str(item["use"]) if isinstance(item, Mapping) and "use" in item else ""


def _keys(was: Any, now: Any) -> list[str]:
    """Return a line for each key that differs, by its dotted path."""
    old, new = dict(flattened(was)), dict(flattened(now))
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


def _of_the_result(tree: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in tree.items() if key not in _NOT_THE_RESULT}
