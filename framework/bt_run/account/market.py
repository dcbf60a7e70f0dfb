"""What every account of a run meets: prices, actions, interest, exits, and the rules of the
fill.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from bt_run.arrays import Array, Indices, Mask
from bt_run.data.bars import Bars
from bt_run.data.conditions import average_volume, volatility
from bt_run.terms import BrokerTerms, Exit, Rates

__all__ = ["AtBar", "Market"]


@dataclass(frozen=True)
class AtBar:
    """The market at the bar of a fill; the averages end at the bar before."""

    bars: Bars
    bar: int

    @property
    def volume(self) -> Array:
        # a copy: behind a view lie the volumes of later bars
        volume: Array = self.bars.traded.volume[self.bar].copy()
        return volume

    def average_volume(self, n: int) -> Array:
        return average_volume(self.bars, self.bar, n)

    def volatility(self, n: int) -> Array:
        return volatility(self.bars, self.bar, n)


@dataclass(frozen=True)
class Market:
    """What every account of a run meets: prices, actions, and the rules of the fill."""

    bars: Bars
    broker: BrokerTerms
    gross: float
    whole: bool
    exits: tuple[tuple[str, Exit], ...] = ()

    @cached_property
    def fill_price(self) -> Array:
        """Return the price at which a basket fills, before slippage, (T, N)."""
        traded = self.bars.traded
        return traded.open if self.broker.fill == "next_open" else traded.close

    @cached_property
    def complete(self) -> Mask:
        """Return at which bars every asset is there, (T,)."""
        return np.asarray(self.bars.present.all(axis=1))

    @cached_property
    def closings(self) -> dict[int, Indices]:
        """Return the bar of each delisting -> the assets concerned."""
        bars = self.bars
        # a daily bar is that session's close; of an intraday session the last bar is known only
        # afterwards
        side: Literal["left", "right"] = "left" if bars.daily else "right"
        found: dict[int, list[int]] = {}
        for column in np.flatnonzero(~np.isnat(bars.last_session)):
            bar = int(
                np.searchsorted(bars.sessions, bars.last_session[column], side=side)
            )
            if bar < len(bars):
                found.setdefault(bar, []).append(int(column))
        return {bar: np.array(columns) for bar, columns in sorted(found.items())}

    def ended(self, t: int) -> Mask:
        """Return which assets had their last session before that of bar ``t``, (N,)."""
        return np.asarray(self.bars.sessions[t] > self.bars.last_session)

    @cached_property
    def kept_at_end(self) -> Array:
        """Return the fraction of the last price that a delisting pays, (N,)."""
        assumed = self.bars.assumed_end
        if assumed is None:
            return np.ones(len(self.bars.assets))
        return np.where(assumed, 1.0 - self.broker.delisting.haircut, 1.0)

    @cached_property
    def rates(self) -> Rates | None:
        """Return the interest rates known at each bar, or None where nothing bears interest."""
        return self.broker.rates(self.bars.sessions) if self.broker.rates else None

    @cached_property
    def flows(self) -> Array | None:
        """Return what comes from outside before each bar, (T,), or None where nothing does."""
        if self.broker.flows is None:
            return None
        return self.broker.flows(self.bars.sessions).amount

    @cached_property
    def years(self) -> Array:
        """Return the time since the bar before in years of 365 days, by sessions, (T,)."""
        days = np.diff(self.bars.sessions, prepend=self.bars.sessions[:1]).astype(
            np.float64
        )
        return np.asarray(days / 365.0)

    @cached_property
    def actions(self) -> Mask:
        """Return which bars have a dividend or a split, (T,)."""
        return np.asarray(
            (self.bars.dividends != 0).any(axis=1) | (self.bars.splits != 1).any(axis=1)
        )

    @cached_property
    def busy(self) -> Indices:
        """Return the bars with a dividend, a split, a delisting, interest, money from outside or
        exits, sorted.
        """
        if self.rates is not None or self.exits:
            return np.arange(len(self.bars))
        happens = (
            self.actions if self.flows is None else self.actions | (self.flows != 0)
        )
        return np.union1d(
            np.flatnonzero(happens), np.array(list(self.closings), dtype=np.intp)
        )

    def quiet_until(self, now: int, t: int) -> int:
        """Return the last bar <= ``t`` before which, after ``now``, nothing but prices happens."""
        following = int(np.searchsorted(self.busy, now, side="right"))
        if following == len(self.busy) or self.busy[following] > t:
            return t
        return int(self.busy[following]) - 1
