"""Round trips: what each closing trade earned on the shares that it closed, first in, first out."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import attrgetter
from typing import TYPE_CHECKING

import numpy as np

from bt_run import BacktestResult

if TYPE_CHECKING:
    import pandas as pd


COLUMNS = (
    "pnl",
    "open_dt",
    "close_dt",
    "long",
    "rt_returns",
    "symbol",
    "duration",
    "returns",
)
DUST = 1e-9  # relative difference of shares that is rounding


@dataclass(frozen=True)
class _Event:
    """What happened to the shares of one asset at a time: a split first, then a trade."""

    time: pd.Timestamp
    amount: float = 0.0
    price: float = 0.0
    ratio: float = 1.0  # of the split: shares after for each share before


@dataclass(frozen=True)
class _Lot:
    """Signed shares that are open, the price paid and when."""

    shares: float
    price: float
    time: pd.Timestamp

    @property
    def side(self) -> float:
        return float(np.sign(self.shares))


@dataclass
class _Lots:
    """The open lots of one asset, oldest first."""

    lots: deque[_Lot] = field(default_factory=deque)

    def split(self, ratio: float) -> None:
        """Turn each share into ``ratio`` shares of the same value."""
        after = []
        for lot in self.lots:
            shares = lot.shares * ratio
            price = lot.price / ratio
            after.append(_Lot(shares, price, lot.time))
        self.lots = deque(after)

    def trade(self, event: _Event) -> dict[str, object] | None:
        """Close lots of the other sign, open one with what is left; return the round trip made."""
        left, pnl, invested = event.amount, 0.0, 0.0
        opened = None
        while self.lots and left * self.lots[0].shares < 0.0:
            lot = self.lots.popleft()
            opened = opened or lot.time
            closed = lot.side * min(abs(left), abs(lot.shares))
            pnl += closed * (event.price - lot.price)
            invested += abs(closed) * lot.price
            left += closed
            rest = lot.shares - closed
            if abs(rest) > DUST * abs(lot.shares):
                self.lots.appendleft(_Lot(rest, lot.price, lot.time))
        if abs(left) > DUST * abs(event.amount):
            self.lots.append(_Lot(left, event.price, event.time))
        if opened is None:
            return None
        return {
            "pnl": pnl,
            "open_dt": opened,
            "close_dt": event.time,
            "long": event.amount < 0.0,
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
    for symbol, events in _events(result):
        lots = _Lots()
        for event in events:
            if event.ratio != 1.0:
                lots.split(event.ratio)
            trip = lots.trade(event) if event.amount else None
            if trip:
                rows.append(trip | {"symbol": symbol})
    trips = pd.DataFrame(rows, columns=list(COLUMNS))
    trips = trips.sort_values(["close_dt", "symbol"], ignore_index=True)
    if not rows:
        return trips
    trips["duration"] = trips["close_dt"] - trips["open_dt"]
    closed = result.nav.index.searchsorted(trips["close_dt"], side="left")
    before = np.maximum(closed - 1, 0)
    nav = result.nav["nav"].to_numpy()
    trips["returns"] = trips["pnl"] / nav[before]
    return trips


def _events(result: BacktestResult) -> Iterator[tuple[str, list[_Event]]]:
    """Yield each asset with its events, in time; the last one closes what is still held."""
    fills = result.fills[result.fills["filled"] != 0.0]
    if fills.empty:
        return
    held = _held(result, fills)
    for name in held.columns:
        own = fills[fills["asset"] == name]
        events = [*_splits(result.cash_flows, name), *_trades(own, held[name])]
        # the sort is stable: what splits at a time comes before what is traded then
        events.sort(key=attrgetter("time"))
        last = float(held[name].iloc[-1])
        if last:
            positions = result.positions[result.positions["asset"] == name]
            price = float(positions["price"].iloc[-1])
            events.append(_Event(held.index[-1], -last, price))
        yield str(name), events


def _trades(fills: pd.DataFrame, held: pd.Series[float]) -> Iterator[_Event]:
    """Yield the fills of one asset, without those of rounding size."""
    size = fills["filled"].abs()
    largest = max(held.abs().max(), size.max())
    own = fills[size > DUST * largest]
    for time, amount, price in zip(
        own["time"], own["filled"], own["price"], strict=True
    ):
        yield _Event(time, amount, price)


def _held(result: BacktestResult, fills: pd.DataFrame) -> pd.DataFrame:
    """Return what was held at each close, shares by asset."""
    held = result.positions.pivot_table(
        index="time",
        columns="asset",
        values="shares",
        aggfunc="sum",
    )
    names = sorted({*held.columns, *fills["asset"]})
    return held.reindex(index=result.nav.index, columns=names).fillna(0.0)


def _splits(flows: pd.DataFrame, name: str) -> Iterator[_Event]:
    """Yield the recorded splits of what was held of an asset."""
    if flows.empty:
        return
    own = flows[(flows["kind"] == "split") & (flows["asset"] == name)]
    for time, ratio in zip(own["time"], own["ratio"], strict=True):
        yield _Event(time, ratio=float(ratio))
