"""What fetching works with: its settings, its doors to the world, what is asked for and what came
of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Literal

from bt_run_plugins.market_data.fetching import yahoo
from bt_run_plugins.market_data.fetching.yahoo import Question, YahooAnswer
from bt_run_plugins.market_data.store.manifest import Key
from bt_run_plugins.market_data.store.store import Store, Writer

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "SOURCE",
    "FetchConfig",
    "FetchOutcome",
    "Job",
    "Outside",
    "Task",
    "Window",
    "known_outcome",
]

SOURCE = "yahoo"
Window = tuple[
    date | None, date
]  # the first day, None for a symbol's beginning, and the last day


@dataclass(frozen=True, kw_only=True)
class FetchConfig:
    """Configuration of fetching.

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


def _notify_nobody(symbol: str) -> None:
    return


@dataclass(frozen=True, kw_only=True)
class Outside:
    """The doors to the world: Yahoo, the clock, waiting, and who hears of each symbol that is
    done.
    """

    ask: Callable[[Question], YahooAnswer] = yahoo.ask
    now: Callable[[], datetime] = _utc_now
    sleep: Callable[[float], None] = time.sleep
    done: Callable[[str], None] = _notify_nobody


@dataclass(frozen=True, kw_only=True)
class FetchOutcome:
    """What came of a symbol: the rows and the span that the store has now, and what happened."""

    symbol: str
    state: Literal["fetched", "up to date", "failed"]
    rows: int = 0
    first: str | None = None
    last: str | None = None
    text: str = ""


@dataclass(frozen=True, kw_only=True)
class Task:
    """What to ask for a symbol: all from ``beginning`` on, or the bars after those ``stored``."""

    symbol: str
    beginning: date | None
    ask_from: date | None
    stored: pd.DataFrame | None = None
    note: str | None = None


@dataclass
class Job:
    """What a fetch works with, and what came of it so far."""

    store: Store
    writer: Writer
    config: FetchConfig
    outside: Outside
    through: date
    outcomes: dict[str, FetchOutcome] = field(default_factory=dict)
    stopped: str | None = None

    def key(self, symbol: str) -> Key:
        """Return the series of a symbol."""
        return Key(SOURCE, symbol, self.config.interval)

    def settle(self, outcome: FetchOutcome) -> None:
        """Put down what came of a symbol, and let the outside hear of it."""
        self.outcomes[outcome.symbol] = outcome
        self.outside.done(outcome.symbol)

    def fail(self, symbol: str, text: str) -> None:
        """Put down why nothing came for a symbol, beside what the store has of it."""
        known = known_outcome(self.store, self.key(symbol))
        self.settle(replace(known, state="failed", text=text))


def known_outcome(store: Store, key: Key) -> FetchOutcome:
    """Return what the store has of a series."""
    entries = store.raw(key)
    if not entries:
        return FetchOutcome(symbol=key.symbol, state="up to date")
    series = entries[-1].facts.series
    return FetchOutcome(
        symbol=key.symbol,
        state="up to date",
        rows=series.rows,
        first=series.first,
        last=series.last,
        text="nothing is missing",
    )
