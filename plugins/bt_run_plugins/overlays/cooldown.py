"""Stay out of an asset for a while after a loss on it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from bt_run import (
    Array,
    BuildContext,
    Component,
    Config,
    PortfolioState,
    Proposal,
    hookimpl,
)


class CooldownConfig(Config):
    """Configuration of the pause."""

    bars: int = Field(
        20, ge=1, description="own bars of the asset that it is left out after a loss"
    )
    loss: float = Field(
        0.0,
        ge=0.0,
        lt=1.0,
        description="losses above this fraction count, from the first close that is held to the "
        "last",
    )


class Cooldown:
    """What takes an asset out for ``bars`` of its own bars after a holding in it ended with a loss.

    A holding counts from the close of the first decision at which it is there to the close of the
    first at which it is gone, or turned over. What is held is seen in the account's shares, so that
    orders that were not filled begin nothing.
    """

    guards = True

    def __init__(self, config: CooldownConfig, context: BuildContext) -> None:
        self.config = config

    def adjust(self, state: PortfolioState, weights: Array) -> Proposal:
        """Return weights (N,), 0 for the assets that wait."""
        history = state.history
        names, close = history.assets, history.close(1, asset_bars=True)
        price = close[-1] if len(close) else np.full(len(names), np.nan)
        side = np.sign(state.shares)
        held: dict[str, Any] = dict(state.memo.get("held", {}))
        until: dict[str, int] = dict(state.memo.get("until", {}))
        lost = []
        for i, name in enumerate(names):
            if name in held and held[name]["side"] != side[i]:
                entry = held.pop(name)
                gain = entry["side"] * (price[i] / entry["price"] - 1.0)
                if gain < -self.config.loss:
                    until[name] = int(history.counts[i]) + self.config.bars
                    lost.append({"asset": name, "gain": float(gain)})
            if side[i] != 0.0 and name not in held:
                held[name] = {"side": float(side[i]), "price": float(price[i])}
        until = {
            name: bar
            for name, bar in until.items()
            if bar > history.counts[names.index(name)]
        }
        out = np.isin(np.array(names), list(until))
        return Proposal(
            np.where(out, 0.0, weights),
            memo={"held": held, "until": until},
            notes=_notes(lost, out & (weights != 0.0), names),
        )


def _notes(
    lost: list[dict[str, Any]], cut: NDArray[np.bool_], names: tuple[str, ...]
) -> Mapping[str, Any]:
    waits = [names[i] for i in np.flatnonzero(cut)]
    return {key: rows for key, rows in (("lost", lost), ("waits", waits)) if rows}


@hookimpl
def bt_overlays() -> list[Component]:
    return [
        Component(
            name="cooldown",
            config=CooldownConfig,
            build=Cooldown,
            summary="leaves an asset out for some bars after a holding in it ended with a loss",
            example={"bars": 5},
        )
    ]
