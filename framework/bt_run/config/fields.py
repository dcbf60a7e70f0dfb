"""What the fields of a configuration take, read from their types."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType, NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from bt_run.model import ComponentSpec, Config, NestedRole

__all__ = [
    "FieldRow",
    "field_rows",
    "field_text",
    "leaf_types",
    "marks_of",
    "nested_role",
    "nested_roles",
    "type_text",
    "yaml_text",
]


@dataclass(frozen=True)
class FieldRow:
    """One key of a component in words; ``default`` is None when the key is required."""

    name: str
    type: str
    default: str | None
    description: str


def field_rows(config: type[Config]) -> list[FieldRow]:
    """Describe the keys of a component's config, in their order."""
    return [
        FieldRow(
            name=name,
            type=field_text(field),
            default=None if field.is_required() else yaml_text(_default(field)),
            description=field.description or "",
        )
        for name, field in config.model_fields.items()
    ]


@lru_cache(maxsize=512)
def nested_roles(config: type[BaseModel]) -> Mapping[str, str]:
    """Return the role of the component, or the list of them, that each field of a model names,
    without those that name none.
    """
    roles = {name: nested_role(field) for name, field in config.model_fields.items()}
    return MappingProxyType({name: role for name, role in roles.items() if role})


def nested_role(field: FieldInfo) -> str | None:
    """Return the role of the component, or the list of them, that a field names, or None."""
    marks = [*field.metadata, *marks_of(field.annotation)]
    return next((mark.role for mark in marks if isinstance(mark, NestedRole)), None)


def leaf_types(annotation: Any) -> tuple[type, ...]:
    """Return the classes of an annotation, each once and in its order: ``list[Path] | None`` gives
    Path and NoneType.
    """
    if isinstance(annotation, type) and not get_args(annotation):
        return (annotation,)
    leaves = [
        leaf
        for arg in get_args(annotation)
        if get_origin(annotation) is not Literal
        for leaf in leaf_types(arg)
    ]
    return tuple(dict.fromkeys(leaves))


def marks_of(annotation: Any) -> Iterator[Any]:
    if get_origin(annotation) is Annotated:
        yield from annotation.__metadata__
    for arg in get_args(annotation):
        yield from marks_of(arg)


def _default(field: FieldInfo) -> Any:
    if field.default_factory_takes_validated_data:
        return "computed"
    return field.get_default(call_default_factory=True)


def yaml_text(value: Any) -> str:
    """Write a default as a YAML file would."""
    if isinstance(value, ComponentSpec):
        return (
            value.use
            if not value.options
            else yaml_text({"use": value.use, **value.options})
        )
    if isinstance(value, BaseModel):
        value = dict(value)
    if isinstance(value, Mapping):
        return (
            "{"
            + ", ".join(f"{key}: {yaml_text(item)}" for key, item in value.items())
            + "}"
        )
    if isinstance(value, list | tuple | set | frozenset):
        return "[" + ", ".join(yaml_text(item) for item in value) + "]"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(value)


def field_text(field: FieldInfo, *, describe: bool = False) -> str:
    role = nested_role(field)
    words = type_text(field.annotation)
    if role:
        words = words.replace("component", role)
    return f"{words} ({field.description})" if describe and field.description else words


_KNOWN: Mapping[Any, str] = MappingProxyType(
    {
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
)


def type_text(annotation: Any) -> str:
    """Write a type for people who do not write Python."""
    origin, args = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return type_text(args[0])
    if origin is Literal:
        return " | ".join(str(arg) for arg in args)
    if origin in (Union, UnionType):
        return " | ".join(type_text(arg) for arg in args)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return f"mapping of {type_text(args[0])} to {type_text(args[1])}"
    if args:
        return f"list of {type_text(args[0])}"
    if annotation in _KNOWN:
        return _KNOWN[annotation]
    if isinstance(annotation, type) and issubclass(annotation, Path):
        return "path"
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        keys = ", ".join(annotation.model_fields)
        return "component" if annotation.__name__ == "ComponentSpec" else f"{{{keys}}}"
    return str(getattr(annotation, "__name__", annotation))
