"""A batch of symbols: asked for with patience, checked for history that was rewritten, and kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from bt_run import DataError, exchange_sessions
from bt_run.arrays import Mask
from bt_run_plugins.market_data.fetching import yahoo
from bt_run_plugins.market_data.fetching.job import FetchOutcome, Job, Task
from bt_run_plugins.market_data.fetching.sessions import is_intraday
from bt_run_plugins.market_data.fetching.yahoo import Question, Trouble, YahooAnswer
from bt_run_plugins.market_data.store.records import (
    Extent,
    KnownDays,
    RawFacts,
    Request,
)
from bt_run_plugins.market_data.store.tables import span

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["batches", "fetch_batch"]

Troubles = Mapping[str, Trouble]

_LONGEST_BREAK = np.timedelta64(20, "D")  # within which every exchange opens again
_RECENT = timedelta(days=10)  # how late a symbol's newest bar may be
_NO_NETWORK = (
    "Without a network, `bt-run data import sample:indices` brings real prices from an installed "
    "package, and `bt-run init` writes a folder with a run on them"
)
# troubles for which asking again is of no use
_FINAL_AT_FIRST = ("unknown",)
_FINAL = ("unknown", "unreachable")
_RATE_LIMIT = "Yahoo's rate limit is reached"
_REASONS = MappingProxyType(
    {
        "rate_limited": _RATE_LIMIT,
        "unreachable": "the network failed",
        "unknown": "Yahoo knows no such symbol, or has no prices of it in this span",
        "other": "Yahoo gave no usable answer",
    }
)


@dataclass(frozen=True)
class _Delivery:
    """What came for a symbol, and when it was asked for."""

    task: Task
    frame: pd.DataFrame
    version: str
    asked: datetime


def batches(tasks: Sequence[Task], size: int) -> Iterator[tuple[Task, ...]]:
    """Put tasks that ask from one day together, at most ``size`` at a time."""
    groups: dict[date | None, list[Task]] = {}
    for task in tasks:
        groups.setdefault(task.ask_from, []).append(task)
    for group in groups.values():
        yield from _cut(group, size)


def _cut(tasks: Sequence[Task], size: int) -> Iterator[tuple[Task, ...]]:
    for start in range(0, len(tasks), size):
        yield tuple(tasks[start : start + size])


def fetch_batch(job: Job, tasks: Sequence[Task]) -> None:
    """Ask for a batch, store and commit what came; what was rewritten meanwhile is asked for again
    as a whole.

    Raises:
        DataError: the network is not reachable, or the disk is full.
    """
    if job.stopped:
        for task in tasks:
            job.fail(task.symbol, f"not asked for: {job.stopped}")
        return
    asked = job.outside.now()
    answer = _ask_patiently(job, tasks)
    sorted_out = [_sort_out(job, task, answer, asked) for task in tasks]
    job.writer.commit()
    _check_reach(job, answer)
    rewritten = [task for task in sorted_out if task is not None]
    for batch in batches(rewritten, job.config.batch):
        fetch_batch(job, batch)


def _sort_out(
    job: Job,
    task: Task,
    answer: YahooAnswer,
    asked: datetime,
) -> Task | None:
    """Keep what came for a symbol, or say why nothing did; return what to ask for again."""
    trouble = answer.troubles.get(task.symbol)
    if trouble is not None:
        job.fail(task.symbol, f"{_REASONS[trouble.kind]}: {trouble.text}")
        return None
    frame = answer.frames[task.symbol]
    change = _rewritten(task.stored, frame, job.config.tolerance)
    if change is None:
        _keep(job, _Delivery(task, frame, answer.version, asked))
        return None
    return replace(task, ask_from=task.beginning, stored=None, note=change)


def _check_reach(job: Job, answer: YahooAnswer) -> None:
    """Raise without a network; at Yahoo's rate limit let the job stop, as asking makes it worse."""
    troubles = answer.troubles.values()
    lost = [trouble.text for trouble in troubles if trouble.kind == "unreachable"]
    if lost and not answer.frames:
        states = [outcome.state for outcome in job.outcomes.values()]
        raise DataError(
            f"the network is not reachable: {lost[0]}; {states.count('fetched')} symbols were "
            f"fetched before and are kept. {_NO_NETWORK}"
        )
    if _is_limited(answer.troubles):
        job.stopped = (
            f"{_RATE_LIMIT}; what came is kept, so repeat the command in an hour"
        )


