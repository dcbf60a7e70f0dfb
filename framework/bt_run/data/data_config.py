"""What a run file says under `data:`: prices, tables that stand beside them, the universe."""

from __future__ import annotations

from collections import Counter
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BeforeValidator,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)

from bt_run.data.date_forms import DateForm, TimeZone
from bt_run.model import ComponentSpec, Config, NestedRole

__all__ = ["DataConfig", "TableConfig", "UniverseConfig"]


LONGEST_LAG = 2_520  # sessions: ten years


def _names_to_symbols(value: Any) -> Any:
    """Let ``[A, B]`` stand for ``{A: A, B: B}``, and ``[[A, SYMBOL], ...]`` for a mapping whose
    order counts.
    """
    if not isinstance(value, list | tuple):
        return value
    pairs = bool(value) and all(_is_pair(item) for item in value)
    names = [item[0] for item in value] if pairs else list(value)
    repeated = {name for name, count in Counter(map(repr, names)).items() if count > 1}
    for name in names:
        if not isinstance(name, str):
            raise ValueError(
                f"an asset's name must be a string, so put {name!r} in quotes"
            )
        if repr(name) in repeated:
            raise ValueError(
                f"{name!r} stands in the list more than once; an asset may stand there once"
            )
    return dict(value) if pairs else {name: name for name in names}


def _is_pair(item: Any) -> bool:
    return isinstance(item, list | tuple) and len(item) == 2


def _a_day(value: Any) -> Any:
    # pydantic would read a number as seconds since 1970
    if isinstance(value, int | float):
        raise ValueError("a date is written YEAR-MONTH-DAY, such as 2000-01-03")
    return value


Day = Annotated[date, BeforeValidator(_a_day, json_schema_input_type=date)]
Symbol = Annotated[str, Field(min_length=1)]
Symbols = Symbol | Annotated[tuple[Symbol, ...], Field(min_length=1)]
Assets = Annotated[
    dict[Symbol, Symbols],
    Field(min_length=1),
    BeforeValidator(
        _names_to_symbols, json_schema_input_type=dict[str, str] | list[str]
    ),
]


class TableConfig(Config):
    """A point-in-time table or series, and when its rows become known."""

    file: Path | None = Field(
        default=None,
        description="csv or parquet: date and one column per asset; ticker, date, value; ticker, "
        "start, end (memberships); "
        "or, for a series, date and value",
    )
    symbol: str | None = Field(
        default=None, description="a symbol at the source, whose closes are a series"
    )
    source: Annotated[ComponentSpec, NestedRole("source")] | None = Field(
        default=None, description="the source of `symbol`, when it is not the run's own"
    )
    lag: int | None = Field(
        default=None,
        ge=0,
        le=LONGEST_LAG,
        description="sessions after a row's date until it is known; 0: at the close of that very "
        "session",
    )
    lag_minutes: int | None = Field(
        default=None,
        ge=0,
        description="minutes after a row's time of day until it is known, where the bars are "
        "intraday",
    )
    timezone: TimeZone = Field(
        default=None,
        description="zone of times of day that carry none, e.g. America/New_York",
    )
    column: str | None = Field(
        default=None, description="the column to read, where a file has several"
    )
    dates: DateForm = None
    max_age: int | None = Field(
        default=None,
        ge=1,
        le=LONGEST_LAG,
        description="sessions after which a value that was not renewed is unknown again",
    )
    snapshots: bool = Field(
        default=False,
        description="true: each date of the file lists all there is, so that what a date leaves "
        "out is unknown from then on; false: it keeps its last value",
    )
    revised: bool = Field(
        default=False,
        description="true: the file holds later revisions, and every report says that it flatters",
    )

    @model_validator(mode="after")
    def _one_origin(self) -> Self:
        if (self.file is None) == (self.symbol is None):
            found = "both" if self.file is not None else "neither"
            raise ValueError(f"found {found}; expected either `file` or `symbol`")
        if self.source is not None and self.symbol is None:
            raise ValueError("`source` goes with `symbol`; a `file` needs none")
        if self.snapshots and self.file is None:
            raise ValueError(
                "`snapshots` goes with a `file` of one value by asset and date"
            )
        if (self.lag is None) == (self.lag_minutes is None):
            found = "neither" if self.lag is None else "both"
            raise ValueError(
                f"found {found} of `lag` and `lag_minutes`; expected `lag`, sessions after a row's "
                "date until it is known, or of times of day among intraday bars `lag_minutes`"
            )
        return self


class UniverseConfig(Config):
    """The file that says which assets belong to the universe, and when."""

    file: Path = Field(
        description="csv or parquet with ticker, start, end: a member from the session `start` "
        "on, and no more on `end`"
    )
    name: str = Field(
        default="universe", description="what the reports call it", min_length=1
    )
    dates: DateForm = None


class DataConfig(Config):
    """The prices that a run plays on."""

    source: Annotated[
        ComponentSpec | Annotated[tuple[ComponentSpec, ...], Field(min_length=1)],
        NestedRole("source"),
    ] = Field(
        description="where the bars come from; a list of several, each with the `assets` it has"
    )
    assets: Assets = Field(
        default={},
        description="name in the run: symbol at the source, or all that it had, oldest first; a "
        "list when name and symbol are equal; "
        "without it, every member of `universe` that the source has",
    )
    benchmark: str = Field(
        description="an asset of the run, or else a symbol of the source", min_length=1
    )
    start: Day = Field(
        description="the first decision is at the first session on or after this day"
    )
    end: Day = Field(description="the last day")
    history_from: Day | None = Field(
        default=None, description="the first day of warm-up; null: all there is"
    )
    adjust: Literal["total_return", "none"] = Field(
        default="total_return",
        description="trade units of the total-return series, or real shares as traded",
    )
    calendar: str = Field(
        default="XNYS",
        description="exchange calendar, by its ISO 10383 code",
        min_length=1,
    )
    tables: dict[str, TableConfig] = Field(
        default={},
        description="tables and series beside the prices, each visible from when it was known",
    )
    universe: UniverseConfig | None = Field(
        default=None,
        description="which assets may be held when; without it, every asset while it has bars",
    )

    @property
    def source_names(self) -> str:
        """Return the name of the source, or the names of several."""
        given = self.source if isinstance(self.source, tuple) else (self.source,)
        return ", ".join(one.use for one in given)

    @property
    def symbols(self) -> dict[str, str]:
        """Return the symbol of each asset, the newest of those that it had."""
        return {
            name: given if isinstance(given, str) else given[-1]
            for name, given in self.assets.items()
        }

    @property
    def earlier(self) -> dict[str, tuple[str, ...]]:
        """Return the symbols that assets had before, oldest first."""
        return {
            name: given[:-1]
            for name, given in self.assets.items()
            if not isinstance(given, str) and len(given) > 1
        }

    @model_validator(mode="after")
    def _assets_or_universe(self) -> Self:
        if not self.assets and self.universe is None:
            raise ValueError(
                "found no `assets`; expected at least one, or a `universe` that lists them"
            )
        return self

    @field_validator("end")
    @classmethod
    def _end_after_start(cls, end: date, info: ValidationInfo) -> date:
        start = info.data.get("start")
        if start is not None and end <= start:
            raise ValueError(f"end was {end}; expected a day after start, {start}")
        return end

    @field_validator("history_from")
    @classmethod
    def _warm_up_before_start(
        cls, first: date | None, info: ValidationInfo
    ) -> date | None:
        start = info.data.get("start")
        if first is not None and start is not None and first > start:
            raise ValueError(
                f"history_from was {first}; expected a day not after start, {start}"
            )
        return first
