"""Sources ``yahoo``, ``store`` and ``pack``: prices from the store, kept up to date, as they are,
or frozen.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
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
    assemble_bars,
    hookimpl,
)
from bt_run.text import listed
from bt_run_plugins.market_data.cleaning import CleanConfig
from bt_run_plugins.market_data.fetching.ingestion import fetch, missing
from bt_run_plugins.market_data.fetching.job import SOURCE, FetchConfig, Outside, Window
from bt_run_plugins.market_data.processing import process, settings_of, stale
from bt_run_plugins.market_data.rules.validation import ValidateConfig
from bt_run_plugins.market_data.store.frames import counting, rows_of_columns
from bt_run_plugins.market_data.store.manifest import Key
from bt_run_plugins.market_data.store.packs import Pack, Part, open_pack, read_part
from bt_run_plugins.market_data.store.records import ProcessedEntry
from bt_run_plugins.market_data.store.store import Store
from bt_run_plugins.sources.sample import PriceConvention

__all__ = ["PackConfig", "PackSource", "StoreConfig", "StoreSource", "YahooConfig", "YahooSource"]

# the times (n,) and closes (n,) of one symbol
Closes = tuple[NDArray[np.datetime64], Array]
_MOST = 10  # names that a note or an error lists

_store_field = Field(
    None, description="folder of the store; null: $BT_RUN_STORE, else ~/.bt-run/store"
)


class YahooConfig(Config):
    """Configuration of prices by Yahoo, for personal use."""

    store: Path | None = _store_field
    interval: str = Field(
        "1d", description="length of the bars: 1d, or minutes or hours such as 5m or 1h"
    )


class YahooSource:
    """Prices by Yahoo: what the store lacks is fetched and cleaned, the rest read from it."""

    def __init__(self, config: YahooConfig, outside: Outside | None = None) -> None:
        self.config = config
        self.store = Store.at(config.store)
        self.outside = outside or Outside()

    def symbols(self) -> tuple[str, ...]:
        """Return the symbols of which the store has prices by Yahoo."""
        own = (SOURCE, self.config.interval)
        keys = self.store.keys()
        return tuple(key.symbol for key in keys if (key.source, key.interval) == own)

    def load(self, request: LoadRequest) -> Bars:
        """Return the bars of the requested symbols, fetched where the store lacks them.

        Raises:
            DataError: prices are missing and the request forbids the network, or Yahoo does not
                give them.
        """
        keys = self._ready(request, _symbols(request))
        note = f"prices by Yahoo, fetched {self._days_of(keys)}, for personal use"
        return _bars(self.store, keys, _upper(request), (note,))

    def series(self, symbol: str, request: LoadRequest) -> Closes:
        """Return the times (n,) and closes (n,) of one symbol over the request's window."""
        keys = self._ready(request, (symbol,))
        rows = _read(self.store, keys)
        return _closes(rows[keys[0].symbol], request)

    def _days_of(self, keys: Iterable[Key]) -> str:
        """Return the day, or the span of days, on which prices were fetched."""
        days = []
        for key in keys:
            for entry in counting(self.store.raw(key)):
                days.append(entry.facts.fetched_at[:10])
        first, last = min(days), max(days)
        return first if first == last else f"between {first} and {last}"

    def _ready(self, request: LoadRequest, symbols: Iterable[str]) -> tuple[Key, ...]:
        """Fetch and clean what is not there yet; return the series."""
        names = tuple(sorted({symbol.upper() for symbol in symbols}))
        self._fetch(names, request)
        keys = tuple(Key(SOURCE, name, self.config.interval) for name in names)
        cleaning = CleanConfig(calendar=request.calendar)
        validation = ValidateConfig(calendar=request.calendar)
        settings = settings_of(cleaning, validation)
        due = [key for key in keys if stale(self.store, key, settings)]
        if due:
            process(self.store, due, cleaning, validation)
        return keys

    def _fetch(self, names: Sequence[str], request: LoadRequest) -> None:
        config = FetchConfig(interval=self.config.interval, calendar=request.calendar)
        window: Window = (request.history_from, request.end)
        if request.offline:
            lacking = missing(self.store, names, window, config, self.outside.now())
            if lacking:
                raise DataError(self._offline_text(lacking, request))
            return
        outcomes = fetch(self.store, names, window, config, self.outside)
        failed = [outcome for outcome in outcomes if outcome.state == "failed"]
        if failed:
            reasons = [f"{outcome.symbol}: {outcome.text}" for outcome in failed[:_MOST]]
            raise DataError(
                f"Yahoo gave no prices of {len(failed)} symbols: {'; '.join(reasons)}; what came "
                "is kept"
            )

    def _offline_text(self, symbols: Sequence[str], request: LoadRequest) -> str:
        start = request.history_from or "1900-01-01"
        return (
            f"{self.store.folder}: has not all prices of {listed(symbols, _MOST)} from {start} to "
            f"{request.end}, and the "
            "network is not to be used; fetch them with `bt-run data fetch "
            f"{shlex.join(symbols[:_MOST])} "
            f"--start {start} --end {request.end}{_store_option(self.config.store)}`"
        )


