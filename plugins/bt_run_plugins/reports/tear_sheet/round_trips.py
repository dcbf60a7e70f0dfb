"""Round trips: what each closing trade earned on the shares that it closed, first in, first out."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from bt_run import BacktestResult

if TYPE_CHECKING:
    import pandas as pd


COLUMNS = ("pnl", "open_dt", "close_dt", "long", "rt_returns", "symbol", "duration", "returns")
DUST = 1e-9  # relative difference of shares that is rounding


@dataclass
class _Lots:
    """Hold the open lots of one asset as [signed shares, price, time], oldest first."""

    lots: deque[tuple[float, float, pd.Timestamp]] = field(default_factory=deque)

    def split(self, ratio: float) -> None:
        self.lots = deque(
            (shares * ratio, price / ratio, time) for shares, price, time in self.lots
        )

    def trade(self, amount: float, price: float, time: pd.Timestamp) -> dict[str, object] | None:
        """Close lots of the other sign, open one with what is left; return the round trip, if any."""
        left, pnl, invested, opened = amount, 0.0, 0.0, None
        while self.lots and left * self.lots[0][0] < 0.0:
            shares, paid, at = self.lots.popleft()
            closed = min(abs(left), abs(shares))
            opened = opened or at
            pnl += np.sign(shares) * closed * (price - paid)
            invested += closed * paid
            rest = shares - np.sign(shares) * closed
            left -= np.sign(left) * closed
            if abs(rest) > DUST * abs(shares):
                self.lots.appendleft((rest, paid, at))
        if abs(left) > DUST * abs(amount):
            self.lots.append((left, price, time))
        if opened is None:
            return None
        return {
            "pnl": pnl,
            "open_dt": opened,
            "close_dt": time,
            "long": amount < 0.0,
            "rt_returns": pnl / invested if invested else 0.0,
        }


def find_round_trips(result: BacktestResult) -> pd.DataFrame:
    """Return one row per closing trade, with pyfolio's columns.

    pyfolio's own matching counts whole shares only; this one takes fractions, follows splits, and
    closes at the last price what is still held. ``pnl`` is money before commissions and dividends,
    slippage included; ``returns`` is ``pnl`` over the NAV at the close before.
    """
    import pandas as pd

    rows = []
    for symbol, events in _events(result).items():
        lots = _Lots()
        for time, amount, price, ratio in events:
            if ratio != 1.0:
                lots.split(ratio)
            trip = lots.trade(amount, price, time) if amount else None
            if trip:
                rows.append(trip | {"symbol": symbol})
    trips = pd.DataFrame(rows, columns=list(COLUMNS)).sort_values(
        ["close_dt", "symbol"], ignore_index=True
    )
    if not rows:
        return trips
    trips["duration"] = trips["close_dt"] - trips["open_dt"]
    before = np.maximum(result.nav.index.searchsorted(trips["close_dt"], side="left") - 1, 0)
    trips["returns"] = trips["pnl"] / result.nav["nav"].to_numpy()[before]
    return trips


def _events(result: BacktestResult) -> dict[str, list[tuple[pd.Timestamp, float, float, float]]]:
    """Return asset -> (time, shares traded, price, split ratio before the trade), in time.

    The tables hold no splits: one shows where shares change by more than was filled.
    """
    import pandas as pd

    fills = result.fills[result.fills["filled"] != 0.0]
    if fills.empty:
        return {}
    index = result.nav.index
    held = result.positions.pivot_table(
        index="time", columns="asset", values="shares", aggfunc="sum"
    )
    traded = fills.pivot_table(index="time", columns="asset", values="filled", aggfunc="sum")
    names = held.columns.union(traded.columns)
    held = held.reindex(index=index, columns=names).fillna(0.0)
    traded = traded.reindex(index=index, columns=names).fillna(0.0)
    before = held.shift(fill_value=0.0)
    carried = held - traded  # what is held after a split and before the trade
    with np.errstate(all="ignore"):
        ratio = (carried / before).to_numpy(dtype=np.float64)
    usual = (carried - before).abs() <= DUST * (held.abs() + before.abs() + traded.abs())
    ratio = np.where(usual | ~np.isfinite(ratio) | (ratio <= 0.0), 1.0, ratio)
    ratios = pd.DataFrame(ratio, index=index, columns=names)
    events: dict[str, list[tuple[pd.Timestamp, float, float, float]]] = {}
    for name in names:
        own = fills[fills["asset"] == name]
        size = max(float(held[name].abs().max()), float(own["filled"].abs().max()))
        own = own[own["filled"].abs() > DUST * size]
        split = np.flatnonzero(ratios[name] != 1.0)
        found = [(index[row], 0.0, 0.0, float(ratios[name].iloc[row])) for row in split.tolist()]
        found += [
            (at, n, p, 1.0)
            for at, n, p in zip(own["time"], own["filled"], own["price"], strict=True)
        ]
        found.sort(key=lambda event: (event[0], event[3] == 1.0))
        last = held[name].iloc[-1]
        if last:
            end = result.positions[result.positions["asset"] == name].iloc[-1]
            found.append((index[-1], -float(last), float(end["price"]), 1.0))
        events[str(name)] = found
    return events
