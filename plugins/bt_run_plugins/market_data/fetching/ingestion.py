"""Fetch what the store lacks: in batches, with patience, and with an eye on history that was
rewritten.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from bt_run import DataError, exchange_sessions
from bt_run_plugins.market_data.fetching import yahoo
from bt_run_plugins.market_data.fetching.sessions import is_intraday, last_finished
from bt_run_plugins.market_data.fetching.yahoo import Answer, Question, Trouble
from bt_run_plugins.market_data.store.frames import join_raw, whole
from bt_run_plugins.market_data.store.manifest import Entry, Key
from bt_run_plugins.market_data.store.store import Store, Writer, span

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["SOURCE", "FetchConfig", "Outcome", "Outside", "Window", "fetch", "missing"]

SOURCE = "yahoo"
Window = tuple[date | None, date]  # the first day, None for a symbol's beginning, and the last day
_RECENT = timedelta(days=10)  # a last bar older than this is the symbol's end, and not merely late
_NO_NETWORK = (
    "Without a network, `bt-run data import sample:indices` brings real prices from an installed "
    "package, "
    "and `bt-run examples/spy_qqq.yaml` runs on them"
)


@dataclass(frozen=True, kw_only=True)
class FetchConfig:
    """Say how to fetch.

    ``overlap`` bars are fetched again and compared with the store; a close that differs by over
    ``tolerance`` (relative) is another one. Pauses are seconds, doubled at every further one of the
    ``tries``.
    """

    interval: str = "1d"
    calendar: str = "XNYS"
    batch: int = 50
    overlap: int = 10
    tolerance: float = 1e-5
    tries: int = 4
    pause: float = 2.0
    rate_limit_pause: float = 30.0


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _tell_nobody(symbol: str) -> None:
    return


@dataclass(frozen=True, kw_only=True)
class Outside:
    """Hold the doors to the world: Yahoo, the clock, waiting, and who is told of each symbol that
    is done.
    """

    ask: Callable[[Question], Answer] = yahoo.ask
    now: Callable[[], datetime] = _utc_now
    sleep: Callable[[float], None] = time.sleep
    done: Callable[[str], None] = _tell_nobody


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """Say what came of a symbol: the rows and the span that the store has now, and what happened."""

    symbol: str
    state: Literal["fetched", "up to date", "failed"]
    rows: int = 0
    first: str | None = None
    last: str | None = None
    text: str = ""


@dataclass(frozen=True, kw_only=True)
class _Task:
    """Say what to ask for a symbol: all of it from ``beginning``, or the bars after those
    ``stored``.
    """

    symbol: str
    beginning: date | None
    ask_from: date | None
    stored: pd.DataFrame | None = None
    note: str | None = None


@dataclass
class _Job:
    """Hold what a fetch works with, and what came of it so far."""

    store: Store
    writer: Writer
    config: FetchConfig
    outside: Outside
    through: date
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    stopped: str | None = None

    def key(self, symbol: str) -> Key:
        return Key(SOURCE, symbol, self.config.interval)


def missing(
    store: Store, symbols: Sequence[str], window: Window, config: FetchConfig, now: datetime
) -> tuple[str, ...]:
    """Return the symbols of which the store does not know all of ``window``, as far as it is over
    by ``now``.
    """
    through = last_finished(window[1], now, config.calendar)
    return tuple(
        s
        for s in symbols
        if _lacks(store.raw(Key(SOURCE, s, config.interval)), (window[0], through))
    )


def fetch(
    store: Store,
    symbols: Sequence[str],
    window: Window,
    config: FetchConfig | None = None,
    outside: Outside | None = None,
    *,
    again: bool = False,
) -> tuple[Outcome, ...]:
    """Bring the store up to date for ``symbols`` over ``window``; what came is committed batch by
    batch.

    ``again`` fetches all of it, whatever the store has.

    Raises:
        DataError: the network is not reachable, another writer is at work, or the disk is full.
    """
    config, outside = config or FetchConfig(), outside or Outside()
    if config.interval != "1d" and not is_intraday(config.interval):
        raise DataError(
            f"interval was {config.interval!r}; expected 1d, or minutes or hours such as 5m or 1h"
        )
    names = tuple(dict.fromkeys(symbol.upper() for symbol in symbols))
    through = last_finished(window[1], outside.now(), config.calendar)
    if window[0] is not None and window[0] > through:
        raise DataError(
            f"no session between {window[0]} and {window[1]} is over yet; expected an earlier start"
        )
    due = names if again else missing(store, names, window, config, outside.now())
    outcomes = {
        name: _known(store, Key(SOURCE, name, config.interval)) for name in names if name not in due
    }
    if due:
        with store.writing() as writer:
            job = _Job(store, writer, config, outside, through)
            for batch in _batches(
                [_task(job, name, window[0], again) for name in due], config.batch
            ):
                _fetch_batch(job, batch)
        outcomes |= job.outcomes
    return tuple(outcomes[name] for name in names)


def _lacks(entries: tuple[Entry, ...], window: Window) -> Literal["all", "end"] | None:
    """Say what of the window is not known: all of it, or its end."""
    known = whole(entries)
    if not known:
        return "all"
    first, last = known[0].facts["covers"][0], known[-1].facts["covers"][1]
    if first is not None and (window[0] is None or window[0] < date.fromisoformat(first)):
        return "all"
    return "end" if date.fromisoformat(last) < window[1] else None


def _task(job: _Job, symbol: str, first: date | None, again: bool) -> _Task:
    """Choose between all of a series and the bars after those that are known."""
    entries = whole(job.store.raw(job.key(symbol)))
    if entries and first is not None:
        begun = entries[0].facts["covers"][0]
        first = None if begun is None else min(first, date.fromisoformat(begun))
    everything = _Task(symbol=symbol, beginning=first, ask_from=first)
    if again or _lacks(entries, (first, job.through)) == "all":
        return everything
    try:
        stored = join_raw(job.store, job.key(symbol)).frame
    except DataError as error:
        return replace(
            everything,
            note=f"all of it was fetched again, because what was stored is lost: {error}",
        )
    stored = stored.sort_values("date")
    if not len(stored):
        return everything
    overlap = stored["date"].to_numpy()[-job.config.overlap :][0]
    return replace(
        everything, ask_from=overlap.astype("datetime64[D]").astype(object), stored=stored
    )


def _batches(tasks: Sequence[_Task], size: int) -> Iterator[tuple[_Task, ...]]:
    """Put tasks that ask from one day together, at most ``size`` at a time."""
    groups: dict[date | None, list[_Task]] = {}
    for task in tasks:
        groups.setdefault(task.ask_from, []).append(task)
    for group in groups.values():
        for at in range(0, len(group), size):
            yield tuple(group[at : at + size])


def _fetch_batch(job: _Job, tasks: Sequence[_Task]) -> None:
    """Ask for a batch, store and commit what came; what was rewritten meanwhile is asked for again
    as a whole.
    """
    if job.stopped:
        for task in tasks:
            _fail(job, task, f"not asked for: {job.stopped}")
        return
    answer, asked = _ask_patiently(job, tasks)
    rewritten = []
    for task in tasks:
        if task.symbol in answer.troubles:
            _fail(job, task, _reason(answer.troubles[task.symbol]))
            continue
        frame = answer.frames[task.symbol]
        changed = (
            _rewritten(task.stored, frame, job.config.tolerance)
            if task.stored is not None
            else None
        )
        if changed:
            rewritten.append(replace(task, ask_from=task.beginning, stored=None, note=changed))
        else:
            _keep(job, task, frame, answer.version, asked)
    job.writer.commit()
    lost = [t for t in answer.troubles.values() if t.kind == "unreachable"]
    if lost and not answer.frames:
        kept = sum(outcome.state == "fetched" for outcome in job.outcomes.values())
        raise DataError(
            f"the network is not reachable: {lost[0].text}; {kept} symbols were fetched before "
            "and are kept. "
            f"{_NO_NETWORK}"
        )
    if any(t.kind == "rate_limited" for t in answer.troubles.values()):
        job.stopped = (
            "Yahoo's rate limit is reached; what came is kept, so repeat the command in an hour"
        )
    for batch in _batches(rewritten, job.config.batch):
        _fetch_batch(job, batch)


def _ask_patiently(job: _Job, tasks: Sequence[_Task]) -> tuple[Answer, datetime]:
    """Ask until all symbols are there, are known not to be, or patience ends; a lost network gets
    one more try.
    """
    asked, config = job.outside.now(), job.config
    question = Question(
        symbols=tuple(task.symbol for task in tasks),
        first=tasks[0].ask_from,
        last=job.through,
        interval=config.interval,
        calendar=config.calendar,
    )
    answer = job.outside.ask(question)
    frames = dict(answer.frames)
    for attempt in range(config.tries - 1):
        kinds = {symbol: trouble.kind for symbol, trouble in answer.troubles.items()}
        final = ("unknown",) if attempt == 0 else ("unknown", "unreachable")
        pending = tuple(symbol for symbol, kind in kinds.items() if kind not in final)
        if not pending:
            break
        limited = "rate_limited" in kinds.values()
        job.outside.sleep((config.rate_limit_pause if limited else config.pause) * 2**attempt)
        newer = job.outside.ask(replace(question, symbols=pending))
        frames |= newer.frames
        answer = replace(newer, troubles={**answer.troubles, **newer.troubles})
        answer = replace(
            answer, troubles={s: t for s, t in answer.troubles.items() if s not in frames}
        )
    return replace(answer, frames=frames), asked


def _reason(trouble: Trouble) -> str:
    """Say in plain words why a symbol did not come."""
    words = {
        "rate_limited": "Yahoo's rate limit is reached",
        "unreachable": "the network failed",
        "unknown": "Yahoo knows no such symbol, or has no prices of it in this span",
        "other": "Yahoo gave no usable answer",
    }
    return f"{words[trouble.kind]}: {trouble.text}"


def _rewritten(stored: pd.DataFrame, frame: pd.DataFrame, tolerance: float) -> str | None:
    """Say at which day the closes of the overlap are others than those stored, if they are."""
    both = (
        stored[["date", "close"]]
        .merge(frame[["date", "close"]], on="date", suffixes=("_old", "_new"))
        .dropna()
    )
    if not len(both):
        return "no bar that is stored came again; all of it was fetched again"
    ratio = both["close_old"] / both["close_new"]
    other = np.flatnonzero(np.abs(ratio - 1) > tolerance)
    if not len(other):
        return None
    at = int(other[0])
    day, old, new = both["date"].iloc[at], both["close_old"].iloc[at], both["close_new"].iloc[at]
    return (
        f"Yahoo rewrote the history: the close of {day:%Y-%m-%d} was {old:.6g} and is {new:.6g} "
        "now, "
        f"a ratio of {old / new:.6g}; all of it was fetched again, and the old file is kept"
    )


def _keep(job: _Job, task: _Task, frame: pd.DataFrame, version: str, asked: datetime) -> None:
    """Write what came for a symbol, with all that must be known of it."""
    over, now = frame["date"].to_numpy(), np.datetime64(asked.replace(tzinfo=None), "ns")
    late = over > (now if is_intraday(job.config.interval) else np.datetime64(job.through))
    good = frame[~late & frame["close"].notna()]
    if not len(good):
        _fail(
            job,
            task,
            f"Yahoo has {len(frame)} rows from {task.ask_from or 'the beginning'}, none with a "
            "close",
        )
        return
    before = (
        task.stored[task.stored["date"] < good["date"].min()]
        if task.stored is not None
        else good[:0]
    )
    last = good["date"].max().date()
    notes = [task.note] if task.note else []
    if "capital_gain" in frame.columns and (gains := int((frame["capital_gain"] > 0).sum())):
        notes.append(
            f"{gains} distributions of capital gains are in adj_close, and not in dividend"
        )
    facts: dict[str, Any] = {
        "request": {
            "start": task.ask_from.isoformat() if task.ask_from else None,
            "end": job.through.isoformat(),
            "interval": job.config.interval,
        },
        "yfinance": version,
        "fetched_at": asked.isoformat(timespec="seconds"),
        "prices": yahoo.PRICES,
        "calendar": job.config.calendar,
        "whole": task.stored is None,
        "covers": [
            task.beginning.isoformat() if task.beginning else None,
            _covered(last, job.through, asked.date(), job.config.calendar).isoformat(),
        ],
        "unfinished": str(over[late].min().astype("datetime64[s]")) if late.any() else None,
        "notes": notes,
    }
    first = span(before)[0] or span(good)[0]
    facts["series"] = {"rows": len(before) + len(good), "first": first, "last": span(good)[1]}
    job.writer.add_raw(job.key(task.symbol), frame, facts)
    text = "; ".join(notes) or (
        "all of it" if task.stored is None else f"{len(good)} rows, the overlap agrees"
    )
    job.outcomes[task.symbol] = Outcome(
        symbol=task.symbol, state="fetched", text=text, **facts["series"]
    )
    job.outside.done(task.symbol)


def _covered(last: date, through: date, today: date, calendar: str) -> date:
    """Return the day up to which all is known: the eve of the next session, or ``through`` if the
    symbol has ended.
    """
    if last < through and today - last > _RECENT:
        return through
    at = np.datetime64(last)
    later = exchange_sessions(calendar, at, at + np.timedelta64(20, "D"))
    following = later[later > at]
    found: date = (following[0] - np.timedelta64(1, "D")).astype(object)
    return found


def _known(store: Store, key: Key) -> Outcome:
    """Return what the store has of a series."""
    entries = store.raw(key)
    if not entries:
        return Outcome(symbol=key.symbol, state="up to date")
    return Outcome(
        symbol=key.symbol,
        state="up to date",
        text="nothing is missing",
        **entries[-1].facts["series"],
    )


def _fail(job: _Job, task: _Task, text: str) -> None:
    known = _known(job.store, job.key(task.symbol))
    job.outcomes[task.symbol] = replace(known, state="failed", text=text)
    job.outside.done(task.symbol)
