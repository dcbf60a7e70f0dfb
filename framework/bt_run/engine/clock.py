"""Feeds that fill Backtrader's line buffers in one copy."""

from __future__ import annotations

import array

import backtrader as bt
import numpy as np

from bt_run.arrays import Array, Times

__all__ = ["ArrayFeed", "PanelClock", "backtrader_days"]

_EPOCH = (
    719163.0  # datetime(1970, 1, 1).toordinal(): Backtrader counts days from the year 1
)


def backtrader_days(times: Times) -> Array:
    """Turn times (T,) datetime64 into Backtrader's day numbers (T,) float64."""
    nanoseconds = times.astype("datetime64[ns]").astype(np.int64)
    return nanoseconds / 86_400e9 + _EPOCH


class ArrayFeed(bt.feed.DataBase):  # type: ignore[misc]
    """Feed one asset from arrays: every line is filled by one copy, no bar is loaded by itself.

    ``columns`` maps datetime, open, high, low, close, volume, openinterest to arrays (T,).
    """

    params = (("columns", None),)

    def start(self) -> None:
        super().start()
        self._row = 0

    def _load(self) -> bool:
        """Give the next bar by itself: Backtrader does not preload where it resamples."""
        if self._row >= len(self.p.columns["datetime"]):
            return False
        for name in self.getlinealiases():
            getattr(self.lines, name)[0] = float(self.p.columns[name][self._row])
        self._row += 1
        return True

    def advance(
        self, size: int = 1, datamaster: object = None, ticks: bool = True
    ) -> None:
        """Move to the next bar. Ticks are left out: without them the broker reads the bar
        itself.
        """
        if datamaster is not None:
            super().advance(size, datamaster, ticks)
            return
        for line in self.lines.lines:
            line.advance(size)

    def preload(self) -> None:
        for name in self.getlinealiases():
            line = getattr(self.lines, name)
            line.array = array.array(
                "d", np.ascontiguousarray(self.p.columns[name]).tobytes()
            )
        self._row = len(self.p.columns["datetime"])
        self.home()


class PanelClock(ArrayFeed):
    """The one clock of a panel of assets: it carries the times, the prices stay in the panel's
    arrays.

    Advancing one feed instead of N is what keeps the cost of a bar independent of the number of
    assets.
    """

    def advance(
        self, size: int = 1, datamaster: object = None, ticks: bool = True
    ) -> None:
        # the first line gives the feed its length; nobody reads the others
        self.lines[0].advance(size)
        self.lines.datetime.advance(size)
