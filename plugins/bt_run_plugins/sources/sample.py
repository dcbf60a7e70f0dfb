"""Source ``sample``: real daily prices that ship inside well-known packages; no network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import Field

from bt_run import (
    Array,
    Bars,
    BuildContext,
    Component,
    Config,
    DataError,
    LoadRequest,
    Rows,
    SourceRows,
    bars_of_rows,
    hookimpl,
)
from bt_run.arrays import Times
from bt_run_plugins.sources.sample_series import MACRO, macro_series, read_shipped

if TYPE_CHECKING:
    import pandas as pd


SampleSet = Literal["indices", "stocks", "large_caps"]
PriceConvention = Literal["as_traded", "split_adjusted"]


class SampleConfig(Config):
    """Configuration of sample prices: which set."""

    set: SampleSet | Literal["macro"] = Field(
        description="indices: S&P 500 and Nasdaq Composite 1999-2018; stocks: five US stocks "
        "2000-2013; large_caps: 20 US stocks and the S&P 500, closes only, 1990-2022 (both need "
        "bt-run[samples]); macro: series for data.tables, AAA, BAA, RF, WTI, VIX"
    )
    assets: tuple[str, ...] = Field(
        (),
        description="which assets of the run the set has, where it is one of several sources",
    )


@dataclass(frozen=True)
class _Index:
    """An index of the set ``indices``: what it is, and its file in arch."""

    symbol: str
    words: str
    file: str


_INDICES = (
    _Index("SP500", "the S&P 500 price index", "data/sp500/sp500.csv.gz"),
    _Index("NASDAQ", "the Nasdaq Composite price index", "data/nasdaq/nasdaq.csv.gz"),
)
# what brings the packages that a plain installation lacks
SAMPLES = "bt-run[samples]"
LIBRARIES = MappingProxyType(
    {"stocks": {"bokeh_sampledata": SAMPLES}, "large_caps": {"skfolio": SAMPLES}}
)
_LARGE_CAPS_INDEX = "SP500"
_LARGE_CAPS_FILES = (
    "datasets/data/sp500_dataset.csv.gz",
    "datasets/data/sp500_index.csv.gz",
)
_INDEX_FIELDS = ("open", "high", "low", "close", "volume")
_STOCK_FIELDS = (*_INDEX_FIELDS, "adj_close")
# notes on the sets
_HINDSIGHT = (
    "AAPL, MSFT, IBM, GOOG and FB are a choice made in hindsight: their past returns are no "
    "evidence"
)
_SURVIVORS = (
    "the 20 large caps were chosen because they survived and grew: survivorship bias flatters "
    "this run"
)
_NO_DIVIDENDS = (
    "SP500 is a price index without dividends, while the stocks' closes include theirs"
)


class Sample:
    """A source that loads one of the sample sets."""

    def __init__(self, config: SampleConfig, context: BuildContext) -> None:
        self.config = config

    def load(self, request: LoadRequest) -> Bars:
        """Return the bars of the requested symbols, with notes on what they really are.

        Raises:
            DataError: a symbol is not in the set, or the package that holds the set is not
                installed.
        """
        return bars_of_rows(request, [self.rows(request)])

    @property
    def assets(self) -> tuple[str, ...]:
        """Return which assets of the run the set has, where it is one of several sources."""
        return self.config.assets

    def rows(self, request: LoadRequest) -> SourceRows:
        """Return the rows of the requested symbols.

        Raises:
            BtRunError: as ``load``.
        """
        if self.config.set == "macro":
            raise DataError(
                "the sample set 'macro' has no prices to trade, only series for data.tables: "
                f"{', '.join(MACRO)}"
            )
        have = rows_of(self.config.set)
        name, symbol = request.benchmark
        wanted = {**request.assets, name: symbol}
        for own, asked in wanted.items():
            if asked not in have:
                raise DataError(f"{own}: {self._no_symbol(asked, have)}")
        return SourceRows(
            rows={own: have[asked] for own, asked in wanted.items()},
            prices=prices_of(self.config.set),
            notes=self._notes(wanted),
        )

    def symbols(self) -> tuple[str, ...]:
        """Return the symbols of the set."""
        if self.config.set == "macro":
            return tuple(MACRO)
        return tuple(sorted(rows_of(self.config.set)))

    def series(self, symbol: str, request: LoadRequest) -> tuple[Times, Array]:
        """Return dates (n,) and values (n,) of a macro series, or closes of a symbol, up to the
        request's end.

        Raises:
            DataError: the set has no such symbol.
        """
        if self.config.set == "macro":
            times, values = macro_series(symbol)
        else:
            have = rows_of(self.config.set)
            if symbol not in have:
                raise DataError(self._no_symbol(symbol, have))
            rows = have[symbol]
            times = rows.times
            values = rows.close
        known = times.astype("datetime64[D]") <= np.datetime64(request.end)
        return times[known], values[known]

    def _no_symbol(self, symbol: str, have: Iterable[str]) -> str:
        known = ", ".join(sorted(have))
        return f"the sample set {self.config.set!r} has no symbol {symbol!r}; it has {known}"

    def _notes(self, wanted: Mapping[str, str]) -> tuple[str, ...]:
        """Return what the data really are."""
        if self.config.set == "stocks":
            return (_HINDSIGHT,)
        if self.config.set == "large_caps":
            with_index = _LARGE_CAPS_INDEX in wanted.values()
            return (_SURVIVORS, _NO_DIVIDENDS) if with_index else (_SURVIVORS,)
        words = {index.symbol: index.words for index in _INDICES}
        notes = []
        for name, symbol in sorted(wanted.items()):
            verb = "is" if name == symbol else "is a stand-in:"
            notes.append(f"{name} {verb} {words[symbol]}, not a fund")
        return tuple(notes)


def rows_of(name: SampleSet) -> dict[str, Rows]:
    """Return the rows of every symbol in a sample set.

    Raises:
        ConfigError: the package that holds the set is not installed.
    """
    match name:
        case "indices":
            return _indices()
        case "stocks":
            return _stocks()
        case "large_caps":
            return _large_caps()


def prices_of(name: SampleSet) -> PriceConvention:
    """Return what open, high, low and close of a sample set are."""
    return "split_adjusted" if name == "large_caps" else "as_traded"


def _indices() -> dict[str, Rows]:
    """Read the S&P 500 and the Nasdaq Composite, OHLCV 1999-2018, from arch."""
    out = {}
    for index in _INDICES:
        table = read_shipped("arch", index.file)
        columns = {
            field: _numbers(table[field.capitalize()]) for field in _INDEX_FIELDS
        }
        out[index.symbol] = Rows(times=_dates(table["Date"]), **columns)
    return out


def _stocks() -> dict[str, Rows]:
    """Read five stocks, as traded with the vendor's adj_close, 2000-2013, from bokeh_sampledata."""
    table = read_shipped("bokeh_sampledata", "_data/stocks.csv.gz", SAMPLES)
    table.columns = table.columns.str.lower().str.replace(" ", "_")
    out = {}
    for symbol, group in table.groupby("ticker"):
        columns = {field: _numbers(group[field]) for field in _STOCK_FIELDS}
        out[str(symbol)] = Rows(times=_dates(group["date"]), **columns)
    return out


