"""The rows of one asset as its source has them, and which of them cannot be true."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from bt_run.arrays import Array, Mask, Times
from bt_run.data.bars import LoadRequest
from bt_run.data.calendars import between_sessions, is_daily, session_dates
from bt_run.errors import DataError

__all__ = [
    "PriceConvention",
    "RowChecks",
    "Rows",
    "checked_rows",
    "day_of",
    "joined_rows",
    "refuse_after_the_end",
    "refuse_mixed_clocks",
]

PriceConvention = Literal["as_traded", "split_adjusted"]
AN_HOUR = 3600  # seconds: clocks that are an hour apart are daylight saving time, and the same


@dataclass(frozen=True, kw_only=True)
class Rows:
    """The rows of one asset; arrays (n,), None where the source has no such column.

    Attributes:
        times: datetime64 in UTC; of a daily bar, its session's date.
        close, open, high, low: money per share.
        volume: shares.
        adj_close: the vendor's adjusted close, used only through its ratio to the close.
        dividend: cash per share on the ex-date; 0 or NaN where there is none.
        split: new shares per old one, before the open; 0 or NaN where there is none.
    """

    times: Times
    close: Array
    open: Array | None = None
    high: Array | None = None
    low: Array | None = None
    volume: Array | None = None
    adj_close: Array | None = None
    dividend: Array | None = None
    split: Array | None = None

    def between(self, request: LoadRequest) -> Rows:
        """Return the rows of the sessions from ``history_from`` to ``end``, both included."""
        keep = between_sessions(
            self.times, request.calendar, request.history_from, request.end
        )
        return self.only(keep)

    def only(self, keep: Mask, times: Times | None = None) -> Rows:
        """Return the rows ``keep`` (n,) bool; ``times`` are theirs, where an array of them is there
        already.
        """
        columns = {
            name: value[keep]
            for name, value in vars(self).items()
            if value is not None and name != "times"
        }
        kept = self.times[keep] if times is None else times
        return replace(self, times=kept, **columns)

    def field(self, name: str) -> Array | None:
        """Return the column called ``name``, (n,), or None."""
        values: Array | None = getattr(self, name)
        return values

    @property
    def columns(self) -> frozenset[str]:
        """Return the names of the columns that are there, ``times`` among them."""
        return frozenset(
            name for name, value in vars(self).items() if value is not None
        )

    @property
    def has_actions(self) -> bool:
        """Tell whether there is a column of dividends or of splits."""
        return self.dividend is not None or self.split is not None


def checked_rows(
    name: str, rows: Rows, request: LoadRequest, prices: PriceConvention | None
) -> Rows:
    """Return the rows inside the request's window.

    Raises:
        DataError: says which row cannot be true, or what the prices do not allow.
    """
    return RowChecks(request).inside(name, rows, prices)


class RowChecks:
    """The checks of the rows of many assets; what follows from their times alone is found out once
    for each array of times.
    """

    def __init__(self, request: LoadRequest) -> None:
        self.request = request
        self._times: Times | None = None
        self._window = _Window()

    def inside(self, name: str, rows: Rows, prices: PriceConvention | None) -> Rows:
        """Return the rows inside the request's window.

        Raises:
            DataError: says which row cannot be true, or what the prices do not allow.
        """
        request = self.request
        if not len(rows.times):
            symbol = request.assets.get(name, name)
            raise DataError(f"{name}: the source has no rows for symbol {symbol!r}")
        if (rows.has_actions or rows.adj_close is not None) and prices is None:
            raise DataError(
                f"{name}: the file has corporate actions or adj_close, and nothing says what open, "
                "high, low and close are; set `prices: as_traded` or `prices: split_adjusted` on "
                "the source"
            )
        if request.adjust == "none":
            _allow_adjust_none(name, rows, prices)
        if rows.times is not self._times:
            _refuse_disorder(name, rows)
            self._window = _window(rows.times, request)
            self._times = rows.times
        rows = self._window.of(rows)
        _refuse_impossible(name, rows)
        _refuse_repeated_actions(name, rows, request.calendar, self._window.daily)
        return rows


@dataclass(frozen=True)
class _Window:
    """Which rows (n,) of an array of times lie inside a request's window, None where all do; their
    times; whether they are whole sessions.
    """

    keep: Mask | None = None
    times: Times | None = None
    daily: bool = True

    def of(self, rows: Rows) -> Rows:
        """Return the rows inside."""
        return rows if self.keep is None else rows.only(self.keep, self.times)


def _window(times: Times, request: LoadRequest) -> _Window:
    first, last = request.history_from, request.end
    keep = between_sessions(times, request.calendar, first, last)
    if keep.all():
        return _Window(daily=is_daily(times))
    inside = times[keep]
    return _Window(keep, inside, is_daily(inside))


def joined_rows(name: str, parts: Mapping[str, Rows]) -> Rows:
    """Return the rows of the asset ``name``, which changed its symbol, one symbol's after the
    other's.

    ``parts`` are the rows by symbol, oldest first.

    Raises:
        DataError: the symbols have other columns, or rows of the same time.
    """
    (first, rows), *others = parts.items()
    for symbol, more in others:
        if rows.columns != more.columns:
            raise DataError(
                f"{name}: {first} has the columns {', '.join(sorted(rows.columns))}, and {symbol} "
                f"{', '.join(sorted(more.columns))}; expected the same, so that one goes on where "
                "the other ends"
            )
        if len(rows.times) and len(more.times) and more.times[0] <= rows.times[-1]:
            raise DataError(
                f"{name}: {symbol} begins at {day_of(more.times[0])}, but {first} goes on to "
                f"{day_of(rows.times[-1])}; expected each symbol to end before the next begins"
            )
        columns = {
            column: np.concatenate([getattr(rows, column), getattr(more, column)])
            for column in rows.columns
        }
        rows, first = replace(rows, **columns), symbol
    return rows


def refuse_after_the_end(
    rows: Mapping[str, Rows], declared: Mapping[str, np.datetime64], calendar: str
) -> None:
    """Refuse rows after a declared last session: one of the two cannot be true.

    Raises:
        DataError: names the asset, its last session and the first row after it.
    """
    for name, last in declared.items():
        times = rows[name].times
        later = times[session_dates(times, calendar) > last]
        if len(later):
            raise DataError(
                f"{name}: last_session was {last}, but {len(later)} rows stand after it, "
                f"the first at {day_of(later[0])}; expected none"
            )


def refuse_mixed_clocks(rows: Mapping[str, Rows]) -> None:
    """Refuse daily rows that carry different times of day: each would be a bar of its own.

    Raises:
        DataError: names two assets whose clocks differ.
    """
    clocks: dict[str, int] = {}
    known: dict[int, int | None] = {}  # of each array of times, by its identity
    for name, item in rows.items():
        key = id(item.times)
        if key not in known:
            known[key] = _clock(item) if _has_one_row_a_day(item) else None
        clock = known[key]
        if clock is not None:
            clocks[name] = clock
    if not clocks:
        return
    low = min(clocks, key=lambda name: clocks[name])
    high = max(clocks, key=lambda name: clocks[name])
    if clocks[high] - clocks[low] > AN_HOUR:
        raise DataError(
            f"{low} and {high} have one row a day at different times of day "
            f"({rows[low].times[0]} and {rows[high].times[0]}); expected dates alone for daily "
            "rows, or one clock for all assets"
        )


def day_of(time: np.datetime64) -> str:
    """Write the ``time`` of a bar: the date alone for a daily bar."""
    text = str(time.astype("datetime64[m]"))
    return text.removesuffix("T00:00").replace("T", " ")


def _allow_adjust_none(name: str, rows: Rows, prices: PriceConvention | None) -> None:
    if prices == "split_adjusted" and rows.split is None:
        raise DataError(
            f"{name}: `adjust: none` trades real shares at as-traded prices, but this source says "
            "`prices: split_adjusted` and has no splits by which to undo that; use `adjust: "
            "total_return`"
        )
    if rows.adj_close is not None and not rows.has_actions:
        raise DataError(
            f"{name}: `adjust: none` books dividends and splits, but this source has adj_close "
            "only; use `adjust: total_return`, or add dividend and split columns"
        )


def _refuse_disorder(name: str, rows: Rows) -> None:
    times = rows.times.astype("datetime64[ns]").astype(np.int64)
    if (times[1:] > times[:-1]).all():
        return
    step = np.diff(times)
    wrong = np.flatnonzero(step <= 0)
    if not len(wrong):
        return
    at = int(wrong[0])
    what = "twice" if step[at] == 0 else f"after {rows.times[at]}"
    raise DataError(
        f"{name}: timestamp {rows.times[at + 1]} stands {what}; expected rising, unique timestamps"
    )


def _refuse_impossible(name: str, rows: Rows) -> None:
    for field in ("open", "high", "low", "close", "adj_close"):
        values = rows.field(field)
        if values is not None and not _are_prices(values):
            bad = ~(values > 0) | np.isinf(values)
            _refuse(
                name, rows, bad, field, "a price above 0; where there is none, no row"
            )
    if rows.volume is not None:
        _refuse(name, rows, rows.volume < 0, "volume", "a volume of 0 or more, or none")
    if rows.high is not None and rows.low is not None:
        _refuse(
            name, rows, rows.high < rows.low, "high", "a high that is not below the low"
        )
    for field in ("dividend", "split"):
        values = rows.field(field)
        if values is not None:
            _refuse(name, rows, (values < 0) | np.isinf(values), field, "0 or more")


def _are_prices(values: Array) -> bool:
    """Tell whether all of some values (n,) are finite and above 0, as nearly always; NaN is not."""
    return not len(values) or bool(values.min() > 0.0 and values.max() < np.inf)


def _refuse_repeated_actions(name: str, rows: Rows, calendar: str, daily: bool) -> None:
    """Refuse a dividend or a split that stands at several bars of one session: a daily one that was
    joined to intraday rows would be paid at each of them.
    """
    for field, none in (("dividend", 0.0), ("split", 1.0)):
        values = rows.field(field)
        if values is None or daily:
            continue
        paid = np.flatnonzero(np.isfinite(values) & (values != none) & (values != 0.0))
        days, counts = np.unique(
            session_dates(rows.times[paid], calendar), return_counts=True
        )
        if (counts > 1).any():
            at = int(np.argmax(counts > 1))
            raise DataError(
                f"{name}: {field} stands at {counts[at]} bars of the session {days[at]}; expected "
                "it at one bar, the first of its ex-date"
            )


def _refuse(name: str, rows: Rows, bad: Mask, field: str, right: str) -> None:
    if not bad.any():
        return
    at = int(np.flatnonzero(bad)[0])
    found = getattr(rows, field)[at]
    more = f" ({int(bad.sum())} such rows)" if bad.sum() > 1 else ""
    raise DataError(
        f"{name}: {field} was {found} at {day_of(rows.times[at])}{more}; expected {right}"
    )


def _has_one_row_a_day(rows: Rows) -> bool:
    days = rows.times.astype("datetime64[D]")
    return len(days) > 0 and bool((days[1:] > days[:-1]).all())


def _clock(rows: Rows) -> int:
    """Return the earliest time of day of the rows, in seconds."""
    since_midnight = rows.times - rows.times.astype("datetime64[D]")
    seconds = since_midnight.astype("timedelta64[s]").astype(np.int64)
    return int(seconds.min())
