"""What is wrong with a configuration, in words, and where."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from bt_run.config.fields import field_text, leaf_types
from bt_run.config.places import KeyPath, Positions, locate
from bt_run.text import did_you_mean

__all__ = ["complaints_of"]

LONGEST_VALUE = 60


def complaints_of(
    errors: Sequence[ErrorDetails],
    raw: Any,
    model: type[BaseModel],
    at: KeyPath,
    places: Positions,
) -> list[str]:
    """Turn pydantic's errors about ``raw``, which stands at ``at``, into located sentences."""
    alike: dict[_Wrong, list[str]] = {}
    for error in errors:
        path = _in_data(error, raw)
        wrong, expected = _words(error, path, model)
        found = "nothing" if error["type"] == "missing" else _short(error["input"])
        alike.setdefault(_Wrong(path, wrong, found), []).append(expected)
    return [_located(wrong, expected, at, places) for wrong, expected in alike.items()]


@dataclass(frozen=True)
class _Wrong:
    """What is wrong at a path, and what was found there."""

    path: KeyPath
    wrong: str
    found: str


def _located(
    item: _Wrong, expectations: Sequence[str], at: KeyPath, places: Positions
) -> str:
    # a union complains once per alternative: one sentence that names them all
    expected = " or ".join(dict.fromkeys(filter(None, expectations)))
    words = [
        item.wrong,
        f"found {item.found}",
        f"expected {expected}" if expected else "",
    ]
    message = "; ".join(word for word in words if word)
    is_key = item.wrong == "unknown key"
    return locate(places, (*at, *item.path), message, key=is_key)


def _in_data(error: ErrorDetails, raw: Any) -> KeyPath:
    """Return the error's location without what pydantic adds: names of union members and
    validators.
    """
    path: list[str | int] = []
    parts = error["loc"]
    for i, part in enumerate(parts):
        is_key = isinstance(raw, Mapping) and part in raw
        is_index = (
            isinstance(part, int) and isinstance(raw, list | tuple) and part < len(raw)
        )
        if is_key or is_index:
            raw = raw[part]
            path.append(part)
        elif error["type"] == "missing" and i == len(parts) - 1:
            path.append(part)
    return tuple(path)


def _words(
    error: ErrorDetails, path: KeyPath, model: type[BaseModel]
) -> tuple[str, str]:
    """Return what is wrong and what would be right."""
    kind = error["type"]
    if kind == "extra_forbidden":
        return "unknown key", _known_keys(path, model)
    if kind == "missing":
        return "missing key", _missing_key(path, model)
    if kind in ("value_error", "assertion_error"):
        return str(error["ctx"]["error"]), ""
    expected = _expectation(error["msg"])
    if kind in ("literal_error", "enum"):
        words = re.findall(r"'([^']*)'", error["msg"])
        return "unknown word", expected + did_you_mean(str(error["input"]), words)
    if kind == "string_type" and isinstance(error["input"], bool | int | float | date):
        expected = "a string, so put it in quotes"
    if kind.startswith("date_"):
        expected = "a date written YEAR-MONTH-DAY, such as 2000-01-03"
    if kind in ("float_parsing", "int_parsing") and "," in str(error["input"]):
        expected += " without commas, such as 100000 or 0.5"
    return "wrong value", expected


def _known_keys(path: KeyPath, model: type[BaseModel]) -> str:
    known = list(_fields_at(model, path[:-1]))
    hint = did_you_mean(str(path[-1]), known)
    return f"one of {', '.join(known) or 'none'}{hint}"


def _missing_key(path: KeyPath, model: type[BaseModel]) -> str:
    if not path:
        return "a value"
    if path[-1] == "use":
        return "the NAME of a component"
    field = _fields_at(model, path[:-1]).get(str(path[-1]))
    return field_text(field, describe=True) if field else "a value"


def _expectation(message: str) -> str:
    """Return what pydantic says should be, in the words of this project."""
    if "ComponentSpec" in message:
        return "a component's NAME or {use: NAME, ...}"
    words = re.sub(r"^\w+ should (be |have |match )?", "", message)
    words = re.sub(
        r", unable to .*|, input is .*|, invalid .*| after validation.*", "", words
    )
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
        if not fields:
            continue  # a key of a mapping, whose values are the models
        leaves = [leaf for field in fields for leaf in leaf_types(field.annotation)]
        models = [leaf for leaf in leaves if issubclass(leaf, BaseModel)]
    return {
        field.alias or name: field
        for m in models
        for name, field in m.model_fields.items()
    }


def _short(value: Any) -> str:
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json")
    text = repr(value) if not isinstance(value, date | time | Path) else str(value)
    return text if len(text) <= LONGEST_VALUE else text[: LONGEST_VALUE - 3] + "..."
