"""What each asset earned and cost at each bar of a run, and the trades that this makes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bt_run import Array, BacktestResult
from bt_run.arrays import Indices

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Trade:
    """One holding of one asset, from nothing to nothing; money in the account's currency.

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
    """Arrays (T, N) over the bars of a run and the assets that it ever held or traded.

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
    def closes(self) -> pd.DataFrame:
        """Return the NAV table at each session's last bar."""
        return self.result.closes

    @cached_property
    def nav(self) -> Array:
        return self.result.nav["nav"].to_numpy(dtype=np.float64)

    @cached_property
    def before(self) -> Array:
        """Return the NAV at the close before each bar; at the first, its own."""
        return np.concatenate([self.nav[:1], self.nav[:-1]])

    @cached_property
    def closing(self) -> Indices:
        """Return the row of each session's last bar."""
        import pandas as pd

        times = pd.DatetimeIndex(self.closes["time"])
        return np.asarray(self.index.get_indexer(times))

    @cached_property
    def dates(self) -> pd.DatetimeIndex:
        """Return the date of each session."""
        import pandas as pd

        return pd.DatetimeIndex(self.closes.index)

    @cached_property
    def years(self) -> NDArray[np.int64]:
        """Return the year of each bar's session."""
        years = np.asarray(self.dates.year, dtype=np.int64)
        sessions = np.searchsorted(self.closing, np.arange(len(self.nav)))
        return np.asarray(years[sessions])

    @cached_property
    def trades(self) -> tuple[Trade, ...]:
        """Return every trade by the bar at which it began, then by asset."""
        found: list[Trade] = []
        for column in range(len(self.assets)):
            found += _trades(self, column)
        return tuple(sorted(found, key=lambda trade: (trade.first, trade.asset)))

    def column(self, names: Any) -> Indices:
        """Return the columns of assets; -1 for one that was never held or traded."""
        import pandas as pd

        known = pd.Index(self.assets, dtype=object)
        asked = pd.Index(names, dtype=object)
        return np.asarray(known.get_indexer(asked))

    def weights_at(self, rows: Indices, names: Any) -> Array:
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
    # what has no asset is interest on the cash
    flows = result.cash_flows[result.cash_flows["asset"] != ""]
    grid = _Grid(
        index=pd.DatetimeIndex(result.nav.index),
        assets=_assets_in(result.positions, done, flows),
    )
    filled = done["filled"].to_numpy(dtype=np.float64)
    paid = filled * done["price"].to_numpy(dtype=np.float64)
    slippage = done["slippage"].to_numpy(dtype=np.float64)
    # slippage makes a buyer pay more and a seller get less: take it off again
    plain = np.abs(paid) - np.sign(filled) * slippage
    value = grid.spread(result.positions, result.positions["value"])
    commission = grid.spread(done, done["commission"])
    income = grid.spread(flows, flows["amount"])
    nothing = np.zeros((1, len(grid.assets)))
    change = np.diff(value, axis=0, prepend=nothing)
    return Book(
        result=result,
        assets=grid.assets,
        value=value,
        profit=change - grid.spread(done, paid) - commission + income,
        traded=grid.spread(done, plain),
        commission=commission,
        slippage=grid.spread(done, slippage),
    )


def _assets_in(*tables: pd.DataFrame) -> tuple[str, ...]:
    names: set[str] = set()
    for table in tables:
        names.update(map(str, table["asset"].dropna().unique()))
    return tuple(sorted(names))


@dataclass(frozen=True)
class _Grid:
    """The bars and assets over which tables are spread."""

    index: pd.DatetimeIndex
    assets: tuple[str, ...]

    def spread(self, table: pd.DataFrame, amounts: Any) -> Array:
        """Return sums (T, N) of a table's amounts by bar and asset."""
        import pandas as pd

        out = np.zeros((len(self.index), len(self.assets)))
        if table.empty:
            return out
        names = pd.Index(self.assets, dtype=object)
        columns, words = pd.factorize(table["asset"])
        if len(words):
            columns = names.get_indexer(pd.Index(words, dtype=object))[columns]
        rows = self.index.searchsorted(pd.DatetimeIndex(table["time"]))
        np.add.at(out, (rows, columns), np.asarray(amounts, dtype=np.float64))
        return out


def _trades(book: Book, column: int) -> Iterator[Trade]:
    """Yield the trades of one asset: runs of bars on which it was held on one side, and the bar
    that ended each.
    """
    sides = np.sign(book.value[:, column])
    edges = np.flatnonzero(np.diff(sides, prepend=0.0)).tolist()
    for first, end in zip_longest(edges, edges[1:]):
        side = sides[first]
        if not side:
            continue
        last = len(sides) - 1 if end is None else end
        # the bar of a turn counts for the trade that it closed
        turned = first > 0 and sides[first - 1] == -side
        begin = first + 1 if turned else first
        way = _way(book.profit[begin : last + 1, column])
        yield Trade(
            asset=book.assets[column],
            side="long" if side > 0 else "short",
            first=first,
            last=last,
            open=end is None,
            profit=way[-1],
            best=max(way),
            worst=min(way),
            nav=float(book.before[first]),
        )
    yield from _within_a_bar(book, column)


def _within_a_bar(book: Book, column: int) -> Iterator[Trade]:
    """Yield what was opened and closed again in one bar, so that no close shows it."""
    held = book.value[:, column] != 0.0
    held |= np.append(False, held[:-1])
    fills = book.result.fills
    for row in np.flatnonzero((book.traded[:, column] != 0.0) & ~held).tolist():
        own = fills["time"] == book.index[row]
        own &= (fills["asset"] == book.assets[column]) & (fills["filled"] != 0.0)
        way = _way(book.profit[row : row + 1, column])
        yield Trade(
            asset=book.assets[column],
            side="long" if float(fills["filled"][own].iloc[0]) > 0.0 else "short",
            first=row,
            last=row,
            open=False,
            profit=way[-1],
            best=max(way),
            worst=min(way),
            nav=float(book.before[row]),
        )


def _way(profit: Array) -> list[float]:
    """Return 0, and what a trade had earned up to each of its bars."""
    earned: list[float] = np.cumsum(profit).tolist()
    return [0.0, *earned]
