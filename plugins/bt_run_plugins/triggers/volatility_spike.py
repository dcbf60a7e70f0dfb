"""Trade when volatility has jumped."""

from __future__ import annotations

from typing import Literal

import numpy as np
from pydantic import Field, model_validator

from bt_run import (
    Array,
    BuildContext,
    Component,
    Config,
    PortfolioState,
    Verdict,
    hookimpl,
)

__all__ = ["VolatilitySpike", "VolatilitySpikeConfig", "bt_triggers", "realised"]


class VolatilitySpikeConfig(Config):
    """Configuration of a jump of realised volatility."""

    short: int = Field(5, ge=1, description="bars in the volatility now")
    long: int = Field(60, ge=2, description="bars in the usual volatility")
    ratio: float = Field(
        2.0, gt=1.0, description="times the usual one from which on it is a spike"
    )
    of: Literal["benchmark", "names"] = Field(
        "benchmark",
        description="benchmark: its spike fires for all; names: each for itself",
    )

    @model_validator(mode="after")
    def _short_is_shorter(self) -> VolatilitySpikeConfig:
        if self.short >= self.long:
            raise ValueError(
                f"short was {self.short} and long {self.long}; expected short < long"
            )
        return self


class VolatilitySpike:
    """A trigger that fires when realised volatility rises to ``ratio`` times its usual level, and
    again only after it has fallen below.

    Realised is the square root of the mean of squared returns per bar. Its memo names what is in a
    spike.
    """

    def __init__(self, config: VolatilitySpikeConfig, context: BuildContext) -> None:
        self.config = config

    def check(self, state: PortfolioState, target: Array) -> Verdict:
        """Compare the volatility of the last few bars with the usual one."""
        config, history = self.config, state.history
        if config.of == "benchmark":
            returns = history.benchmark_returns(config.long)[:, None]
            names: tuple[str, ...] = ("benchmark",)
        else:
            returns, names = history.returns(config.long), history.assets
        now, usual = realised(returns[-config.short :]), realised(returns)
        whole = len(returns) == config.long
        high = (now >= config.ratio * usual) & (usual > 0.0) & whole
        before = set(state.memo.get("high", ()))
        fresh = high & np.array([name not in before for name in names])
        memo = {"high": [names[i] for i in np.flatnonzero(high)]}
        reason = f"volatility of {config.short} bars {config.ratio:g} x that of {config.long}"
        asked = None if config.of == "benchmark" else fresh
        return Verdict(bool(fresh.any()), names=asked, reason=reason, memo=memo)


def realised(returns: Array) -> Array:
    """Return the root of the mean square of ``returns`` (n, m), (m,); NaN without any."""
    known = np.isfinite(returns)
    count = known.sum(axis=0)
    square = (np.where(known, returns, 0.0) ** 2).sum(axis=0)
    return np.where(count > 0, np.sqrt(square / np.maximum(count, 1)), np.nan)


@hookimpl
def bt_triggers() -> list[Component]:
    return [
        Component(
            name="volatility_spike",
            config=VolatilitySpikeConfig,
            build=VolatilitySpike,
            summary="fires when volatility rises to a multiple of its usual level",
            example={"short": 3, "long": 20, "ratio": 1.4, "of": "names"},
        )
    ]
