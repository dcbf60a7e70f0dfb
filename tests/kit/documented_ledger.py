"""A second engine, written from docs/fills.md alone: slow, plain, one asset at a time.

It shares no line with the engine. It takes what was decided and plays it again; where the two
differ, either the engine or the document is wrong.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from bt_run.data.bars import Bars

HALVINGS = 100
NEAR = 1e-9
DUST = 1e-12

Targets = Mapping[int, Mapping[str, float]]


@dataclass(frozen=True, kw_only=True)
class DocumentedTerms:
    """What the YAML says about the account; rates a year, ``bps`` of the traded value."""

    cash: float = 1_000_000.0
    at_open: bool = True
    wait: bool = False
    whole: bool = False
    gross: float = 1.0
    commission_bps: float = 0.0
    per_share: float = 0.0
    minimum: float = 0.0
    cap: float | None = None
    flat: float = 0.0
    slippage_bps: float = 0.0
    half_spread: float = 0.0
    participation: float | None = None
    haircut: float = 0.0
    cash_rate: float = 0.0
    margin_rate: float = 0.0
    borrow_rate: float = 0.0

    def commission(self, shares: float, price: float) -> float:
        """Return what an order of so many shares costs; 0 for no share."""
        if shares == 0:
            return 0.0
        value = abs(shares) * price
        by_share = max(self.per_share * abs(shares), self.minimum)
        if self.cap is not None:
            by_share = min(by_share, self.cap * value)
        return self.commission_bps / 1e4 * value + by_share + self.flat

    def price(self, market: float, side: float) -> float:
        """Return the price that an order of this sign pays or gets."""
        return market + side * (market * self.slippage_bps / 1e4 + self.half_spread)


@dataclass
class Order:
    """An order that waits for its fill: the shares at which its asset is to be held.

    ``paid`` is the commission so far, on ``done`` shares worth ``value``.
    """

    decided: int
    target: float
    done: float = 0.0
    paid: float = 0.0
    value: float = 0.0


@dataclass(frozen=True)
class PlainFill:
    """A row of fills.parquet; ``bar`` is None for an order that never met one."""

    decided: int | None
    bar: int | None
    asset: str
    asked: float
    filled: float
    price: float = math.nan
    commission: float = 0.0
    slippage: float = 0.0
    reason: str | None = None


@dataclass
class Part:
    """What one order does at one bar: the closing part, the opening part, and their price."""

    asset: str
    order: Order
    closing: float
    opening: float
    price: float
    market: float
    limited: bool = False
    short_of_cash: bool = False
    bought: float = 0.0
    charged: float = 0.0


@dataclass
class DocumentedLedger:
    """An account that is kept as docs/fills.md says; one list entry a bar from the start on."""

    bars: Bars
    terms: DocumentedTerms
    cash: float = 0.0
    shares: dict[str, float] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    last: dict[str, float] = field(default_factory=dict)
    fills: list[PlainFill] = field(default_factory=list)
    nav: list[float] = field(default_factory=list)
    cash_history: list[float] = field(default_factory=list)
    share_history: list[dict[str, float]] = field(default_factory=list)
    flows: list[tuple[int, str, str, float]] = field(default_factory=list)
    ruined: int | None = None

    def play(self, targets: Targets) -> DocumentedLedger:
        """Play what was decided, {bar: {asset: target weight that was traded}}."""
        self.cash = self.terms.cash
        self.shares = dict.fromkeys(self.bars.assets, 0.0)
        for t in range(len(self.bars)):
            if t > self.bars.start:
                self._before_open(t)
            if t > self.bars.start and self.terms.at_open:
                self._fill(t, self.bars.traded.open[t])
            if t > self.bars.start and not self.terms.at_open:
                self._fill(t, self.bars.traded.close[t])
            self._mark(t)
            if t >= self.bars.start:
                self._close_delisted(t)
            if t >= self.bars.start and not self._close_the_books(t):
                return self
            if t in targets:
                self._decide(t, targets[t])
        for asset in sorted(self.orders):
            self._drop(asset, None, "the data end before the fill")
        return self

    def _before_open(self, t: int) -> None:
        self._book_interest(t)
        for n, asset in enumerate(self.bars.assets):
            self._split(t, asset, float(self.bars.splits[t, n]))
            self._pay_dividend(t, asset, float(self.bars.dividends[t, n]))

    def _day(self, t: int) -> np.datetime64:
        return self.bars.times[t].astype("datetime64[D]")

    def _book_interest(self, t: int) -> None:
        years = (self._day(t) - self._day(t - 1)).astype(int) / 365
        shorts = 0.0
        for asset, held in self.shares.items():
            if held < 0:
                shorts -= held * self.last[asset]
        earned = max(self.cash, 0.0) * self.terms.cash_rate * years
        owed = min(self.cash, 0.0) * self.terms.margin_rate * years
        borrowed = -shorts * self.terms.borrow_rate * years
        self._flow(t, "", "interest", earned)
        self._flow(t, "", "margin interest", owed)
        self._flow(t, "", "borrow fee", borrowed)

    def _flow(self, t: int, asset: str, kind: str, amount: float) -> None:
        self.cash += amount
        if amount:
            self.flows.append((t, asset, kind, amount))

    def _split(self, t: int, asset: str, ratio: float) -> None:
        if ratio == 1:
            return
        self.last[asset] = self.last.get(asset, math.nan) / ratio
        held = self.shares[asset] * ratio
        whole = self._whole(held)
        if whole != held and abs(held - whole) > NEAR:
            self.cash += (held - whole) * self.last[asset]
            reason = "fraction of a share paid in cash at the split"
            gone = whole - held
            price = self.last[asset]
            self.fills.append(
                PlainFill(None, t, asset, gone, gone, price, reason=reason)
            )
        self.shares[asset] = whole
        if asset in self.orders:
            order = self.orders[asset]
            self.orders[asset] = replace(
                order, target=self._whole(order.target * ratio)
            )

    def _pay_dividend(self, t: int, asset: str, dividend: float) -> None:
        self._flow(t, asset, "dividend", self.shares[asset] * dividend)

    def _close_delisted(self, t: int) -> None:
        for n, asset in enumerate(self.bars.assets):
            last = self.bars.last_session[n]
            if not np.isnat(last) and self._day(t) >= last:
                self._delist(t, n, asset)

    def _delist(self, t: int, n: int, asset: str) -> None:
        if asset in self.orders:
            self._drop(asset, t, "delisted")
        held = self.shares[asset]
        if held == 0:
            return
        silent = self.bars.assumed_end is not None and self.bars.assumed_end[n]
        price = self.last[asset] * (1 - (self.terms.haircut if silent else 0.0))
        self.cash += held * price
        self.shares[asset] = 0.0
        self.fills.append(
            PlainFill(None, t, asset, -held, -held, price, reason="delisted")
        )

    def _whole(self, shares: float) -> float:
        if not self.terms.whole:
            return shares
        near = round(shares)
        if abs(shares - near) <= NEAR * max(abs(shares), 1.0):
            return float(near)
        return float(math.trunc(shares))

    def _fill(self, t: int, market: np.ndarray) -> None:
        parts = []
        for n, asset in enumerate(self.bars.assets):
            if asset not in self.orders:
                continue
            if not self.bars.present[t, n]:
                if not self.terms.wait:
                    self._drop(asset, t, "not tradable at the fill")
                continue
            volume = float(self.bars.traded.volume[t, n])
            parts.append(self._part(asset, float(market[n]), volume))
        for part in parts:
            self._pay(part, part.closing)
        self._scale_openings(t, parts, market)
        for part in parts:
            self._pay(part, part.bought)
            self._settle(t, part)

    def _part(self, asset: str, market: float, volume: float) -> Part:
        order = self.orders[asset]
        held = self.shares[asset]
        rest = order.target - held
        side = math.copysign(1.0, rest)
        closing = min(abs(rest), abs(held)) if held * rest < 0 else 0.0
        opening = abs(rest) - closing
        limited = False
        if self.terms.participation is not None:
            most = self.terms.participation * volume
            if self.terms.whole:
                most = math.floor(most)
            limited = most < closing + opening
            closing = min(closing, most)
            opening = min(opening, most - closing)
        price = self.terms.price(market, side)
        return Part(
            asset, order, side * closing, side * opening, price, market, limited
        )

    def _cost(self, part: Part, shares: float) -> float:
        """Return the commission that so many more shares add to the order's."""
        order = part.order
        value = order.value + abs(shares) * part.price
        done = order.done + abs(shares)
        if done == 0:
            return 0.0
        return self.terms.commission(done, value / done) - order.paid

    def _pay(self, part: Part, shares: float) -> None:
        if shares == 0:
            return
        cost = self._cost(part, shares)
        self.cash -= shares * part.price + cost
        self.shares[part.asset] += shares
        part.order.done += abs(shares)
        part.order.value += abs(shares) * part.price
        part.order.paid += cost
        part.charged += cost

    def _scale_openings(self, t: int, parts: list[Part], market: np.ndarray) -> None:
        openings = [part for part in parts if part.opening]
        power = self._power(t, market)
        factor = self._largest_factor(openings, power)
        for part in openings:
            part.short_of_cash = factor < 1
            part.bought = part.opening * factor
        if self.terms.whole:
            self._by_largest_remainder(openings, power)

    def _power(self, t: int, market: np.ndarray) -> float:
        nav = self.cash
        held_gross = 0.0
        for n, asset in enumerate(self.bars.assets):
            held = self.shares[asset]
            if held:
                here = self.bars.present[t, n]
                value = held * (float(market[n]) if here else self.last[asset])
                nav += value
                held_gross += abs(value)
        power = self.terms.gross * nav - held_gross
        return power if power > DUST * nav else 0.0

    def _need(self, part: Part, shares: float) -> float:
        slippage = abs(part.price - part.market) * abs(shares)
        cost = self._cost(part, shares) if shares else 0.0
        return abs(shares) * part.market + slippage + cost

    def _needs(self, openings: list[Part], factor: float) -> float:
        return sum(self._need(part, part.opening * factor) for part in openings)

    def _largest_factor(self, openings: list[Part], power: float) -> float:
        if self._needs(openings, 1.0) <= power * (1 + 1e-12):
            return 1.0
        low, high = 0.0, 1.0
        for _ in range(HALVINGS):
            middle = (low + high) / 2
            if self._needs(openings, middle) <= power:
                low = middle
            else:
                high = middle
        return low

    def _by_largest_remainder(self, openings: list[Part], power: float) -> None:
        remainders = []
        for part in openings:
            asked = part.bought
            part.bought = self._whole(asked)
            remainders.append((-abs(asked - part.bought), part.asset, part))
        room = power - sum(self._need(part, part.bought) for part in openings)
        for remainder, _, part in sorted(remainders, key=lambda row: row[:2]):
            if remainder == 0:
                continue
            more = part.bought + math.copysign(1.0, part.opening)
            extra = self._need(part, more) - self._need(part, part.bought)
            if extra <= room:
                part.bought = more
                room -= extra

    def _settle(self, t: int, part: Part) -> None:
        order = part.order
        filled = part.closing + part.bought
        asked = order.target - self.shares[part.asset] + filled
        slipped = abs(part.price - part.market) * abs(filled)
        self.fills.append(
            PlainFill(
                order.decided,
                t,
                part.asset,
                asked,
                filled,
                part.price,
                part.charged,
                slipped,
                self._reason(part),
            )
        )
        if not part.limited:
            del self.orders[part.asset]

    def _reason(self, part: Part) -> str | None:
        if part.short_of_cash and part.bought != part.opening:
            return "buying power"
        if part.limited:
            return "volume: the rest waits"
        return None

    def _drop(self, asset: str, t: int | None, reason: str) -> None:
        order = self.orders.pop(asset)
        asked = order.target - self.shares[asset]
        self.fills.append(PlainFill(order.decided, t, asset, asked, 0.0, reason=reason))

    def _mark(self, t: int) -> None:
        for n, asset in enumerate(self.bars.assets):
            if self.bars.present[t, n]:
                self.last[asset] = float(self.bars.traded.close[t, n])

    def _close_the_books(self, t: int) -> bool:
        held = {asset: amount for asset, amount in self.shares.items() if amount}
        worth = sum(amount * self.last[asset] for asset, amount in held.items())
        self.nav.append(self.cash + worth)
        self.cash_history.append(self.cash)
        self.share_history.append(dict(self.shares))
        if self.nav[-1] > 0:
            return True
        self.ruined = t
        for asset in sorted(self.orders):
            self._drop(asset, None, "the account was ruined before the fill")
        return False

    def _decide(self, t: int, targets: Mapping[str, float]) -> None:
        for n, asset in enumerate(self.bars.assets):
            replaced = asset in targets or not self.bars.present[t, n]
            if asset in self.orders and replaced:
                self._drop(asset, t, "waited until the next decision replaced it")
        for asset in sorted(targets):
            wished = targets[asset] * self.nav[-1] / self.last[asset]
            target = self._whole(wished)
            held = self.shares[asset]
            worth = abs(target - held) * self.last[asset]
            same = abs(target - held) <= NEAR * max(abs(held), abs(target))
            if not same and worth > DUST * self.nav[-1]:
                self.orders[asset] = Order(t, target)
            elif target == 0 and wished != 0:
                reason = "one share costs more than its weight"
                self.fills.append(PlainFill(t, None, asset, wished, 0.0, reason=reason))
