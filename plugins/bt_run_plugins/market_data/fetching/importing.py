"""Bring prices that lie in files, or in the sample, into the store: exactly as they stand there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np

from bt_run import DataError, Rows
from bt_run.arrays import Times
from bt_run_plugins.market_data.fetching.job import SOURCE as FETCHED
from bt_run_plugins.market_data.store.frames import frame_of_rows
from bt_run_plugins.market_data.store.manifest import Key
from bt_run_plugins.market_data.store.records import (
    Extent,
    KnownDays,
    RawEntry,
    RawFacts,
)
from bt_run_plugins.market_data.store.store import Store, Writer
from bt_run_plugins.market_data.store.tables import parquet, span
from bt_run_plugins.sources.price_tables import FilesForm, read_rows
from bt_run_plugins.sources.sample import PriceConvention, SampleSet, prices_of, rows_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Imported", "bring"]

RowsBySymbol = Mapping[str, Rows]

_SAMPLE = "sample:"
_KINDS = frozenset({"parquet", "csv"})
_MINUTES_A_DAY = 1440


@dataclass(frozen=True, kw_only=True)
class Imported:
    """What came of a symbol."""

    key: Key
    rows: int
    first: str | None
    last: str | None
    text: str


@dataclass(frozen=True, kw_only=True)
class _AtOrigin:
    """What lies at an origin: rows by symbol, what their prices are, and under which source they
    are filed.
    """

    rows: RowsBySymbol
    prices: PriceConvention | None
    source: str
    origin: str
    notes: tuple[str, ...] = ()


def bring(
    store: Store,
    origin: str,
    symbols: Sequence[str] = (),
    *,
    prices: PriceConvention | None = None,
    source: str | None = None,
    form: FilesForm | None = None,
) -> tuple[Imported, ...]:
    """Bring ``symbols``, or all there are, into the store.

    ``origin`` is ``sample:SET`` or the path of a folder with one file per symbol, or of a table
    with a ticker column. The series are filed under ``source``: when it is not given, ``import``,
    or ``sample_SET``; ``form`` says how the files are written.

    Raises:
        DataError: the files or symbols are not there, or nothing says what the prices are.
    """
    if origin.startswith(_SAMPLE):
        found = _in_sample(origin, symbols, prices, source)
    else:
        found = _in_files(origin, symbols, prices, source, form)
    if found.source == FETCHED:
        raise DataError(
            f"the source {FETCHED!r} is for what `bt-run data fetch` brings; choose another word"
        )
    _check_prices(found, origin)
    with store.writing() as writer:
        return tuple(_add(store, writer, symbol, found) for symbol in found.rows)


def _in_sample(
    origin: str,
    symbols: Sequence[str],
    prices: PriceConvention | None,
    source: str | None,
) -> _AtOrigin:
    name = _sample_set(origin)
    return _AtOrigin(
        rows=_chosen(rows_of(name), symbols, origin),
        prices=prices or prices_of(name),
        source=source or f"sample_{name}",
        origin=origin,
    )


def _in_files(
    origin: str,
    symbols: Sequence[str],
    prices: PriceConvention | None,
    source: str | None,
    form: FilesForm | None,
) -> _AtOrigin:
    path = Path(origin).expanduser()
    read = read_rows(path, _file_kind(path), set(symbols) or None, form)
    return _AtOrigin(
        rows=read.rows,
        notes=read.notes(),
        prices=prices,
        source=source or "import",
        origin=str(path.resolve()),
    )


def _check_prices(found: _AtOrigin, origin: str) -> None:
    """Refuse nothing at all, and prices of which nobody says what they are."""
    if not found.rows:
        raise DataError(
            f"{origin}: found no prices; expected files such as SPY.parquet or SPY.csv, or rows"
        )
    if found.prices is not None:
        return
    for symbol, rows in found.rows.items():
        if rows.has_actions or rows.adj_close is not None:
            raise DataError(
                f"{origin}: {symbol} has corporate actions or adj_close, and nothing says what "
                "open, high, low and close are; say `--prices as_traded` or "
                "`--prices split_adjusted`"
            )


def _sample_set(origin: str) -> SampleSet:
    name = origin.removeprefix(_SAMPLE)
    sets: tuple[SampleSet, ...] = get_args(SampleSet)
    for known in sets:
        if name == known:
            return known
    expected = " or ".join(_SAMPLE + known for known in sets)
    raise DataError(f"the sample has no set {name!r}; expected {expected}")


def _file_kind(path: Path) -> Literal["parquet", "csv"]:
    """Say what a path holds, by the ending of its name or of the files in it."""
    if not path.exists():
        raise DataError(
            f"{path}: no such file or folder; expected one, or sample:indices"
        )
    found = _endings(path)
    kinds = found & _KINDS
    if len(kinds) > 1:
        raise DataError(
            f"{path}: found both kinds; expected parquet files or csv files"
        )
    if not kinds:
        names = ", ".join(sorted(found)) or "nothing"
        raise DataError(
            f"{path}: found files that end in {names}; expected parquet files or csv files"
        )
    return "parquet" if "parquet" in kinds else "csv"


def _endings(path: Path) -> set[str]:
    """Return how the name of a file ends, or those of the files in a folder."""
    files = path.iterdir() if path.is_dir() else [path]
    return {file.suffix[1:] for file in files}


def _chosen(
    have: RowsBySymbol,
    symbols: Sequence[str],
    origin: str,
) -> RowsBySymbol:
    if not symbols:
        return have
    _check_symbols(have, symbols, origin)
    return {symbol: have[symbol] for symbol in symbols}


def _check_symbols(
    have: RowsBySymbol,
    symbols: Sequence[str],
    origin: str,
) -> None:
    for symbol in symbols:
        if symbol not in have:
            known = ", ".join(sorted(have))
            raise DataError(f"{origin} has no symbol {symbol!r}; it has {known}")


def _interval(symbol: str, times: Times) -> str:
    """Return the length of the bars: a day where no row carries a time of day, else the commonest
    step.
    """
    if (times == times.astype("datetime64[D]")).all():
        return "1d"
    seconds = _commonest_step(times)
    minutes, rest = divmod(seconds, 60)
    if rest or not 0 < minutes < _MINUTES_A_DAY:
        raise DataError(
            f"{symbol}: its rows carry times of day, but are {seconds} seconds apart; "
            "expected dates alone for daily bars, or minutes between intraday bars"
        )
    if minutes % 60:
        return f"{minutes}m"
    return f"{minutes // 60}h"


def _commonest_step(times: Times) -> int:
    """Return the seconds that lie between most times and the next; 0 for a single time."""
    steps = np.diff(np.unique(times)).astype("timedelta64[s]").astype(np.int64)
    if not len(steps):
        return 0
    lengths, counts = np.unique(steps, return_counts=True)
    return int(lengths[counts.argmax()])


def _add(store: Store, writer: Writer, symbol: str, found: _AtOrigin) -> Imported:
    """Add a series, unless the store has the very same already."""
    rows = found.rows[symbol]
    key = Key(found.source, symbol, _interval(symbol, rows.times))
    frame = frame_of_rows(rows)
    entries = store.raw(key)
    if not entries:
        what = "new"
    elif entries[-1].facts.prices == found.prices and _is_same(
        store, entries[-1], frame
    ):
        return _imported(key, frame, ("the store has it already", *found.notes))
    else:
        what = f"in the place of what came from {entries[-1].facts.origin}"
    imported = _imported(key, frame, (what, *found.notes))
    writer.add_raw(key, frame, _raw_facts(imported, found))
    return imported


def _imported(key: Key, frame: pd.DataFrame, text: tuple[str, ...]) -> Imported:
    first, last = span(frame)
    return Imported(
        key=key,
        rows=len(frame),
        first=first,
        last=last,
        text="; ".join(text),
    )


def _raw_facts(imported: Imported, found: _AtOrigin) -> RawFacts:
    series = Extent(
        rows=imported.rows,
        first=imported.first,
        last=imported.last,
    )
    return RawFacts(
        fetched_at=datetime.now(UTC).isoformat(timespec="seconds"),
        prices=found.prices,
        whole=True,
        covers=KnownDays(),
        series=series,
        origin=found.origin,
    )


def _is_same(store: Store, entry: RawEntry, frame: pd.DataFrame) -> bool:
    """Say whether a file of the store is sound and holds this very frame."""
    try:
        return store.content(entry) == parquet(frame)
    except DataError:
        return False
