"""Configurations of components, and how a component names others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, model_validator

__all__ = ["ComponentSpec", "Config", "Nested", "NestedRole"]


class Config(BaseModel):
    """The frozen configuration of a component: unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


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
    Nested = Literal
else:

    class Nested:
        """Type a config field as a nested component: ``defensive: Nested["sizer"]``."""

        def __class_getitem__(cls, role: str) -> Any:
            from typing import Annotated

            return Annotated[ComponentSpec, NestedRole(role)]
