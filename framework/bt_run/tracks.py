"""Tracks: accounts that follow one stage of the pipeline, to be read by what comes after it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from itertools import islice

from bt_run.account import Account
from bt_run.components import Array
from bt_run.market import Market

__all__ = ["Track", "Tracks"]


class Track:
    """Follow one stage of the pipeline in an account of its own, without the later stages.

    The account is the run's: same market, same costs, same fills. It catches up when it is read, so that a
    track nobody reads costs nothing.
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
        nav = self._account.nav[self._account.market.bars.start : t + 1].view()
        nav.flags.writeable = False
        return nav


class Tracks(Mapping[str, Array]):
    """Show the tracks' NAV up to now, (n,) each, by the path of their stage; computed when asked for."""

    def __init__(self, tracks: Mapping[str, Callable[[], Array]]) -> None:
        self._tracks = tracks

    def __getitem__(self, path: str) -> Array:
        return self._tracks[path]()

    def __iter__(self) -> Iterator[str]:
        return iter(self._tracks)

    def __len__(self) -> int:
        return len(self._tracks)

    def first(self, count: int) -> Tracks:
        """Return the tracks of the first ``count`` stages."""
        return Tracks(dict(islice(self._tracks.items(), count)))
