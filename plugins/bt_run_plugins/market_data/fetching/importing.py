"""Bring prices that lie in files, or in the sample, into the store: exactly as they stand there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from bt_run import DataError, Rows
from bt_run_plugins.market_data.fetching.ingestion import SOURCE as FETCHED
from bt_run_plugins.market_data.store.frames import frame_of_rows
from bt_run_plugins.market_data.store.manifest import Entry, Key
from bt_run_plugins.market_data.store.store import Store, Writer, parquet, span
from bt_run_plugins.sources.files import read_rows
from bt_run_plugins.sources.sample import PriceConvention, SampleSet, prices_of, rows_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Imported", "bring"]

_SAMPLE = "sample:"
_KINDS = ("parquet", "csv")


@dataclass(frozen=True, kw_only=True)
class Imported:
    """Say what came of a symbol."""

    key: Key
    rows: int
    first: str | None
    last: str | None
    text: str


def bring(
    store: Store,
    origin: str,
    symbols: Sequence[str] = (),
    *,
    prices: PriceConvention | None = None,
    source: str | None = None,
    timezone: str | None = None,
) -> tuple[Imported, ...]:
    """Bring ``symbols``, or all there are, into the store.

    ``origin`` is ``sample:SET`` or the path of a folder with one file per symbol, or of a table
    with a ticker column. The series are filed under ``source``: when it is not given, ``import``,
    or ``sample_SET``.

    Raises:
        DataError: the files or symbols are not there, or nothing says what the prices are.
    """
    if origin.startswith(_SAMPLE):
        name = _sample_set(origin)
        found = _chosen(rows_of(name), symbols, origin)
        prices, source, said = prices or prices_of(name), source or f"sample_{name}", origin
    else:
        path = Path(origin).expanduser()
        found = read_rows(path, _kind(path), set(symbols) or None, timezone)
        source, said = source or "import", str(path.resolve())
    if source == FETCHED:
        raise DataError(
            f"the source {source!r} is for what `bt-run data fetch` brings; choose another word"
        )
    if not found:
        raise DataError(
            f"{origin}: found no prices; expected files such as SPY.parquet or SPY.csv, or rows"
        )
    unclear = [
        name for name, rows in found.items() if rows.has_actions or rows.adj_close is not None
    ]
    if prices is None and unclear:
        raise DataError(
            f"{origin}: {unclear[0]} has corporate actions or adj_close, and nothing says what "
            "open, high, low and "
            "close are; say `--prices as_traded` or `--prices split_adjusted`"
        )
    facts = {"origin": said, "prices": prices, "whole": True, "covers": [None, None]}
    with store.writing() as writer:
        return tuple(
            _add(store, writer, Key(source, symbol, _interval(symbol, rows.times)), rows, facts)
            for symbol, rows in found.items()
        )


def _sample_set(origin: str) -> SampleSet:
    name = origin.removeprefix(_SAMPLE)
    for known in get_args(SampleSet):
        if name == known:
            found: SampleSet = known
            return found
    raise DataError(
        f"the sample has no set {name!r}; expected "
        f"{' or '.join(_SAMPLE + s for s in get_args(SampleSet))}"
    )


def _kind(path: Path) -> Literal["parquet", "csv"]:
    """Say what a path holds, by the ending of its name or of the files in it."""
    if not path.exists():
        raise DataError(f"{path}: no such file or folder; expected one, or sample:indices")
    endings = {file.suffix[1:] for file in path.iterdir()} if path.is_dir() else {path.suffix[1:]}
    found = endings & set(_KINDS)
    if len(found) != 1:
        what = (
            "both kinds"
            if found
            else f"files that end in {', '.join(sorted(endings)) or 'nothing'}"
        )
        raise DataError(f"{path}: found {what}; expected parquet files or csv files")
    return "parquet" if "parquet" in found else "csv"


def _chosen(have: Mapping[str, Rows], symbols: Sequence[str], origin: str) -> dict[str, Rows]:
    if unknown := [symbol for symbol in symbols if symbol not in have]:
        raise DataError(f"{origin} has no symbol {unknown[0]!r}; it has {', '.join(sorted(have))}")
    return {symbol: have[symbol] for symbol in symbols or have}


def _interval(symbol: str, times: NDArray[np.datetime64]) -> str:
    """Return the length of the bars: a day where no row carries a time of day, else the commonest
    step.
    """
    if not len(times) or (times == times.astype("datetime64[D]")).all():
        return "1d"
    steps = np.diff(np.unique(times)).astype("timedelta64[s]").astype(np.int64)
    lengths, counts = np.unique(steps, return_counts=True)
    minutes, rest = divmod(int(lengths[counts.argmax()]) if len(counts) else 0, 60)
    if rest or not 0 < minutes < 1440:
        raise DataError(
            f"{symbol}: its rows carry times of day, but are {60 * minutes + rest} seconds apart; "
            "expected dates alone for daily bars, or minutes between intraday bars"
        )
    return f"{minutes // 60}h" if minutes % 60 == 0 else f"{minutes}m"


def _add(store: Store, writer: Writer, key: Key, rows: Rows, facts: Mapping[str, Any]) -> Imported:
    """Add a series, unless the store has the very same already."""
    frame = frame_of_rows(rows)
    first, last = span(frame)
    series: dict[str, Any] = {"rows": len(frame), "first": first, "last": last}
    newest = next(reversed(store.raw(key)), None)
    if newest and newest.facts["prices"] == facts["prices"] and _is(store, newest, frame):
        return Imported(key=key, text="the store has it already", **series)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    writer.add_raw(key, frame, {**facts, "fetched_at": now, "notes": [], "series": series})
    text = f"in the place of what came from {newest.facts['origin']}" if newest else "new"
    return Imported(key=key, text=text, **series)


def _is(store: Store, entry: Entry, frame: pd.DataFrame) -> bool:
    """Say whether a file of the store is sound and holds this very frame."""
    try:
        return store.content(entry) == parquet(frame)
    except DataError:
        return False
