"""The keys of the supervisor."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, field_validator

from bt_run import Config, Nested

__all__ = ["SupervisorConfig"]


class SupervisorConfig(Config):
    """How a confidence is learned and what it does.

    Complexity is capped: three levels, 300 trees, and a third of a column for each independent row.
    """

    defensive: Nested["sizer"] | None = Field(  # noqa: F821, UP037 - a role, not a forward reference
        default=None,
        description="the book for what confidence leaves; without it, cash",
    )
    series: dict[str, Literal[-1, 0, 1]] = Field(
        default={},
        description="series of data.tables that it sees -> the sign of their effect on the "
        "confidence: -1 where a higher value never raises it, 0 for any",
    )
    horizon: int = Field(
        default=20, ge=1, le=252, description="bars that a label looks ahead"
    )
    embargo: int = Field(
        default=5,
        ge=0,
        description="bars left out beside horizon and lag before each block",
    )
    switch_bps: float = Field(
        default=6.0,
        ge=0.0,
        description="what one switch costs, in hundredths of a per cent of the value moved; the "
        "aggressive book must beat the defensive one by more",
    )
    barrier: float | None = Field(
        default=None,
        gt=0.0,
        lt=1.0,
        description="label by whether the book gains this fraction before it loses it, in place "
        "of by whether it beats the defensive one",
    )
    refit: Literal["month", "quarter", "year"] = Field(
        default="year", description="when it is taught anew"
    )
    learn_from: int = Field(
        default=260, ge=0, description="bars before its rehearsal begins"
    )
    model: Literal["best", "tree", "twin", "base"] = Field(
        default="best",
        description="best: the tree where it beats its logistic twin by over one standard error, "
        "else the twin, and the base rate where neither beats that",
    )
    depth: int = Field(default=2, ge=1, le=3, description="levels of a tree")
    trees: int = Field(default=80, ge=1, le=300, description="trees")
    rate: float = Field(
        default=0.08, gt=0.0, le=0.5, description="what a tree corrects"
    )
    shrink: float = Field(
        default=100.0,
        ge=0.0,
        description="independent rows that weigh as much as the base rate",
    )
    gain: float = Field(
        default=1.0,
        gt=0.0,
        le=10.0,
        description="how far log odds are moved from those of the base rate",
    )
    alpha: float = Field(
        default=0.8,
        ge=0.0,
        lt=1.0,
        description="what is kept of the confidence in a session",
    )
    max_change: float = Field(
        default=0.10,
        gt=0.0,
        le=1.0,
        description="most that the confidence moves in a session",
    )
    floor: float = Field(default=0.0, ge=0.0, lt=1.0, description="least confidence")
    fallback: float = Field(
        default=0.5,
        ge=0.0,
        le=1.0,
        description="the confidence where there is no model, or none young enough",
    )
    max_age: int = Field(
        default=300, ge=1, description="bars after which a model is stale"
    )

    @field_validator("switch_bps")
    @classmethod
    def _is_small(cls, value: float) -> float:
        if value > 1000.0:
            raise ValueError("more than a tenth of the value moved; expected bps")
        return value
