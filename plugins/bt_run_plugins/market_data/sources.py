"""Sources ``yahoo``, ``store`` and ``pack``: prices from the store, kept up to date, as they are,
or frozen.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from pydantic import Field

from bt_run import (
    Bars,
    BuildContext,
    Component,
    Config,
    DataError,
    LoadRequest,
    Rows,
    hookimpl,
)
from bt_run.text import listed
from bt_run_plugins.market_data.cleaning import CleanConfig
from bt_run_plugins.market_data.fetching.ingestion import fetch, missing
from bt_run_plugins.market_data.fetching.job import SOURCE, FetchConfig, Outside, Window
from bt_run_plugins.market_data.fetching.yahoo import LIBRARIES
from bt_run_plugins.market_data.loading import (
    MOST_NAMES,
    Closes,
    assembled,
    closes_of,
    in_parallel,
    processed_bars,
    processed_rows,
    symbols_of,
    upper_symbols,
)
from bt_run_plugins.market_data.processing import process, settings_of, stale
from bt_run_plugins.market_data.rules.validation import ValidateConfig
from bt_run_plugins.market_data.store.frames import counting, rows_of_columns
from bt_run_plugins.market_data.store.manifest import Key
from bt_run_plugins.market_data.store.packs import Pack, Part, open_pack, read_part
from bt_run_plugins.market_data.store.store import Store

__all__ = [
    "PackConfig",
    "PackSource",
    "StoreConfig",
    "StoreSource",
    "YahooConfig",
    "YahooSource",
]

Names = tuple[str, ...]

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

    needs_network = True

    def __init__(self, config: YahooConfig, outside: Outside | None = None) -> None:
        self.config = config
        self.store = Store.at(config.store)
        self.outside = outside or Outside()

    def symbols(self) -> Names:
        """Return the symbols of which the store has prices by Yahoo."""
        keys = _keys_of(self.store, SOURCE, self.config.interval)
        return tuple(key.symbol for key in keys)

    def load(self, request: LoadRequest) -> Bars:
        """Return the bars of the requested symbols, fetched where the store lacks them.

        Raises:
            DataError: prices are missing and the request forbids the network, or Yahoo does not
                give them.
        """
        keys = self._ready(request, symbols_of(request))
        note = f"prices by Yahoo, fetched {self._days_of(keys)}, for personal use"
        return processed_bars(self.store, keys, upper_symbols(request), (note,))

    def series(self, symbol: str, request: LoadRequest) -> Closes:
        """Return the times (n,) and closes (n,) of one symbol over the request's window."""
        keys = self._ready(request, (symbol,))
        rows = processed_rows(self.store, keys)
        return closes_of(rows[keys[0].symbol], request)

    def _days_of(self, keys: Iterable[Key]) -> str:
        """Return the day, or the span of days, on which prices were fetched."""
        entries = [entry for key in keys for entry in counting(self.store.raw(key))]
        days = sorted(entry.facts.fetched_at[:10] for entry in entries)
        first, last = days[0], days[-1]
        return first if first == last else f"between {first} and {last}"

    def _ready(self, request: LoadRequest, symbols: Iterable[str]) -> tuple[Key, ...]:
        """Fetch and clean what is not there yet; return the series."""
        names = tuple(sorted({symbol.upper() for symbol in symbols}))
        if request.offline:
            self._refuse_missing(names, request)
        else:
            self._fetch(names, request)
        keys = tuple(Key(SOURCE, name, self.config.interval) for name in names)
        self._clean(keys, request.calendar)
        return keys

    def _clean(self, keys: Sequence[Key], calendar: str) -> None:
        """Clean the series that are not, or by other settings."""
        cleaning = CleanConfig(calendar=calendar)
        validation = ValidateConfig(calendar=calendar)
        settings = settings_of(cleaning, validation)
        due = [key for key in keys if stale(self.store, key, settings)]
        if due:
            process(self.store, due, cleaning, validation)

    def _fetch(self, names: Sequence[str], request: LoadRequest) -> None:
        config = self._fetch_config(request)
        outcomes = fetch(self.store, names, _window(request), config, self.outside)
        failed = [outcome for outcome in outcomes if outcome.state == "failed"]
        if failed:
            reasons = [
                f"{outcome.symbol}: {outcome.text}" for outcome in failed[:MOST_NAMES]
            ]
            raise DataError(
                f"Yahoo gave no prices of {len(failed)} symbols: {'; '.join(reasons)}; what came "
                "is kept"
            )

    def _fetch_config(self, request: LoadRequest) -> FetchConfig:
        return FetchConfig(
            interval=self.config.interval,
            calendar=request.calendar,
        )

    def _refuse_missing(self, names: Sequence[str], request: LoadRequest) -> None:
        """Refuse to go on without the network if the store lacks prices."""
        config = self._fetch_config(request)
        lacking = missing(
            self.store, names, _window(request), config, self.outside.now()
        )
        if lacking:
            raise DataError(self._offline_text(lacking, request))

    def _offline_text(self, symbols: Sequence[str], request: LoadRequest) -> str:
        """Say which prices the store lacks, and how to fetch them."""
        start = request.history_from or "1900-01-01"
        names = listed(symbols, MOST_NAMES)
        window = f"--start {start} --end {request.end}{_store_words(self.config.store)}"
        command = f"bt-run data fetch {_shell_words(symbols)} {window}"
        return (
            f"{self.store.folder}: has not all prices of {names} from {start} to {request.end}, "
            f"and the network is not to be used; fetch them with `{command}`"
        )