def _large_caps() -> dict[str, Rows]:
    """Read 20 large caps and the S&P 500, adjusted closes only, 1990-2022, from skfolio."""
    out = {}
    for file in _LARGE_CAPS_FILES:
        table = read_shipped("skfolio", file, SAMPLES)
        times = _dates(table["Date"])
        for symbol in table.columns.drop("Date"):
            close = _numbers(table[symbol])
            present = ~np.isnan(close)
            # the closes are adjusted already, so close and adj_close are the same series
            out[str(symbol)] = Rows(
                times=times[present],
                close=close[present],
                adj_close=close[present],
            )
    # the index has no dividends to be adjusted for
    index = out[_LARGE_CAPS_INDEX]
    out[_LARGE_CAPS_INDEX] = Rows(times=index.times, close=index.close)
    return out


def _dates(column: pd.Series[str]) -> Times:
    import pandas as pd

    return pd.to_datetime(column).to_numpy().astype("datetime64[ns]")


def _numbers(column: pd.Series[float]) -> Array:
    return np.asarray(column, dtype=np.float64)


def _libraries(config: SampleConfig) -> Mapping[str, str]:
    return LIBRARIES.get(config.set, {})


@hookimpl
def bt_sources() -> list[Component]:
    return [
        Component(
            name="sample",
            config=SampleConfig,
            build=Sample,
            summary="real daily prices that ship inside installed packages; no network",
            example={"set": "indices"},
            libraries=_libraries,
        )
    ]
