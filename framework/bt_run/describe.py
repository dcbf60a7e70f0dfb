"""Say in words what configurations consist of, and what is wrong with one."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from bt_run.components import ComponentSpec, Config, NestedRole
from bt_run.plugins import did_you_mean
from bt_run.yaml_file import KeyPath, Positions

__all__ = ["FieldRow", "complaints", "dotted", "field_rows", "leaf_types", "locate", "nested_role"]

LONGEST_VALUE = 60


@dataclass(frozen=True)
class FieldRow:
    """Describe one key of a component in words; ``default`` is None when the key is required."""

    name: str
    type: str
    default: str | None
    description: str


def field_rows(config: type[Config]) -> list[FieldRow]:
    """Describe the keys of a component's config, in their order."""
    return [
        FieldRow(
            name=name,
            type=_field_words(field),
            default=None if field.is_required() else _yaml_words(_default(field)),
            description=field.description or "",
        )
        for name, field in config.model_fields.items()
    ]


def nested_role(field: FieldInfo) -> str | None:
    """Return the role of the component, or of the list of them, that a field names; None for other fields."""
    marks = [*field.metadata, *_marks(field.annotation)]
    return next((mark.role for mark in marks if isinstance(mark, NestedRole)), None)


def leaf_types(annotation: Any) -> set[type]:
    """Return the classes that an annotation is made of: ``list[Path] | None`` gives Path and NoneType."""
    if isinstance(annotation, type) and not get_args(annotation):
        return {annotation}
    leaves = [leaf_types(arg) for arg in get_args(annotation) if get_origin(annotation) is not Literal]
    return set().union(*leaves)


def locate(places: Positions, path: KeyPath, message: str, *, key: bool = False) -> str:
    """Return ``message`` with the place of the value (or key) at ``path``, or of the nearest one above."""
    message = f"{dotted(path)}: {message}" if path else message
    for length in range(len(path), -1, -1):
        found = places.get(path[:length])
        if found:
            return found[0 if key or length < len(path) else 1].tell(message)
    return message


def dotted(path: KeyPath) -> str:
    """Write a key path as the command line does: ``overlays.0.annual``."""
    return ".".join(str(part) for part in path)


def complaints(
    errors: Sequence[ErrorDetails], raw: Any, model: type[BaseModel], at: KeyPath, places: Positions
) -> list[str]:
    """Turn pydantic's errors about ``raw``, which stands at ``at``, into located sentences."""
    told: dict[tuple[KeyPath, str, Any], list[str]] = {}
    for error in errors:
        path = _in_data(error, raw)
        wrong, expected = _words(error, path, model)
        found = "nothing" if error["type"] == "missing" else _short(error["input"])
        told.setdefault((path, wrong, found), []).append(expected)
    out = []
    for (path, wrong, found), expectations in told.items():
        # a union complains once per alternative: one sentence that names them all
        expected = " or ".join(dict.fromkeys(filter(None, expectations)))
        message = "; ".join(filter(None, [wrong, f"found {found}", expected and f"expected {expected}"]))
        out.append(locate(places, (*at, *path), message, key=wrong == "unknown key"))
    return out


def _in_data(error: ErrorDetails, raw: Any) -> KeyPath:
    """Return the error's location without what pydantic adds: names of union members and validators."""
    path: list[str | int] = []
    parts = error["loc"]
    for i, part in enumerate(parts):
        inside = (isinstance(raw, Mapping) and part in raw) or (
            isinstance(raw, list | tuple) and isinstance(part, int) and part < len(raw)
        )
        if inside:
            raw = raw[part]
            path.append(part)
        elif error["type"] == "missing" and i == len(parts) - 1:
            path.append(part)
    return tuple(path)


