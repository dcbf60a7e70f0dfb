"""All bars of a run, and what a source is asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from bt_run.arrays import Array, Mask, Times, read_only
from bt_run.data.calendars import is_daily, scheduled_closes, session_dates
from bt_run.data.known import Table
from bt_run.data.years import bars_per_year_so_far
from bt_run.errors import ConfigError

if TYPE_CHECKING:
    import pandas as pd


__all__ = ["FIELDS", "Bars", "LoadRequest", "Prices", "forward_fill"]

FIELDS = ("open", "high", "low", "close", "volume")


@dataclass(frozen=True, kw_only=True)
class LoadRequest:
    """What a source must load.

    Attributes:
        assets: the name in the run -> the symbol at the source.
        benchmark: such a pair.
        start: the day of the first decision.
        end: the last day; no row after it may be loaded.
        history_from: the first day; no row before it may be loaded. None for all there is.
        adjust: whether the account trades the total-return series or prices as traded.
        calendar: the exchange's code, such as XNYS.
        offline: forbids the network.
        earlier: the symbols that an asset had before, oldest first; only sources that join symbols
            are asked for them.
    """

    assets: Mapping[str, str]
    benchmark: tuple[str, str]
    start: date
    end: date
    history_from: date | None = None
    adjust: Literal["total_return", "none"] = "total_return"
    calendar: str = "XNYS"
    offline: bool = False
    earlier: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Prices:
    """Prices and volumes, (T, N) float64 and read-only; NaN where there is no bar.

    Attributes:
        open, high, low, close: money per share.
        volume: shares.
    """

    open: Array
    high: Array
    low: Array
    close: Array
    volume: Array

    def __post_init__(self) -> None:
        for item in fields(self):
            values = np.ascontiguousarray(getattr(self, item.name), dtype=np.float64)
            object.__setattr__(self, item.name, read_only(values))

    def field(self, name: str) -> Array:
        """Return the field called ``name``, (T, N)."""
        values: Array = getattr(self, name)
        return values

    def __reduce__(self) -> tuple[Any, ...]:
        return Prices, tuple(getattr(self, item.name) for item in fields(self))

    def at(self, t: int) -> tuple[Array, Array, Array, Array]:
        """Return open, high, low and close of bar ``t``, (N,) each."""
        return self.open[t], self.high[t], self.low[t], self.close[t]


@dataclass(frozen=True, kw_only=True)
class Bars:
    """All bars of a run, its assets in sorted order.

    Attributes:
        times: (T,) datetime64[ns] in UTC. A daily bar carries its session's date at 00:00, a label
            that stands for that session's close; an intraday bar carries its END.
        assets: (N,) names, sorted.
        adjusted: the forward total-return series that signals see; factor 1 on each asset's first
            bar.
        traded: the same fields as the account trades them (the same object under ``total_return``).
        present: (T, N) bool, True where a row is there.
        dividends: (T, N) cash per share (after that day's split) on the ex-date, else 0. Money that
            an account holding traded shares receives; all 0 under ``total_return``.
        splits: (T, N) new shares per old share before the open, else 1; all 1 under
            ``total_return``.
        last_session: (N,) datetime64[D] of a delisting, NaT where none is known.
        benchmark: (T,) forward total-return close of the benchmark; NaN before its first bar.
        start: index of the first bar on or after the configured start: the first decision.
        calendar: the exchange's code, such as XNYS.
        notes: what a reader of the result must know about the data, a sentence each.
        members: (T, N) bool, who belongs to the universe; None where there is none, and all belong.
        tables: name -> table or series known beside the prices.
        assumed_end: (N,) bool, whose last session was taken from the source's silence; None where
            no one's was.
        market_shares: (T, N) how many shares on the market one traded share is: 1 but under
            ``total_return``; NaN where the source knows no splits, None where all are 1.
    """

    times: Times
    assets: tuple[str, ...]
    adjusted: Prices
    traded: Prices
    present: Mask
    dividends: Array
    splits: Array
    last_session: Times
    benchmark: Array
    start: int
    calendar: str = "XNYS"
    notes: tuple[str, ...] = ()
    members: Mask | None = None
    tables: Mapping[str, Table] = field(default_factory=lambda: MappingProxyType({}))
    assumed_end: Mask | None = None
    market_shares: Array | None = None

    def __post_init__(self) -> None:
        for name in (
            "times",
            "present",
            "dividends",
            "splits",
            "last_session",
            "benchmark",
        ):
            object.__setattr__(
                self, name, read_only(np.ascontiguousarray(getattr(self, name)))
            )

    def __len__(self) -> int:
        """Return T, the number of bars."""
        return len(self.times)

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the fields alone: what follows from them is made again where it is needed."""
        given = {item.name: getattr(self, item.name) for item in fields(self)}
        return _bars_of, (given | {"tables": dict(self.tables)},)

    @cached_property
    def tradable(self) -> Mask:
        """Return what may be held, (T, N) bool: a row is there, and the asset belongs to the
        universe.
        """
        return (
            self.present
            if self.members is None
            else read_only(self.present & self.members)
        )

    def table(self, name: str) -> NDArray[Any]:
        """Return what the point-in-time table ``name`` said at each bar, (T, N); NaN, or None for
        text, where unknown.

        Raises:
            ConfigError: the run has no table of that name.
        """
        return self._table(name, series=False).by_bar

    def series(self, name: str) -> Array:
        """Return what the point-in-time series ``name`` said at each bar, (T,); NaN where unknown.

        Raises:
            ConfigError: the run has no series of that name.
        """
        return self._table(name, series=True).by_bar

    def _table(self, name: str, *, series: bool) -> Table:
        kinds = ("table", "series")
        if name not in self.tables:
            raise ConfigError(
                f"no {kinds[series]} {name!r}; data.tables has {', '.join(self.tables) or 'none'}"
            )
        found = self.tables[name]
        if found.is_series != series:
            raise ConfigError(
                f"{name!r} is a {kinds[found.is_series]}, not a {kinds[series]}; read it by "
                f"{kinds[found.is_series]}()"
            )
        return found

    @property
    def open(self) -> Array:
        """Return the total-return opens, (T, N)."""
        return self.adjusted.open

    @property
    def high(self) -> Array:
        """Return the total-return highs, (T, N)."""
        return self.adjusted.high

    @property
    def low(self) -> Array:
        """Return the total-return lows, (T, N)."""
        return self.adjusted.low

    @property
    def close(self) -> Array:
        """Return the total-return closes, (T, N)."""
        return self.adjusted.close

    @property
    def volume(self) -> Array:
        """Return the volumes, (T, N): shares over the factor of the total-return series."""
        return self.adjusted.volume

    @cached_property
    def derived(self) -> dict[str, Any]:
        """Return what follows from the bars and was made already, by a name of who made it."""
        return {}

    @cached_property
    def index(self) -> pd.DatetimeIndex:
        """Return ``times`` as a tz-aware pandas index."""
        import pandas as pd

        return pd.DatetimeIndex(self.times, tz="UTC")

    @cached_property
    def daily(self) -> bool:
        """Tell whether every bar is a whole session."""
        return is_daily(self.times)

    @cached_property
    def sessions(self) -> Times:
        """Return the session date of each bar, (T,) datetime64[D]."""
        return session_dates(self.times, self.calendar)

    @cached_property
    def bars_per_year(self) -> Array:
        """Return how many bars like those up to each a year holds, (T,): 252 of daily ones."""
        return read_only(bars_per_year_so_far(self.sessions))

    @cached_property
    def scheduled_closes(self) -> Times:
        """Return the scheduled close of each bar's session, (T,) datetime64[ns] in UTC."""
        return read_only(scheduled_closes(self.calendar, self.sessions))

    @cached_property
    def ends(self) -> Times:
        """Return when each bar ends, (T,) datetime64[ns] in UTC: of a daily bar, its session's
        scheduled close.
        """
        return self.scheduled_closes if self.daily else self.times

    @cached_property
    def fields(self) -> frozenset[str]:
        """Return the names of the fields that hold a value in every row of every asset."""
        return frozenset(name for name in FIELDS if not self.without(name))

    def without(self, name: str) -> tuple[str, ...]:
        """Return the assets that lack a value of the field ``name`` in some row that is present."""
        lacking = (self.present & ~np.isfinite(getattr(self.adjusted, name))).any(
            axis=0
        )
        return tuple(
            asset for asset, lacks in zip(self.assets, lacking, strict=True) if lacks
        )

    @cached_property
    def counts(self) -> NDArray[np.int64]:
        """Return how many own bars each asset has had up to and including row t, (T, N)."""
        return read_only(np.cumsum(self.present, axis=0, dtype=np.int64))

    @cached_property
    def returns(self) -> Array:
        """Return simple total returns (T, N): NaN on absent rows; a gap's return lands on the first
        bar back.
        """
        previous = _shift(forward_fill(self.close))
        return read_only(self.close / previous - 1.0)

    @cached_property
    def benchmark_returns(self) -> Array:
        """Return the benchmark's simple returns (T,), NaN where either close is missing."""
        filled = forward_fill(self.benchmark[:, None])
        return read_only((self.benchmark[:, None] / _shift(filled) - 1.0)[:, 0])

    @cached_property
    def mark(self) -> Array:
        """Return the price at which the account values each asset (T, N): its last traded close, 0
        before any.
        """
        if not np.isnan(self.traded.close).any():
            return self.traded.close
        return read_only(np.nan_to_num(forward_fill(self.traded.close), nan=0.0))

    @cached_property
    def own_rows(self) -> NDArray[np.int64]:
        """Return the row of each asset's k-th own bar, (T, N); -1 where it has fewer."""
        out = np.full(self.tradable.shape, -1, dtype=np.int64)
        rows, columns = np.nonzero(self.present)
        out[self.counts[rows, columns] - 1, columns] = rows
        return read_only(out)

    def own_bars(self, values: Array) -> Array:
        """Gather each asset's own bars of ``values`` (T, N) at the top: row k is its k-th bar, NaN
        below its last; (T, N).
        """
        return np.where(
            self.own_rows >= 0,
            np.take_along_axis(values, self.own_rows, axis=0),
            np.nan,
        )

    def on_calendar(self, own: Array) -> Array:
        """Put values computed on ``own_bars``, ``own`` (T, N), back on the calendar; NaN where
        there is no bar; (T, N).
        """
        rows = np.maximum(self.counts - 1, 0)
        return np.where(self.present, np.take_along_axis(own, rows, axis=0), np.nan)

    @cached_property
    def fingerprint(self) -> str:
        """Return the sha256 of the content."""
        digest = hashlib.sha256()
        digest.update(repr((self.assets, self.calendar, self.start)).encode())
        panels = (
            [self.adjusted]
            if self.traded is self.adjusted
            else [self.adjusted, self.traded]
        )
        arrays = [getattr(panel, name) for panel in panels for name in FIELDS]
        arrays += [
            self.times,
            self.present,
            self.dividends,
            self.splits,
            self.last_session,
            self.benchmark,
        ]
        arrays += [] if self.members is None else [self.members]
        for part in (self.assumed_end, self.market_shares):
            arrays += [] if part is None else [part]
        for array in arrays:
            digest.update(str(array.shape).encode())
            digest.update(array.view(np.uint8).data if array.size else b"")
        for name, table in sorted(self.tables.items()):
            digest.update(f"{name}{table.fingerprint}".encode())
        return digest.hexdigest()


def _bars_of(given: dict[str, Any]) -> Bars:
    tables = MappingProxyType(given["tables"])
    same = given["traded"] is given["adjusted"]
    traded = given["adjusted"] if same else given["traded"]
    return Bars(**given | {"tables": tables, "traded": traded})


def forward_fill(values: Array) -> Array:
    """Carry each column's last finite value forward, (T, N) -> (T, N); NaN before its first."""
    rows = np.where(np.isfinite(values), np.arange(len(values))[:, None], 0)
    np.maximum.accumulate(rows, axis=0, out=rows)
    filled: Array = np.take_along_axis(values, rows, axis=0)
    return filled


def _shift(values: Array) -> Array:
    """Move rows one down; the first becomes NaN."""
    out = np.full(values.shape, np.nan)
    out[1:] = values[:-1]
    return out
