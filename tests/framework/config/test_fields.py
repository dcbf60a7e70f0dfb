"""Configurations in words."""

from __future__ import annotations

from datetime import date, time
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import Field

from bt_run import Config, Nested
from bt_run.config.fields import FieldRow, field_rows, leaf_types, nested_role


class Leg(Config):
    weight: float
    side: str = "long"


class Everything(Config):
    fast: int = Field(description="bars")
    band: float = 0.5
    short: bool = False
    side: Literal["long", "short"] = "long"
    day: date | None = None
    at: time = time(10, 30)
    file: Path = Path("a.csv")
    legs: tuple[Leg, ...] = (Leg(weight=1.0),)
    rates: dict[str, float] = Field(default_factory=dict)
    thing: Any = None
    child: Nested["strategy"] | None = None  # noqa: F821, UP037 - a role, not a forward reference
    children: tuple[Nested["sizer"], ...] = ()  # noqa: F821, UP037


@pytest.mark.parametrize(
    "row",
    [
        FieldRow("fast", "integer", None, "bars"),
        FieldRow("band", "number", "0.5", ""),
        FieldRow("short", "true | false", "false", ""),
        FieldRow("side", "long | short", "long", ""),
        FieldRow("day", "date | null", "null", ""),
        FieldRow("at", "time", "10:30:00", ""),
        FieldRow("file", "path", "a.csv", ""),
        FieldRow("legs", "list of {weight, side}", "[{weight: 1.0, side: long}]", ""),
        FieldRow("rates", "mapping of string to number", "{}", ""),
        FieldRow("thing", "anything", "null", ""),
        FieldRow("child", "strategy | null", "null", ""),
        FieldRow("children", "list of sizer", "[]", ""),
    ],
    ids=lambda row: row.name,
)
def test_a_field_is_described_in_the_words_of_yaml(row: FieldRow) -> None:
    assert row in field_rows(Everything)


def test_the_fields_keep_their_order() -> None:
    assert [row.name for row in field_rows(Everything)] == list(Everything.model_fields)


def test_nested_roles_are_found_in_lists_and_optional_fields() -> None:
    roles = {
        name: nested_role(field) for name, field in Everything.model_fields.items()
    }
    assert {name: role for name, role in roles.items() if role} == {
        "child": "strategy",
        "children": "sizer",
    }


def test_leaf_types_are_the_classes_that_an_annotation_is_made_of() -> None:
    assert leaf_types(list[Path] | dict[str, int]) == (Path, str, int)
    assert leaf_types(Literal["a"]) == ()
