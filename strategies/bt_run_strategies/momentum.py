"""Hold what has risen: against itself, or against the others."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from bt_run import Array, Bars, BuildContext, Component, Config, hookimpl
from bt_run_strategies.windows import shifted


class MomentumConfig(Config):
    """Configuration of momentum."""

    kind: Literal["time_series", "cross_section", "score"] = Field(
        "time_series",
        description="exposure by the sign of the return; exposure to the best of the assets; or "
        "the return itself as a score",
    )
    lookback: int = Field(
        252, ge=2, description="own bars back from which the return counts"
    )
    skip: int = Field(21, ge=0, description="last own bars that are left out of it")
    share: float = Field(
        0.3,
        gt=0.0,
        le=0.5,
        description="fraction of the assets that is best, and with short that is worst, rounded up",
    )
    short: bool = Field(False, description="sell short what has fallen")

    @model_validator(mode="after")
    def _something_is_left(self) -> MomentumConfig:
        if self.skip >= self.lookback:
            raise ValueError(
                f"skip was {self.skip} and lookback {self.lookback}; expected skip < lookback"
            )
        return self


class Momentum:
    """The return p_{t-skip} / p_{t-lookback} - 1 over own bars, and what follows from it.

    Twelve months less the last; see Jegadeesh and Titman, Journal of Finance 48 (1993), and, for
    the sign of an asset's own return, Moskowitz, Ooi and Pedersen, Journal of Financial Economics
    104 (2012).
    """

    def __init__(self, config: MomentumConfig, context: BuildContext) -> None:
        self.config = config
        self.gives = "score" if config.kind == "score" else "exposure"

    def signals(self, bars: Bars) -> Array:
        """Return exposures or scores (T, N); NaN until an asset has ``lookback`` + 1 own bars."""
        config = self.config
        close = bars.own_bars(bars.close)
        own = shifted(close, config.skip) / shifted(close, config.lookback) - 1.0
        rise = bars.on_calendar(own)
        if config.kind == "score":
            return rise
        down = -1.0 if config.short else 0.0
        if config.kind == "time_series":
            side = np.where(rise > 0.0, 1.0, np.where(rise < 0.0, down, 0.0))
            return np.where(np.isfinite(rise), side, np.nan)
        return _best(rise, config.share, down)


def _best(score: Array, share: float, down: float) -> Array:
    """Return 1 for the best ``share`` of each row (T, N), ``down`` for the worst, 0 between; of
    equals the first is better, and no asset is both.
    """
    known = np.isfinite(score)
    count = known.sum(axis=1, keepdims=True)
    order = np.argsort(np.where(known, -score, np.inf), axis=1, kind="stable")
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.arange(score.shape[1])[None, :], axis=1)
    many = np.ceil(share * count - 1e-9)
    best, worst = rank < many, (rank >= count - many) & (rank < count)
    side = np.where(best, 1.0, np.where(worst, down, 0.0))
    return np.where(known, side, np.nan)


@hookimpl
def bt_strategies() -> list[Component]:
    return [
        Component(
            name="momentum",
            config=MomentumConfig,
            build=Momentum,
            summary="what has risen over a year less the last month, alone or against the others",
            example={"lookback": 20, "skip": 2},
        )
    ]
