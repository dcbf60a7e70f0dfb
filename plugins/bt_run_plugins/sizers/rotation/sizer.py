"""Hold the best names by score, and change them only where it pays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bt_run import (
    Array,
    BuildContext,
    Component,
    PortfolioState,
    Proposal,
    hookimpl,
)
from bt_run_plugins.optimization.market_risk import betas
from bt_run_plugins.sizers.rotation.book import Basket, Book
from bt_run_plugins.sizers.rotation.config import RotationConfig
from bt_run_plugins.sizers.rotation.engine import rotate
from bt_run_plugins.sizers.rotation.facts import book_of

__all__ = ["Rotation", "notes_on_changes", "with_betas"]


class Rotation:
    """The best K names by score, with buffers around K, costs in each rotation, and turnover spent
    in pairs.

    Its memo holds the entry of what is held and nothing else; its notes have a reason for every
    change, and for every non-change that stood in a queue.
    """

    accepts = frozenset({"score"})

    def __init__(self, config: RotationConfig, context: BuildContext) -> None:
        config.check_limits(context.limits)
        self.config = config
        self.fill = context.fill
        self.reads = config.reads

    def target_weights(self, state: PortfolioState) -> Proposal:
        """Return weights (N,)."""
        config, notes, beta = self.config, dict[str, Any](), None
        if config.short:
            state, beta = with_betas(state, config, notes)
        facts = book_of(state, config, self.fill)
        basket = rotate(facts.book, config, beta)
        notes |= {**_notes(state, facts.book, basket), **facts.notes}
        return Proposal(basket.weights, memo=facts.memo, notes=notes)


def with_betas(
    state: PortfolioState, config: RotationConfig, notes: dict[str, Any]
) -> tuple[PortfolioState, Array]:
    """Return the state in which a name without a beta is not eligible, and the betas (N,), 0 of
    such names; the ``notes`` name those that had a score.
    """
    found = betas(state.history, config.beta_lookback)
    unknown = ~np.isfinite(found)
    lost = unknown & np.isfinite(state.signals)
    if lost.any():
        notes["no beta"] = [state.history.assets[i] for i in np.flatnonzero(lost)]
    seen = state.seen(signals=np.where(unknown, np.nan, state.signals))
    return seen, np.where(unknown, 0.0, found)


def _notes(state: PortfolioState, book: Book, basket: Basket) -> dict[str, Any]:
    assets = state.history.assets
    notes = notes_on_changes(state, basket.weights)
    notes["status"] = "rotated"
    score = np.where(np.isfinite(book.z), book.z, 0.0)
    notes["objective_value"] = float((score * basket.weights).sum())
    notes["reason_codes"] = {assets[i]: basket.codes[i] for i in sorted(basket.codes)}
    if basket.rotations:
        notes["rotations"] = [
            {"out": assets[i], "in": assets[j], "utility": utility}
            for i, j, utility in basket.rotations
        ]
    if basket.beyond:
        notes["beyond"] = {name: list(both) for name, both in basket.beyond.items()}
    return notes


def notes_on_changes(state: PortfolioState, weights: Array) -> dict[str, Any]:
    """Return the changes of weights by name, and their two-way turnover."""
    change = weights - state.weights
    changed = np.flatnonzero(np.abs(change) > 1e-12)
    changes: Mapping[str, float] = {
        state.history.assets[i]: float(change[i]) for i in changed
    }
    return {"changes": changes, "turnover": float(np.abs(change).sum())}


@hookimpl
def bt_sizers() -> list[Component]:
    return [
        Component(
            name="rotation",
            config=RotationConfig,
            build=Rotation,
            summary="the best K by score with buffers, where a rotation pays its costs",
            example={
                "K": 2,
                "K_buy": 1,
                "K_sell": 3,
                "z_keep": 0.01,
                "z_cut": 0.005,
                "exit": "either",
                "delta_z_min": 0.005,
                "gamma_cost": 0.0001,
                "atr": 3,
                "per_name_cap": 0.5,
                "max_turnover": None,
                "max_turnover_per_name": None,
            },
        )
    ]
