"""Score names by what they rose over several horizons, in units of risk."""

from __future__ import annotations

from pydantic import Field, model_validator

from bt_run import Array, Bars, BuildContext, Component, Config, hookimpl
from bt_run_strategies.horizons import (
    Standard,
    merged,
    own_deviation,
    risk_scaled,
    standardised,
)
from bt_run_strategies.windows import shifted


class MomentumHorizon(Config):
    """The return of one horizon."""

    lookback: int = Field(
        ge=2, description="own bars back from which the return counts"
    )
    skip: int = Field(0, ge=0, description="last own bars that are left out of it")
    weight: float = Field(1.0, gt=0.0, description="its weight among the horizons")

    @model_validator(mode="after")
    def _something_is_left(self) -> MomentumHorizon:
        if self.skip >= self.lookback:
            raise ValueError(
                f"skip was {self.skip} and lookback {self.lookback}; expected skip < lookback"
            )
        return self


class MomentumScoreConfig(Config):
    """Configuration of momentum as a score."""

    horizons: tuple[MomentumHorizon, ...] = Field(
        (
            MomentumHorizon(lookback=252, skip=21),
            MomentumHorizon(lookback=126, skip=21),
        ),
        min_length=1,
        description="the returns that count",
    )
    sigma: int = Field(
        60, ge=2, description="own returns in the deviation that returns are divided by"
    )
    standard: Standard = Field(
        "zscore",
        description="how scores become comparable: zscore, rank, or raw as they are",
    )


class MomentumScore:
    """The z of returns p_{t-skip} / p_{t-lookback} - 1 over own bars, merged over horizons.

    Jegadeesh and Titman, Journal of Finance 48 (1993); over its risk as Barroso and Santa-Clara,
    Journal of Financial Economics 116 (2015).
    """

    gives = "score"

    def __init__(self, config: MomentumScoreConfig, context: BuildContext) -> None:
        self.config = config

    def signals(self, bars: Bars) -> Array:
        """Return z (T, N); NaN until a name has the bars of one horizon and of its deviation."""
        config = self.config
        close = bars.own_bars(bars.close)
        sigma = own_deviation(bars, config.sigma)
        parts = []
        for one in config.horizons:
            own = shifted(close, one.skip) / shifted(close, one.lookback) - 1.0
            rise = bars.on_calendar(own)
            z = risk_scaled(rise, sigma, one.lookback - one.skip)
            parts.append(standardised(z, bars.tradable, config.standard))
        return merged(parts, [one.weight for one in config.horizons])


@hookimpl
def bt_strategies() -> list[Component]:
    return [
        Component(
            name="momentum_score",
            config=MomentumScoreConfig,
            build=MomentumScore,
            summary="what has risen over several horizons, over its risk, as one score",
            example={
                "horizons": [{"lookback": 20, "skip": 2}, {"lookback": 40}],
                "sigma": 10,
            },
        )
    ]
