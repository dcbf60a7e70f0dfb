"""One account: shares and cash, moved through the bars by one basket after another.

The engine's account, the tracks and the baselines are all this class, so they fill alike. It knows nothing
of Backtrader. Bars without an order, a corporate action or a delisting are valued in one vector operation.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from bt_run.bars import Bars
from bt_run.basket import Basket, fill_basket, target_shares, whole_shares
from bt_run.components import Array, Broker

__all__ = ["Account", "CashFlow", "FillRecord", "Market"]

NOT_TRADABLE = "not tradable at the fill"
BUYING_POWER = "buying power"
REPLACED = "not tradable until the next decision replaced it"
FRACTION = "fraction of a share paid in cash at the split"
DELISTED = "delisted"
DATA_END = "the data end before the fill"


@dataclass(frozen=True)
class FillRecord:
    """Hold what became of the orders of one basket, or of a forced closing; arrays are (n,).

    ``decided`` and ``bar`` are rows of the bars; -1 stands for none.
    """

    decided: int
    bar: int
    assets: NDArray[np.intp]
    asked: Array
    filled: Array
    price: Array
    commission: Array
    slippage: Array
    reason: NDArray[np.object_]


@dataclass(frozen=True)
class CashFlow:
    """Hold money that came without a trade; ``amount`` is (n,)."""

    bar: int
    assets: NDArray[np.intp]
    kind: str
    amount: Array


@dataclass(frozen=True)
class Market:
    """Hold what every account of a run meets: prices, actions, and the rules of the fill."""

    bars: Bars
    broker: Broker
    gross: float
    whole: bool

    @cached_property
    def fill_price(self) -> Array:
        """Return the price at which a basket fills, before slippage, (T, N)."""
        traded = self.bars.traded
        return traded.open if self.broker.fill == "next_open" else traded.close

    @cached_property
    def closings(self) -> dict[int, NDArray[np.intp]]:
        """Return the bar at which each delisting becomes known -> the assets concerned."""
        bars = self.bars
        rows = np.arange(len(bars))[:, None]
        last = np.maximum.accumulate(np.where(bars.tradable, rows, -1), axis=0)
        silent = (last >= 0) & (rows - last == self.broker.delisting.after)
        declared = ~np.isnat(bars.last_session)
        silent[:, declared] = False
        # a daily bar is that session's close; of an intraday session the last bar is known only afterwards
        side: Literal["left", "right"] = "left" if bars.daily else "right"
        for column in np.flatnonzero(declared):
            bar = int(np.searchsorted(bars.sessions, bars.last_session[column], side=side))
            if bar < len(bars):
                silent[bar, column] = True
        return {int(bar): np.flatnonzero(silent[bar]) for bar in np.flatnonzero(silent.any(axis=1))}

    @cached_property
    def busy(self) -> NDArray[np.intp]:
        """Return the bars with a dividend, a split or a delisting, sorted."""
        actions = (self.bars.dividends != 0).any(axis=1) | (self.bars.splits != 1).any(axis=1)
        return np.union1d(np.flatnonzero(actions), np.array(list(self.closings), dtype=np.intp))


class Account:
    """Play target weights through a market, from the close of bar ``start`` on.

    ``nav`` and ``cash_history`` are (T,), filled up to bar ``t``. ``holdings`` lists (bar, shares) at each
    change of the shares.
    """

    def __init__(self, market: Market, start: int) -> None:
        count = len(market.bars)
        self.market = market
        self.t = start
        self.cash = market.broker.cash
        self.shares: Array = np.zeros(len(market.bars.assets))
        self.nav: Array = np.full(count, np.nan)
        self.cash_history: Array = np.full(count, np.nan)
        self.nav[start] = self.cash_history[start] = self.cash
        self.holdings: list[tuple[int, Array]] = [(start, self.shares)]
        self.fills: list[FillRecord] = []
        self.cash_flows: list[CashFlow] = []
        self._target: Array | None = None
        self._decided = -1

    @property
    def waiting(self) -> bool:
        """Tell whether a basket waits for the next bar."""
        return self._target is not None

    def weights(self) -> Array:
        """Return the weights (N,) drifted to now, fractions of NAV."""
        return np.asarray(self.shares * self.market.bars.mark[self.t] / self.nav[self.t])

    def order(self, weights: Array, traded: NDArray[np.bool_] | None = None) -> None:
        """Order target ``weights`` (N,) now, at the close of bar ``t``; they fill at the next bar.

        Assets outside ``traded`` get no order. A basket that still waits is replaced.
        """
        bars, nav = self.market.bars, float(self.nav[self.t])
        self._replace()
        if nav <= 0:
            return
        mask = bars.tradable[self.t] if traded is None else traded & bars.tradable[self.t]
        shares = target_shares(weights, nav, bars.mark[self.t], whole=self.market.whole)
        same = np.abs(shares - self.shares) <= 1e-9 * np.maximum(np.abs(shares), np.abs(self.shares))
        mask = mask & ~same
        if mask.any():
            self._target = np.where(mask, shares, np.nan)
            self._decided = self.t

    def advance(self, t: int) -> None:
        """Move to the close of bar ``t``."""
        while self.t < t:
            quiet = self._quiet_until(t)
            if quiet > self.t:
                rows = slice(self.t + 1, quiet + 1)
                self.nav[rows] = self.cash + (self.market.bars.mark[rows] * self.shares).sum(axis=1)
                self.cash_history[rows] = self.cash
                self.t = quiet
            if self.t < t:
                self._step()

    def finish(self) -> None:
        """Record the orders that no later bar can fill."""
        if self._target is not None:
            wanted = np.flatnonzero(~np.isnan(self._target))
            self._record_unfilled(wanted, -1, DATA_END)
            self._target = None

    def _quiet_until(self, t: int) -> int:
        """Return the last bar <= t before which nothing but prices happens."""
        if self._target is not None:
            return self.t
        busy = self.market.busy
        following = int(np.searchsorted(busy, self.t, side="right"))
        return t if following == len(busy) or busy[following] > t else int(busy[following]) - 1

    def _step(self) -> None:
        """Play one bar: actions before the open, the fill, delistings, the mark."""
        t = self.t = self.t + 1
        before = self.shares
        self._split(t)
        self._dividend(t)
        if self._target is not None:
            self._fill(t)
        if t in self.market.closings:
            self._close_delisted(t)
        if self.shares is not before:
            self.holdings.append((t, self.shares))
        self.nav[t] = self.cash + (self.market.bars.mark[t] * self.shares).sum()
        self.cash_history[t] = self.cash

    def _split(self, t: int) -> None:
        ratio = self.market.bars.splits[t]
        split = np.flatnonzero((ratio != 1.0) & ((self.shares != 0.0) | self._asked_now()))
        if not len(split):
            return
        shares = self.shares * ratio
        if self._target is not None:
            self._target = self._target * ratio
            if self.market.whole:
                self._target[split] = whole_shares(self._target[split])
        if self.market.whole:
            kept = shares.copy()
            kept[split] = whole_shares(shares[split])
            fraction = shares - kept
            price = self.market.bars.mark[t - 1] / ratio
            self.cash += float((fraction * price).sum())
            self._record_forced(t, np.flatnonzero(fraction), -fraction, price, FRACTION)
            shares = kept
        self.shares = shares

    def _asked_now(self) -> NDArray[np.bool_]:
        if self._target is None:
            return np.zeros(len(self.shares), dtype=bool)
        return ~np.isnan(self._target)

    def _dividend(self, t: int) -> None:
        amount = self.shares * self.market.bars.dividends[t]
        paid = np.flatnonzero(amount)
        if len(paid):
            self.cash += float(amount[paid].sum())
            self.cash_flows.append(CashFlow(t, paid, "dividend", amount[paid]))

    def _fill(self, t: int) -> None:
        market, target = self.market, self._target
        assert target is not None
        wanted = ~np.isnan(target)
        reached = wanted & market.bars.tradable[t]
        price = np.where(market.bars.tradable[t], market.fill_price[t], market.bars.mark[t])
        asked = np.where(reached, target - self.shares, 0.0)
        basket = Basket(self.shares, asked, price, self.cash)
        fills = fill_basket(basket, market.broker.costs, gross=market.gross, whole=market.whole)
        self.cash = fills.cash
        shares = self.shares + fills.filled
        # a target that was reached is held exactly, so that an exit leaves no dust
        done = reached & (np.abs(shares - target) <= 1e-12 * np.maximum(np.abs(target), np.abs(self.shares)))
        rows = np.flatnonzero(reached)
        short = np.abs(asked - fills.filled) > 1e-9 * np.abs(asked)
        if len(rows):
            reason = np.full(len(rows), None, dtype=object)
            reason[short[rows]] = BUYING_POWER
            filled, price, commission, slippage = (
                values[rows] for values in (fills.filled, fills.price, fills.commission, fills.slippage)
            )
            self.fills.append(
                FillRecord(self._decided, t, rows, asked[rows], filled, price, commission, slippage, reason)
            )
        self.shares = np.where(done, target, shares)
        missed = np.flatnonzero(wanted & ~reached)
        if len(missed) and market.broker.unfilled == "wait":
            self._target = np.where(reached, np.nan, target)
            return
        self._record_unfilled(missed, t, NOT_TRADABLE)
        self._target = None

    def _close_delisted(self, t: int) -> None:
        names = self.market.closings[t]
        names = names[self.shares[names] != 0.0]
        if not len(names):
            return
        price = self.market.bars.mark[t] * (1.0 - self.market.broker.delisting.haircut)
        self.cash += float((self.shares[names] * price[names]).sum())
        self._record_forced(t, names, -self.shares, price, DELISTED)
        self.shares = self.shares.copy()
        self.shares[names] = 0.0

    def _replace(self) -> None:
        if self._target is not None:
            self._record_unfilled(np.flatnonzero(~np.isnan(self._target)), self.t, REPLACED)
            self._target = None

    def _record_unfilled(self, names: NDArray[np.intp], t: int, reason: str) -> None:
        if not len(names):
            return
        assert self._target is not None
        asked = self._target[names] - self.shares[names]
        zero = np.zeros(len(names))
        self.fills.append(
            FillRecord(self._decided, t, names, asked, zero, zero + np.nan, zero, zero, _same(reason, names))
        )

    def _record_forced(self, t: int, names: NDArray[np.intp], change: Array, price: Array, reason: str) -> None:
        if not len(names):
            return
        zero = np.zeros(len(names))
        change, price = change[names], price[names]
        self.fills.append(FillRecord(-1, t, names, change, change, price, zero, zero, _same(reason, names)))


def _same(reason: str, names: NDArray[np.intp]) -> NDArray[np.object_]:
    return np.full(len(names), reason, dtype=object)
