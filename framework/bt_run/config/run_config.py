"""The configuration of a run: its fields."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    ModelWrapValidatorHandler,
    PrivateAttr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from bt_run.config.complaints import complaints_of
from bt_run.config.places import Positions
from bt_run.config.research import ResearchConfig
from bt_run.config.run_files import write_run_file
from bt_run.config.sweep_config import SweepConfig
from bt_run.data.controls import ControlsConfig
from bt_run.data.data_config import DataConfig
from bt_run.data.schedule import Schedule
from bt_run.errors import ConfigError
from bt_run.model import ComponentSpec, Config, NestedRole, YearlyRate
from bt_run.terms import Limits

__all__ = ["EVERY_ASSET", "SAFE_NAME", "BaselinesConfig", "LedgerConfig", "RunConfig"]

EVERY_ASSET = "every_asset"  # the strategy of a run that names none

SAFE_NAME = r"^[A-Za-z0-9_]([A-Za-z0-9_.-]{0,98}[A-Za-z0-9_-])?$"


class LedgerConfig(Config):
    """How much of each decision the tables keep."""

    decisions: Literal["all", "traded"] = Field(
        default="all",
        description="traded: of a decision that trades nothing one row with the reason, and memos "
        "where they change; keeps long intraday runs small",
    )


class BaselinesConfig(Config):
    """How the baselines that trade, equal weight and constant mix, are held."""

    triggers: bool = Field(
        default=True,
        description="they ask the run's triggers, with their own account, whether to trade; false: "
        "they trade at every scheduled decision",
    )


class RunConfig(Config):
    """Everything that affects a run."""

    name: str = Field(
        description="names the folder of the results",
        json_schema_extra={"pattern": SAFE_NAME},
    )
    seed: int = Field(
        default=0, description="of everything random; a run repeats itself exactly"
    )
    plugins: tuple[Path, ...] = Field(
        default=(), description="local Python files with further components"
    )
    data: DataConfig = Field(description="the prices to play on")
    strategy: Annotated[ComponentSpec, NestedRole("strategy")] = Field(
        default=ComponentSpec(use=EVERY_ASSET),
        description="gives the signals; left out where the sizer brings its own strategies",
    )
    sizer: Annotated[ComponentSpec, NestedRole("sizer")] | None = Field(
        default=None, description="turns signals into target weights"
    )
    overlays: tuple[Annotated[ComponentSpec, NestedRole("overlay")], ...] = Field(
        default=(), description="adjust the target weights, in this order"
    )
    schedule: Schedule = Field(
        default="bar",
        description="when decisions are made: the first bar of each period",
    )
    triggers: tuple[Annotated[ComponentSpec, NestedRole("trigger")], ...] = Field(
        default=(), description="which decisions are traded; without any, all"
    )
    exits: tuple[Annotated[ComponentSpec, NestedRole("exit")], ...] = Field(
        default=(),
        description="close holdings between decisions when their price touches a level",
    )
    limits: Limits = Field(
        default=Limits(), description="bounds of the target weights, fractions of NAV"
    )
    controls: ControlsConfig | None = Field(
        default=None,
        description="facts from outside, by time; without it there are none",
    )
    broker: Annotated[ComponentSpec, NestedRole("broker")] = Field(
        default=ComponentSpec(use="simulated"), description="fills the orders"
    )
    analyzers: tuple[Annotated[ComponentSpec, NestedRole("analyzer")], ...] = Field(
        default=(), description="watch the decisions and add tables to the reports"
    )
    reports: tuple[Annotated[ComponentSpec, NestedRole("report")], ...] = Field(
        default=(), description="what is written about the result"
    )
    baselines: BaselinesConfig = Field(
        default=BaselinesConfig(), description="how the baselines are held"
    )
    ledger: LedgerConfig = Field(
        default=LedgerConfig(), description="how much the tables keep"
    )
    risk_free: YearlyRate | Literal["cash"] = Field(
        default=0.0,
        description="yearly rate, a fraction, for the Sharpe ratio and the like; cash: the mean of "
        "what the run's cash earns, such as the bill rate by broker.interest.cash: fama_french",
    )
    research: ResearchConfig = Field(
        default=ResearchConfig(),
        description="what trials count together and where, and what the run is judged by",
    )
    sweep: SweepConfig | None = Field(
        default=None, description="many runs at once, by `bt-run sweep`"
    )

    _places: Positions = PrivateAttr(default_factory=dict)
    # what a manifest calls the paths, where it is this run that is repeated
    _path_names: dict[str, str] = PrivateAttr(default_factory=dict)
    # all of it as it was prepared, and what writes prices that were handed over in memory
    _whole: dict[str, Any] | None = PrivateAttr(default=None)
    _write_prices: Callable[[Path], Mapping[str, Any]] | None = PrivateAttr(
        default=None
    )

    def to_yaml(self, folder: Path | str) -> Path:
        """Write the run file ``NAME.yaml`` into a folder, with all defaults, and beside it the
        prices that were handed over in memory; return its path.

        Raises:
            ConfigError: it was neither run nor prepared, so that nothing says what its components'
                keys and paths are.
        """
        if self._whole is None:
            raise ConfigError(
                f"{self.name}: was neither run nor prepared; expected the config of a result, or "
                "of prepare(config)"
            )
        return write_run_file(self._whole, Path(folder), self._write_prices)

    @model_validator(mode="wrap")
    @classmethod
    def _tell_what_is_wrong(
        cls,
        raw: Any,
        validate: ModelWrapValidatorHandler[RunConfig],
        info: ValidationInfo,
    ) -> RunConfig:
        places: Positions = info.context or {}
        try:
            config = validate(raw)
        except ValidationError as error:
            raise ConfigError(
                "\n".join(complaints_of(error.errors(), raw, cls, (), places))
            ) from error
        if places:
            config._places = places
        return config

    @field_validator("name")
    @classmethod
    def _is_a_folder_name(cls, name: str) -> str:
        if not re.fullmatch(SAFE_NAME, name):
            raise ValueError(
                "not a safe folder name: only letters, digits and _, with - and . inside"
            )
        return name
