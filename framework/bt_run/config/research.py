"""To which research a run belongs, and where its trials are counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from bt_run.model import Config

__all__ = ["ResearchConfig"]

NAME = r"^[A-Za-z0-9_][A-Za-z0-9_ .-]{0,98}$"


class ResearchConfig(Config):
    """What trials count together, and in which ledger; ``research: NAME`` is short for its name."""

    name: str | None = Field(
        default=None,
        pattern=NAME,
        description="trials of one name count together; without it, those on the same assets "
        "and benchmark",
    )
    ledger: Path | None = Field(
        default=None,
        description="the file of the trial ledger; without it, trials.sqlite in the folder of "
        "the results",
    )
    counted: bool = Field(
        default=True,
        description="false: the run is no trial, and every report says that nobody counted",
    )

    @model_validator(mode="before")
    @classmethod
    def _from_a_name(cls, value: Any) -> Any:
        return {"name": value} if isinstance(value, str) else value

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Let an editor know the short form."""
        whole = handler.resolve_ref_schema(handler(core_schema))
        return {"anyOf": [{"type": "string", "pattern": NAME}, whole]}
