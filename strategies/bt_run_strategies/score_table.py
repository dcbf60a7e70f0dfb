"""Give the scores of tables, one for each horizon, in units of risk."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field, field_validator

from bt_run import Array, Bars, BuildContext, Component, Config, hookimpl
from bt_run_strategies.horizons import (
    Standard,
    merged,
    own_deviation,
    risk_scaled,
    standardised,
)


class ScoreHorizon(Config):
    """The scores of one horizon."""

    table: str = Field(description="table of numbers of data.tables")
    bars: int = Field(1, ge=1, description="bars ahead that a score is about")
    weight: float = Field(1.0, gt=0.0, description="its weight among the horizons")


class ScoreTableConfig(Config):
    """Configuration of scores that tables hold."""

    horizons: tuple[ScoreHorizon, ...] = Field(
        min_length=1, description="the tables, one for each horizon"
    )
    sigma: int | None = Field(
        60,
        ge=2,
        description="own returns in the deviation that scores are divided by; null where they are "
        "in units of risk already",
    )
    standard: Standard = Field(
        "zscore",
        description="how scores become comparable: zscore, rank, or raw as they are",
    )

    @field_validator("horizons")
    @classmethod
    def _each_once(cls, horizons: tuple[ScoreHorizon, ...]) -> tuple[ScoreHorizon, ...]:
        names = [one.table for one in horizons]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(
                    f"the table {name!r} stands {names.count(name)} times; expected one horizon "
                    "for each table"
                )
        return horizons


class ScoreTable:
    """The z of tables of scores, merged over horizons."""

    gives = "score"

    def __init__(self, config: ScoreTableConfig, context: BuildContext) -> None:
        self.config = config
        self.reads: dict[str, Literal["number", "text", "series"]] = {
            one.table: "number" for one in config.horizons
        }

    def signals(self, bars: Bars) -> Array:
        """Return z (T, N); NaN where no horizon has a score or the deviation is not known."""
        config = self.config
        sigma = None if config.sigma is None else own_deviation(bars, config.sigma)
        parts = []
        for one in config.horizons:
            score = np.asarray(bars.table(one.table), dtype=np.float64)
            if sigma is not None:
                score = risk_scaled(score, sigma, one.bars)
            parts.append(standardised(score, bars.tradable, config.standard))
        return merged(parts, [one.weight for one in config.horizons])


@hookimpl
def bt_strategies() -> list[Component]:
    return [
        Component(
            name="score_table",
            config=ScoreTableConfig,
            build=ScoreTable,
            summary="scores of tables, one a horizon, over their risk and merged",
            example={
                "horizons": [
                    {"table": "near", "bars": 5, "weight": 2.0},
                    {"table": "far", "bars": 21},
                ],
                "sigma": 20,
            },
        )
    ]
