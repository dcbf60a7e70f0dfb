"""Sources ``parquet`` and ``csv``: a folder with one file per asset, or one long table."""

from __future__ import annotations

from collections.abc import Iterable, Set
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal
from zoneinfo import available_timezones

import numpy as np
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
from bt_run.arrays import Times
from bt_run.text import nearest

if TYPE_CHECKING:
    import pandas as pd

Kind = Literal["parquet", "csv"]

_COLUMNS = ("open", "high", "low", "close", "volume", "adj_close", "dividend", "split")
_SINGLE = frozenset({*_COLUMNS, "date", "ticker"})
# zone of the midnights that stand for whole sessions where no other is configured
_USUAL_ZONE = "America/New_York"
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
    """Configuration of files of prices."""

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

    last_session: dict[str, date] = Field(
        {},
        description="declared delistings: symbol -> its last session",
    )

    @field_validator("timezone")
    @classmethod
    def _zone_exists(cls, name: str | None) -> str | None:
        if name is not None and name not in available_timezones():
            raise ValueError(
                f"no such time zone: {name!r}; expected a name such as {_USUAL_ZONE}"
            )
        return name


class Files:
    """A source that reads the requested symbols from files."""

    def __init__(self, config: FilesConfig, kind: Kind) -> None:
        self.config = config
        self.kind = kind

    def load(self, request: LoadRequest) -> Bars:
        """Return the bars of the requested symbols.

        Raises:
            DataError: a file, a symbol or a column is missing, or a row cannot be true.
        """
        declared = self.config.last_session
        _, benchmark = request.benchmark
        symbols = {*request.assets.values(), benchmark}
        if unknown := sorted(declared.keys() - symbols):
            raise DataError(
                f"last_session: no asset of the run has the symbol {unknown[0]!r}; found "
                f"{sorted(symbols)}"
            )
        rows = self._rows(symbols)
        assets, delisted = {}, {}
        for name, symbol in request.assets.items():
            assets[name] = rows[symbol]
            if symbol in declared:
                delisted[name] = np.datetime64(declared[symbol], "D")
        return assemble_bars(
            request,
            assets,
            rows[benchmark],
            prices=self.config.prices,
            last_session=delisted,
        )

    def symbols(self) -> tuple[str, ...]:
        """Return the symbols that the files have."""
        path = self.config.path
        if path.is_dir():
            files = path.glob(f"*.{self.kind}")
            return tuple(sorted(file.stem for file in files))
        return tuple(sorted(self._rows(None)))

    def series(self, symbol: str, request: LoadRequest) -> tuple[Times, Array]:
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
    kind: Kind,
    symbols: set[str] | None = None,
    timezone: str | None = None,
) -> dict[str, Rows]:
    """Return the rows of ``symbols``, or of all there are, from a folder of files or one long
    table, as they stand.

    Raises:
        DataError: a file, a symbol or a column is missing, or holds something that is no date or
            number.
    """
    read = _read_folder if path.is_dir() else _read_table
    return read(path, kind, symbols, timezone)


def _read_folder(
    path: Path,
    kind: Kind,
    symbols: set[str] | None,
    timezone: str | None,
) -> dict[str, Rows]:
    have = {file.stem: file for file in sorted(path.glob(f"*.{kind}"))}
    wanted = have.keys() if symbols is None else symbols
    _refuse_unknown(wanted, have, f"{path} has no file {{}}.{kind}")
    found = {}
    for symbol in sorted(wanted):
        file = have[symbol]
        found[symbol] = _rows(file, _read(file, kind), timezone)
    return found


def _read_table(
    path: Path,
    kind: Kind,
    symbols: set[str] | None,
    timezone: str | None,
) -> dict[str, Rows]:
    table = _read(path, kind)
    if "ticker" not in table.columns:
        raise DataError(
            f"{path}: found columns {', '.join(table.columns)}; expected a ticker column in a "
            "single table, or a folder with one file per symbol"
        )
    ticker = table["ticker"].astype(str)
    if symbols is not None:
        _refuse_unknown(symbols, ticker.unique().tolist(), f"{path} has no ticker {{}}")
        table = table[ticker.isin(symbols)]
    found = {}
    for symbol, group in table.groupby(table["ticker"].astype(str), sort=True):
        found[str(symbol)] = _rows(path, group, timezone)
    return found


