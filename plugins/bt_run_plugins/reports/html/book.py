"""What each asset earned and cost at each bar, and the trades made of it, from the tables of a run."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bt_run import Array, BacktestResult

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Trade:
    """Hold one holding of one asset, from nothing to nothing; money in the account's currency.

    ``best`` and ``worst`` are the largest gain and loss on the way, at closes. ``first`` and
    ``last`` are rows; an ``open`` trade was still held at the end.
    """

    asset: str
    side: str
    first: int
    last: int
    open: bool
    profit: float
    best: float
    worst: float
    nav: float  # at the close before


@dataclass(frozen=True)
class Book:
    """Hold arrays (T, N) over the bars of a run and the assets that it ever held or traded.

    Attributes:
        value: money in each asset at each close.
        profit: money earned at each bar after costs, income included; value and trades explain all
            of it.
        traded, commission, slippage: |money| without slippage, and costs, at each bar.
    """

    result: BacktestResult
    assets: tuple[str, ...]
    value: Array
    profit: Array
    traded: Array
    commission: Array
    slippage: Array

    @cached_property
    def index(self) -> pd.DatetimeIndex:
        import pandas as pd

        return pd.DatetimeIndex(self.result.nav.index)

    @cached_property
    def nav(self) -> Array:
        return self.result.nav["nav"].to_numpy(dtype=np.float64)

    @cached_property
    def before(self) -> Array:
        """Return the NAV at the close before each bar; at the first, its own."""
        return np.concatenate([self.nav[:1], self.nav[:-1]])

    @cached_property
    def closing(self) -> NDArray[np.intp]:
        """Return the row of each session's last bar."""
        import pandas as pd

        return np.asarray(self.index.get_indexer(pd.DatetimeIndex(self.result.closes["time"])))

    @cached_property
    def dates(self) -> pd.DatetimeIndex:
        """Return the date of each session."""
        import pandas as pd

        return pd.DatetimeIndex(self.result.closes.index)

    @cached_property
    def years(self) -> NDArray[np.int64]:
        """Return the year of each bar's session."""
        days = np.asarray(self.dates.year)
        return np.asarray(
            days[np.searchsorted(self.closing, np.arange(len(self.nav)))], dtype=np.int64
        )

    @cached_property
    def trades(self) -> tuple[Trade, ...]:
        """Return every trade by the bar at which it began, then by asset."""
        found = [trade for column in range(len(self.assets)) for trade in _trades(self, column)]
        return tuple(sorted(found, key=lambda trade: (trade.first, trade.asset)))

    def column(self, names: Any) -> NDArray[np.intp]:
        """Return the columns of assets; -1 for one that was never held or traded."""
        import pandas as pd

        return np.asarray(
            pd.Index(self.assets, dtype=object).get_indexer(pd.Index(names, dtype=object))
        )

    def weights_at(self, rows: NDArray[np.intp], names: Any) -> Array:
        """Return the weight of each of ``names`` (n,) at the bar in ``rows`` (n,); 0 where nothing
        was held.
        """
        columns = self.column(names)
        known = columns >= 0
        held = np.zeros(len(rows))
        held[known] = self.value[rows[known], columns[known]]
        return held / self.nav[rows]


def read_book(result: BacktestResult) -> Book:
    """Spread the tables of a run over bars and assets."""
    import pandas as pd

    done = result.fills[result.fills["filled"] != 0.0]
    flows = result.cash_flows[
        result.cash_flows["asset"] != ""
    ]  # what has no asset is interest on the cash
    tables = (result.positions, done, flows)
    assets = tuple(
        sorted({str(name) for table in tables for name in table["asset"].dropna().unique()})
    )
    index, names = pd.DatetimeIndex(result.nav.index), pd.Index(assets, dtype=object)
    shape = (len(index), len(assets))

    def spread(table: pd.DataFrame, amounts: Any) -> Array:
        out = np.zeros(shape)
        codes, words = pd.factorize(table["asset"])
        columns = names.get_indexer(pd.Index(words, dtype=object))[codes] if len(words) else codes
        rows = index.searchsorted(pd.DatetimeIndex(table["time"]))
        np.add.at(out, (rows, columns), np.asarray(amounts, dtype=np.float64))
        return out

    value = spread(result.positions, result.positions["value"])
    paid = (done["filled"] * done["price"]).to_numpy(dtype=np.float64)
    slippage = done["slippage"].to_numpy(dtype=np.float64)
    commission = spread(done, done["commission"])
    income = spread(flows, flows["amount"])
    change = np.diff(value, axis=0, prepend=np.zeros((1, len(assets))))
    return Book(
        result=result,
        assets=assets,
        value=value,
        profit=change - spread(done, paid) - commission + income,
        traded=spread(
            done, np.abs(paid) - np.sign(done["filled"].to_numpy(dtype=np.float64)) * slippage
        ),
        commission=commission,
        slippage=spread(done, slippage),
    )


def _trades(book: Book, column: int) -> list[Trade]:
    """Return the trades of one asset: runs of bars on which it was held on one side, and the bar
    that ended each.
    """
    sides = np.sign(book.value[:, column])
    edges = np.flatnonzero(np.diff(sides, prepend=0.0))
    found = []
    for place, first in enumerate(edges):
        side = sides[first]
        if not side:
            continue
        still = place + 1 == len(edges)
        last = len(sides) - 1 if still else int(edges[place + 1])
        begin = first
        if first and sides[first - 1] == -side:
            begin = first + 1  # the bar of the turn counts for the trade that it closed
        way = np.cumsum(book.profit[begin : last + 1, column])
        found.append(
            Trade(
                asset=book.assets[column],
                side="long" if side > 0 else "short",
                first=int(first),
                last=last,
                open=still,
                profit=float(way[-1]) if len(way) else 0.0,
                best=max(0.0, float(way.max())) if len(way) else 0.0,
                worst=min(0.0, float(way.min())) if len(way) else 0.0,
                nav=float(book.before[first]),
            )
        )
    return found
