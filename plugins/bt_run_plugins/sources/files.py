"""Sources ``parquet`` and ``csv``: a folder with one file per asset, or one long table."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import Field, model_validator

from bt_run import (
    Array,
    Bars,
    BuildContext,
    Component,
    Config,
    DataError,
    DateForm,
    LoadRequest,
    NumberForm,
    SourceRows,
    TableForm,
    TimeZone,
    bars_of_rows,
    day_of,
    hookimpl,
    joined_rows,
)
from bt_run.arrays import Times
from bt_run_plugins.sources.price_tables import (
    FilesForm,
    Kind,
    Read,
    read_rows,
    tickers,
)
from bt_run_plugins.sources.vendors import Vendor, with_vendor
from bt_run_plugins.sources.wide_tables import Wide

Column = Literal[
    "date",
    "ticker",
    "open",
    "high",
    "low",
    "close",
    "volume",
    "adj_close",
    "dividend",
    "split",
]


class FilesConfig(Config):
    """Configuration of files of prices."""

    path: Path = Field(
        description="a folder with one file per symbol, or one table with a ticker column"
    )
    vendor: Vendor | None = Field(
        None,
        description="whose files they are: stands for the other keys, which may still be given",
    )
    files: str = Field(
        "",
        pattern=r"^[^/\\]*$",
        description="how the files of a folder are called, such as {symbol}_us_d.csv; without "
        "{symbol}, such as *.csv.gz, they are parts of one long table",
    )
    separator: str = Field(
        ",",
        min_length=1,
        max_length=1,
        description="what stands between the cells of a csv file",
    )
    wide: Wide | None = Field(
        None,
        description="the field that a table with a column for each symbol holds, or fields, where "
        "two lines of heads name field and symbol, as yfinance writes them",
    )
    numbers: NumberForm | None = Field(
        None, description="how the files write numbers, where that is not 1234.5"
    )
    bar_minutes: int | None = Field(
        None,
        ge=1,
        le=1440,
        description="length of the bars, where their times are where they begin",
    )
    prices: Literal["as_traded", "split_adjusted"] | None = Field(
        None,
        description="what open, high, low, close are; required with corporate actions or adj_close",
    )
    timezone: TimeZone = Field(
        None,
        description="zone of intraday timestamps that carry none, e.g. America/New_York; they are "
        "bar ENDS",
    )
    dates: DateForm = None
    columns: dict[Column, str] = Field(
        {},
        description="our name of a column: what the file calls it, whatever its capitals",
    )
    assets: tuple[str, ...] = Field(
        (),
        description="which assets of the run these files have, where they are one of several "
        "sources",
    )
    ignore: tuple[str, ...] = Field(
        (), description="columns that are left unread on purpose"
    )
    last_session: dict[str, date] = Field(
        {},
        description="declared delistings: symbol -> its last session",
    )

    @model_validator(mode="before")
    @classmethod
    def _as_the_vendor_writes(cls, given: Any) -> Any:
        return with_vendor(given)

    def form(self, calendar: str) -> FilesForm:
        """Return how the files are written, for an exchange's calendar."""
        table = TableForm(
            columns={str(our): column for our, column in self.columns.items()},
            ignore=self.ignore,
            dates=self.dates,
            timezone=self.timezone,
            calendar=calendar,
            numbers=self.numbers,
            bar_minutes=self.bar_minutes,
        )
        return FilesForm(table, self.files, self.separator, self.wide)


class Files:
    """A source that reads the requested symbols from files."""

    joins_symbols = True

    def __init__(self, config: FilesConfig, kind: Kind) -> None:
        self.config = config
        self.kind = kind

    @property
    def assets(self) -> tuple[str, ...]:
        """Return which assets of the run these files have, where they are one of several."""
        return self.config.assets

    def load(self, request: LoadRequest) -> Bars:
        """Return the bars of the requested symbols.

        Raises:
            DataError: a file, a symbol or a column is missing, or a row cannot be true.
        """
        return bars_of_rows(request, [self.rows(request)])

    def rows(self, request: LoadRequest) -> SourceRows:
        """Return the rows of the requested symbols, as they stand.

        Raises:
            DataError: a file, a symbol or a column is missing.
        """
        wanted = dict(request.assets)
        wanted.setdefault(*request.benchmark)
        symbols = set(wanted.values())
        for earlier in request.earlier.values():
            symbols.update(earlier)
        declared = self.config.last_session
        if unknown := sorted(declared.keys() - symbols):
            raise DataError(
                f"last_session: no asset of the run has the symbol {unknown[0]!r}; found "
                f"{sorted(symbols)}"
            )
        read = self._read(symbols, request)
        rows, notes = {name: read.rows[symbol] for name, symbol in wanted.items()}, []
        for name, earlier in request.earlier.items():
            parts = {symbol: read.rows[symbol] for symbol in (*earlier, wanted[name])}
            rows[name] = joined_rows(name, parts)
            spans = [
                f"{symbol} to {day_of(part.times[-1])}"
                for symbol, part in parts.items()
            ]
            notes.append(f"{name} is joined from {', then '.join(spans)}")
        return SourceRows(
            rows=rows,
            prices=self.config.prices,
            last_session={
                name: np.datetime64(declared[symbol], "D")
                for name, symbol in request.assets.items()
                if symbol in declared
            },
            notes=(*read.notes(), *notes),
        )

    def symbols(self) -> tuple[str, ...]:
        """Return the symbols that the files have."""
        return tickers(self.config.path, self.kind, self.config.form("XNYS"))

    def series(self, symbol: str, request: LoadRequest) -> tuple[Times, Array]:
        """Return the times (n,) and closes (n,) of one symbol over the request's window.

        Raises:
            DataError: there is no such symbol.
        """
        cut = self._read({symbol}, request).rows[symbol].between(request)
        return cut.times, cut.close

    def _read(self, symbols: set[str], request: LoadRequest) -> Read:
        form = self.config.form(request.calendar)
        return read_rows(self.config.path, self.kind, symbols, form)


def _build_parquet(config: FilesConfig, context: BuildContext) -> Files:
    return Files(config, "parquet")


def _build_csv(config: FilesConfig, context: BuildContext) -> Files:
    return Files(config, "csv")


@hookimpl
def bt_sources() -> list[Component]:
    return [
        Component(
            name="parquet",
            config=FilesConfig,
            build=_build_parquet,
            summary="prices from parquet files: a folder with one per symbol, or one long table",
            example={"path": "{prices}"},
        ),
        Component(
            name="csv",
            config=FilesConfig,
            build=_build_csv,
            summary="prices from csv files: a folder with one per symbol, or one long table",
            example={"path": "{prices}"},
        ),
    ]
