"""Buy what is far below its own mean, in deviations of the log price."""

from __future__ import annotations

import numpy as np
from pydantic import Field, model_validator

from bt_run import Array, Bars, BuildContext, Component, Config, hookimpl
from bt_run.arrays import Mask
from bt_run_strategies.reversion import Levels, against
from bt_run_strategies.windows import rolling_deviation, rolling_mean, shifted

FLAT = 1e-12  # a deviation of log prices that is none


class MeanReversionConfig(Config):
    """Configuration of the reversion to the mean."""

    lookback: int = Field(
        20, ge=2, description="own bars of the asset in mean and deviation"
    )
    entry: float = Field(
        1.5, gt=0.0, description="deviations from the mean at which a position begins"
    )
    exit: float = Field(
        0.0, ge=0.0, description="deviations from the mean at which it ends"
    )
    stop: float | None = Field(
        None, gt=0.0, description="deviations at which it is given up; null: never"
    )
    most_bars: int | None = Field(
        None, ge=1, description="own bars after which it is given up; null: never"
    )
    volatility: float | None = Field(
        None,
        gt=0.0,
        description="fraction per year; no position begins while that of the lookback is above it",
    )
    short: bool = Field(False, description="sell short what is as far above its mean")

    @model_validator(mode="after")
    def _levels_are_ordered(self) -> MeanReversionConfig:
        if self.exit >= self.entry:
            raise ValueError(
                f"exit was {self.exit:g} and entry {self.entry:g}; expected exit < entry"
            )
        if self.stop is not None and self.stop <= self.entry:
            raise ValueError(
                f"stop was {self.stop:g} and entry {self.entry:g}; expected stop > entry"
            )
        return self


class MeanReversion:
    """+1 far below the mean of the log price (-1 far above it with ``short``), 0 near it.

    z_t = (log p_t - mean) / deviation, both over the last ``lookback`` own bars, bar t included;
    see Gatev, Goetzmann and Rouwenhorst, Review of Financial Studies 19 (2006) for the rule in
    deviations. A price that did not move has no z and no signal.
    """

    def __init__(self, config: MeanReversionConfig, context: BuildContext) -> None:
        self.config = config

    def signals(self, bars: Bars) -> Array:
        """Return exposures (T, N); NaN until an asset has ``lookback`` own bars."""
        config = self.config
        price = np.log(bars.own_bars(bars.close))
        mean = rolling_mean(price, config.lookback)
        deviation = rolling_deviation(price, config.lookback)
        z = (price - mean) / np.where(deviation > FLAT, deviation, np.nan)
        levels = Levels(
            config.entry, config.exit, config.stop, config.most_bars, config.short
        )
        held = against(z, levels, self._calm(bars, price))
        return bars.on_calendar(np.where(np.isfinite(mean), held, np.nan))

    def _calm(self, bars: Bars, price: Array) -> Mask:
        """Return where a position may begin, (T, N) bool on own bars."""
        most = self.config.volatility
        if most is None:
            return np.ones(price.shape, dtype=bool)
        moves = price - shifted(price, 1)
        per_year = np.repeat(bars.bars_per_year[:, None], price.shape[1], axis=1)
        yearly = rolling_deviation(moves, self.config.lookback, ddof=1)
        # as far as it is known: the first returns of an asset are one fewer than its prices
        return np.asarray(yearly * np.sqrt(bars.own_bars(per_year)) <= most)


@hookimpl
def bt_strategies() -> list[Component]:
    return [
        Component(
            name="mean_reversion",
            config=MeanReversionConfig,
            build=MeanReversion,
            summary="long far below the mean of the log price, flat or short far above it",
            example={"lookback": 10, "entry": 1.0},
        )
    ]
