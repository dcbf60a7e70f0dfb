"""A batch of symbols: asked for with patience, checked for history that was rewritten, and kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from bt_run import DataError, exchange_sessions
from bt_run_plugins.market_data.fetching import yahoo
from bt_run_plugins.market_data.fetching.job import Job, Outcome, Task
from bt_run_plugins.market_data.fetching.sessions import is_intraday
from bt_run_plugins.market_data.fetching.yahoo import Answer, Question, Trouble
from bt_run_plugins.market_data.store.records import Extent, KnownDays, RawFacts, Request
from bt_run_plugins.market_data.store.tables import span

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["batches", "fetch_batch"]

_RECENT = timedelta(days=10)  # a last bar older than this is the symbol's end, and not merely late
_NO_NETWORK = (
    "Without a network, `bt-run data import sample:indices` brings real prices from an installed "
    "package, "
    "and `bt-run examples/spy_qqq.yaml` runs on them"
)
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
        for start in range(0, len(group), size):
            yield tuple(group[start : start + size])


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
    rewritten = []
    for task in tasks:
        trouble = answer.troubles.get(task.symbol)
        if trouble is not None:
            job.fail(task.symbol, f"{_REASONS[trouble.kind]}: {trouble.text}")
            continue
        frame = answer.frames[task.symbol]
        change = _rewritten(task.stored, frame, job.config.tolerance)
        if change is None:
            _keep(job, _Delivery(task, frame, answer.version, asked))
        else:
            rewritten.append(replace(task, ask_from=task.beginning, stored=None, note=change))
    job.writer.commit()
    _check_reach(job, answer)
    for batch in batches(rewritten, job.config.batch):
        fetch_batch(job, batch)


def _check_reach(job: Job, answer: Answer) -> None:
    """Raise without a network; at Yahoo's rate limit let the job stop, as asking makes it worse."""
    lost = [trouble for trouble in answer.troubles.values() if trouble.kind == "unreachable"]
    if lost and not answer.frames:
        states = [outcome.state for outcome in job.outcomes.values()]
        raise DataError(
            f"the network is not reachable: {lost[0].text}; {states.count('fetched')} symbols "
            f"were fetched before and are kept. {_NO_NETWORK}"
        )
    if any(trouble.kind == "rate_limited" for trouble in answer.troubles.values()):
        job.stopped = f"{_RATE_LIMIT}; what came is kept, so repeat the command in an hour"


def _ask_patiently(job: Job, tasks: Sequence[Task]) -> Answer:
    """Ask until all symbols are there, are known not to be, or patience ends; a lost network gets
    one more try.
    """
    config = job.config
    question = Question(
        symbols=tuple(task.symbol for task in tasks),
        first=tasks[0].ask_from,
        last=job.through,
        interval=config.interval,
        calendar=config.calendar,
    )
    answer = job.outside.ask(question)
    for attempt in range(config.tries - 1):
        pending = _pending(answer.troubles, first_try=attempt == 0)
        if not pending:
            break
        kinds = [trouble.kind for trouble in answer.troubles.values()]
        pause = config.rate_limit_pause if "rate_limited" in kinds else config.pause
        job.outside.sleep(pause * 2**attempt)
        newer = job.outside.ask(replace(question, symbols=pending))
        answer = _merged(answer, newer)
    return answer


def _pending(troubles: Mapping[str, Trouble], *, first_try: bool) -> tuple[str, ...]:
    """Return the symbols for which asking once more may help."""
    final = ("unknown",) if first_try else ("unknown", "unreachable")
    return tuple(symbol for symbol, trouble in troubles.items() if trouble.kind not in final)


def _merged(before: Answer, newer: Answer) -> Answer:
    """Return what two answers to one question know together; a symbol that came has no trouble."""
    frames = {**before.frames, **newer.frames}
    troubles = {}
    for symbol, trouble in {**before.troubles, **newer.troubles}.items():
        if symbol not in frames:
            troubles[symbol] = trouble
    return Answer(frames, troubles, newer.version)


def _rewritten(stored: pd.DataFrame | None, frame: pd.DataFrame, tolerance: float) -> str | None:
    """Say at which day the closes of the overlap are others than those stored, if they are."""
    if stored is None:
        return None
    closes = ["date", "close"]
    both = stored[closes].merge(frame[closes], on="date", suffixes=("_old", "_new")).dropna()
    if not len(both):
        return "no bar that is stored came again; all of it was fetched again"
    ratio = both["close_old"] / both["close_new"]
    other = np.flatnonzero(np.abs(ratio - 1) > tolerance)
    if not len(other):
        return None
    row = int(other[0])
    day = both["date"].iloc[row]
    old = both["close_old"].iloc[row]
    new = both["close_new"].iloc[row]
    return (
        f"Yahoo rewrote the history: the close of {day:%Y-%m-%d} was {old:.6g} and is {new:.6g} "
        "now, "
        f"a ratio of {old / new:.6g}; all of it was fetched again, and the old file is kept"
    )


def _keep(job: Job, delivery: _Delivery) -> None:
    """Write what came for a symbol, with all that must be known of it."""
    task, frame = delivery.task, delivery.frame
    late = _late_rows(job, delivery)
    good = frame[~late & frame["close"].notna()]
    if not len(good):
        asked_from = task.ask_from or "the beginning"
        job.fail(task.symbol, f"Yahoo has {len(frame)} rows from {asked_from}, none with a close")
        return
    facts = _raw_facts(job, delivery, good, late)
    job.writer.add_raw(job.key(task.symbol), frame, facts)
    usual = "all of it" if facts.whole else f"{len(good)} rows, the overlap agrees"
    outcome = Outcome(
        symbol=task.symbol,
        state="fetched",
        rows=facts.series.rows,
        first=facts.series.first,
        last=facts.series.last,
        text="; ".join(facts.notes) or usual,
    )
    job.settle(outcome)


def _raw_facts(
    job: Job, delivery: _Delivery, good: pd.DataFrame, late: NDArray[np.bool_]
) -> RawFacts:
    task = delivery.task
    request = Request(start=task.ask_from, end=job.through, interval=job.config.interval)
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


def _late_rows(job: Job, delivery: _Delivery) -> NDArray[np.bool_]:
    """Return the rows (n,) whose bars were not over when they were asked for."""
    ends = delivery.frame["date"].to_numpy()
    if is_intraday(job.config.interval):
        return np.asarray(ends > np.datetime64(delivery.asked.replace(tzinfo=None), "ns"))
    return np.asarray(ends > np.datetime64(job.through))


def _first_late(frame: pd.DataFrame, late: NDArray[np.bool_]) -> str | None:
    if not late.any():
        return None
    first = frame["date"].to_numpy()[late].min()
    return str(first.astype("datetime64[s]"))


def _notes(delivery: _Delivery) -> tuple[str, ...]:
    notes = [delivery.task.note] if delivery.task.note else []
    if yahoo.CAPITAL_GAIN in delivery.frame.columns:
        gains = int((delivery.frame[yahoo.CAPITAL_GAIN] > 0).sum())
        if gains:
            notes.append(
                f"{gains} distributions of capital gains are in adj_close, and not in dividend"
            )
    return tuple(notes)


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
    if last < job.through and delivery.asked.date() - last > _RECENT:
        return job.through
    day = np.datetime64(last)
    sessions = exchange_sessions(job.config.calendar, day, day + np.timedelta64(20, "D"))
    later = sessions[sessions > day]
    eve: date = (later[0] - np.timedelta64(1, "D")).astype(object)
    return eve
