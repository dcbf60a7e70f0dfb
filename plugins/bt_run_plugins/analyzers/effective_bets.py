"""The analyzer `effective_bets`: how many independent risks a portfolio holds at each decision."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from bt_run import Array, BuildContext, Component, Config, Ledger, Prepared, hookimpl

if TYPE_CHECKING:
    import pandas as pd


class EffectiveBetsConfig(Config):
    """Configuration of the covariance behind the bets."""

    lookback: int = Field(
        252, ge=3, description="bars in the covariance of the returns"
    )


@dataclass(frozen=True)
class EffectiveBets:
    """Counts bets by weights and by principal components."""

    config: EffectiveBetsConfig

    def decided(self, decision: Any) -> None:
        """Take no note: the ledger has all decisions."""

    def table(self) -> tuple[str, pd.DataFrame]:
        """Return what the other table is."""
        import pandas as pd

        what = "how many names and independent risks the target weights of each decision are"
        return "bets", pd.DataFrame({"table": ["effective bets"], "what": [what]})

    def study(self, prepared: Prepared, played: Ledger) -> Mapping[str, pd.DataFrame]:
        """Return the figures of each decision."""
        import pandas as pd

        bars, rows = played.bars, []
        for decision in played.decisions:
            if decision.left_out:
                continue
            w = decision.target
            held = np.flatnonzero(w)
            last = decision.bar + 1
            window = bars.returns[max(0, last - self.config.lookback) : last, held]
            rows.append(
                {
                    "time": bars.index[decision.bar],
                    "names": len(held),
                    "effective names": number_of_names(w),
                    "effective bets": number_of_bets(window, w[held]),
                }
            )
        return {"effective bets": pd.DataFrame(rows)}


def number_of_names(w: Array) -> float | None:
    """Return (sum |w|)^2 / sum w^2, the inverse of Herfindahl's index of weights (N,); None of
    none.
    """
    square = float((w * w).sum())
    return float(np.abs(w).sum() ** 2 / square) if square > 0.0 else None


def number_of_bets(returns: Array, w: Array) -> float | None:
    """Return exp(-sum p log p) over the shares p of the variance that the principal components of
    returns (T, n) have in a portfolio of weights (n,).

    Meucci, "Managing diversification", Risk 22 (2009). Rows in which a name has no return are left
    out; None with fewer than two, or without variance.
    """
    complete = returns[np.isfinite(returns).all(axis=1)]
    if len(complete) < 2 or not len(w):
        return None
    moves = complete - complete.mean(axis=0)
    values, vectors = np.linalg.eigh(moves.T @ moves / (len(moves) - 1))
    parts = np.maximum(values, 0.0) * (vectors.T @ w) ** 2
    total = float(parts.sum())
    if not total > 0.0:
        return None
    p = parts[parts > 1e-12 * total] / total
    return float(np.exp(-(p * np.log(p)).sum()))


def _build(config: EffectiveBetsConfig, context: BuildContext) -> EffectiveBets:
    return EffectiveBets(config)


@hookimpl
def bt_analyzers() -> list[Component]:
    return [
        Component(
            name="effective_bets",
            config=EffectiveBetsConfig,
            build=_build,
            summary="how many names and independent risks a portfolio is, at each decision",
        )
    ]
