"""A strategy and an overlay for bt-run."""

import numpy as np
from pydantic import Field, model_validator

from bt_run import (
    Array,
    Bars,
    BuildContext,
    Component,
    Config,
    PortfolioState,
    hookimpl,
)


class MomentumConfig(Config):
    top: int = Field(default=2, ge=1, description="how many assets to hold")
    lookback: int = Field(
        default=252, ge=2, description="bars from the first price to now"
    )
    skip: int = Field(
        default=21,
        ge=0,
        description="latest bars left out, for the short-term reversal",
    )

    @model_validator(mode="after")
    def _looks_back_further_than_it_skips(self) -> "MomentumConfig":
        if self.skip >= self.lookback:
            raise ValueError(
                f"skip was {self.skip}; expected less than lookback, {self.lookback}"
            )
        return self


class Momentum:
    """Hold the assets that rose most over the past year, its last month left out.

    Jegadeesh and Titman (1993), Returns to Buying Winners and Selling Losers.
    """

    def __init__(self, config: MomentumConfig, context: BuildContext) -> None:
        self.config = config

    def signals(self, bars: Bars) -> Array:
        """Return 1 for the ``top`` winners that rose at all, else 0; NaN without enough history,
        (T, N).
        """
        rise = self._rise(bars)
        # NaN sorts last, so assets without history never take a place
        place = (-rise).argsort(axis=1, kind="stable").argsort(axis=1)
        held = (place < self.config.top) & (rise > 0)
        return np.where(np.isfinite(rise), held, np.nan)

    def _rise(self, bars: Bars) -> Array:
        """Return each asset's rise over its own bars, (T, N)."""
        lookback, skip = self.config.lookback, self.config.skip
        own = bars.own_bars(bars.close)
        rise = np.full_like(own, np.nan)
        count = max(0, len(own) - lookback)
        rise[lookback:] = (
            own[lookback - skip : lookback - skip + count] / own[:count] - 1.0
        )
        return bars.on_calendar(rise)


class CashInMonthConfig(Config):
    month: int = Field(ge=1, le=12, description="1 is January")


class CashInMonth:
    """Hold cash during one month of every year."""

    def __init__(self, config: CashInMonthConfig, context: BuildContext) -> None:
        self.config = config

    def adjust(self, state: PortfolioState, weights: Array) -> Array:
        """Return zeros in the month, else ``weights``, (N,)."""
        month = state.history.session.astype("datetime64[M]").astype(int) % 12 + 1
        return np.zeros_like(weights) if month == self.config.month else weights


@hookimpl
def bt_strategies() -> list[Component]:
    return [
        Component(
            name="momentum_12_1",
            config=MomentumConfig,
            build=Momentum,
            summary="Hold last year's winners, the last month left out",
            example={"lookback": 60, "skip": 5},
        )
    ]


@hookimpl
def bt_overlays() -> list[Component]:
    return [
        Component(
            name="cash_in_month",
            config=CashInMonthConfig,
            build=CashInMonth,
            summary="Hold cash during one month of every year",
            example={"month": 9},
        )
    ]
