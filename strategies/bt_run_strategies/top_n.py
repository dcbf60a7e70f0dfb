"""Hold the best few by any score, and keep them while they stay among the next few."""

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
from bt_run.arrays import Mask


class TopNConfig(Config):
    """Configuration of the choice."""

    score: Nested["strategy"] = Field(  # noqa: F821, UP037 - a role, not a forward reference
        description="strategy whose signals are the scores"
    )
    n: int = Field(10, ge=1, description="assets that are held")
    buffer: int = Field(
        0, ge=0, description="an asset that was chosen stays while its rank is n + this"
    )
    least: float | None = Field(
        None, description="an asset whose score is not above this is not chosen"
    )


class TopN:
    """1 for the assets that are chosen; the others are not eligible.

    Those chosen before stay while they rank n + ``buffer`` or better; the places left go to the
    best of the others. Of equal scores the first by name is better.
    """

    def __init__(self, config: TopNConfig, context: BuildContext) -> None:
        self.config = config
        self.score = context.children["score"]

    def signal(self, state: PortfolioState) -> Proposal:
        """Return 1 or NaN for each asset, (N,)."""
        config = self.config
        answer = self.score(state.child("score"))
        memo: dict[str, Any] = {}
        if isinstance(answer, Proposal):
            memo["score"] = dict(answer.memo or {})
            answer = answer.values
        score = np.asarray(answer, dtype=np.float64)
        names = state.history.assets
        eligible = np.isfinite(score) & state.history.tradable
        if config.least is not None:
            eligible &= score > config.least
        ranked = _ranked(score, eligible)
        before = set(state.memo.get("chosen", ()))
        near = ranked[: config.n + config.buffer]
        kept = [place for place in near if names[place] in before][: config.n]
        others = [place for place in ranked if place not in kept]
        chosen = sorted([*kept, *others[: config.n - len(kept)]])
        memo["chosen"] = [names[place] for place in chosen]
        signal = np.full(len(score), np.nan)
        signal[chosen] = 1.0
        return Proposal(signal, memo=memo, notes=_notes(before, memo["chosen"]))


def _ranked(score: Array, eligible: Mask) -> list[int]:
    """Return the places of the eligible assets, the best first."""
    order = np.argsort(np.where(eligible, -score, np.inf), kind="stable")
    return [int(place) for place in order[: int(eligible.sum())]]


def _notes(before: set[str], chosen: list[str]) -> dict[str, list[str]]:
    """Return who came and who left, where anybody did."""
    came = [name for name in chosen if name not in before]
    left = sorted(before - set(chosen))
    return {key: names for key, names in (("in", came), ("out", left)) if names}


@hookimpl
def bt_strategies() -> list[Component]:
    return [
        Component(
            name="top_n",
            config=TopNConfig,
            build=TopN,
            summary="the best n by the score of another strategy, with a buffer",
            example={
                "score": {
                    "use": "momentum",
                    "kind": "score",
                    "lookback": 20,
                    "skip": 2,
                },
                "n": 2,
            },
        )
    ]