class StoreConfig(Config):
    """Configuration of prices from the store, as they were cleaned."""

    store: Path | None = _store_field
    source: str = Field(
        "import",
        description="the source that the series are filed under, such as import or yahoo",
    )
    interval: str = Field("1d", description="length of the bars")


class StoreSource:
    """Cleaned prices from the store; nothing is fetched or changed."""

    def __init__(
        self, config: StoreConfig, context: BuildContext | None = None
    ) -> None:
        self.config = config
        self.store = Store.at(config.store)

    def symbols(self) -> Names:
        """Return the symbols that the store has cleaned prices of."""
        keys = _keys_of(self.store, self.config.source, self.config.interval)
        return tuple(
            key.symbol for key in keys if self.store.processed(key) is not None
        )

    def load(self, request: LoadRequest) -> Bars:
        """Return the bars of the requested symbols.

        Raises:
            DataError: a symbol was never cleaned or is not there, or its file is damaged.
        """
        keys = self._keys(symbols_of(request))
        notes: tuple[str, ...] = ()
        old = [key.symbol for key in keys if stale(self.store, key)]
        if old:
            names = listed(old, MOST_NAMES)
            notes = (
                f"prices of {names} came after the rest was cleaned and are not used",
            )
        return processed_bars(self.store, keys, request, notes)

    def series(self, symbol: str, request: LoadRequest) -> Closes:
        """Return the times (n,) and closes (n,) of one symbol over the request's window."""
        rows = processed_rows(self.store, self._keys((symbol,)))
        return closes_of(rows[symbol], request)

    def _keys(self, symbols: Iterable[str]) -> tuple[Key, ...]:
        keys = [
            Key(self.config.source, symbol, self.config.interval) for symbol in symbols
        ]
        lacking = [key for key in keys if self.store.processed(key) is None]
        if lacking:
            names = listed([key.symbol for key in lacking], MOST_NAMES)
            raise DataError(
                f"{self.store.folder}: no cleaned prices of {names} from {self.config.source} "
                f"at {self.config.interval}; {self._remedy(lacking)}"
            )
        return tuple(keys)

    def _remedy(self, lacking: Sequence[Key]) -> str:
        """Say how to bring cleaned prices that are not there."""
        source = self.config.source
        place = _store_words(self.config.store)
        raw = [key.symbol for key in lacking if self.store.raw(key)]
        if raw:
            command = f"bt-run data clean {_shell_words(raw)} --source {source}{place}"
            return f"clean them with `{command}`"
        if source == SOURCE:
            some = _shell_words([key.symbol for key in lacking])
            return f"fetch them with `bt-run data fetch {some} --start DAY{place}`, then clean them"
        command = f"bt-run data import PATH --source {source}{place}"
        return f"bring them with `{command}`, then clean them"