def _read(path: Path, kind: Kind) -> pd.DataFrame:
    """Return a file as it stands, its columns under their usual names."""
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
    names = [_usual_name(str(column)) for column in table.columns]
    twice = {name for name in _SINGLE if names.count(name) > 1}
    if twice:
        raise DataError(
            f"{path}: column {min(twice)} stands there twice, under one name or two; expected one"
        )
    table.columns = pd.Index(names)
    return table


def _usual_name(column: str) -> str:
    name = column.strip().lower().replace(" ", "_")
    return _OTHER_NAMES.get(name, name)


def _rows(
    path: Path,
    table: pd.DataFrame,
    timezone: str | None,
) -> Rows:
    missing = {"date", "close"} - set(table.columns)
    if missing:
        raise DataError(
            f"{path}: found columns {', '.join(table.columns)}; expected "
            f"{' and '.join(sorted(missing))} too"
        )
    columns = {}
    for name in _COLUMNS:
        if name not in table.columns:
            continue
        try:
            columns[name] = table[name].to_numpy(dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise DataError(
                f"{path}: column {name} holds something that is not a number: {error}"
            ) from error
    return Rows(times=_times(path, table, timezone), **columns)


def _times(
    path: Path,
    table: pd.DataFrame,
    timezone: str | None,
) -> Times:
    """Return UTC times: the date at 00:00 for daily rows, the end of the bar for intraday ones."""
    stamps = _stamps(path, table["date"])
    if (stamps == stamps.normalize()).all():
        return _plain_times(stamps)
    if stamps.tz is None:
        if timezone is None:
            raise DataError(
                f"{path}: timestamps such as {stamps[0]} carry no time zone; set `timezone` on "
                f"the source, for example `timezone: {_USUAL_ZONE}`"
            )
        stamps = stamps.tz_localize(timezone)
    else:
        days = _midnights(stamps, timezone)
        if days is not None:
            return days
    return _plain_times(stamps.tz_convert("UTC"))


def _stamps(path: Path, written: pd.Series[Any]) -> pd.DatetimeIndex:
    """Read a column of dates or times."""
    import pandas as pd

    if written.dtype.kind in "if":
        # 20100104 is a date, and no count of nanoseconds
        written = written.astype("Int64").astype(str)
    try:
        stamps = pd.DatetimeIndex(pd.to_datetime(written))
    except (TypeError, ValueError) as error:
        reason = str(error).partition(". ")[0].partition("\n")[0]
        raise DataError(
            f"{path}: column date holds something that is not a date: {reason}"
        ) from error
    missing = np.flatnonzero(stamps.isna())
    if len(missing):
        raise DataError(f"{path}: row {int(missing[0]) + 1} has no date")
    return stamps


def _plain_times(stamps: pd.DatetimeIndex) -> Times:
    """Return times without their zone."""
    return stamps.tz_localize(None).to_numpy().astype("datetime64[ns]")


def _read_csv(path: Path) -> pd.DataFrame:
    """Read a csv file in which NA is a ticker and an empty cell is nothing."""
    import pandas as pd

    return pd.read_csv(
        path,
        dtype={"ticker": str},
        keep_default_na=False,
        na_values=["", "nan", "NaN", "null"],
    )


def _midnights(stamps: pd.DatetimeIndex, timezone: str | None) -> Times | None:
    """Return the dates of daily rows that are stamped at midnight of another zone, written in UTC;
    else None.
    """
    for zone in (timezone, _USUAL_ZONE):
        if zone is None:
            continue
        local = stamps.tz_convert(zone)
        if (local == local.normalize()).all():
            return _plain_times(local)
    return None


def _refuse_unknown(
    symbols: Set[str],
    have: Iterable[str],
    text: str,
) -> None:
    known = list(have)
    unknown = sorted(symbols - set(known))
    if not unknown:
        return
    near = nearest(unknown[0], known)
    if near is not None:
        hint = f"did you mean {near!r}?"
    elif known:
        hint = f"it has {len(known)}, such as {', '.join(known[:5])}"
    else:
        hint = "it has none at all"
    raise DataError(f"{text.format(unknown[0])}; {hint}")


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
