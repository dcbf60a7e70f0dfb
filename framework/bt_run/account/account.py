"""One account: shares and cash, moved through the bars by one basket after another.

The engine's account, the tracks and the baselines are all this class, so they fill alike. It knows
nothing of Backtrader. Bars without an order, a corporate action or a delisting are valued in one
vector operation.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bt_run.account.basket import Basket, fill_basket, target_shares, whole_shares
from bt_run.account.exits import exit_prices, nearest_levels
from bt_run.account.market import AtBar, Market
from bt_run.arrays import Array
from bt_run.terms import Holdings, Rates

__all__ = ["Account", "CashFlow", "FillRecord"]

VOLUME = "volume: the rest waits"
NOT_TRADABLE = "not tradable at the fill"
BUYING_POWER = "buying power"
REPLACED = "waited until the next decision replaced it"
FRACTION = "fraction of a share paid in cash at the split"
DELISTED = "delisted"
EXITED = "cancelled by an exit in the same bar"
DATA_END = "the data end before the fill"


@dataclass(frozen=True)
class FillRecord:
    """Hold what became of the orders of one basket, or of a forced closing; arrays are (n,).

    ``decided`` (n,) or one for all, and ``bar`` are rows of the bars; -1 stands for none.
    """

    decided: NDArray[np.intp] | int
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


class Account:
    """Play target weights through a market, from the close of bar ``start`` on.

    ``nav`` and ``cash_history`` are (T,), filled up to bar ``t``. ``holdings`` lists (bar, shares)
    at each change of the shares. ``exited`` maps the assets that an exit closed to the side they
    were held on; who takes note of it empties it.
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
        self.exited: dict[int, int] = {}
        self._entry: Array = np.full(len(self.shares), np.nan)
        self._best: Array = np.full(len(self.shares), np.nan)
        self._since: Array = np.full(len(self.shares), np.nan)
        self._target: Array | None = None
        self._decided: NDArray[np.intp] = np.full(len(self.shares), -1)

    @property
    def waiting(self) -> bool:
        """Tell whether a basket waits for the next bar."""
        return self._target is not None

    def weights(self) -> Array:
        """Return the weights (N,) drifted to now, fractions of NAV."""
        return np.asarray(self.shares * self.market.bars.mark[self.t] / self.nav[self.t])

    def order(self, weights: Array, traded: NDArray[np.bool_] | None = None) -> None:
        """Order target ``weights`` (N,) now, at the close of bar ``t``; they fill at the next bar.

        Assets outside ``traded`` get no order. Orders that still wait are replaced for the assets
        that trade now.
        """
        bars, nav = self.market.bars, float(self.nav[self.t])
        mask = bars.present[self.t] if traded is None else traded & bars.present[self.t]
        self._replace(None if traded is None else traded | ~bars.present[self.t])
        if nav <= 0:
            return
        shares = target_shares(weights, nav, bars.mark[self.t], whole=self.market.whole)
        same = np.abs(shares - self.shares) <= 1e-9 * np.maximum(
            np.abs(shares), np.abs(self.shares)
        )
        mask = mask & ~same
        if mask.any():
            waiting = np.full(len(shares), np.nan) if self._target is None else self._target
            self._target = np.where(mask, shares, waiting)
            self._decided = np.where(mask, self.t, self._decided)

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
        self._drop(np.ones(len(self.shares), dtype=bool), -1, DATA_END)

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
        if self.market.rates is not None:
            self._accrue(t, self.market.rates)
        if self.market.actions[t]:
            self._split(t)
            self._dividend(t)
        at_open = self.market.broker.fill == "next_open"
        if self._target is not None and at_open:
            self._fill(t)
        if self.market.exits:
            self._exit(t)
        if self._target is not None and not at_open:
            self._fill(t)
        if t in self.market.closings:
            self._close_delisted(t)
        if self.shares is not before:
            self.holdings.append((t, self.shares))
        if self.market.exits:
            self._watch(t)
        self.nav[t] = self.cash + (self.market.bars.mark[t] * self.shares).sum()
        self.cash_history[t] = self.cash

    def _accrue(self, t: int, rates: Rates) -> None:
        """Book the interest since the bar before, at the rates and values known then: amount * rate
        * years.
        """
        years = float(self.market.years[t])
        if years == 0.0:
            return
        kind, rate = (
            ("interest", rates.cash) if self.cash > 0 else ("margin interest", rates.margin)
        )
        earned = self.cash * float(rate[t - 1]) * years
        short = np.minimum(self.shares * self.market.bars.mark[t - 1], 0.0)
        fee = short * float(rates.borrow[t - 1]) * years
        self._receive(t, "borrow fee", np.flatnonzero(fee), fee[fee != 0])
        if earned != 0.0:
            self._receive(t, kind, np.array([-1]), np.array([earned]))

    def _receive(self, t: int, kind: str, assets: NDArray[np.intp], amount: Array) -> None:
        """Book money that comes without a trade; asset -1 is the cash itself."""
        if len(assets):
            self.cash += float(amount.sum())
            self.cash_flows.append(CashFlow(t, assets, kind, amount))

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
        self._entry, self._best = self._entry / ratio, self._best / ratio
        self.shares = shares

    def _asked_now(self) -> NDArray[np.bool_]:
        if self._target is None:
            return np.zeros(len(self.shares), dtype=bool)
        return ~np.isnan(self._target)

    def _dividend(self, t: int) -> None:
        amount = self.shares * self.market.bars.dividends[t]
        self._receive(t, "dividend", np.flatnonzero(amount), amount[amount != 0])

    def _fill(self, t: int) -> None:
        market, target = self.market, self._target
        assert target is not None
        wanted = ~np.isnan(target)
        reached = wanted & market.bars.present[t]
        price = np.where(market.bars.present[t], market.fill_price[t], market.bars.mark[t])
        asked = np.where(reached, target - self.shares, 0.0)
        basket = Basket(self.shares, asked, price, self.cash, AtBar(market.bars, t))
        fills = fill_basket(basket, market.broker.costs, gross=market.gross, whole=market.whole)
        self.cash = fills.cash
        shares = self.shares + fills.filled
        # a target that was reached is held exactly, so that an exit leaves no dust
        done = reached & (
            np.abs(shares - target) <= 1e-12 * np.maximum(np.abs(target), np.abs(self.shares))
        )
        rows = np.flatnonzero(reached)
        tolerance = 1e-9 * np.abs(asked)
        waits = reached & (np.abs(asked - fills.taken) > tolerance)
        short = np.abs(fills.taken - fills.filled) > tolerance
        if len(rows):
            reason = np.full(len(rows), None, dtype=object)
            reason[waits[rows]] = VOLUME
            reason[short[rows]] = BUYING_POWER
            filled, price, commission, slippage = (
                values[rows]
                for values in (fills.filled, fills.price, fills.commission, fills.slippage)
            )
            self.fills.append(
                FillRecord(
                    self._decided[rows],
                    t,
                    rows,
                    asked[rows],
                    filled,
                    price,
                    commission,
                    slippage,
                    reason,
                )
            )
        shares = np.where(done, target, shares)
        self._note_entries(t, shares, fills.price)
        self.shares = shares
        missed = wanted & ~reached
        if market.broker.unfilled == "cancel":
            self._record_unfilled(np.flatnonzero(missed), t, NOT_TRADABLE)
            missed = np.zeros_like(missed)
        self._target = np.where(missed | waits, target, np.nan) if (missed | waits).any() else None

    def _exit(self, t: int) -> None:
        """Close what touched a stop or a target in this bar, and cancel what was still to be traded
        of it.
        """
        market, bars = self.market, self.market.bars
        held = (self.shares != 0.0) & bars.present[t]
        if not held.any():
            return
        side = np.where(held, np.sign(self.shares), np.nan)
        levels = nearest_levels(
            market.exits, Holdings(side, self._entry, self._best, t - self._since)
        )
        traded = bars.traded
        price, stopped = exit_prices(
            side, (traded.open[t], traded.high[t], traded.low[t], traded.close[t]), levels
        )
        closes = np.isfinite(price)
        if not closes.any():
            return
        rows = np.flatnonzero(closes)
        asked = np.where(closes, -self.shares, 0.0)
        basket = Basket(
            self.shares, asked, np.where(closes, price, bars.mark[t]), self.cash, AtBar(bars, t)
        )
        fills = fill_basket(basket, market.broker.costs, gross=market.gross, whole=market.whole)
        rule = np.where(stopped, levels.stop_rule, levels.target_rule)[rows]
        values = (asked, fills.filled, fills.price, fills.commission, fills.slippage)
        wanted, filled, paid, commission, slippage = (value[rows] for value in values)
        self.fills.append(FillRecord(-1, t, rows, wanted, filled, paid, commission, slippage, rule))
        self.exited.update({int(row): int(side[row]) for row in rows})
        self.cash, self.shares = fills.cash, self.shares + fills.filled
        self._drop(closes, t, EXITED)
        rest = closes & (np.abs(asked - fills.filled) > 1e-9 * np.abs(asked))
        if rest.any():
            # what the volume did not take is closed at the next bars, come what may
            waiting = np.full(len(asked), np.nan) if self._target is None else self._target
            self._target = np.where(rest, 0.0, waiting)
            self._decided = np.where(rest, t, self._decided)

    def _note_entries(self, t: int, shares: Array, price: Array) -> None:
        """Keep the average price of what is held: a larger holding averages, a new side begins
        anew.
        """
        if not self.market.exits:
            return
        same = shares * self.shares > 0
        added = same & (np.abs(shares) > np.abs(self.shares))
        weight = np.divide(self.shares, shares, out=np.zeros(len(shares)), where=added)
        fresh = (shares != 0.0) & ~same
        entry = np.where(added, weight * self._entry + (1.0 - weight) * price, self._entry)
        self._entry = np.where(fresh, price, entry)
        self._best = np.where(fresh, price, self._best)
        self._since = np.where(fresh, t, self._since)

    def _watch(self, t: int) -> None:
        """Remember the best close of each holding; forget what is held no more."""
        held, mark = self.shares != 0.0, self.market.bars.mark[t]
        side = np.sign(self.shares)
        better = held & (mark * side > self._best * side)
        self._best = np.where(held, np.where(better, mark, self._best), np.nan)
        self._entry, self._since = (
            np.where(held, self._entry, np.nan),
            np.where(held, self._since, np.nan),
        )

    def _close_delisted(self, t: int) -> None:
        names = self.market.closings[t]
        gone = np.zeros(len(self.shares), dtype=bool)
        gone[names] = True
        self._drop(gone, t, DELISTED)
        names = names[self.shares[names] != 0.0]
        if not len(names):
            return
        price = self.market.bars.mark[t] * (1.0 - self.market.broker.delisting.haircut)
        self.cash += float((self.shares[names] * price[names]).sum())
        self._record_forced(t, names, -self.shares, price, DELISTED)
        self.shares = self.shares.copy()
        self.shares[names] = 0.0

    def _replace(self, names: NDArray[np.bool_] | None) -> None:
        if self._target is not None:
            waiting = ~np.isnan(self._target)
            self._drop(waiting if names is None else waiting & names, self.t, REPLACED)

    def _drop(self, names: NDArray[np.bool_], t: int, reason: str) -> None:
        """Record what waits of these assets (N,) as unfilled, and forget it."""
        if self._target is None:
            return
        dropped = names & ~np.isnan(self._target)
        self._record_unfilled(np.flatnonzero(dropped), t, reason)
        self._target = np.where(dropped, np.nan, self._target)
        if np.isnan(self._target).all():
            self._target = None

    def _record_unfilled(self, names: NDArray[np.intp], t: int, reason: str) -> None:
        if not len(names):
            return
        assert self._target is not None
        asked = self._target[names] - self.shares[names]
        zero = np.zeros(len(names))
        self.fills.append(
            FillRecord(
                self._decided[names],
                t,
                names,
                asked,
                zero,
                zero + np.nan,
                zero,
                zero,
                _same(reason, names),
            )
        )

    def _record_forced(
        self, t: int, names: NDArray[np.intp], change: Array, price: Array, reason: str
    ) -> None:
        if not len(names):
            return
        zero = np.zeros(len(names))
        change, price = change[names], price[names]
        self.fills.append(
            FillRecord(-1, t, names, change, change, price, zero, zero, _same(reason, names))
        )


def _same(reason: str, names: NDArray[np.intp]) -> NDArray[np.object_]:
    return np.full(len(names), reason, dtype=object)
