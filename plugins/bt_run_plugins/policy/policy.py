"""A policy: the limits under which a portfolio is rebalanced, as somebody wrote them down."""

from __future__ import annotations

import hashlib
import json
from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from bt_run import Config

__all__ = ["OptimizationPolicy", "Relaxing", "canonical_text", "content_hash"]

ID = r"^[a-z0-9][a-z0-9_-]{0,62}$"


def _refuse_per_cent(value: float) -> float:
    """Refuse what was meant in per cent, with both readings."""
    if value > 1.0:
        raise ValueError(
            f"a fraction is expected: found {value:g}, which is {value:.0%}; write {value / 100:g} "
            f"for {value:g} %"
        )
    return value


Fraction = Annotated[float, Field(ge=0.0), AfterValidator(_refuse_per_cent)]


RelaxedLimit = Literal["turnover", "tracking_error", "position", "sector", "invested"]
ObjectiveName = Literal[
    "keep", "min_variance", "min_tracking_error", "max_utility", "max_sharpe"
]


class Relaxing(Config):
    """Which limits give way when a policy cannot be kept: the last of them as little as can be."""

    relax: tuple[RelaxedLimit, ...] = Field(
        min_length=1, description="limits that may give way, the first of them first"
    )


class OptimizationPolicy(Config):
    """The limits of one policy, what it wants within them and what trades cost; every ``_pct`` is
    a fraction, 0.1 for 10 %.
    """

    id: str = Field(pattern=ID, description="how commands and run files name it")
    name: str = Field(default="", description="how reports name it")
    method_version: str = Field(
        default="v1", max_length=16, description="of the method that reads it"
    )
    valid_from: date | None = Field(default=None, description="the first day it is for")
    min_quality_score: float | None = Field(
        default=None, description="a name rated lower is not held"
    )
    unrated: Literal["refuse", "exclude", "allow"] = Field(
        default="refuse", description="what a name without a rating is"
    )
    min_single_position_pct: Fraction = Field(
        default=0.0, description="smallest weight of each name that may be held"
    )
    max_single_position_pct: Fraction = Field(
        default=1.0, description="largest weight of a name"
    )
    max_sector_pct: Fraction | None = Field(
        default=None, description="largest sum of the weights of any sector"
    )
    sector_caps: dict[str, Fraction] = Field(
        default={}, description="sector: largest sum of its weights"
    )
    sector_floors: dict[str, Fraction] = Field(
        default={}, description="sector: smallest sum of its weights"
    )
    invested: tuple[Fraction, Fraction] = Field(
        default=(1.0, 1.0),
        description="smallest and largest sum of all weights; the rest is cash",
    )
    long_only: bool = Field(default=True, description="no weight is below 0")
    max_gross_pct: float | None = Field(
        default=None,
        gt=0.0,
        description="largest sum of |weight|; needed where a weight may be below 0",
    )
    max_tracking_error_pct: Fraction | None = Field(
        default=None, description="largest tracking error a year, ex ante"
    )
    max_turnover_pct: float | None = Field(
        default=None, ge=0.0, le=2.0, description="most that one rebalance may trade"
    )
    turnover_convention: Literal["one_way", "two_way"] | None = Field(
        default=None,
        description="two_way: sum |w - w0|; one_way: half of it; needed with max_turnover_pct",
    )
    objective: ObjectiveName = Field(
        default="keep", description="what is wanted within the limits"
    )
    risk_aversion: float = Field(
        default=5.0,
        gt=0.0,
        description="lambda of max_utility, mu'w - lambda/2 w'Sw",
    )
    expected_returns: Literal["historical", "capm", "views"] = Field(
        default="historical",
        description="mu: the mean of the past, what beta earns, or a table",
    )
    market_premium: float = Field(
        default=0.05,
        ge=-0.5,
        le=0.5,
        description="what the benchmark earns above the risk-free rate a year, for capm",
    )
    covariance: Literal["sample", "ledoit_wolf", "ewma", "factor"] = Field(
        default="sample", description="how S is estimated"
    )
    factors: int = Field(
        default=5, ge=1, description="principal components of covariance: factor"
    )
    halflife: float = Field(
        default=63.0, gt=0.0, description="sessions, of covariance: ewma"
    )
    lookback: int = Field(
        default=252, ge=2, description="sessions of returns that S and mu come from"
    )
    fractional: bool = Field(
        default=False, description="whether fractions of a share are held and traded"
    )
    lot_size: int = Field(default=1, ge=1, description="shares in which trades count")
    on_infeasible: Literal["raise", "hold"] | Relaxing = Field(
        default="raise",
        description="what happens when the limits contradict each other: an error, no trade, or "
        "`{relax: [turnover, tracking_error]}`",
    )
    commission_per_trade: float = Field(
        default=5.0, ge=0.0, description="money for each trade"
    )
    market_impact_bps: float = Field(
        default=15.0, ge=0.0, description="basis points of the value of a trade"
    )
    min_trade_value: float = Field(
        default=100.0, ge=0.0, description="smaller trades are dropped"
    )
    risk_free_rate: float = Field(
        default=0.02, ge=-0.5, le=0.5, description="yearly rate, a fraction"
    )
    annualization_factor: int = Field(
        default=252, ge=1, description="sessions of a year"
    )

    @model_validator(mode="after")
    def _is_complete(self) -> OptimizationPolicy:
        if self.max_turnover_pct is not None and self.turnover_convention is None:
            raise ValueError(
                f"turnover_convention: missing; max_turnover_pct {self.max_turnover_pct:g} means "
                "twice as much one_way (half of sum |w - w0|) as two_way (sum |w - w0|)"
            )
        if self.min_single_position_pct > self.max_single_position_pct:
            raise ValueError(
                f"min_single_position_pct was {self.min_single_position_pct:g} and "
                f"max_single_position_pct {self.max_single_position_pct:g}; expected min <= max"
            )
        low, high = self.invested
        if low > high:
            raise ValueError(
                f"invested was [{low:g}, {high:g}]; expected the smaller first"
            )
        for sector, floor in self.sector_floors.items():
            cap = self.sector_caps.get(sector, 1.0)
            if floor > cap:
                raise ValueError(
                    f"sector_floors.{sector} was {floor:g} and sector_caps.{sector} {cap:g}; "
                    "expected floor <= cap"
                )
        if not self.long_only and self.max_gross_pct is None:
            raise ValueError(
                "max_gross_pct: missing; where weights may be below 0, say how large the sum of "
                "their sizes may be: 1.6 for 130 % long and 30 % short"
            )
        return self

    @property
    def most_traded(self) -> float | None:
        """Return the largest two-way turnover, sum |w - w0|."""
        if self.max_turnover_pct is None:
            return None
        return self.max_turnover_pct * self.two_ways

    @property
    def two_ways(self) -> float:
        """Return how much two-way turnover a unit of the policy's own convention is."""
        return 2.0 if self.turnover_convention == "one_way" else 1.0


def canonical_text(policy: OptimizationPolicy) -> str:
    """Return ``policy`` as JSON with sorted keys and all defaults: equal for equal ones."""
    tree = policy.model_dump(mode="json")
    return json.dumps(tree, sort_keys=True, separators=(",", ":"), allow_nan=False)


def content_hash(text: str) -> str:
    """Return the sha256 of a policy's canonical ``text``."""
    return hashlib.sha256(text.encode()).hexdigest()