def _ask_patiently(job: Job, tasks: Sequence[Task]) -> YahooAnswer:
    """Ask until all symbols are there, are known not to be, or patience ends; a lost network gets
    one more try.
    """
    question = _question(job, tasks)
    answer = job.outside.ask(question)
    for attempt in range(job.config.tries - 1):
        final = _FINAL if attempt else _FINAL_AT_FIRST
        pending = _pending(answer.troubles, final)
        if not pending:
            break
        _pause(job, answer.troubles, attempt)
        newer = job.outside.ask(replace(question, symbols=pending))
        answer = _merged(answer, newer)
    return answer


def _question(job: Job, tasks: Sequence[Task]) -> Question:
    return Question(
        symbols=tuple(task.symbol for task in tasks),
        first=tasks[0].ask_from,
        last=job.through,
        interval=job.config.interval,
        calendar=job.config.calendar,
    )


def _pause(job: Job, troubles: Troubles, attempt: int) -> None:
    """Wait before asking again, twice as long each time."""
    pause = job.config.pause
    if _is_limited(troubles):
        pause = job.config.rate_limit_pause
    job.outside.sleep(pause * 2**attempt)


def _is_limited(troubles: Troubles) -> bool:
    return any(trouble.kind == "rate_limited" for trouble in troubles.values())


def _pending(troubles: Troubles, final: Sequence[str]) -> tuple[str, ...]:
    """Return the symbols for which asking once more may help."""
    return tuple(
        symbol for symbol, trouble in troubles.items() if trouble.kind not in final
    )


def _merged(before: YahooAnswer, newer: YahooAnswer) -> YahooAnswer:
    """Return what two answers to one question know together; a symbol that came has no trouble."""
    frames = {**before.frames, **newer.frames}
    troubles = {}
    for symbol, trouble in {**before.troubles, **newer.troubles}.items():
        if symbol not in frames:
            troubles[symbol] = trouble
    return YahooAnswer(frames, troubles, newer.version)


def _rewritten(
    stored: pd.DataFrame | None,
    frame: pd.DataFrame,
    tolerance: float,
) -> str | None:
    """Say at which day the closes of the overlap are others than those stored, if they are."""
    if stored is None:
        return None
    both = _overlap(stored, frame)
    if not len(both):
        return "no bar that is stored came again; all of it was fetched again"
    ratio = both["close_old"] / both["close_new"]
    other = both[np.abs(ratio - 1) > tolerance]
    if not len(other):
        return None
    return _change_text(other)


def _overlap(stored: pd.DataFrame, frame: pd.DataFrame) -> pd.DataFrame:
    """Return the closes of the bars in both, as they were stored and as they came."""
    columns = ["date", "close"]
    both = stored[columns].merge(
        frame[columns],
        on="date",
        suffixes=("_old", "_new"),
    )
    return both.dropna()


def _change_text(other: pd.DataFrame) -> str:
    day = other["date"].iloc[0]
    old = other["close_old"].iloc[0]
    new = other["close_new"].iloc[0]
    return (
        f"Yahoo rewrote the history: the close of {day:%Y-%m-%d} was {old:.6g} and is {new:.6g} "
        f"now, a ratio of {old / new:.6g}; all of it was fetched again, and the old file is kept"
    )


def _keep(job: Job, delivery: _Delivery) -> None:
    """Write what came for a symbol, with all that must be known of it."""
    task = delivery.task
    frame = delivery.frame
    late = _late_rows(job, delivery)
    good = frame[~late & frame["close"].notna()]
    if len(good):
        facts = _raw_facts(job, delivery, good, late)
        job.writer.add_raw(job.key(task.symbol), frame, facts)
        job.settle(_fetched(task.symbol, facts, len(good)))
    else:
        begun = task.ask_from or "the beginning"
        job.fail(
            task.symbol, f"Yahoo has {len(frame)} rows from {begun}, none with a close"
        )


