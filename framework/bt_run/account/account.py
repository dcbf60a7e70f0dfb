"""One account: shares and cash, moved through the bars by one basket after another.

The engine's account, the tracks and the baselines are all this class, so they fill alike. It knows
nothing of Backtrader. Bars without an order, a corporate action or a delisting are valued in one
vector operation.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bt_run.account import records
from bt_run.account.basket import (
    ROUNDING,
    Basket,
    Fills,
    differing,
    fill_basket,
    target_shares,
    whole_shares,
    worth_an_order,
)
from bt_run.account.distributions import dividends
from bt_run.account.entries import Entries
from bt_run.account.exits import exit_prices, nearest_levels
from bt_run.account.financing import interest
from bt_run.account.market import AtBar, Market
from bt_run.account.parts import Parts
from bt_run.account.performance import track_record
from bt_run.account.records import CashFlow, FillRecord
from bt_run.account.waiting import Waiting
from bt_run.arrays import Array, Indices, Mask
from bt_run.terms import Holdings, Rates

__all__ = ["Account"]

REACHED = 1e-12  # relative difference at which a target was reached


class Account:
    """Shares and cash on their way through a market, from the close of bar ``start`` on.

    ``nav`` and ``cash_history`` are (T,), filled up to bar ``t``. ``holdings`` lists (bar, shares)
    at each change of the shares. ``ruined`` is the first bar at whose close the account was worth
    nothing or less: from there on it stands still.
    """

    def __init__(self, market: Market, start: int) -> None:
        count, assets = len(market.bars), len(market.bars.assets)
        self.market = market
        self.t = start
        self.cash = market.broker.cash
        self.shares: Array = np.zeros(assets)
        self.nav: Array = np.full(count, np.nan)
        self.cash_history: Array = np.full(count, np.nan)
        self.nav[start] = self.cash_history[start] = self.cash
        self.holdings: list[tuple[int, Array]] = [(start, self.shares)]
        self.fills: list[FillRecord] = []
        self.cash_flows: list[CashFlow] = []
        self.waiting = Waiting(assets)
        self.entries = Entries(assets)
        self.ruined: int | None = None
        self._used: Array | None = None  # of this bar's volume
        self._exited: dict[int, int] = {}

    def weights(self) -> Array:
        """Return the weights (N,) drifted to now, fractions of NAV."""
        return np.asarray(
            self.shares * self.market.bars.mark[self.t] / self.nav[self.t]
        )

    def record(self, t: int) -> Array:
        """Return the NAVs from the start to bar ``t``, without what came from outside."""
        rows, flows = slice(self.market.bars.start, t + 1), self.market.flows
        return track_record(self.nav[rows], None if flows is None else flows[rows])

    def order(self, weights: Array, traded: Mask | None = None) -> None:
        """Order target ``weights`` (N,) now, at the close of bar ``t``; they fill at the next bar.

        Assets outside ``traded`` get no order. Orders that still wait are replaced for the assets
        that trade now.
        """
        bars = self.market.bars
        present = bars.present[self.t]
        chosen = np.ones_like(present) if traded is None else traded
        if not self.waiting.empty:
            replaced = self.waiting.names if traded is None else traded | ~present
            self._drop(replaced, self.t, records.REPLACED)
        nav = float(self.nav[self.t])
        if nav <= 0:
            return
        shares = target_shares(weights, nav, bars.mark[self.t], whole=self.market.whole)
        if self.market.whole:
            asked = target_shares(weights, nav, bars.mark[self.t], whole=False)
            nothing = (shares == 0.0) & (self.shares == 0.0)
            self._never_ask(present & chosen & nothing, asked)
        worth = worth_an_order(shares, self.shares, bars.mark[self.t], nav)
        names = present & chosen & worth
        if names.any():
            self.waiting.put(names, shares, self.t)

    def _never_ask(self, names: Mask, shares: Array) -> None:
        """Record targets of less than one share, of which no order comes."""
        self.waiting.put(names & (np.abs(shares) > ROUNDING), shares, self.t)
        self._drop(names, -1, records.TOO_DEAR)

    def advance(self, t: int) -> None:
        """Move to the close of bar ``t``."""
        while self.t < t and self.ruined is None:
            waits = not self.waiting.empty
            quiet = self.t if waits else self.market.quiet_until(self.t, t)
            if quiet > self.t:
                self._value(slice(self.t + 1, quiet + 1))
            else:
                self._step()
        if self.t < t:
            rows = slice(self.t + 1, t + 1)
            self.nav[rows], self.cash_history[rows] = self.nav[self.t], self.cash
            self.t = t

    def finish(self) -> None:
        """Record the orders that no later bar can fill."""
        self.call_off(-1, records.DATA_END)

    def call_off(self, bar: int, reason: str) -> None:
        """Record at ``bar`` (-1: never) what still waits as unfilled, and forget it."""
        self._drop(self.waiting.names, bar, reason)

    def take_exited(self) -> dict[str, int]:
        """Return the assets that exits closed since this was last asked, and the side of each."""
        exited = {
            self.market.bars.assets[column]: side
            for column, side in self._exited.items()
        }
        self._exited = {}
        return exited

    def _value(self, rows: slice) -> None:
        """Value the holdings at the closes of some bars; the first without any worth is the
        last.
        """
        nav = self.cash + (self.market.bars.mark[rows] * self.shares).sum(axis=1)
        worthless = np.flatnonzero(nav <= 0.0)
        if len(worthless):
            last = rows.start + int(worthless[0])
            rows, nav = slice(rows.start, last + 1), nav[: worthless[0] + 1]
            self.ruined = last
        self.nav[rows] = nav
        self.cash_history[rows] = self.cash
        self.t = rows.stop - 1
        if self.ruined is not None:
            self.call_off(-1, records.RUINED)

    def _step(self) -> None:
        """Play one bar: actions before the open, the fill, delistings, the mark."""
        t = self.t = self.t + 1
        market, before = self.market, self.shares
        self._used = None
        if market.rates is not None:
            self._accrue(t, market.rates)
        if market.flows is not None and market.flows[t]:
            self._book([CashFlow.of_cash(t, records.EXTERNAL, market.flows[t])])
        if market.actions[t]:
            self._split(t)
            self._dividend(t)
        at_open = market.broker.fill == "next_open"
        if at_open and not self.waiting.empty:
            self._fill(t)
        if market.exits:
            self._exit(t)
        if not at_open and not self.waiting.empty:
            self._fill(t)
        if t in market.closings:
            self._close_delisted(t)
        if self.shares is not before:
            self.holdings.append((t, self.shares))
        if market.exits:
            self.entries.close(self.shares, market.bars.mark[t])
        self._value(slice(t, t + 1))

    # -- money and shares without a trade ----------------------------------------------------------

    def _accrue(self, t: int, rates: Rates) -> None:
        """Book the interest since the bar before, at the rates and values known then."""
        years = float(self.market.years[t])
        values = self.shares * self.market.bars.mark[t - 1]
        self._book(interest(self.cash, values, rates, years, bar=t))

    def _dividend(self, t: int) -> None:
        paid, tax = self.market.bars.dividends[t], self.market.broker.dividend_tax
        self._book(dividends(self.shares, paid, tax, bar=t))

    def _book(self, flows: Iterable[CashFlow]) -> None:
        """Book money that comes without a trade."""
        for flow in flows:
            self.cash += float(flow.amount.sum())
            self.cash_flows.append(flow)

    def _split(self, t: int) -> None:
        """Multiply holdings and waiting orders; a fraction of a whole share is paid in cash."""
        ratio = self.market.bars.splits[t]
        concerned = (self.shares != 0.0) | self.waiting.names
        split = np.flatnonzero((ratio != 1.0) & concerned)
        if not len(split):
            return
        shares = self.shares * ratio
        self.waiting.split(ratio, split, whole=self.market.whole)
        self.cash_flows.append(
            CashFlow(t, split, "split", np.zeros(len(split)), ratio[split])
        )
        if self.market.whole:
            shares = self._pay_fractions(t, split, shares)
        self.entries.split(ratio)
        self.shares = shares

    def _pay_fractions(self, t: int, split: Indices, shares: Array) -> Array:
        """Pay what a split leaves of a share at the last price; return the whole shares (N,)."""
        kept = shares.copy()
        kept[split] = whole_shares(shares[split])
        fraction = shares - kept
        price = self.market.bars.mark[t - 1] / self.market.bars.splits[t]
        self.cash += float((fraction * price).sum())
        self._force(t, np.flatnonzero(fraction), -fraction, price, records.FRACTION)
        return kept

    def _close_delisted(self, t: int) -> None:
        """Pay out what is delisted at its last price, less the haircut of a silent asset."""
        names = self.market.closings[t]
        gone = np.zeros(len(self.shares), dtype=bool)
        gone[names] = True
        self._drop(gone, t, records.DELISTED)
        names = names[self.shares[names] != 0.0]
        if not len(names):
            return
        price = self.market.bars.mark[t] * self.market.kept_at_end
        self.cash += float((self.shares[names] * price[names]).sum())
        self._force(t, names, -self.shares, price, records.DELISTED)
        self.shares = self.shares.copy()
        self.shares[names] = 0.0

    def _force(
        self, t: int, names: Indices, change: Array, price: Array, reason: str
    ) -> None:
        if len(names):
            prices = price[names]
            self.fills.append(
                FillRecord.forced(names, change[names], prices, bar=t, reason=reason)
            )

    # -- trades ------------------------------------------------------------------------------------

    def _trade(
        self, t: int, asked: Array, price: Array, parts: Parts | None = None
    ) -> Fills:
        """Fill orders for ``asked`` shares (N,) at ``price``, and pay for them.

        ``parts`` is what earlier bars filled of the same orders.
        """
        market, used = self.market, self._used
        now = AtBar(market.bars, t)
        basket = Basket(self.shares, asked, price, self.cash, now, parts, used)
        costs = market.broker.costs
        fills = fill_basket(basket, costs, gross=market.gross, whole=market.whole)
        self.cash = fills.cash
        if market.exits:  # only with exits a bar sees two trades
            filled = np.abs(fills.filled)
            self._used = filled if used is None else used + filled
        return fills

    def _fill(self, t: int) -> None:
        """Fill the waiting basket; what cannot be traded now waits on, or is cancelled."""
        market, wanted = self.market, self.waiting.names
        reached, price = wanted, market.fill_price[t]
        if not market.complete[t]:
            present = market.bars.present[t]
            reached = wanted & present
            price = np.where(present, price, market.bars.mark[t])
        asked = np.where(reached, self.waiting.target - self.shares, 0.0)
        fills = self._trade(t, asked, price, self.waiting.parts)
        waits, unpaid = differing(asked, fills.taken, asked), None
        if fills.factor < 1.0:  # else all that the market takes is filled
            unpaid = differing(fills.taken, fills.filled, asked)
        rows = np.flatnonzero(reached)
        self._record_fills(t, rows, asked, fills, waits=waits, unpaid=unpaid)
        self._hold(t, reached, fills)
        if waits is None and market.complete[t]:
            self.waiting.clear()
            return
        waits = np.zeros_like(wanted) if waits is None else waits & reached
        self._miss(t, wanted & ~reached, waits)
        self.waiting.filled(fills, waits)

    def _miss(self, t: int, missed: Mask, waits: Mask) -> None:
        """Cancel orders that met no bar, or let them wait beside ``waits`` (N,) for another one;
        none comes of an asset that is delisted.
        """
        if self.market.broker.unfilled == "cancel":
            self._record_unfilled(np.flatnonzero(missed), t, records.NOT_TRADABLE)
            self.waiting.keep(waits)
            return
        gone = missed & self.market.ended(t)
        self._record_unfilled(np.flatnonzero(gone), t, records.DELISTED)
        self.waiting.keep((missed & ~gone) | waits)

    def _hold(self, t: int, reached: Mask, fills: Fills) -> None:
        """Hold what was filled; a target that was reached exactly, so that an exit leaves no
        dust.
        """
        target = self.waiting.target
        shares = self.shares + fills.filled
        largest = np.maximum(np.abs(target), np.abs(self.shares))
        done = reached & (np.abs(shares - target) <= REACHED * largest)
        shares = np.where(done, target, shares)
        if self.market.exits:
            self.entries.trade(t, self.shares, shares, fills.price)
        self.shares = shares

    def _record_fills(
        self,
        t: int,
        rows: Indices,
        asked: Array,
        fills: Fills,
        *,
        waits: Mask | None,
        unpaid: Mask | None,
    ) -> None:
        if not len(rows):
            return
        reason = records.reasons_of(rows, waits, unpaid)
        decided = self.waiting.decided[rows]
        self.fills.append(
            FillRecord.of_basket(
                fills, rows, asked, decided=decided, bar=t, reason=reason
            )
        )

    def _exit(self, t: int) -> None:
        """Close what touched a stop or a target in this bar; what was to be traded of it is off."""
        market = self.market
        held = (self.shares != 0.0) & market.bars.present[t]
        if market.broker.fill == "next_open":
            held &= self.waiting.target != 0.0  # its closing is under way already
        if not held.any():
            return
        side = np.where(held, np.sign(self.shares), np.nan)
        held_since = Holdings(
            side, self.entries.price, self.entries.best, t - self.entries.since
        )
        levels = nearest_levels(market.exits, held_since)
        price, stopped = exit_prices(side, market.bars.traded.at(t), levels)
        closes = np.isfinite(price)
        if not closes.any():
            return
        asked = np.where(closes, -self.shares, 0.0)
        fills = self._trade(t, asked, np.where(closes, price, market.bars.mark[t]))
        rule = np.where(stopped, levels.stop_rule, levels.target_rule)
        self._record_exits(t, np.flatnonzero(closes), asked, fills, rule)
        # before the shares change: what the orders asked is counted from what was held
        self._drop(closes, t, records.EXITED)
        self.shares = self.shares + fills.filled
        rest = closes & (np.abs(asked - fills.filled) > ROUNDING * np.abs(asked))
        if rest.any():
            # what the volume did not take is closed at the next bars, come what may
            self.waiting.put(rest, 0.0, t)
            self.waiting.filled(fills, rest)

    def _record_exits(
        self, t: int, rows: Indices, asked: Array, fills: Fills, rule: NDArray[Any]
    ) -> None:
        reason = rule[rows]
        record = FillRecord.of_basket(
            fills, rows, asked, decided=-1, bar=t, reason=reason
        )
        self.fills.append(record)
        for row in rows:
            self._exited[int(row)] = int(np.sign(self.shares[row]))

    # -- orders that are not filled ----------------------------------------------------------------

    def _drop(self, names: Mask, t: int, reason: str) -> None:
        """Record what waits of these assets (N,) as unfilled, and forget it."""
        if self.waiting.empty:
            return
        dropped = names & self.waiting.names
        self._record_unfilled(np.flatnonzero(dropped), t, reason)
        self.waiting.keep(~dropped)

    def _record_unfilled(self, names: Indices, t: int, reason: str) -> None:
        if not len(names):
            return
        asked = self.waiting.target[names] - self.shares[names]
        decided = self.waiting.decided[names]
        self.fills.append(
            FillRecord.unfilled(names, asked, decided=decided, bar=t, reason=reason)
        )
