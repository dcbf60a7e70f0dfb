"""Sources ``parquet`` and ``csv``: a folder with one file per asset, or one long table."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Set
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal
from zoneinfo import available_timezones

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from bt_run import (
    Array,
    Bars,
    BuildContext,
    Component,
    Config,
    DataError,
    LoadRequest,
    Rows,
    assemble_bars,
    hookimpl,
)

if TYPE_CHECKING:
    import pandas as pd

_COLUMNS = ("open", "high", "low", "close", "volume", "adj_close", "dividend", "split")
_OTHER_NAMES = MappingProxyType(
    {
        "dividends": "dividend",
        "splits": "split",
        "stock_splits": "split",
        "datetime": "date",
        "symbol": "ticker",
    }
)


class FilesConfig(Config):
    """Configure files of prices."""

    path: Path = Field(
        description="a folder with one file per symbol, or one table with a ticker column"
    )
    prices: Literal["as_traded", "split_adjusted"] | None = Field(
        None,
        description="what open, high, low, close are; required with corporate actions or adj_close",
    )
    timezone: str | None = Field(
        None,
        description="zone of intraday timestamps that carry none, e.g. America/New_York; they are "
        "bar ENDS",
    )

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, name: str | None) -> str | None:
        if name is not None and name not in available_timezones():
            raise ValueError(
                f"no such time zone: {name!r}; expected a name such as America/New_York"
            )
        return name

    last_session: dict[str, date] = Field(
        {}, description="declared delistings: symbol -> its last session"
    )


class Files:
    """Read the requested symbols from files."""

    def __init__(self, config: FilesConfig, kind: Literal["parquet", "csv"]) -> None:
        self.config = config
        self.kind = kind

    def load(self, request: LoadRequest) -> Bars:
        """Return the bars of the requested symbols.

        Raises:
            DataError: a file, a symbol or a column is missing, or a row cannot be true.
        """
        symbols = {*request.assets.values(), request.benchmark[1]}
        if unknown := sorted(self.config.last_session.keys() - symbols):
            raise DataError(
                f"last_session: no asset of the run has the symbol {unknown[0]!r}; found "
                f"{sorted(symbols)}"
            )
        rows = self._rows(symbols)
        delisted = {
            name: np.datetime64(self.config.last_session[symbol], "D")
            for name, symbol in request.assets.items()
            if symbol in self.config.last_session
        }
        return assemble_bars(
            request,
            {name: rows[symbol] for name, symbol in request.assets.items()},
            rows[request.benchmark[1]],
            prices=self.config.prices,
            last_session=delisted,
        )

    def symbols(self) -> tuple[str, ...]:
        """Return the symbols that the files have."""
        path = self.config.path
        if path.is_dir():
            return tuple(sorted(file.stem for file in path.glob(f"*.{self.kind}")))
        return tuple(sorted(self._rows(None)))

    def series(self, symbol: str, request: LoadRequest) -> tuple[NDArray[np.datetime64], Array]:
        """Return the times (n,) and closes (n,) of one symbol over the request's window.

        Raises:
            DataError: there is no such symbol.
        """
        cut = self._rows({symbol})[symbol].between(request)
        return cut.times, cut.close

    def _rows(self, symbols: set[str] | None) -> dict[str, Rows]:
        return read_rows(self.config.path, self.kind, symbols, self.config.timezone)


def read_rows(
    path: Path,
    kind: Literal["parquet", "csv"],
    symbols: set[str] | None = None,
    timezone: str | None = None,
) -> dict[str, Rows]:
    """Return the rows of ``symbols``, or of all there are, from a folder of files or one long
    table, as they stand.

    Raises:
        DataError: a file, a symbol or a column is missing, or holds something that is no date or
            number.
    """
    return (
        _folder(path, kind, symbols, timezone)
        if path.is_dir()
        else _table(path, kind, symbols, timezone)
    )


def _folder(
    path: Path, kind: str, symbols: set[str] | None, timezone: str | None
) -> dict[str, Rows]:
    have = {file.stem: file for file in sorted(path.glob(f"*.{kind}"))}
    wanted = have.keys() if symbols is None else symbols
    _refuse_unknown(wanted, have, f"{path} has no file {{}}.{kind}")
    return {
        symbol: _rows(have[symbol], _read(have[symbol], kind), timezone)
        for symbol in sorted(wanted)
    }


def _table(
    path: Path, kind: str, symbols: set[str] | None, timezone: str | None
) -> dict[str, Rows]:
    table = _read(path, kind)
    if "ticker" not in table.columns:
        raise DataError(
            f"{path}: found columns {', '.join(table.columns)}; expected a ticker column in a "
            "single table, "
            "or a folder with one file per symbol"
        )
    known = table["ticker"].astype(str)
    if symbols is not None:
        _refuse_unknown(symbols, known.unique().tolist(), f"{path} has no ticker {{}}")
        table = table[known.isin(symbols)]
    groups = table.groupby(table["ticker"].astype(str), sort=True)
    return {str(symbol): _rows(path, group, timezone) for symbol, group in groups}


def _read(path: Path, kind: str) -> pd.DataFrame:
    import pandas as pd

    if not path.exists():
        raise DataError(f"{path}: no such file or folder")
    try:
        table = pd.read_parquet(path) if kind == "parquet" else _read_csv(path)
    except pd.errors.EmptyDataError as error:
        raise DataError(
            f"{path}: the file is empty; expected columns date and close at least"
        ) from error
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read as {kind}: {error}") from error
    if table.index.name is not None:
        table = table.reset_index()
    names = [str(column).strip().lower().replace(" ", "_") for column in table.columns]
    names = [_OTHER_NAMES.get(name, name) for name in names]
    if twice := sorted(
        {name for name in names if names.count(name) > 1 and name in (*_COLUMNS, "date", "ticker")}
    ):
        raise DataError(
            f"{path}: column {twice[0]} stands there twice, under one name or two; expected one"
        )
    table.columns = pd.Index(names)
    return table


def _rows(path: Path, table: pd.DataFrame, timezone: str | None) -> Rows:
    missing = {"date", "close"} - set(table.columns)
    if missing:
        raise DataError(
            f"{path}: found columns {', '.join(table.columns)}; expected "
            f"{' and '.join(sorted(missing))} too"
        )
    columns = {}
    for name in _COLUMNS:
        if name in table.columns:
            try:
                columns[name] = table[name].to_numpy(dtype=np.float64)
            except (TypeError, ValueError) as error:
                raise DataError(
                    f"{path}: column {name} holds something that is not a number: {error}"
                ) from error
    return Rows(times=_times(path, table, timezone), **columns)


def _times(
    path: Path, table: pd.DataFrame, timezone: str | None
) -> np.ndarray[tuple[int], np.dtype[np.datetime64]]:
    """Return UTC times: the date at 00:00 for daily rows, the end of the bar for intraday ones."""
    import pandas as pd

    written = table["date"]
    if written.dtype.kind in "if":
        written = written.astype("Int64").astype(
            str
        )  # 20100104 is a date, and no count of nanoseconds
    try:
        stamps = pd.DatetimeIndex(pd.to_datetime(written))
    except (TypeError, ValueError) as error:
        reason = str(error).partition(". ")[0].partition("\n")[0]
        raise DataError(
            f"{path}: column date holds something that is not a date: {reason}"
        ) from error
    if stamps.isna().any():
        raise DataError(f"{path}: row {int(np.flatnonzero(stamps.isna())[0]) + 1} has no date")
    if (stamps == stamps.normalize()).all():
        return stamps.tz_localize(None).to_numpy().astype("datetime64[ns]")
    if stamps.tz is None:
        if timezone is None:
            raise DataError(
                f"{path}: timestamps such as {stamps[0]} carry no time zone; set `timezone` on "
                "the source, "
                "for example `timezone: America/New_York`"
            )
        stamps = stamps.tz_localize(timezone)
    elif len(days := _midnights(stamps, timezone)):
        return days
    return stamps.tz_convert("UTC").tz_localize(None).to_numpy().astype("datetime64[ns]")


def _read_csv(path: Path) -> pd.DataFrame:
    """Read a csv file in which NA is a ticker and an empty cell is nothing."""
    import pandas as pd

    return pd.read_csv(
        path, dtype={"ticker": str}, keep_default_na=False, na_values=["", "nan", "NaN", "null"]
    )


def _midnights(
    stamps: pd.DatetimeIndex, timezone: str | None
) -> np.ndarray[tuple[int], np.dtype[np.datetime64]]:
    """Return the dates of daily rows that are stamped at midnight of another zone, written in UTC;
    else nothing.
    """
    for zone in (timezone, "America/New_York") if timezone else ("America/New_York",):
        local = stamps.tz_convert(zone)
        if (local == local.normalize()).all():
            return local.tz_localize(None).to_numpy().astype("datetime64[ns]")
    return np.zeros(0, dtype="datetime64[ns]")


def _refuse_unknown(symbols: Set[str], have: Iterable[str], text: str) -> None:
    known = list(have)
    for symbol in sorted(symbols - set(known)):
        near = difflib.get_close_matches(symbol, known, 1)
        hint = (
            f"; did you mean {near[0]!r}?"
            if near
            else f"; it has {len(known)}, such as {', '.join(known[:5])}"
        )
        raise DataError(text.format(symbol) + (hint if known else "; it has none at all"))


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
