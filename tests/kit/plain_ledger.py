"""An independent ledger: replays target weights from the written rules of docs/fills.md, one asset
at a time.

It shares no line with the engine and is slow on purpose.
"""

import math
from dataclasses import dataclass, field

import numpy as np


@dataclass
class PlainLedger:
    """Hold an account; ``bars`` gives prices, the rest are the rules, costs in fractions."""

    bars: object
    cash: float
    at_open: bool = True
    fee: float = 0.0
    slip: float = 0.0
    gross: float = 1.0
    whole: bool = False
    wait: bool = False
    haircut: float = 0.0
    fills: list = field(default_factory=list)

    def play(self, targets):
        """Replay ``targets``: bar -> {asset: weight}, decided at that bar's close. Return NAV and
        cash, (T,).
        """
        bars, count = self.bars, len(self.bars.assets)
        held, last = [0.0] * count, [0.0] * count
        pending, decided = {}, None
        nav, cash = np.full(len(bars), np.nan), np.full(len(bars), np.nan)
        for t in range(len(bars)):
            if t > bars.start:
                self._actions(t, held, last, pending)
                pending = self._fill(t, held, last, pending, decided)
            for i in range(count):
                if bars.tradable[t, i]:
                    last[i] = float(bars.traded.close[t, i])
                if self._delisted(t, i):
                    pending.pop(i, None)
                if self._delisted(t, i) and held[i] and t > bars.start:
                    assumed = bars.assumed_end is not None and bars.assumed_end[i]
                    price = last[i] * (1 - self.haircut) if assumed else last[i]
                    self.cash += held[i] * price
                    self.fills.append((t, i, -held[i], price))
                    held[i] = 0.0
            if t < bars.start:
                continue
            nav[t] = self.cash + math.fsum(
                h * p for h, p in zip(held, last, strict=True) if h
            )
            cash[t] = self.cash
            if t in targets and nav[t] > 0:
                pending, decided = {}, t
                for i, weight in targets[t].items():
                    wanted = self._shares(weight * nav[t] / last[i])
                    if abs(wanted - held[i]) > 1e-9 * max(abs(wanted), abs(held[i])):
                        pending[i] = wanted
        return nav, cash

    def _shares(self, shares):
        if not self.whole:
            return shares
        near = round(shares)
        return (
            float(near)
            if abs(shares - near) <= 1e-9 * max(1.0, abs(shares))
            else float(math.trunc(shares))
        )

    def _delisted(self, t, i):
        declared = self.bars.last_session[i]
        if np.isnat(declared):
            return False
        return int(np.searchsorted(self.bars.sessions, declared)) == t

    def _actions(self, t, held, last, pending):
        for i in range(len(held)):
            split, dividend = (
                float(self.bars.splits[t, i]),
                float(self.bars.dividends[t, i]),
            )
            if split != 1.0:
                if i in pending:
                    pending[i] = self._shares(pending[i] * split)
                new = held[i] * split
                kept = self._shares(new)
                if new != kept:
                    self.cash += (new - kept) * last[i] / split
                    self.fills.append((t, i, kept - new, last[i] / split))
                held[i] = kept
            self.cash += held[i] * dividend

    def _fill(self, t, held, last, pending, decided):
        bars, rest = self.bars, {}
        market = bars.traded.open if self.at_open else bars.traded.close
        price = [
            float(market[t, i]) if bars.tradable[t, i] else last[i]
            for i in range(len(held))
        ]
        opening = {}
        for i, target in pending.items():
            if not bars.tradable[t, i]:
                if self.wait:
                    rest[i] = target
                continue
            asked = target - held[i]
            closing = (
                -math.copysign(min(abs(asked), abs(held[i])), held[i])
                if asked * held[i] < 0
                else 0.0
            )
            if closing:
                self._trade(t, i, held, closing, price[i])
            if asked != closing:
                opening[i] = asked - closing
        nav = self.cash + math.fsum(
            h * p for h, p in zip(held, price, strict=True) if h
        )
        power = self.gross * nav - math.fsum(
            abs(h) * p for h, p in zip(held, price, strict=True) if h
        )
        unit = {i: self._unit(price[i], shares) for i, shares in opening.items()}
        need = math.fsum(abs(shares) * unit[i] for i, shares in opening.items())
        factor = 1.0 if need <= max(power, 0.0) else max(power, 0.0) / need
        part = {i: shares * factor for i, shares in opening.items()}
        if self.whole and factor < 1.0:
            part = self._largest_remainder(opening, part, unit, max(power, 0.0))
        for i, shares in part.items():
            if shares:
                self._trade(t, i, held, shares, price[i])
        return rest

    def _unit(self, price, shares):
        """What one share of an opening needs: its value, its slippage, its commission."""
        paid = price * (1 + math.copysign(self.slip, shares))
        return price + price * self.slip + self.fee * paid

    def _largest_remainder(self, opening, part, unit, power):
        cut = {i: abs(self._shares(shares)) for i, shares in part.items()}
        room = power - math.fsum(cut[i] * unit[i] for i in cut)
        for i in sorted(cut, key=lambda i: (-(abs(part[i]) - cut[i]), i)):
            if cut[i] + 1 <= abs(opening[i]) and unit[i] <= room:
                cut[i] += 1
                room -= unit[i]
        return {i: math.copysign(shares, opening[i]) for i, shares in cut.items()}

    def _trade(self, t, i, held, shares, price):
        paid = price * (1 + math.copysign(self.slip, shares))
        self.cash -= shares * paid + self.fee * abs(shares) * paid
        held[i] += shares
        self.fills.append((t, i, shares, paid))
