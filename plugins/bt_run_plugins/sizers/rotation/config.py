"""The keys that the rotation sizers share, and which of them do not go together."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator, model_validator

from bt_run import Config, ConfigError, Limits

__all__ = ["RotationConfig", "holding_time"]

_TIME = re.compile(r"([1-9][0-9]*) ?(min|sessions?)")


class RotationConfig(Config):
    """Configuration of rotation; the defaults are those of the preset `long_only`."""

    preset: Literal["long_only", "neutral"] = Field(
        "long_only",
        description="long_only: the best K, weights above 0; neutral: the best K long and the "
        "worst K short, within net, gross and beta",
    )
    K: int = Field(20, ge=2, description="names that are held, on each side")
    K_buy: int = Field(18, ge=1, description="largest rank at which a name is bought")
    K_sell: int = Field(24, ge=2, description="rank beyond which a name may be cut")
    z_keep: float = Field(0.8, description="smallest z at which a name is bought")
    z_cut: float = Field(0.2, description="z below which a name may be cut")
    exit: Literal["both", "either"] = Field(
        "both", description="cut by rank and z, or by either of them"
    )
    delta_z_min: float = Field(
        0.25, ge=0.0, description="smallest gap of z for a rotation"
    )
    gamma_cost: float = Field(
        0.05, ge=0.0, description="z per basis point of cost of a unit traded"
    )
    tau_utility: float = Field(
        0.0, ge=0.0, description="what a rotation's utility must exceed, in z"
    )
    k_ATR: float = Field(  # noqa: N815 - the name that traders use
        1.2, gt=0.0, description="average true ranges from which a gain is one"
    )
    atr: int = Field(14, ge=1, description="own bars in the average true range")
    T_max: str = Field(
        "5 sessions",
        description="time after which a name without a gain is dead money: `120min` of trading, or "
        "`5 sessions`",
    )
    max_turnover: float | None = Field(
        0.20, gt=0.0, description="largest two-way turnover of a decision, sum |dw|"
    )
    max_turnover_per_name: float | None = Field(
        0.05, gt=0.0, description="largest |dw| of a name"
    )
    min_weight: float = Field(
        0.01, gt=0.0, description="smallest |weight| of a name that is held"
    )
    name_drift_threshold: float = Field(
        0.005,
        ge=0.0,
        description="|target - weight| below which a kept name stays as it is",
    )
    trade_to: Literal["target", "edge"] = Field(
        "target",
        description="where a kept name outside its band is traded to: the target, or the nearer "
        "edge of the band",
    )
    per_name_cap: float = Field(
        0.10, gt=0.0, le=1.0, description="largest |weight| of a name"
    )
    sectors: str | None = Field(
        None, description="text table of data.tables that names each asset's sector"
    )
    sector_cap: float = Field(
        0.30, gt=0.0, description="largest weight of a sector, where there are sectors"
    )
    sector_cap_on: Literal["net", "gross"] = Field(
        "net", description="what a sector's cap counts: sum w or sum |w|"
    )
    max_gross_exposure: float | None = Field(
        None, gt=0.0, description="largest sum |w|; 1 of long_only, 1.5 of neutral"
    )
    max_net_exposure: float | None = Field(
        None, gt=0.0, description="largest |sum w| of neutral, 0.3"
    )
    beta_tolerance: float | None = Field(
        None, gt=0.0, description="largest |beta'w| of neutral, 0.05"
    )
    beta_lookback: int = Field(252, ge=3, description="bars in the betas of neutral")
    costs: float | str | None = Field(
        None,
        description="basis points per unit traded: one number, a table of data.tables, or the "
        "broker's own if not given",
    )
    min_traded_value: float | None = Field(
        None,
        gt=0.0,
        description="money a bar that a liquid name trades on average; without it all are liquid",
    )
    volume_bars: int = Field(20, ge=1, description="bars in that average")

    @field_validator("costs")
    @classmethod
    def _costs_are_not_negative(cls, costs: float | str | None) -> float | str | None:
        if isinstance(costs, float) and costs < 0.0:
            raise ValueError(f"costs was {costs:g}; expected basis points, 0 or more")
        return costs

    @field_validator("T_max")
    @classmethod
    def _is_a_time(cls, T_max: str) -> str:
        holding_time(T_max)
        return T_max

    @model_validator(mode="after")
    def _buffers(self) -> RotationConfig:
        if not self.K_buy < self.K < self.K_sell:
            raise ValueError(
                f"K_buy was {self.K_buy}, K {self.K} and K_sell {self.K_sell}; expected "
                "K_buy < K < K_sell"
            )
        per_name = self.max_turnover_per_name
        if per_name is not None and self.min_weight > per_name:
            raise ValueError(
                f"min_weight was {self.min_weight:g} and max_turnover_per_name {per_name:g}; "
                "expected min_weight <= max_turnover_per_name, or no name could be bought"
            )
        if self.min_weight > self.slot:
            raise ValueError(
                f"min_weight was {self.min_weight:g} and a name's share {self.slot:g}, of K "
                f"{self.K} and per_name_cap {self.per_name_cap:g}; expected min_weight <= share"
            )
        return self

    @model_validator(mode="after")
    def _goes_with_the_preset(self) -> RotationConfig:
        if self.preset == "neutral":
            return self
        if self.gross > 1.0:
            raise ValueError(
                f"max_gross_exposure was {self.gross:g} and preset long_only, whose sum w <= 1; "
                "expected max_gross_exposure <= 1, or preset: neutral"
            )
        if self.max_net_exposure is not None:
            raise ValueError(
                f"max_net_exposure was {self.max_net_exposure:g} and preset long_only, whose "
                "weights may sum to 1; expected no max_net_exposure, or preset: neutral"
            )
        if self.beta_tolerance is not None:
            raise ValueError(
                f"beta_tolerance was {self.beta_tolerance:g} and preset long_only, whose betas are "
                "above 0; expected no beta_tolerance, or preset: neutral"
            )
        return self

    @property
    def short(self) -> bool:
        """Tell whether the preset sells short."""
        return self.preset == "neutral"

    @property
    def gross(self) -> float:
        """Return the largest sum |w|."""
        usual = 1.5 if self.short else 1.0
        given = self.max_gross_exposure
        return usual if given is None else given

    @property
    def net(self) -> float:
        """Return the largest |sum w|."""
        if not self.short:
            return self.gross
        return 0.3 if self.max_net_exposure is None else self.max_net_exposure

    @property
    def beta(self) -> float | None:
        """Return the largest |beta'w|, or None where it does not count."""
        if not self.short:
            return None
        return 0.05 if self.beta_tolerance is None else self.beta_tolerance

    @property
    def slot(self) -> float:
        """Return the target |weight| of a name: an equal share of the gross."""
        names = 2 * self.K if self.short else self.K
        return min(self.gross / names, self.per_name_cap)

    @property
    def reads(self) -> dict[str, Literal["number", "text", "series"]]:
        """Return the tables that are read."""
        found: dict[str, Literal["number", "text", "series"]] = {}
        if self.sectors is not None:
            found[self.sectors] = "text"
        if isinstance(self.costs, str):
            found[self.costs] = "number"
        return found

    def check_limits(self, limits: Limits) -> None:
        """Refuse a preset that needs more than the ``limits`` of the run.

        Raises:
            ConfigError: the keys to write.
        """
        wanted = []
        if self.short and not limits.short:
            wanted.append("short: true")
        if self.gross > limits.gross:
            wanted.append(f"gross: {self.gross:g}")
        if self.net > limits.net:
            wanted.append(f"net: {self.net:g}")
        if wanted:
            raise ConfigError(
                f"sizer.preset: {self.preset} needs more than the run's limits allow; write "
                f"`limits: {{{', '.join(wanted)}}}`"
            )


def holding_time(text: str) -> tuple[int, bool]:
    """Return how many, and whether these are sessions rather than minutes.

    Raises:
        ValueError: it is neither.
    """
    found = _TIME.fullmatch(text)
    if found is None:
        raise ValueError(
            f"T_max was {text!r}; expected minutes of trading, such as `120min`, or sessions, such "
            "as `5 sessions`"
        )
    return int(found[1]), found[2] != "min"
