"""A strategy and its sizer with a part of a book's capital."""

from __future__ import annotations

from typing import Any

import numpy as np
from pydantic import Field

from bt_run import (
    Array,
    BuildContext,
    Component,
    Config,
    Nested,
    PortfolioState,
    Proposal,
    hookimpl,
)


class SleeveConfig(Config):
    """Configuration of a sleeve."""

    budget: float = Field(ge=0.0, le=1.0, description="fraction of the book's capital")
    strategy: Nested["strategy"] = Field(  # noqa: UP037 - a role, not a reference
        description="gives the sleeve's signals"
    )
    sizer: Nested["sizer"] = Field(  # noqa: UP037 - a role, not a reference
        description="turns them into the sleeve's weights"
    )
    name: str | None = Field(
        None, description="what tables call it; its strategy's name if not given"
    )


class Sleeve:
    """What asks a strategy and its sizer, as if the sleeve were all there is."""

    accepts: frozenset[str] = frozenset()
    only_inside = "book"

    def __init__(self, config: SleeveConfig, context: BuildContext) -> None:
        self.config = config
        self.strategy = context.children["strategy"]
        self.sizer = context.children["sizer"]

    def target_weights(self, state: PortfolioState) -> Proposal:
        """Return weights (N,), fractions of the sleeve; ``state.weights`` are its own, drifted."""
        memo: dict[str, Any] = {}
        notes: dict[str, Any] = {}
        answer = self.strategy(state.child("strategy"))
        signals = _kept(answer, "strategy", memo, notes)
        outside = state.history.present & ~state.history.tradable
        signals = np.where(outside, np.nan, signals)
        answer = self.sizer(state.child("sizer").seen(signals=signals))
        weights = _kept(answer, "sizer", memo, notes)
        # as in a run: what is not eligible has no weight, whatever the sizer says
        refused = np.isnan(signals) & state.history.present
        return Proposal(np.where(refused, 0.0, weights), memo=memo, notes=notes or None)


def _kept(answer: Any, part: str, memo: dict[str, Any], notes: dict[str, Any]) -> Array:
    """Return the values (N,) of an answer; keep its memo and notes under ``part``."""
    if not isinstance(answer, Proposal):
        return np.asarray(answer, dtype=np.float64)
    if answer.memo:
        memo[part] = dict(answer.memo)
    if answer.notes:
        notes[part] = dict(answer.notes)
    return np.asarray(answer.values, dtype=np.float64)


@hookimpl
def bt_sizers() -> list[Component]:
    return [
        Component(
            name="sleeve",
            config=SleeveConfig,
            build=Sleeve,
            summary="a strategy and its sizer with a part of the capital; inside a book only",
            example={
                "budget": 0.5,
                "strategy": {"use": "trend", "fast": 5, "slow": 20},
                "sizer": "equal_weight",
            },
        )
    ]
