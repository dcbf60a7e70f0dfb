"""What a sweep tries, by which search, and by what it judges."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from bt_run.config.constraints import parsed_constraint
from bt_run.config.search_space import Axis, LogUniform
from bt_run.model import ComponentSpec, Config, NestedRole

__all__ = ["FoldsConfig", "SweepConfig"]


class FoldsConfig(Config):
    """Windows of sessions: the best of each training window is judged on the test window after."""

    train: int = Field(default=1260, ge=20, description="sessions of a training window")
    test: int = Field(default=252, ge=1, description="sessions of a test window")
    gap: int = Field(
        default=0, ge=0, description="sessions left out between the two windows"
    )
    anchored: bool = Field(
        default=False,
        description="every training window begins with the run, so that it grows",
    )


class SweepConfig(Config):
    """A sweep: the keys that change, the search through their values, and the score."""

    over: dict[str, Axis] = Field(
        min_length=1,
        description="dotted key -> a list of values, {from, to, step} or {log_uniform: [a, b]}",
    )
    constraints: tuple[str, ...] = Field(
        default=(),
        description="conditions between keys, such as strategy.fast < strategy.slow; what breaks "
        "one is not tried",
    )
    search: Literal["exhaustive", "random", "optuna"] = Field(
        default="exhaustive", description="all there are, some at random, or by Optuna"
    )
    n: int | None = Field(
        default=None, ge=1, description="how many a random search or Optuna tries"
    )
    seed: int = Field(default=0, ge=0, description="of a random search and of Optuna")
    batch: int = Field(
        default=8,
        ge=1,
        description="how many Optuna asks for at once, whatever the number of workers",
    )
    folds: FoldsConfig | None = Field(
        default=None, description="choose in training windows, judge in those after"
    )
    score: str = Field(
        default="sharpe", description="a metric, or a robust score of single years"
    )
    executor: Annotated[ComponentSpec, NestedRole("executor")] | None = Field(
        default=None, description="plays the cells"
    )
    timeout: float | None = Field(
        default=None, gt=0, description="seconds after which a cell is given up"
    )

    @field_validator("constraints")
    @classmethod
    def _are_conditions(cls, texts: tuple[str, ...]) -> tuple[str, ...]:
        for text in texts:
            parsed_constraint(text)
        return texts

    @model_validator(mode="after")
    def _has_an_end(self) -> SweepConfig:
        if self.search == "exhaustive":
            endless = [
                key for key, axis in self.over.items() if isinstance(axis, LogUniform)
            ]
            if endless:
                raise ValueError(
                    f"search: exhaustive tries every value, and {endless[0]} has no end of them; "
                    "expected search: random or optuna, or a list"
                )
            if self.n is not None:
                raise ValueError(
                    f"n was {self.n}, and search: exhaustive tries every value; expected "
                    "search: random or optuna"
                )
        elif self.n is None:
            raise ValueError(
                f"n: missing; search: {self.search} needs how many cells it tries"
            )
        return self
