"""What is known now: the bars up to one of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bt_run.arrays import AnyArray, Array, Mask, Times
from bt_run.data.bars import Bars
from bt_run.data.calendars import calendar_zone
from bt_run.data.conditions import KnownConditions
from bt_run.data.resampling import CompletedPeriods, Period, periods_of

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["CoarseHistory", "History"]


class History:
    """The bars up to and including one bar; nothing later can be reached.

    Every method that takes ``n`` returns the last ``n`` rows, oldest first, or as many as there
    are, as read-only copies with nothing behind them. With ``asset_bars`` each asset's own last n
    are counted, NaN above its first, so that a missing bar leaves no hole. Open, high, low, close
    and returns are of the forward total-return series.

    Raises:
        ValueError: a method was asked for fewer than one row.
    """

    __slots__ = ("_bars", "_signals", "_t")

    def __init__(
        self, bars: Bars, t: int, signals: Mapping[str, Array] | None = None
    ) -> None:
        """Look at ``bars`` from bar ``t``; ``signals`` are those of the run's vectorised
        strategies, (T, N) by their path.
        """
        self._bars = bars
        self._t = t
        self._signals = signals or {}

    def __len__(self) -> int:
        """Return how many bars are known."""
        return self._t + 1

    @property
    def now(self) -> pd.Timestamp:
        """Return the time of the current bar, UTC."""
        return self._bars.index[self._t]

    @property
    def session(self) -> np.datetime64:
        """Return the session date of the current bar."""
        session: np.datetime64 = self._bars.sessions[self._t]
        return session

    @property
    def clock(self) -> pd.Timestamp:
        """Return the exchange's local time of the bar's end: of a daily bar, its session's
        scheduled close.
        """
        return self._local(self._bars.ends[self._t])

    @property
    def session_close(self) -> pd.Timestamp:
        """Return the exchange's local time of the scheduled close of the bar's session, early
        closes included.
        """
        return self._local(self._bars.scheduled_closes[self._t])

    @property
    def bars_per_year(self) -> float:
        """Return how many bars like those known a year holds: 252 of daily ones."""
        return float(self._bars.bars_per_year[self._t])

    @property
    def conditions(self) -> KnownConditions:
        """Return the market as it is known now, for the costs of a trade."""
        return KnownConditions(self._bars, self._t)

    @property
    def assets(self) -> tuple[str, ...]:
        """Return the names of the assets (N,), sorted: the order of all arrays."""
        return self._bars.assets

    @property
    def tradable(self) -> Mask:
        """Return which assets may be held now, (N,): they have a bar, and belong to the
        universe.
        """
        return _own(self._bars.tradable[self._t])

    @property
    def present(self) -> Mask:
        """Return which assets have a bar now, (N,), members of the universe or not."""
        return _own(self._bars.present[self._t])

    @property
    def counts(self) -> NDArray[np.int64]:
        """Return how many own bars each asset has had up to now, (N,)."""
        return _own(self._bars.counts[self._t])

    def open(self, n: int = 1, *, asset_bars: bool = False) -> Array:
        """Return the last ``n`` total-return opens, (n, N); NaN where there is no bar."""
        return self._field("open", n, asset_bars)

    def high(self, n: int = 1, *, asset_bars: bool = False) -> Array:
        """Return the last ``n`` total-return highs, (n, N); NaN where there is no bar."""
        return self._field("high", n, asset_bars)

    def low(self, n: int = 1, *, asset_bars: bool = False) -> Array:
        """Return the last ``n`` total-return lows, (n, N); NaN where there is no bar."""
        return self._field("low", n, asset_bars)

    def close(self, n: int = 1, *, asset_bars: bool = False) -> Array:
        """Return the last ``n`` total-return closes, (n, N); NaN where there is no bar."""
        return self._field("close", n, asset_bars)

    def volume(self, n: int = 1, *, asset_bars: bool = False) -> Array:
        """Return the last ``n`` volumes, (n, N), in units of the total-return series: shares over
        the factor.
        """
        return self._field("volume", n, asset_bars)

    def returns(self, n: int = 1, *, asset_bars: bool = False) -> Array:
        """Return the last ``n`` simple total returns, fractions (n, N); that over a gap stands on
        the first bar after it.
        """
        return self._rows(self._bars.returns, n, asset_bars)

    def benchmark_returns(self, n: int = 1) -> Array:
        """Return the benchmark's last ``n`` simple returns, fractions (n,)."""
        return self._rows(self._bars.benchmark_returns, n, False)

    def resampled(self, period: Period) -> CoarseHistory:
        """Return the completed periods known now: ``history.resampled("week").close(52)``.

        ``period`` is session, week, month, quarter or year. One is over at the close of its last
        scheduled session.
        """
        return CoarseHistory(periods_of(self._bars, period), self._t)

    def times(self, n: int = 1) -> Times:
        """Return the times of the last ``n`` bars, (n,) datetime64[ns] in UTC: of daily ones, their
        session's date.
        """
        return self._last(self._bars.times, n)

    def sessions(self, n: int = 1) -> Times:
        """Return the session dates of the last ``n`` bars, (n,) datetime64[D]."""
        return self._last(self._bars.sessions, n)

    def price(self, n: int = 1) -> Array:
        """Return the last ``n`` closes as the account trades them, money per share (n, N)."""
        return self._rows(self._bars.traded.close, n, False)

    def table(self, name: str) -> NDArray[Any]:
        """Return what the point-in-time table ``name`` of ``data.tables`` says now, (N,); NaN, or
        None for text, where unknown.

        Raises:
            ConfigError: the run has no table of that name.
        """
        return _own(self._bars.table(name)[self._t])

    def table_rows(self, name: str, n: int = 1) -> NDArray[Any]:
        """Return what the point-in-time table ``name`` of ``data.tables`` said at each of the last
        ``n`` bars, (n, N); NaN, or None for text, where unknown.

        Raises:
            ConfigError: the run has no table of that name.
        """
        return self._last(self._bars.table(name), n)

    def series(self, name: str, n: int = 1) -> Array:
        """Return what the point-in-time series ``name`` of ``data.tables`` said at each of the last
        ``n`` bars, (n,); NaN where unknown.

        Raises:
            ConfigError: the run has no series of that name.
        """
        return self._rows(self._bars.series(name), n, False)

    def signals(self, path: str, n: int = 1) -> Array:
        """Return what the vectorised strategy at ``path`` said at the last ``n`` bars, (n, N)."""
        return self._rows(self._signals[path], n, False)

    def _local(self, time: np.datetime64) -> pd.Timestamp:
        import pandas as pd

        return pd.Timestamp(time, tz="UTC").tz_convert(
            calendar_zone(self._bars.calendar)
        )

    def _field(self, name: str, n: int, asset_bars: bool) -> Array:
        return self._rows(getattr(self._bars.adjusted, name), n, asset_bars)

    def _last(self, values: AnyArray, n: int) -> AnyArray:
        if n < 1:
            raise ValueError(
                f"history was asked for n = {n} rows; n counts back from the current bar, n >= 1"
            )
        last: Any = values[max(0, self._t + 1 - n) : self._t + 1]
        rows: AnyArray = _own(last)
        return rows

    def _rows(self, values: Array, n: int, asset_bars: bool) -> Array:
        counts = self._bars.counts[self._t] if asset_bars else None
        if n < 1 or counts is None or counts.min() == self._t + 1:
            return self._last(values, n)
        n = min(n, int(counts.max()))
        ago = counts[None, :] + np.arange(-n, 0)[:, None]
        rows = np.take_along_axis(self._bars.own_rows, np.maximum(ago, 0), axis=0)
        found = np.where(ago >= 0, np.take_along_axis(values, rows, axis=0), np.nan)
        found.flags.writeable = False
        return found


