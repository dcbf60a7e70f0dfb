"""Trade the spread of two assets against each other."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from pydantic import Field, model_validator

from bt_run import (
    Array,
    Bars,
    BuildContext,
    Component,
    Config,
    ConfigError,
    Plan,
    hookimpl,
)
from bt_run_strategies.reversion import Levels, against
from bt_run_strategies.windows import rolling_mean, rolling_product

FLAT = 1e-12  # a deviation of log prices that is none


class PairsConfig(Config):
    """Configuration of the pair and of the levels of its spread."""

    first: str = Field(description="the asset that is bought when the spread is low")
    second: str = Field(description="the asset that is sold against it")
    lookback: int = Field(
        60, ge=3, description="bars of both assets in regression and deviation"
    )
    entry: float = Field(
        2.0, gt=0.0, description="deviations of the spread at which a position begins"
    )
    exit: float = Field(
        0.5, ge=0.0, description="deviations of the spread at which it ends"
    )
    stop: float | None = Field(
        None, gt=0.0, description="deviations at which it is given up; null: never"
    )

    @model_validator(mode="after")
    def _is_a_pair(self) -> PairsConfig:
        if self.first == self.second:
            raise ValueError(f"first and second were both {self.first!r}; expected two")
        if self.exit >= self.entry:
            raise ValueError(
                f"exit was {self.exit:g} and entry {self.entry:g}; expected exit < entry"
            )
        return self


class Pairs:
    """Long the first and short the second asset where the first is cheap by their regression, the
    other way round where it is dear; no other asset is eligible.

    Over the last ``lookback`` bars that both have, log a = alpha + beta log b + e by least squares;
    z is the newest e in deviations of all of them. Exposures are 1 and -beta, scaled so that none
    is above 1. See Gatev, Goetzmann and Rouwenhorst, Review of Financial Studies 19 (2006); the
    hedge ratio is Engle and Granger's first step, Econometrica 55 (1987).
    """

    def __init__(self, config: PairsConfig, context: BuildContext) -> None:
        self.config = config
        self.names_assets = {"first": (config.first,), "second": (config.second,)}
        self.may_short = context.limits.short

    def advice(self, plan: Plan) -> Iterator[str]:
        """Warn where half of each pair would be cut."""
        if not self.may_short:
            yield (
                f"{plan.own.path}: pairs sells one of its assets short, and limits.short is false, "
                "so that half of each pair is left out; set `limits: {short: true}`"
            )

    def signals(self, bars: Bars) -> Array:
        """Return exposures (T, N); 0 while there are fewer than ``lookback`` common bars.

        Raises:
            ConfigError: one of the two is not an asset.
        """
        config = self.config
        out = np.full((len(bars), len(bars.assets)), np.nan)
        pair = _places(bars, (config.first, config.second))
        common = np.flatnonzero(bars.present[:, pair].all(axis=1))
        logs = np.log(bars.close[common][:, pair])
        beta, z = _spread(logs[:, :1], logs[:, 1:], config.lookback)
        levels = Levels(config.entry, config.exit, config.stop, None, short=True)
        side = against(z, levels, np.ones(z.shape, dtype=bool))
        ratio = np.where(np.isfinite(beta), beta, 0.0)
        size = np.maximum(1.0, np.abs(ratio))
        legs = np.hstack([side / size, -side * ratio / size])
        # between common bars what was decided last stands
        last = np.searchsorted(common, np.arange(len(bars)), side="right") - 1
        out[:, pair] = 0.0
        known = last >= 0
        out[known, pair[0]] = legs[last[known], 0]
        out[known, pair[1]] = legs[last[known], 1]
        return out


def _places(bars: Bars, names: tuple[str, str]) -> list[int]:
    for name in names:
        if name not in bars.assets:
            raise ConfigError(
                f"pairs names {name!r}, which is not an asset; the assets are "
                f"{', '.join(bars.assets)}"
            )
    return [bars.assets.index(name) for name in names]


def _spread(one: Array, other: Array, n: int) -> tuple[Array, Array]:
    """Return beta and z, (T, 1) each, of log prices (T, 1) over the last ``n`` rows."""
    spread_of_other = rolling_product(other, other, n)
    moves = spread_of_other > FLAT**2
    beta = rolling_product(one, other, n) / np.where(moves, spread_of_other, np.nan)
    rest = (one - rolling_mean(one, n)) - beta * (other - rolling_mean(other, n))
    # the mean square of the residuals of a regression with a constant
    left = rolling_product(one, one, n) - beta**2 * spread_of_other
    deviation = np.sqrt(np.maximum(left, 0.0))
    return beta, rest / np.where(deviation > FLAT, deviation, np.nan)


@hookimpl
def bt_strategies() -> list[Component]:
    return [
        Component(
            name="pairs",
            config=PairsConfig,
            build=Pairs,
            summary="two assets against each other, where their spread is far from its mean",
            example={"first": "AAA", "second": "BBB", "lookback": 20, "entry": 1.0},
        )
    ]
