"""From files of the store to bars: rows, notes and the convention of the prices."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import TypeVar

from bt_run import Array, Bars, DataError, LoadRequest, Rows, assemble_bars
from bt_run.arrays import Times
from bt_run.text import listed
from bt_run_plugins.market_data.store.frames import rows_of_columns
from bt_run_plugins.market_data.store.manifest import Keys
from bt_run_plugins.market_data.store.records import ProcessedEntry
from bt_run_plugins.market_data.store.store import Store
from bt_run_plugins.sources.sample import PriceConvention

__all__ = [
    "MOST_NAMES",
    "Closes",
    "Convention",
    "assembled",
    "closes_of",
    "in_parallel",
    "processed_bars",
    "processed_rows",
    "symbols_of",
    "upper_symbols",
]

# the times (n,) and closes (n,) of one symbol
Closes = tuple[Times, Array]
Convention = PriceConvention | None
Entries = dict[str, ProcessedEntry]
Item = TypeVar("Item")
Result = TypeVar("Result")
MOST_NAMES = 10  # that a note or an error lists


def symbols_of(request: LoadRequest) -> tuple[str, ...]:
    """Return the symbols that a request needs, sorted."""
    benchmark = request.benchmark[1]
    return tuple(sorted({*request.assets.values(), benchmark}))


def upper_symbols(request: LoadRequest) -> LoadRequest:
    """Return the request with its symbols in capitals, as Yahoo knows them."""
    assets = {name: symbol.upper() for name, symbol in request.assets.items()}
    name, symbol = request.benchmark
    return replace(request, assets=assets, benchmark=(name, symbol.upper()))


def closes_of(rows: Rows, request: LoadRequest) -> Closes:
    """Return the times and closes over a request's window."""
    cut = rows.between(request)
    return cut.times, cut.close


def in_parallel(work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Return the results in order: hashing and decompressing need no lock of the interpreter."""
    with ThreadPoolExecutor() as pool:
        return list(pool.map(work, items))


def processed_rows(store: Store, keys: Keys) -> dict[str, Rows]:
    """Return the rows of each symbol that was processed.

    Raises:
        DataError: a file is missing or has changed.
    """

    def rows_of(entry: ProcessedEntry) -> Rows:
        return rows_of_columns(store.read_columns(entry))

    entries = _processed(store, keys)
    rows = in_parallel(rows_of, entries.values())
    return dict(zip(entries, rows, strict=True))


def _processed(store: Store, keys: Keys) -> Entries:
    """Return the processed file of each symbol."""
    entries = {}
    for key in keys:
        entry = store.processed(key)
        if entry is not None:
            entries[key.symbol] = entry
    return entries


def processed_bars(
    store: Store,
    keys: Keys,
    request: LoadRequest,
    notes: tuple[str, ...],
) -> Bars:
    """Return the bars of processed series, with a note on what validation found.

    Raises:
        DataError: a file is missing or has changed, or the series are of several conventions.
    """
    entries = _processed(store, keys)
    wrong = listed(_errors_by_symbol(entries), MOST_NAMES)
    if wrong:
        note = f"findings of severity error when the prices were validated: {wrong}"
        notes = (*notes, note)
    conventions = {symbol: entry.facts.prices for symbol, entry in entries.items()}
    return assembled(request, processed_rows(store, keys), conventions, notes)


def _errors_by_symbol(entries: Entries) -> Iterator[str]:
    """Yield the symbols whose prices had errors, each with how many."""
    for symbol, entry in sorted(entries.items()):
        count = entry.facts.findings.get("error", 0)
        if count:
            yield f"{symbol} ({count})"


def assembled(
    request: LoadRequest,
    rows: Mapping[str, Rows],
    conventions: Mapping[str, Convention],
    notes: tuple[str, ...],
) -> Bars:
    """Return the bars of rows by symbol.

    Raises:
        DataError: the rows are of several conventions, or cannot be.
    """
    benchmark = request.benchmark[1]
    return assemble_bars(
        request,
        {name: rows[symbol] for name, symbol in request.assets.items()},
        rows[benchmark],
        prices=_one_convention(conventions),
        notes=notes,
    )


def _one_convention(conventions: Mapping[str, Convention]) -> Convention:
    """Return what the prices of all symbols are."""
    first_of: dict[PriceConvention, str] = {}
    for symbol, convention in sorted(conventions.items()):
        if convention is not None:
            first_of.setdefault(convention, symbol)
    if len(first_of) > 1:
        found = [
            f"{first_of[convention]} is {convention}" for convention in sorted(first_of)
        ]
        raise DataError(
            f"{' and '.join(found)}; expected one convention of prices in a run"
        )
    return next(iter(first_of), None)
