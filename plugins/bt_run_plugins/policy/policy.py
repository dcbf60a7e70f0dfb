"""A policy: the limits under which a portfolio is rebalanced, as somebody wrote them down."""

from __future__ import annotations

import hashlib
import json
from datetime import date
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from bt_run import Config

__all__ = ["OptimizationPolicy", "canonical_text", "content_hash"]

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


class OptimizationPolicy(Config):
    """The limits of one policy and what trades cost; every ``_pct`` is a fraction, 0.1 for 10 %."""

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
        default=0.0, description="smallest weight of a name that may be held"
    )
    max_single_position_pct: Fraction = Field(
        default=1.0, description="largest weight of a name"
    )
    max_sector_pct: Fraction | None = Field(
        default=None, description="largest sum of the weights of any sector"
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
        return self


def canonical_text(policy: OptimizationPolicy) -> str:
    """Return ``policy`` as JSON with sorted keys and all defaults: equal for equal ones."""
    tree = policy.model_dump(mode="json")
    return json.dumps(tree, sort_keys=True, separators=(",", ":"), allow_nan=False)


def content_hash(text: str) -> str:
    """Return the sha256 of a policy's canonical ``text``."""
    return hashlib.sha256(text.encode()).hexdigest()
