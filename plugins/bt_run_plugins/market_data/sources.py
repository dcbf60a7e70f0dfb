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
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from bt_run import (
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
from bt_run_plugins.market_data.cleaning import CleanConfig
from bt_run_plugins.market_data.fetching.ingestion import (
    SOURCE,
    FetchConfig,
    Outside,
    fetch,
    missing,
)
from bt_run_plugins.market_data.processing import process, settings_of, stale
from bt_run_plugins.market_data.rules.validation import ValidateConfig
from bt_run_plugins.market_data.store.frames import rows_of_columns, whole
from bt_run_plugins.market_data.store.manifest import Key
from bt_run_plugins.market_data.store.packs import Pack, Part, open_pack, read_part
from bt_run_plugins.market_data.store.store import Store

__all__ = ["PackConfig", "PackSource", "StoreConfig", "StoreSource", "YahooConfig", "YahooSource"]

Series = tuple[NDArray[np.datetime64], NDArray[np.float64]]
Convention = Literal["as_traded", "split_adjusted"]
_SOME = 10  # names that a note or an error lists

_store_field = Field(
    None, description="folder of the store; null: $BT_RUN_STORE, else ~/.bt-run/store"
)


class YahooConfig(Config):
    """Configure prices by Yahoo, for personal use."""

    store: Path | None = _store_field
    interval: str = Field(
        "1d", description="length of the bars: 1d, or minutes or hours such as 5m or 1h"
    )


class YahooSource:
    """Fetch from Yahoo what the store lacks, clean it, and load it."""

    def __init__(self, config: YahooConfig, outside: Outside | None = None) -> None:
        self.config = config
        self.store = Store.at(config.store)
        self.outside = outside or Outside()

    def symbols(self) -> tuple[str, ...]:
        """Return the symbols of which the store has prices by Yahoo."""
        keys = self.store.keys()
        return tuple(
            key.symbol
            for key in keys
            if (key.source, key.interval) == (SOURCE, self.config.interval)
        )

    def load(self, request: LoadRequest) -> Bars:
        """Return the bars of the requested symbols, fetched where the store lacks them.

        Raises:
            DataError: prices are missing and the request forbids the network, or Yahoo does not
                give them.
        """
        keys = self._ready(request, _symbols(request))
        fetched = [
            entry.facts["fetched_at"][:10] for key in keys for entry in whole(self.store.raw(key))
        ]
        span = (
            min(fetched)
            if min(fetched) == max(fetched)
            else f"between {min(fetched)} and {max(fetched)}"
        )
        return _bars(
            self.store,
            keys,
            _upper(request),
            (f"prices by Yahoo, fetched {span}, for personal use",),
        )

    def series(self, symbol: str, request: LoadRequest) -> Series:
        """Return the times (n,) and closes (n,) of one symbol over the request's window."""
        (key,) = self._ready(request, (symbol,))
        return _closes(_read(self.store, (key,))[key.symbol], request)

    def _ready(self, request: LoadRequest, symbols: Iterable[str]) -> tuple[Key, ...]:
        """Fetch and clean what is not there yet; return the series."""
        names = tuple(sorted({symbol.upper() for symbol in symbols}))
        config = FetchConfig(interval=self.config.interval, calendar=request.calendar)
        window = (request.history_from, request.end)
        if request.offline:
            self._refuse_missing(
                missing(self.store, names, window, config, self.outside.now()), request
            )
        else:
            failed = [
                o
                for o in fetch(self.store, names, window, config, self.outside)
                if o.state == "failed"
            ]
            if failed:
                told = "; ".join(f"{outcome.symbol}: {outcome.text}" for outcome in failed[:_SOME])
                raise DataError(
                    f"Yahoo gave no prices of {len(failed)} symbols: {told}; what came is kept"
                )
        keys = tuple(Key(SOURCE, name, self.config.interval) for name in names)
        clean, judge = (
            CleanConfig(calendar=request.calendar),
            ValidateConfig(calendar=request.calendar),
        )
        if due := [key for key in keys if stale(self.store, key, settings_of(clean, judge))]:
            process(self.store, due, clean, judge)
        return keys

    def _refuse_missing(self, symbols: Sequence[str], request: LoadRequest) -> None:
        if symbols:
            start = request.history_from or "1900-01-01"
            raise DataError(
                f"{self.store.folder}: has not all prices of {_list(symbols)} from {start} to "
                f"{request.end}, and the "
                "network is not to be used; fetch them with `bt-run data fetch "
                f"{shlex.join(symbols[:_SOME])} "
                f"--start {start} --end {request.end}{_place(self.config.store)}`"
            )


class StoreConfig(Config):
    """Configure prices from the store, as they were cleaned."""

    store: Path | None = _store_field
    source: str = Field(
        "import", description="the source that the series are filed under, such as import or yahoo"
    )
    interval: str = Field("1d", description="length of the bars")


class StoreSource:
    """Load cleaned prices from the store; nothing is fetched or changed."""

    def __init__(self, config: StoreConfig, context: BuildContext | None = None) -> None:
        self.config = config
        self.store = Store.at(config.store)

    def symbols(self) -> tuple[str, ...]:
        """Return the symbols that the store has cleaned prices of."""
        own = (self.config.source, self.config.interval)
        keys = self.store.keys()
        return tuple(
            k.symbol for k in keys if (k.source, k.interval) == own and self.store.processed(k)
        )

    def load(self, request: LoadRequest) -> Bars:
        """Return the bars of the requested symbols.

        Raises:
            DataError: a symbol was never cleaned or is not there, or its file is damaged.
        """
        keys = self._keys(_symbols(request))
        old = [key.symbol for key in keys if stale(self.store, key)]
        notes = (
            (f"prices of {_list(old)} came after the rest was cleaned and are not used",)
            if old
            else ()
        )
        return _bars(self.store, keys, request, notes)

    def series(self, symbol: str, request: LoadRequest) -> Series:
        """Return the times (n,) and closes (n,) of one symbol over the request's window."""
        return _closes(_read(self.store, self._keys((symbol,)))[symbol], request)

    def _keys(self, symbols: Iterable[str]) -> tuple[Key, ...]:
        keys = [Key(self.config.source, symbol, self.config.interval) for symbol in symbols]
        lacking = [key for key in keys if self.store.processed(key) is None]
        if not lacking:
            return tuple(keys)
        names = [key.symbol for key in lacking]
        raw = [key.symbol for key in lacking if self.store.raw(key)]
        place = _place(self.config.store)
        if raw:
            how = f"clean them with `bt-run data clean {shlex.join(raw[:_SOME])} --source {self.config.source}{place}`"
        elif self.config.source == SOURCE:
            how = f"fetch them with `bt-run data fetch {shlex.join(names[:_SOME])} --start DAY{place}`, then clean them"
        else:
            how = f"bring them with `bt-run data import PATH --source {self.config.source}{place}`, then clean them"
        raise DataError(
            f"{self.store.folder}: no cleaned prices of {_list(names)} from {self.config.source} "
            f"at {self.config.interval}; {how}"
        )


class PackConfig(Config):
    """Configure prices from a pack."""

    id: str = Field(description="the pack's id; `bt-run data pack list` shows those there are")
    store: Path | None = _store_field
    max_age_days: int | None = Field(
        None, ge=0, description="how many days the pack may end before the run does; null: not one"
    )


class PackSource:
    """Load prices from a pack: the same numbers on any machine."""

    def __init__(self, config: PackConfig, context: BuildContext | None = None) -> None:
        self.config = config
        self.store = Store.at(config.store)

    def symbols(self) -> tuple[str, ...]:
        """Return the symbols in the pack."""
        return tuple(part.symbol for part in open_pack(self.store, self.config.id).parts)

    def load(self, request: LoadRequest) -> Bars:
        """Return the bars of the requested symbols.

        Raises:
            DataError: there is no such pack, it was altered, it ends before the run, or lacks a
                symbol.
        """
        pack, parts = self._parts(_symbols(request), request)
        with ThreadPoolExecutor() as pool:
            found = pool.map(lambda part: rows_of_columns(read_part(pack, part)), parts)
            rows = {part.symbol: item for part, item in zip(parts, found, strict=True)}
        told = f"prices from the pack {self.config.id}, frozen as of {pack.as_of}"
        return _assembled(request, rows, {part.symbol: part.prices for part in parts}, (told,))

    def series(self, symbol: str, request: LoadRequest) -> Series:
        """Return the times (n,) and closes (n,) of one symbol over the request's window."""
        pack, (part,) = self._parts((symbol,), request)
        return _closes(rows_of_columns(read_part(pack, part)), request)

    def _parts(self, symbols: Sequence[str], request: LoadRequest) -> tuple[Pack, tuple[Part, ...]]:
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
        have = {part.symbol: part for part in pack.parts}
        if lacking := [symbol for symbol in symbols if symbol not in have]:
            raise DataError(
                f"pack {self.config.id} has no {_list(lacking)}; it has {_list(list(have))}"
            )
        return pack, tuple(have[symbol] for symbol in symbols)


def _symbols(request: LoadRequest) -> tuple[str, ...]:
    return tuple(sorted({*request.assets.values(), request.benchmark[1]}))


def _upper(request: LoadRequest) -> LoadRequest:
    """Return the request with its symbols in capitals, as Yahoo knows them."""
    assets = {name: symbol.upper() for name, symbol in request.assets.items()}
    return replace(
        request, assets=assets, benchmark=(request.benchmark[0], request.benchmark[1].upper())
    )


def _read(store: Store, keys: Sequence[Key]) -> dict[str, Rows]:
    """Read processed series in parallel: hashing and decompressing need no lock of the interpreter."""
    entries = [entry for entry in map(store.processed, keys) if entry is not None]
    with ThreadPoolExecutor() as pool:
        found = pool.map(lambda entry: rows_of_columns(store.read_columns(entry)), entries)
        return {key.symbol: rows for key, rows in zip(keys, found, strict=True)}


def _bars(store: Store, keys: Sequence[Key], request: LoadRequest, notes: tuple[str, ...]) -> Bars:
    facts = {key.symbol: entry.facts for key in keys if (entry := store.processed(key)) is not None}
    wrong = {
        symbol: count
        for symbol, said in facts.items()
        if (count := said["findings"].get("error", 0))
    }
    if wrong:
        told = _list([f"{symbol} ({count})" for symbol, count in sorted(wrong.items())])
        notes = (*notes, f"findings of severity error when the prices were validated: {told}")
    prices = {symbol: said["prices"] for symbol, said in facts.items()}
    return _assembled(request, _read(store, keys), prices, notes)


def _assembled(
    request: LoadRequest,
    rows: Mapping[str, Rows],
    prices: Mapping[str, str | None],
    notes: tuple[str, ...],
) -> Bars:
    kinds = sorted({kind for kind in prices.values() if kind is not None})
    if len(kinds) > 1:
        some = {
            kind: next(symbol for symbol, own in sorted(prices.items()) if own == kind)
            for kind in kinds
        }
        raise DataError(
            f"{some[kinds[0]]} is {kinds[0]} and {some[kinds[1]]} is {kinds[1]}; "
            "expected one convention of prices in a run"
        )
    convention: Any = kinds[0] if kinds else None
    return assemble_bars(
        request,
        {name: rows[symbol] for name, symbol in request.assets.items()},
        rows[request.benchmark[1]],
        prices=convention,
        notes=notes,
    )


def _closes(rows: Rows, request: LoadRequest) -> Series:
    cut = rows.between(request)
    return cut.times, cut.close


def _list(names: Sequence[str]) -> str:
    return ", ".join(names[:_SOME]) + (
        f" and {len(names) - _SOME} more" if len(names) > _SOME else ""
    )


def _place(store: Path | None) -> str:
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
