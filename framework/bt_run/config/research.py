"""To which research a run belongs, what it is judged by, and where its trials are counted."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from bt_run.model import Config

__all__ = ["ResearchConfig"]

NAME = r"^[A-Za-z0-9_][A-Za-z0-9_ .-]{0,98}$"


class ResearchConfig(Config):
    """What trials count together, in which ledger, and what is asked of a run; ``research: NAME``
    is short for its name.
    """

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
    purpose: Literal["earn", "track"] | None = Field(
        default=None,
        description="what the run is judged by: earn, its Sharpe ratio beside a baseline at equal "
        "exposure; track, its tracking error; without it, what its sizer is for",
    )
    tracking_error: float | None = Field(
        default=None,
        gt=0.0,
        lt=1.0,
        description="most that a run that tracks may stray from its benchmark, a fraction per "
        "year; to be fixed before a result is seen",
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