def _words(error: ErrorDetails, path: KeyPath, model: type[BaseModel]) -> tuple[str, str]:
    """Return what is wrong and what would be right."""
    kind, message = error["type"], error["msg"]
    if kind == "extra_forbidden":
        known = list(_fields_at(model, path[:-1]))
        return "unknown key", f"one of {', '.join(known) or 'none'}{did_you_mean(str(path[-1]), known)}"
    if kind == "missing":
        if path and path[-1] == "use":
            return "missing key", "the NAME of a component"
        field = _fields_at(model, path[:-1]).get(str(path[-1])) if path else None
        return "missing key", _field_words(field, describe=True) if field else "a value"
    if kind in ("value_error", "assertion_error"):
        return str(error["ctx"]["error"]), ""
    expected = _expectation(message)
    if kind in ("literal_error", "enum"):
        words = re.findall(r"'([^']*)'", message)
        return "unknown word", expected + did_you_mean(str(error["input"]), words)
    if kind == "string_type" and isinstance(error["input"], bool | int | float | date):
        expected = "a string, so put it in quotes"
    return "wrong value", expected


def _expectation(message: str) -> str:
    """Return what pydantic says should be, in the words of this project."""
    if "ComponentSpec" in message:
        return "a component's NAME or {use: NAME, ...}"
    words = re.sub(r"^\w+ should (be |have |match )?", "", message)
    words = re.sub(r", unable to .*|, input is .*|, invalid .*| after validation.*", "", words)
    words = re.sub(r"a valid dictionary( or instance of \w+)?", "a mapping", words)
    words = re.sub(r"a valid (list|tuple|set|frozenset)", "a list", words)
    words = words.replace("a valid date or datetime", "a date")
    words = re.sub(r"^(greater|less)", r"a number \1", words.replace("a valid ", "a "))
    return re.sub(r"\ba (?=[aeio])", "an ", words[:1].lower() + words[1:])


def _fields_at(model: type[BaseModel], path: KeyPath) -> dict[str, FieldInfo]:
    """Return the known fields below ``path``."""
    models: list[type[BaseModel]] = [model]
    for part in path:
        if isinstance(part, int):
            continue
        fields = [m.model_fields[part] for m in models if part in m.model_fields]
        leaves = [leaf for field in fields for leaf in leaf_types(field.annotation)]
        models = [leaf for leaf in leaves if issubclass(leaf, BaseModel)]
    return {name: field for m in models for name, field in m.model_fields.items()}


def _marks(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) is Annotated:
        yield from annotation.__metadata__
    for arg in get_args(annotation):
        yield from _marks(arg)


def _default(field: FieldInfo) -> Any:
    if field.default_factory_takes_validated_data:
        return "computed"
    return field.get_default(call_default_factory=True)


def _short(value: Any) -> str:
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    text = repr(value) if not isinstance(value, date | time | Path) else str(value)
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 3] + "..."


def _yaml_words(value: Any) -> str:
    """Write a default as a YAML file would."""
    if isinstance(value, ComponentSpec):
        return value.use if not value.options else _yaml_words({"use": value.use, **value.options})
    if isinstance(value, BaseModel):
        value = dict(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {_yaml_words(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple | set | frozenset):
        return "[" + ", ".join(_yaml_words(item) for item in value) + "]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)


def _field_words(field: FieldInfo, *, describe: bool = False) -> str:
    role = nested_role(field)
    words = _type_words(field.annotation)
    if role:
        words = words.replace("component", role)
    return f"{words} ({field.description})" if describe and field.description else words


def _type_words(annotation: Any) -> str:
    """Write a type for people who do not write Python."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _type_words(args[0])
    if origin is Literal:
        return " | ".join(str(arg) for arg in args)
    if origin in (Union, UnionType):
        return " | ".join(_type_words(arg) for arg in args)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return f"mapping of {_type_words(args[0])} to {_type_words(args[1])}"
    if args:
        return f"list of {_type_words(args[0])}"
    known = {
        str: "string",
        int: "integer",
        float: "number",
        bool: "true | false",
        date: "date",
        datetime: "date and time",
        time: "time",
        NoneType: "null",
        Any: "anything",
    }
    if annotation in known:
        return known[annotation]
    if isinstance(annotation, type) and issubclass(annotation, Path):
        return "path"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        keys = ", ".join(annotation.model_fields)
        return "component" if annotation.__name__ == "ComponentSpec" else f"{{{keys}}}"
    return str(getattr(annotation, "__name__", annotation))
