"""The values that a sweep tries at a key."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Annotated, Any

from pydantic import ConfigDict, Discriminator, Field, Tag, model_validator

from bt_run.model import Config

__all__ = ["Axis", "LogUniform", "Steps", "Values", "values_of"]

MOST_STEPS = 100_000

Values = Annotated[list[Any], Field(min_length=1)]


class Steps(Config):
    """Numbers at equal steps: ``{from: 0.05, to: 0.20, step: 0.01}``, both ends included."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, validate_by_alias=True
    )

    first: int | float = Field(alias="from", description="the first value")
    last: int | float = Field(alias="to", description="no value is above it")
    step: int | float = Field(description="from one value to the next, above 0")

    @model_validator(mode="after")
    def _goes_somewhere(self) -> Steps:
        if self.step <= 0:
            raise ValueError(f"step was {self.step:g}; expected a number above 0")
        if self.last < self.first:
            raise ValueError(
                f"from was {self.first:g} and to {self.last:g}; expected from <= to"
            )
        count = (self.last - self.first) / self.step + 1
        if count > MOST_STEPS:
            raise ValueError(
                f"from, to and step give {count:,.0f} values; expected at most {MOST_STEPS:,}"
            )
        return self


class LogUniform(Config):
    """Numbers whose logarithm is uniform: ``{log_uniform: [20, 500]}``; between whole numbers,
    whole ones.
    """

    log_uniform: Annotated[
        list[int | float],
        Field(min_length=2, max_length=2, description="the lowest and the highest"),
    ]

    @model_validator(mode="after")
    def _has_a_logarithm(self) -> LogUniform:
        low, high = self.log_uniform
        if not 0 < low < high:
            raise ValueError(
                f"log_uniform was [{low:g}, {high:g}]; expected 0 < lowest < highest"
            )
        return self

    @property
    def whole(self) -> bool:
        """Tell whether the values are whole numbers."""
        return all(isinstance(end, int) for end in self.log_uniform)

    def at(self, fraction: float) -> int | float:
        """Return the value at a ``fraction`` in [0, 1] of the way on the logarithmic scale."""
        lowest, highest = self.log_uniform
        # the ends are themselves, whatever rounding does
        if fraction <= 0.0:
            return lowest
        if fraction >= 1.0:
            return highest
        low, high = math.log(lowest), math.log(highest)
        value = min(math.exp(low + fraction * (high - low)), highest)
        return round(value) if self.whole else max(value, lowest)


def _kind(value: Any) -> str:
    """Say which kind of axis a value is meant for, so that only that one complains."""
    if isinstance(value, LogUniform) or (
        isinstance(value, dict) and "log_uniform" in value
    ):
        return "log_uniform"
    return "steps" if isinstance(value, dict | Steps) else "values"


Axis = Annotated[
    Annotated[Steps, Tag("steps")]
    | Annotated[LogUniform, Tag("log_uniform")]
    | Annotated[Values, Tag("values")],
    Discriminator(_kind),
]


def values_of(axis: Axis) -> tuple[Any, ...] | None:
    """Return the values of an ``axis`` in their order; None where there is no end of them."""
    if isinstance(axis, LogUniform):
        return None
    if isinstance(axis, list):
        return tuple(axis)
    # decimals, so that 0.05 + 2 x 0.01 is the 0.07 that one would write
    first, last, step = (
        Decimal(str(end)) for end in (axis.first, axis.last, axis.step)
    )
    whole = isinstance(axis.first, int) and isinstance(axis.step, int)
    kind = int if whole else float
    count = int((last - first) / step) + 1
    return tuple(kind(first + number * step) for number in range(count))