class StoreConfig(Config):
    """Configuration of prices from the store, as they were cleaned."""

    store: Path | None = _store_field
    source: str = Field(
        "import", description="the source that the series are filed under, such as import or yahoo"
    )
    interval: str = Field("1d", description="length of the bars")


class StoreSource:
    """Cleaned prices from the store; nothing is fetched or changed."""

    def __init__(self, config: StoreConfig, context: BuildContext | None = None) -> None:
        self.config = config
        self.store = Store.at(config.store)

    def symbols(self) -> tuple[str, ...]:
        """Return the symbols that the store has cleaned prices of."""
        own = (self.config.source, self.config.interval)
        cleaned = []
        for key in self.store.keys():
            if (key.source, key.interval) == own and self.store.processed(key) is not None:
                cleaned.append(key.symbol)
        return tuple(cleaned)

    def load(self, request: LoadRequest) -> Bars:
        """Return the bars of the requested symbols.

        Raises:
            DataError: a symbol was never cleaned or is not there, or its file is damaged.
        """
        keys = self._keys(_symbols(request))
        notes: tuple[str, ...] = ()
        old = [key.symbol for key in keys if stale(self.store, key)]
        if old:
            names = listed(old, _MOST)
            notes = (f"prices of {names} came after the rest was cleaned and are not used",)
        return _bars(self.store, keys, request, notes)

    def series(self, symbol: str, request: LoadRequest) -> Closes:
        """Return the times (n,) and closes (n,) of one symbol over the request's window."""
        rows = _read(self.store, self._keys((symbol,)))
        return _closes(rows[symbol], request)

    def _keys(self, symbols: Iterable[str]) -> tuple[Key, ...]:
        keys = [Key(self.config.source, symbol, self.config.interval) for symbol in symbols]
        lacking = [key for key in keys if self.store.processed(key) is None]
        if lacking:
            names = listed([key.symbol for key in lacking], _MOST)
            raise DataError(
                f"{self.store.folder}: no cleaned prices of {names} from {self.config.source} "
                f"at {self.config.interval}; {self._remedy(lacking)}"
            )
        return tuple(keys)

    def _remedy(self, lacking: Sequence[Key]) -> str:
        """Say how to bring cleaned prices that are not there."""
        source = self.config.source
        place = _store_option(self.config.store)
        raw = [key.symbol for key in lacking if self.store.raw(key)]
        if raw:
            some = shlex.join(raw[:_MOST])
            return f"clean them with `bt-run data clean {some} --source {source}{place}`"
        if source == SOURCE:
            some = shlex.join([key.symbol for key in lacking[:_MOST]])
            command = f"bt-run data fetch {some} --start DAY{place}"
            return f"fetch them with `{command}`, then clean them"
        command = f"bt-run data import PATH --source {source}{place}"
        return f"bring them with `{command}`, then clean them"


class PackConfig(Config):
    """Configuration of prices from a pack."""

    id: str = Field(description="the pack's id; `bt-run data pack list` shows those there are")
    store: Path | None = _store_field
    max_age_days: int | None = Field(
        None, ge=0, description="how many days the pack may end before the run does; null: not one"
    )


class PackSource:
    """Prices from a pack: the same numbers on any machine."""

    def __init__(self, config: PackConfig, context: BuildContext | None = None) -> None:
        self.config = config
        self.store = Store.at(config.store)

    def symbols(self) -> tuple[str, ...]:
        """Return the symbols in the pack."""
        pack = open_pack(self.store, self.config.id)
        return tuple(part.symbol for part in pack.parts)

    def load(self, request: LoadRequest) -> Bars:
        """Return the bars of the requested symbols.

        Raises:
            DataError: there is no such pack, it was altered, it ends before the run, or lacks a
                symbol.
        """
        pack = self._pack(request)
        parts = self._parts(pack, _symbols(request))

        def rows_of(part: Part) -> Rows:
            return rows_of_columns(read_part(pack, part))

        symbols = [part.symbol for part in parts]
        with ThreadPoolExecutor() as pool:
            rows = dict(zip(symbols, pool.map(rows_of, parts), strict=True))
        prices = {part.symbol: part.prices for part in parts}
        note = f"prices from the pack {self.config.id}, frozen as of {pack.as_of}"
        return _assembled(request, rows, prices, (note,))

    def series(self, symbol: str, request: LoadRequest) -> Closes:
        """Return the times (n,) and closes (n,) of one symbol over the request's window."""
        pack = self._pack(request)
        parts = self._parts(pack, (symbol,))
        return _closes(rows_of_columns(read_part(pack, parts[0])), request)

    def _pack(self, request: LoadRequest) -> Pack:
        """Return the pack, if it is not too old for the run."""
        pack = open_pack(self.store, self.config.id)
        allowed = self.config.max_age_days or 0
        if pack.as_of + timedelta(days=allowed) < request.end:
            age = (request.end - pack.as_of).days
            raise DataError(
                f"pack {self.config.id} is stale: it is as of {pack.as_of}, {age} days before the "
                "run's end "
                f"{request.end}; expected at most {allowed}; end the run at {pack.as_of}, set "
                "max_age_days, or make a "
                f"newer pack with `bt-run data pack create --as-of {request.end}`"
            )
        return pack

    def _parts(self, pack: Pack, symbols: Sequence[str]) -> tuple[Part, ...]:
        have = {part.symbol: part for part in pack.parts}
        lacking = [symbol for symbol in symbols if symbol not in have]
        if lacking:
            raise DataError(
                f"pack {self.config.id} has no {listed(lacking, _MOST)}; it has "
                f"{listed(have, _MOST)}"
            )
        return tuple(have[symbol] for symbol in symbols)