class CoarseHistory:
    """Completed periods up to one bar; nothing later can be reached.

    Every method returns the last ``n`` periods, (n, N) and oldest first, or as many as there are,
    NaN where an asset had no bar in one; read-only copies with nothing behind them.
    """

    __slots__ = ("_known", "_periods")

    def __init__(self, periods: CompletedPeriods, t: int) -> None:
        self._periods = periods
        self._known = int(periods.known[t])

    def __len__(self) -> int:
        """Return how many periods are over."""
        return self._known

    def open(self, n: int = 1) -> Array:
        """Return the first opens of the last ``n`` periods, (n, N).

        Raises:
            ValueError: ``n`` is below 1.
        """
        return self._last(self._periods.open, n)

    def high(self, n: int = 1) -> Array:
        """Return the highest highs of the last ``n`` periods, (n, N).

        Raises:
            ValueError: ``n`` is below 1.
        """
        return self._last(self._periods.high, n)

    def low(self, n: int = 1) -> Array:
        """Return the lowest lows of the last ``n`` periods, (n, N).

        Raises:
            ValueError: ``n`` is below 1.
        """
        return self._last(self._periods.low, n)

    def close(self, n: int = 1) -> Array:
        """Return the last closes of the last ``n`` periods, (n, N).

        Raises:
            ValueError: ``n`` is below 1.
        """
        return self._last(self._periods.close, n)

    def volume(self, n: int = 1) -> Array:
        """Return the sums of the volumes of the last ``n`` periods, (n, N).

        Raises:
            ValueError: ``n`` is below 1.
        """
        return self._last(self._periods.volume, n)

    def _last(self, values: Array, n: int) -> Array:
        if n < 1:
            raise ValueError(
                f"history was asked for n = {n} periods; n counts back from the newest, n >= 1"
            )
        return _own(values[max(0, self._known - n) : self._known])


def _own(rows: AnyArray) -> AnyArray:
    """Return a read-only copy: behind a view lie all rows, later ones too."""
    copy = rows.copy()
    copy.flags.writeable = False
    return copy
