"""Fetch what the store lacks, and no more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import TYPE_CHECKING, Literal

from bt_run import DataError
from bt_run_plugins.market_data.fetching.batch import batches, fetch_batch
from bt_run_plugins.market_data.fetching.job import (
    SOURCE,
    FetchConfig,
    FetchOutcome,
    Job,
    Outside,
    Task,
    Window,
    known_outcome,
)
from bt_run_plugins.market_data.fetching.sessions import is_intraday, last_finished
from bt_run_plugins.market_data.store.frames import counting, join_raw
from bt_run_plugins.market_data.store.manifest import Key
from bt_run_plugins.market_data.store.records import RawEntry
from bt_run_plugins.market_data.store.store import Store

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["fetch", "missing"]


def missing(
    store: Store,
    symbols: Sequence[str],
    window: Window,
    config: FetchConfig,
    now: datetime,
) -> tuple[str, ...]:
    """Return the symbols of which the store does not know all of ``window``, as far as it is over
    by ``now``.
    """
    first, last = window
    through = last_finished(last, now, config.calendar)
    lacking = []
    for symbol in symbols:
        entries = store.raw(Key(SOURCE, symbol, config.interval))
        if _lacks(entries, (first, through)) is not None:
            lacking.append(symbol)
    return tuple(lacking)


def fetch(
    store: Store,
    symbols: Sequence[str],
    window: Window,
    config: FetchConfig | None = None,
    outside: Outside | None = None,
    *,
    again: bool = False,
) -> tuple[FetchOutcome, ...]:
    """Bring the store up to date for ``symbols`` over ``window``; what came is committed batch by
    batch.

    ``again`` fetches all of it, whatever the store has.

    Raises:
        DataError: the network is not reachable, another writer is at work, or the disk is full.
    """
    config = config or FetchConfig()
    outside = outside or Outside()
    now = outside.now()
    through = _last_day(window, config, now)
    names = tuple(dict.fromkeys(symbol.upper() for symbol in symbols))
    due = names if again else missing(store, names, window, config, now)
    outcomes = {}
    if due:
        with store.writing() as writer:
            job = Job(store, writer, config, outside, through)
            tasks = [_task(job, name, window[0], again) for name in due]
            for batch in batches(tasks, config.batch):
                fetch_batch(job, batch)
        outcomes = job.outcomes
    for name in names:
        if name not in due:
            outcomes[name] = known_outcome(store, Key(SOURCE, name, config.interval))
    return tuple(outcomes[name] for name in names)


def _last_day(window: Window, config: FetchConfig, now: datetime) -> date:
    """Return the last day that can be asked for, after checking what is asked for."""
    if config.interval != "1d" and not is_intraday(config.interval):
        raise DataError(
            f"interval was {config.interval!r}; expected 1d, or minutes or hours such as 5m or 1h"
        )
    first, last = window
    through = last_finished(last, now, config.calendar)
    if first is not None and first > through:
        raise DataError(
            f"no session between {first} and {last} is over yet; expected an earlier start"
        )
    return through


def _lacks(entries: Sequence[RawEntry], window: Window) -> Literal["all", "end"] | None:
    """Say what of the window is not known: all of it, or its end."""
    known = counting(entries)
    if not known:
        return "all"
    first, last = window
    known_from = known[0].facts.covers.first
    if known_from is not None and (first is None or first < known_from):
        return "all"
    known_until = known[-1].facts.covers.last
    if known_until is None or known_until < last:
        return "end"
    return None


def _task(job: Job, symbol: str, first: date | None, again: bool) -> Task:
    """Choose between all of a series and the bars after those that are known."""
    key = job.key(symbol)
    entries = counting(job.store.raw(key))
    first = _beginning(entries, first)
    everything = Task(symbol=symbol, beginning=first, ask_from=first)
    if again or _lacks(entries, (first, job.through)) == "all":
        return everything
    try:
        stored = join_raw(job.store, key).frame
    except DataError as error:
        note = f"all of it was fetched again, because what was stored is lost: {error}"
        return replace(everything, note=note)
    return _continued(everything, stored, job.config.overlap)


def _beginning(entries: Sequence[RawEntry], first: date | None) -> date | None:
    """Return the day to ask from: what is known from an earlier day on stays known from there."""
    if not entries or first is None:
        return first
    known_from = entries[0].facts.covers.first
    if known_from is None:
        return None
    return min(first, known_from)


def _continued(everything: Task, stored: pd.DataFrame, overlap: int) -> Task:
    """Return a task that asks for the last bars that are known and those after them."""
    if not len(stored):
        return everything
    stored = stored.sort_values("date")
    return replace(
        everything,
        ask_from=_overlap_start(stored, overlap),
        stored=stored,
    )


def _overlap_start(stored: pd.DataFrame, overlap: int) -> date:
    """Return the day of the first bar that is fetched again."""
    first = stored["date"].to_numpy()[-overlap:][0]
    day: date = first.astype("datetime64[D]").astype(object)
    return day