def _symbols(request: LoadRequest) -> tuple[str, ...]:
    return tuple(sorted({*request.assets.values(), request.benchmark[1]}))


def _upper(request: LoadRequest) -> LoadRequest:
    """Return the request with its symbols in capitals, as Yahoo knows them."""
    assets = {name: symbol.upper() for name, symbol in request.assets.items()}
    name, symbol = request.benchmark
    return replace(request, assets=assets, benchmark=(name, symbol.upper()))


def _read(store: Store, keys: Sequence[Key]) -> dict[str, Rows]:
    """Read processed series in parallel: hashing and decompressing need no lock of the interpreter."""
    entries = _processed(store, keys)

    def rows_of(entry: ProcessedEntry) -> Rows:
        return rows_of_columns(store.read_columns(entry))

    with ThreadPoolExecutor() as pool:
        rows = list(pool.map(rows_of, entries.values()))
    return dict(zip(entries, rows, strict=True))


def _processed(store: Store, keys: Sequence[Key]) -> dict[str, ProcessedEntry]:
    """Return the processed file of each symbol."""
    entries = {}
    for key in keys:
        entry = store.processed(key)
        if entry is not None:
            entries[key.symbol] = entry
    return entries


def _bars(store: Store, keys: Sequence[Key], request: LoadRequest, notes: tuple[str, ...]) -> Bars:
    entries = _processed(store, keys)
    wrong = []
    for symbol, entry in sorted(entries.items()):
        count = entry.facts.findings.get("error", 0)
        if count:
            wrong.append(f"{symbol} ({count})")
    if wrong:
        found = listed(wrong, _MOST)
        notes = (*notes, f"findings of severity error when the prices were validated: {found}")
    prices = {symbol: entry.facts.prices for symbol, entry in entries.items()}
    return _assembled(request, _read(store, keys), prices, notes)


def _assembled(
    request: LoadRequest,
    rows: Mapping[str, Rows],
    prices: Mapping[str, PriceConvention | None],
    notes: tuple[str, ...],
) -> Bars:
    return assemble_bars(
        request,
        {name: rows[symbol] for name, symbol in request.assets.items()},
        rows[request.benchmark[1]],
        prices=_one_convention(prices),
        notes=notes,
    )


def _one_convention(prices: Mapping[str, PriceConvention | None]) -> PriceConvention | None:
    """Return what the prices of all symbols are."""
    first_of: dict[PriceConvention, str] = {}
    for symbol, convention in sorted(prices.items()):
        if convention is not None:
            first_of.setdefault(convention, symbol)
    conventions = sorted(first_of)
    if len(conventions) > 1:
        one, other = conventions[:2]
        raise DataError(
            f"{first_of[one]} is {one} and {first_of[other]} is {other}; "
            "expected one convention of prices in a run"
        )
    return conventions[0] if conventions else None


def _closes(rows: Rows, request: LoadRequest) -> Closes:
    cut = rows.between(request)
    return cut.times, cut.close


def _store_option(store: Path | None) -> str:
    return f" --store {shlex.quote(str(store))}" if store else ""


def _build_yahoo(config: YahooConfig, context: BuildContext) -> YahooSource:
    return YahooSource(config)


@hookimpl
def bt_sources() -> list[Component]:
    return [
        Component(
            name="yahoo",
            config=YahooConfig,
            build=_build_yahoo,
            summary="prices by Yahoo for personal use: what the store lacks is fetched, the rest "
            "read from it",
        ),
        Component(
            name="store",
            config=StoreConfig,
            build=StoreSource,
            summary="cleaned prices from the store; no network",
        ),
        Component(
            name="pack",
            config=PackConfig,
            build=PackSource,
            summary="prices frozen in a pack, checked by its hash",
            example={"id": "2012-12-31_0123456789ab"},
        ),
    ]
