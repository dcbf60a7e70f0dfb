"""Configurations of components, and how a component names others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    field_validator,
    model_validator,
)

__all__ = [
    "ComponentSpec",
    "Config",
    "Nested",
    "NestedRole",
    "YearlyRate",
    "refuse_per_cent",
]

LARGEST_INTEGER = 2**63 - 1
HIGHEST_RATE = 0.5  # a year; beyond lies what was meant in per cent


def refuse_per_cent(fraction: float, most: float = HIGHEST_RATE) -> float:
    """Return ``fraction``; refuse one whose size is above ``most``, with both readings.

    Raises:
        ValueError: such a number was meant in per cent.
    """
    if abs(fraction) > most:
        raise ValueError(
            f"a fraction per year is expected: found {fraction:g}, which is {fraction:.0%}; write "
            f"{fraction / 100:g} for {fraction:g} % (the size may be {most:g} at most)"
        )
    return fraction


YearlyRate = Annotated[float, AfterValidator(refuse_per_cent)]


class Config(BaseModel):
    """The frozen configuration of a component: unknown keys are refused, and whole numbers of more
    than 64 bits, which no array holds.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @field_validator("*", mode="after")
    @classmethod
    def _fits_an_array(cls, value: Any) -> Any:
        if isinstance(value, int) and abs(value) > LARGEST_INTEGER:
            text = f"found a number of {len(str(abs(value)))} digits; "
            raise ValueError(f"{text}expected at most {LARGEST_INTEGER:,} in size")
        return value


class ComponentSpec(BaseModel):
    """The name of a component and its keys, as a YAML file writes it: ``{use: NAME, key: value}``
    or ``NAME``.
    """

    model_config = ConfigDict(frozen=True)

    use: str
    options: dict[str, Any] = {}

    @model_validator(mode="before")
    @classmethod
    def _from_yaml(cls, value: Any) -> Any:
        if isinstance(value, str):
            return {"use": value}
        if isinstance(value, Mapping) and "use" in value and "options" not in value:
            return {
                "use": value["use"],
                "options": {k: v for k, v in value.items() if k != "use"},
            }
        return value


@dataclass(frozen=True)
class NestedRole:
    """Mark a ``ComponentSpec`` field with the role of the component that it names."""

    role: str


if TYPE_CHECKING:
    # A config field typed Nested["sizer"] reads well, and only the framework looks at its value.
    from typing import Literal as Nested
else:

    class Nested:
        """Type a config field as a nested component: ``defensive: Nested["sizer"]``."""

        def __class_getitem__(cls, role: str) -> Any:
            return Annotated[ComponentSpec, NestedRole(role)]
