"""What a reader must know about the data of a run, a sentence each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from bt_run.arrays import Mask, Times
from bt_run.data.bars import Bars, LoadRequest, forward_fill
from bt_run.data.calendars import scheduled_opens
from bt_run.data.rows import Rows, day_of
from bt_run.data.years import LONGEST_DAILY_STEP, years_between
from bt_run.text import listed

__all__ = [
    "bars_are_daily_or_less",
    "opening_note",
    "row_notes",
    "stale_opens",
    "stale_opens_note",
    "survivors_note",
]

STALE_OPEN_SHARE = (
    0.2  # of a year's rows; above it, opens count as copies of the previous close
)
MANY, LONG = 10, 5.0  # assets and years of which one or another should have fallen out
MOST_AT_THE_BELL = 0.5  # of the sessions
RECENT = np.timedelta64(7, "D")
FEW_ROWS = 20  # a handful of rows proves nothing
ROUNDING = 1e-6  # relative, by which a price may lie outside low and high


def row_notes(
    request: LoadRequest,
    rows: Mapping[str, Rows],
    benchmark: Rows,
    times: Times,
    start: int,
) -> tuple[str, ...]:
    """Return the notes on the rows of a run whose bars are at ``times`` (T,), the first of the run
    at ``start``.
    """
    return (
        *_spans(request, rows, times[start]),
        *_dividends(request, rows),
        *_bare_benchmark(request, rows, benchmark),
        *_odd_rows(rows, times),
    )


def opening_note(bars: Bars) -> tuple[str, ...]:
    """Return a note where intraday bars look as if their times were where they begin: the first of
    most sessions would end at the opening bell.
    """
    if bars.daily:
        return ()
    first = np.append(True, bars.sessions[1:] != bars.sessions[:-1])
    opens = scheduled_opens(bars.calendar, bars.sessions[first])
    at_the_bell = float((bars.times[first] == opens).mean())
    if at_the_bell <= MOST_AT_THE_BELL:
        return ()
    return (
        f"the first bar of {at_the_bell:.0%} of the sessions ends at the opening bell, as times do "
        "where bars begin: then every bar is known too early, and `bar_minutes` of the source "
        "says how long they are",
    )


def stale_opens(bars: Bars) -> tuple[str, ...]:
    """Return the assets whose opens repeat the close before in over a fifth of a year's rows, the
    years of the run alone.
    """
    years = bars.sessions.astype("datetime64[Y]").astype(np.int64)
    years -= years.min()
    nothing = np.full((1, len(bars.assets)), np.nan)
    previous = np.vstack([nothing, forward_fill(bars.traded.close)[:-1]])
    repeats = bars.present & (bars.traded.open == previous)
    inside = (np.arange(len(bars)) >= bars.start)[:, None]
    repeats, present = repeats & inside, bars.present & inside
    found = []
    for column, name in enumerate(bars.assets):
        rows = np.bincount(years[present[:, column]], minlength=1)
        same = np.bincount(years[repeats[:, column]], minlength=len(rows))
        if ((same > STALE_OPEN_SHARE * rows) & (rows >= FEW_ROWS)).any():
            found.append(name)
    return tuple(found)


def stale_opens_note(bars: Bars) -> tuple[str, ...]:
    """Return the note on stale opens, if there are any."""
    stale = stale_opens(bars)
    if not stale:
        return ()
    return (
        f"the opens of {listed(stale)} repeat the previous close in over a fifth of some year's "
        "rows",
    )


def survivors_note(bars: Bars) -> tuple[str, ...]:
    """Return a note where every asset of many still trades at the end of a long run."""
    first, last = bars.sessions[bars.start], bars.sessions[-1]
    years = years_between(first, last)
    if len(bars.assets) < MANY or years < LONG:
        return ()
    recent = bars.sessions > last - RECENT
    ended = ~bars.present[recent].any(axis=0) | ~np.isnat(bars.last_session)
    if ended.any():
        return ()
    return (
        f"all {len(bars.assets)} assets still trade at the end of {years:.0f} years, and no "
        "universe says which were known at the start: what fell out is missing, which flatters "
        "every run",
    )


def _spans(
    request: LoadRequest, rows: Mapping[str, Rows], first: np.datetime64
) -> Iterator[str]:
    """Yield which assets are not there at all, start late or stop early."""
    absent, late, early = [], [], []
    end = max(item.times[-1] for item in rows.values() if len(item.times))
    for name, item in rows.items():
        inside = item.times[np.searchsorted(item.times, first) :]
        if not len(inside):
            absent.append(name)
            continue
        if inside[0] > first:
            late.append(f"{name} starts at {day_of(inside[0])}")
        if inside[-1] < end:
            early.append(f"{name} stops at {day_of(inside[-1])}")
    if absent:
        yield f"{', '.join(absent)}: no bar between {request.start} and {request.end}"
    if late:
        yield f"{', '.join(late)}, after the run's first bar"
    if early:
        yield f"{', '.join(early)}, before the run's last bar"


def _dividends(request: LoadRequest, rows: Mapping[str, Rows]) -> Iterator[str]:
    """Yield which assets have no dividends in a run that would count them."""
    booked = request.adjust == "none"
    bare = [
        name
        for name, item in rows.items()
        if item.dividend is None and (booked or item.adj_close is None)
    ]
    if bare:
        which = "all assets" if len(bare) == len(rows) else ", ".join(bare)
        yield f"price return only: the data of {which} have no dividends"


def _bare_benchmark(
    request: LoadRequest, rows: Mapping[str, Rows], benchmark: Rows
) -> Iterator[str]:
    """Yield that the benchmark alone lacks dividends, which makes every run look better."""
    counted = [name for name, item in rows.items() if _counts_dividends(item)]
    if counted and not _counts_dividends(benchmark):
        yield (
            f"the benchmark {request.benchmark[0]} is a price return: its data have no "
            f"dividends, while those of {listed(counted)} count"
        )


def _counts_dividends(rows: Rows) -> bool:
    return rows.dividend is not None or rows.adj_close is not None


def _odd_rows(rows: Mapping[str, Rows], times: Times) -> Iterator[str]:
    """Yield which rows look as if columns did not belong together, or were no daily bars."""
    counts = {name: int(_outside(item).sum()) for name, item in rows.items()}
    names = [f"{name} ({count})" for name, count in counts.items() if count]
    if names:
        yield f"opens or closes outside the bar's low and high, rows: {', '.join(names)}"
    if not bars_are_daily_or_less(times):
        yield (
            f"bars are {_days_apart(times):.0f} days apart: what reports call a day is such a step"
        )


def bars_are_daily_or_less(times: Times) -> bool:
    """Tell whether bars (T,) are of sessions or of parts of them, not of weeks or months."""
    return len(times) < 3 or _days_apart(times) <= LONGEST_DAILY_STEP


def _days_apart(times: Times) -> float:
    """Return the days between most bars and the next."""
    seconds = np.diff(times).astype("timedelta64[s]").astype(np.int64)
    return float(np.median(seconds)) / 86_400


def _outside(rows: Rows) -> Mask:
    """Return which rows (n,) have an open or a close outside low and high, rounding apart."""
    out = np.zeros(len(rows.close), dtype=bool)
    if rows.high is None or rows.low is None:
        return out
    for values in (rows.open, rows.close):
        if values is not None:
            out |= values > rows.high * (1 + ROUNDING)
            out |= values < rows.low * (1 - ROUNDING)
    return out