class PackConfig(Config):
    """Configuration of prices from a pack."""

    id: str = Field(
        description="the pack's id; `bt-run data pack list` shows those there are"
    )
    store: Path | None = _store_field
    max_age_days: int | None = Field(
        None,
        ge=0,
        description="how many days the pack may end before the run does; null: not one",
    )


class PackSource:
    """Prices from a pack: the same numbers on any machine."""

    def __init__(self, config: PackConfig, context: BuildContext | None = None) -> None:
        self.config = config
        self.store = Store.at(config.store)

    def symbols(self) -> Names:
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
        parts = self._parts(pack, symbols_of(request))

        def rows_of(part: Part) -> Rows:
            return rows_of_columns(read_part(pack, part))

        symbols = [part.symbol for part in parts]
        rows = dict(zip(symbols, in_parallel(rows_of, parts), strict=True))
        conventions = {part.symbol: part.prices for part in parts}
        note = f"prices from the pack {self.config.id}, frozen as of {pack.as_of}"
        return assembled(request, rows, conventions, (note,))

    def series(self, symbol: str, request: LoadRequest) -> Closes:
        """Return the times (n,) and closes (n,) of one symbol over the request's window."""
        pack = self._pack(request)
        parts = self._parts(pack, (symbol,))
        return closes_of(rows_of_columns(read_part(pack, parts[0])), request)

    def _pack(self, request: LoadRequest) -> Pack:
        """Return the pack, if it is not too old for the run."""
        pack = open_pack(self.store, self.config.id)
        allowed = self.config.max_age_days or 0
        if pack.as_of + timedelta(days=allowed) < request.end:
            age = (request.end - pack.as_of).days
            command = f"bt-run data pack create --as-of {request.end}"
            raise DataError(
                f"pack {self.config.id} is stale: it is as of {pack.as_of}, {age} days before the "
                f"run's end {request.end}; expected at most {allowed}; end the run at "
                f"{pack.as_of}, set max_age_days, or make a newer pack with `{command}`"
            )
        return pack

    def _parts(self, pack: Pack, symbols: Sequence[str]) -> tuple[Part, ...]:
        have = {part.symbol: part for part in pack.parts}
        lacking = [symbol for symbol in symbols if symbol not in have]
        if lacking:
            known = listed(have, MOST_NAMES)
            raise DataError(
                f"pack {self.config.id} has no {listed(lacking, MOST_NAMES)}; it has {known}"
            )
        return tuple(have[symbol] for symbol in symbols)


def _window(request: LoadRequest) -> Window:
    return request.history_from, request.end


def _keys_of(store: Store, source: str, interval: str) -> list[Key]:
    """Return the series of one source with bars of one length."""
    keys = store.keys()
    return [key for key in keys if (key.source, key.interval) == (source, interval)]


def _shell_words(names: Sequence[str]) -> str:
    """Return names as words of a command, no more than a screen takes."""
    return shlex.join(names[:MOST_NAMES])


def _store_words(store: Path | None) -> str:
    """Return the option that names a store, as a command goes on; nothing for the usual one."""
    if not store:
        return ""
    return f" --store {shlex.quote(str(store))}"


def _build_yahoo(config: YahooConfig, context: BuildContext) -> YahooSource:
    return YahooSource(config)


def _libraries(config: YahooConfig) -> Mapping[str, str]:
    # whoever has the prices already reads them with the source `store`
    return LIBRARIES


@hookimpl
def bt_sources() -> list[Component]:
    return [
        Component(
            name="yahoo",
            config=YahooConfig,
            build=_build_yahoo,
            summary="prices by Yahoo for personal use: what the store lacks is fetched, the rest "
            "read from it",
            libraries=_libraries,
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
