"""What a book is like: risk, sectors, quality, cash."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from bt_run import Array
from bt_run_plugins.policy.case import PolicyCase

__all__ = ["Measures", "measures_of"]


@dataclass(frozen=True, kw_only=True)
class Measures:
    """Figures of weights; all are fractions, of NAV or per year.

    Attributes:
        tracking_error: ex ante, None without a benchmark.
        volatility: ex ante.
        invested: the sum of the weights; cash is what is missing to 1.
        largest: the largest weight.
        quality: the mean rating of what is rated, by weight; None where nothing is.
        below_quality: the weight of names rated below the policy's quality.
        sectors: sector -> its weight.
    """

    tracking_error: float | None
    volatility: float
    invested: float
    cash: float
    largest: float
    quality: float | None
    below_quality: float
    sectors: Mapping[str, float]


def measures_of(case: PolicyCase, weights: Array) -> Measures:
    """Return the figures of ``weights`` (n,)."""
    total = float(weights.sum())
    tracking = None if case.tracking is None else case.tracking.size(weights)
    return Measures(
        tracking_error=tracking,
        volatility=case.volatility.size(weights),
        invested=total,
        cash=1.0 - total,
        largest=float(weights.max(initial=0.0)),
        quality=_quality(case, weights),
        below_quality=float(weights[case.below_quality].sum()),
        sectors=sector_weights(case, weights),
    )


def _quality(case: PolicyCase, weights: Array) -> float | None:
    if case.ratings is None:
        return None
    rated = np.isfinite(case.ratings) & (weights > 0.0)
    total = float(weights[rated].sum())
    if not total > 0.0:
        return None
    return float((weights[rated] * case.ratings[rated]).sum()) / total


def sector_weights(case: PolicyCase, weights: Array) -> dict[str, float]:
    """Return sector -> the sum of weights (n,) in it; names without a sector are left out."""
    found: dict[str, float] = {}
    for sector, weight in zip(case.sectors or (), weights, strict=False):
        if sector:
            found[sector] = found.get(sector, 0.0) + float(weight)
    return dict(sorted(found.items()))
