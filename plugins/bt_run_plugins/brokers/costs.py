"""What a trade costs: commission and slippage, each a small pure function of arrays (n,)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from pydantic import Field, model_validator

from bt_run import Array, Conditions, Config

MOST_MONEY = 1e12


class Commission(Config):
    """Commission of an order; what is given adds up."""

    bps: float = Field(
        default=0.0,
        ge=0.0,
        lt=10_000,
        description="basis points of the traded value",
    )
    per_share: float = Field(
        default=0.0,
        ge=0.0,
        le=MOST_MONEY,
        description="money per share; needs `adjust: none`",
    )
    minimum: float = Field(
        default=0.0,
        ge=0.0,
        le=MOST_MONEY,
        description="least that the per-share part of an order costs, money",
    )
    cap: float | None = Field(
        default=None,
        gt=0.0,
        lt=1.0,
        description="most that the per-share part costs, fraction of the traded value",
    )
    flat: float = Field(
        default=0.0, ge=0.0, le=MOST_MONEY, description="money per order"
    )

    @model_validator(mode="before")
    @classmethod
    def _is_no_number(cls, given: Any) -> Any:
        if isinstance(given, int | float) and not isinstance(given, bool):
            raise ValueError(
                f"a commission says what it is: found {given:g}; write {{bps: {1e4 * given:g}}} "
                f"for {given:.4g} of the traded value, {{flat: {given:g}}} for money per order, "
                f"{{per_share: {given:g}}} for money per share"
            )
        return given

    @model_validator(mode="after")
    def _bounds_have_something_to_bound(self) -> Commission:
        if self.per_share == 0.0 and (self.minimum or self.cap is not None):
            raise ValueError(
                "minimum and cap bound the per-share part, and per_share was 0; set per_share, or "
                "use flat"
            )
        return self


class Slippage(Config):
    """Slippage of an order; what is given adds up, and always against the order."""

    bps: float = Field(
        default=0.0, ge=0.0, lt=10_000, description="basis points of the price"
    )
    half_spread: float = Field(
        default=0.0,
        ge=0.0,
        le=MOST_MONEY,
        description="money per share; needs `adjust: none`",
    )
    impact: float = Field(
        default=0.0,
        ge=0.0,
        le=1e6,
        description="square-root impact: impact * volatility * sqrt(shares / average volume)",
    )
    lookback: int = Field(
        default=20,
        ge=2,
        description="bars in the average volume and the volatility of the impact",
    )
    participation: float | None = Field(
        default=None,
        gt=0.0,
        le=1.0,
        description="most of a bar's volume that one order takes; the rest waits",
    )


@dataclass(frozen=True)
class TradingCosts:
    """The costs of trades by a configured commission and slippage."""

    fees: Commission
    slippage: Slippage

    @property
    def real_shares_only(self) -> tuple[str, ...]:
        given = {
            "commission.per_share": self.fees.per_share,
            "slippage.half_spread": self.slippage.half_spread,
        }
        return tuple(key for key, value in given.items() if value)

    @property
    def proportional(self) -> bool:
        return not (self.fees.per_share or self.fees.flat or self.slippage.impact)

    @property
    def market_dependent(self) -> tuple[str, ...]:
        """Name the configured costs that depend on volume."""
        given = {
            "slippage.impact": self.slippage.impact,
            "slippage.participation": self.slippage.participation,
        }
        return tuple(key for key, value in given.items() if value)

    def fillable(self, shares: Array, conditions: Conditions) -> Array:
        """Return shares (n,) cut to the share of the bar's volume that one order may take."""
        fraction = self.slippage.participation
        if fraction is None:
            return shares
        return participation(shares, conditions.volume, fraction)

    def fill_price(
        self,
        price: Array,
        shares: Array,
        conditions: Conditions,
    ) -> Array:
        """Return price (n,) moved against the order by bps, half-spread and impact, never below
        0.
        """
        slippage = self.slippage
        rate: Array | float = slippage.bps / 1e4
        if slippage.impact:
            average = conditions.average_volume(slippage.lookback)
            volatility = conditions.volatility(slippage.lookback)
            rate = rate + square_root_impact(
                shares, average, volatility, slippage.impact
            )
        side = np.sign(shares)
        moved = price * (1.0 + rate * side) + slippage.half_spread * side
        return np.asarray(np.maximum(moved, 0.0))

    def commission(self, shares: Array, price: Array) -> Array:
        """Return the commission (n,) of orders filled at ``price``."""
        fees = self.fees
        value = np.abs(shares) * price
        total = fees.bps / 1e4 * value
        if fees.per_share:
            total = total + per_share_fee(np.abs(shares), value, fees)
        if fees.flat:
            total = total + np.where(shares != 0.0, fees.flat, 0.0)
        return np.asarray(total)


def per_share_fee(
    shares: Array,
    value: Array,
    fees: Commission,
) -> Array:
    """Return min(max(per_share * |shares|, minimum), cap * value) of each order (n,), 0 of none."""
    fee = np.maximum(fees.per_share * shares, fees.minimum)
    if fees.cap is not None:
        fee = np.minimum(fee, fees.cap * value)
    return np.where(shares != 0.0, fee, 0.0)


def participation(
    shares: Array,
    volume: Array,
    fraction: float,
) -> Array:
    """Return sign(shares) * min(|shares|, fraction * volume), (n,); an unknown volume takes
    nothing.
    """
    most = fraction * np.nan_to_num(volume, nan=0.0)
    size = np.minimum(np.abs(shares), most)
    return np.asarray(np.sign(shares) * size)


def square_root_impact(
    shares: Array,
    average_volume: Array,
    volatility: Array,
    coefficient: float,
) -> Array:
    """Return coefficient * volatility * sqrt(|shares| / average volume), a fraction of the price,
    (n,).

    The square-root law of market impact; see Toth et al. (2011), Anomalous price impact and the
    critical nature of liquidity. An asset whose volume or volatility is not known yet pays none.
    """
    known = (average_volume > 0) & np.isfinite(volatility)
    nothing = np.zeros(len(shares))
    share = np.divide(np.abs(shares), average_volume, out=nothing, where=known)
    moves = np.where(known, volatility, 0.0)
    return np.asarray(coefficient * moves * np.sqrt(share))
