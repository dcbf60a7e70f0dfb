"""What a sleeve of a book would be worth as an account of its own, from decision to decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from bt_run import Array

__all__ = ["SleeveAccount", "drifted_budgets", "netted"]


@dataclass(frozen=True)
class SleeveAccount:
    """A sleeve as it stands at a decision, before it decides.

    Attributes:
        weights: (N,) fractions of its own value, drifted since it decided last.
        growth: its value over that at its last decision.
        value: its value, 1 at first, after what its trades would have cost.
    """

    weights: Array
    growth: float = 1.0
    value: float = 1.0

    @classmethod
    def of(
        cls, memo: Mapping[str, Any], assets: Sequence[str], prices: Array
    ) -> SleeveAccount:
        """Return the account that ``memo`` kept, at today's ``prices`` (N,) of the ``assets``."""
        weights, before = np.zeros(len(assets)), np.ones(len(assets))
        for place, name in enumerate(assets):
            if name in memo.get("weights", {}):
                weights[place] = memo["weights"][name]
                before[place] = memo["prices"][name]
        held = weights != 0.0
        grown = np.where(held, weights * np.where(held, prices, 1.0) / before, 0.0)
        growth = 1.0 - float(weights.sum()) + float(grown.sum())
        value = float(memo.get("value", 1.0))
        if not growth > 0.0:
            # what lost everything has nothing left to weigh
            return cls(np.zeros(len(assets)), 0.0, 0.0)
        return cls(grown / growth, growth, value * growth)

    def after(
        self, weights: Array, cost: float, assets: Sequence[str], prices: Array
    ) -> dict[str, Any]:
        """Return the memo of this account once it holds ``weights`` (N,), which cost a fraction of
        its value.
        """
        held = [place for place, weight in enumerate(weights) if weight != 0.0]
        return {
            "weights": {assets[place]: float(weights[place]) for place in held},
            "prices": {assets[place]: float(prices[place]) for place in held},
            "value": self.value * (1.0 - cost),
        }


def drifted_budgets(budgets: Array, growth: Array) -> Array:
    """Return the parts of a book that sleeves are now, (K,), when they were ``budgets`` (K,) of it
    and each has grown by ``growth`` (K,); what was in no sleeve is cash.
    """
    grown = budgets * growth
    total = 1.0 - float(budgets.sum()) + float(grown.sum())
    return np.asarray(grown / total if total > 0.0 else np.zeros(len(budgets)))


def netted(trades: Array, cost: Array) -> tuple[float, float]:
    """Return what the ``trades`` of sleeves (K, N), fractions of the book, would cost each alone,
    and what they cost together, at ``cost`` (N,) of the value traded.
    """
    alone = float((np.abs(trades) * cost).sum())
    together = float((np.abs(trades.sum(axis=0)) * cost).sum())
    return alone, together
