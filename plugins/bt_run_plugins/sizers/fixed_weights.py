"""Hold weights that the run file names."""

from __future__ import annotations

from typing import Annotated

import numpy as np
from pydantic import Field

from bt_run import (
    Array,
    BuildContext,
    Component,
    Config,
    ConfigError,
    PortfolioState,
    hookimpl,
)
from bt_run_plugins.sizers.sharing import exposures

Weight = Annotated[float, Field(allow_inf_nan=False)]


class FixedWeightsConfig(Config):
    """Configuration of fixed weights."""

    weights: dict[str, Weight] = Field(
        min_length=1,
        description="fraction of NAV by asset, such as {SPY: 0.6, TLT: 0.4}; assets without one "
        "are not held, and what is missing to 1 is cash",
    )


class FixedWeights:
    """The weights of the run file, times exposure.

    Raises:
        ConfigError: they are above the gross limit, or negative where shorts are forbidden.
    """

    accepts = frozenset({"exposure"})

    def __init__(self, config: FixedWeightsConfig, context: BuildContext) -> None:
        self.weights = config.weights
        self.names_assets = {"weights": tuple(config.weights)}
        limits = context.limits
        gross = sum(map(abs, config.weights.values()))
        if gross > limits.gross * (1.0 + 1e-9):
            raise ConfigError(
                f"sizer.weights: their sizes sum to {gross:.10g}; expected at most limits.gross, "
                f"{limits.gross:g}; weights are fractions of NAV, 0.6 for 60 %"
            )
        for asset, weight in config.weights.items():
            if abs(weight) > limits.name * (1.0 + 1e-9):
                raise ConfigError(
                    f"sizer.weights.{asset}: was {weight:g}; expected at most limits.name, "
                    f"{limits.name:g}"
                )
            if weight < 0.0 and not limits.short:
                raise ConfigError(
                    f"sizer.weights.{asset}: was {weight:g}; expected 0 or more, or `limits: "
                    "{short: true}`"
                )

    def target_weights(self, state: PortfolioState) -> Array:
        """Return weights (N,): the asset's own, times its exposure."""
        assets = state.history.assets
        own = np.array([self.weights.get(asset, 0.0) for asset in assets])
        return own * exposures(state.signals)


@hookimpl
def bt_sizers() -> list[Component]:
    return [
        Component(
            name="fixed_weights",
            config=FixedWeightsConfig,
            build=FixedWeights,
            summary="weights from the run file, such as 60/40, times exposure",
            example={"weights": {"AAA": 0.6, "BBB": 0.3}},
        )
    ]
