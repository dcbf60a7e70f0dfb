"""Trade when the holdings have drifted away from the target."""

from __future__ import annotations

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


class DriftBandsConfig(Config):
    """Configuration of the bands; at least one of them."""

    total: float | None = Field(
        None,
        gt=0.0,
        description="fire for all assets when sum |target - weight| exceeds this, fraction of NAV",
    )
    name: float | None = Field(
        None,
        gt=0.0,
        description="fire for each asset whose |target - weight| exceeds this, fraction of NAV",
    )

    @model_validator(mode="after")
    def _one_band(self) -> DriftBandsConfig:
        if self.total is None and self.name is None:
            raise ValueError(
                "neither total nor name was given; expected at least one band, or it never fires"
            )
        return self


class DriftBands:
    """A trigger that fires for the whole portfolio, or for single assets, beyond a distance between
    target and holdings.
    """

    def __init__(self, config: DriftBandsConfig, context: BuildContext) -> None:
        self.config = config

    def check(self, state: PortfolioState, target: Array) -> Verdict:
        """Compare target (N,) with the drifted weights (N,)."""
        total_band = self.config.total
        name_band = self.config.name
        distance = np.abs(target - state.weights)
        total = float(distance.sum())
        if total_band is not None and total > total_band:
            return Verdict(
                True, reason=f"total drift {total:.2%} over {total_band:.2%}"
            )
        if name_band is None:
            return Verdict(False)
        beyond = distance > name_band
        reason = f"drift over {name_band:.2%} in a name"
        return Verdict(bool(beyond.any()), names=beyond, reason=reason)


@hookimpl
def bt_triggers() -> list[Component]:
    return [
        Component(
            name="drift_bands",
            config=DriftBandsConfig,
            build=DriftBands,
            summary="fires when holdings have drifted from the target, in total (L1) or by name",
            example={"total": 0.20, "name": 0.05},
        )
    ]