def _fetched(symbol: str, facts: RawFacts, rows: int) -> FetchOutcome:
    usual = "all of it" if facts.whole else f"{rows} rows, the overlap agrees"
    return FetchOutcome(
        symbol=symbol,
        state="fetched",
        rows=facts.series.rows,
        first=facts.series.first,
        last=facts.series.last,
        text="; ".join(facts.notes) or usual,
    )


def _raw_facts(
    job: Job,
    delivery: _Delivery,
    good: pd.DataFrame,
    late: Mask,
) -> RawFacts:
    task = delivery.task
    request = Request(
        start=task.ask_from,
        end=job.through,
        interval=job.config.interval,
    )
    return RawFacts(
        fetched_at=delivery.asked.isoformat(timespec="seconds"),
        prices=yahoo.PRICES,
        whole=task.stored is None,
        covers=KnownDays(task.beginning, _known_until(job, delivery, good)),
        series=_extent(task.stored, good),
        notes=_notes(delivery),
        unfinished=_first_late(delivery.frame, late),
        calendar=job.config.calendar,
        request=request,
        yfinance=delivery.version,
    )


def _late_rows(job: Job, delivery: _Delivery) -> Mask:
    """Return the rows (n,) whose bars were not over when they were asked for."""
    ends = delivery.frame["date"].to_numpy()
    return np.asarray(ends > _end_of_known(job, delivery.asked))


def _end_of_known(job: Job, asked: datetime) -> np.datetime64:
    """Return the time up to which bars are over."""
    if is_intraday(job.config.interval):
        return np.datetime64(asked.replace(tzinfo=None), "ns")
    return np.datetime64(job.through, "ns")


def _first_late(frame: pd.DataFrame, late: Mask) -> str | None:
    if not late.any():
        return None
    first = frame["date"].to_numpy()[late].min()
    return str(first.astype("datetime64[s]"))


def _notes(delivery: _Delivery) -> tuple[str, ...]:
    notes = (delivery.task.note, _capital_gains_note(delivery.frame))
    return tuple(note for note in notes if note)


def _capital_gains_note(frame: pd.DataFrame) -> str | None:
    if yahoo.CAPITAL_GAIN not in frame.columns:
        return None
    count = int((frame[yahoo.CAPITAL_GAIN] > 0).sum())
    if not count:
        return None
    return (
        f"{count} distributions of capital gains are in adj_close, and not in dividend"
    )


def _extent(stored: pd.DataFrame | None, good: pd.DataFrame) -> Extent:
    """Return what the series is, the rows stored before those that came included."""
    first, last = span(good)
    rows = len(good)
    if stored is not None:
        before = stored[stored["date"] < good["date"].min()]
        first = span(before)[0] or first
        rows += len(before)
    return Extent(rows=rows, first=first, last=last)


def _known_until(job: Job, delivery: _Delivery, good: pd.DataFrame) -> date:
    """Return the day up to which all is known: the eve of the next session, or all that was asked
    for if the symbol has ended.
    """
    last = good["date"].max().date()
    if last < job.through and _is_long_ago(last, delivery.asked):
        return job.through
    return _eve_of_next_session(last, job.config.calendar)


def _is_long_ago(day: date, asked: datetime) -> bool:
    """Say whether a last bar is the symbol's end, and not merely late."""
    return asked.date() - day > _RECENT


def _eve_of_next_session(day: date, calendar: str) -> date:
    sessions = exchange_sessions(
        calendar, np.datetime64(day), np.datetime64(day) + _LONGEST_BREAK
    )
    later = sessions[sessions > np.datetime64(day)]
    eve: date = (later[0] - np.timedelta64(1, "D")).astype(object)
    return eve
