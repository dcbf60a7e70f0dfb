"""Tracks: accounts that follow one stage of the pipeline, to be read by what comes after it."""

from __future__ import annotations

from collections import deque

from bt_run.account.account import Account
from bt_run.account.market import Market
from bt_run.arrays import Array, read_only

__all__ = ["Track"]


class Track:
    """An account of its own that follows one stage of the pipeline, without the later stages.

    It meets what the run meets: same market, same costs, same fills. It catches up when it is read,
    so that a track nobody reads costs nothing.
    """

    def __init__(self, market: Market) -> None:
        self._account = Account(market, market.bars.start)
        self._orders: deque[tuple[int, Array]] = deque()

    def order(self, t: int, weights: Array) -> None:
        """Order target ``weights`` (N,) at the close of bar ``t``."""
        self._orders.append((t, weights))

    def nav_until(self, t: int) -> Array:
        """Return the track's NAV at each bar from the start to ``t``."""
        while self._orders and self._orders[0][0] < t:
            ordered, weights = self._orders.popleft()
            self._account.advance(ordered)
            self._account.order(weights)
        self._account.advance(max(t, self._account.t))
        return read_only(self._account.record(t))
