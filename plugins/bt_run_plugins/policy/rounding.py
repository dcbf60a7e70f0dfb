"""From weights to whole trades in exact money: drop small ones, round to lots, repair what rounding
broke.

After rounding a limit may be missed by part of a lot, and cash may be short of the costs. Lots are
then moved one at a time: first until cash is not below 0, then for each missed limit, the one whose
loosening is worth most first. A move counts when its limit is missed by less and no other by more,
but for what is to be invested: whole shares and costs leave a little cash as a rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from bt_run import Array
from bt_run_plugins.optimization.convex import ConvexProblem
from bt_run_plugins.policy.fees import CENT, exact
from bt_run_plugins.policy.limits import INVESTED, RESTRICTIONS, TURNOVER
from bt_run_plugins.policy.portfolio_book import TradedBook, lot_of

__all__ = [
    "MISSED",
    "RoundedBook",
    "limits_by_price",
    "missed_by_book",
    "round_trades",
]

Ends = tuple[Decimal, Decimal]
MISSED = 1e-6  # a limit missed by less is kept
_TRIED = 12  # moves that are looked at for one step
_STEPS = 12  # moves for each name at most


@dataclass(frozen=True)
class RoundedBook:
    """Trades in lots.

    ``dropped`` are the places of trades that were too small, ``missed`` says by how much each
    limit is missed all the same.
    """

    book: TradedBook
    dropped: tuple[int, ...]
    missed: Mapping[str, float]


def round_trades(
    book: TradedBook,
    target: Array,
    problem: ConvexProblem,
    ends: Sequence[Ends],
    order: Sequence[str],
) -> RoundedBook:
    """Return the trades from ``book`` to the weights ``target`` (n,).

    ``ends`` (n,) are the fewest and the most shares of each name that may be held afterwards, equal
    where it cannot be traded; ``order`` the limits of ``problem``, the one with the largest shadow
    cost first.
    """
    still = target.copy()
    now = book.weights
    dropped = []
    least = exact(book.policy.min_trade_value)
    for place in range(len(target)):
        value = Decimal(abs(float(target[place] - now[place]))) * book.nav
        closes = target[place] == 0.0 and book.shares[place] != 0
        movable = ends[place][0] < ends[place][1]
        if not movable or (value < least and not closes) or value < CENT:
            if movable and value >= CENT:
                dropped.append(place)
            still[place] = now[place]
    rounded = book.toward(still)
    kept = [
        delta if still[place] != now[place] else Decimal(0)
        for place, delta in enumerate(rounded.deltas)
    ]
    repair = _Repair(problem, target, ends, order)
    repaired = repair.of(_with_deltas(rounded, kept))
    return RoundedBook(repaired, tuple(dropped), missed_by_book(problem, repaired))


def _with_deltas(book: TradedBook, deltas: Sequence[Decimal]) -> TradedBook:
    return TradedBook(
        policy=book.policy,
        shares=book.shares,
        price=book.price,
        cash=book.cash,
        deltas=tuple(deltas),
    )


def missed_by_book(problem: ConvexProblem, book: TradedBook) -> dict[str, float]:
    """Return by how much a book misses each limit: turnover by what is traded, the others by the
    weights after costs. Restrictions are on shares, and always kept.
    """
    missed = problem.missed(book.weights)
    missed.pop(RESTRICTIONS, None)
    for limit in problem.sums:
        if limit.name == TURNOVER:
            missed[TURNOVER] = max(book.traded - limit.most, 0.0)
    return missed


@dataclass(frozen=True)
class _Repair:
    """The moving of lots until limits are kept, or nothing helps."""

    problem: ConvexProblem
    target: Array
    ends: Sequence[Ends]
    order: Sequence[str]

    def of(self, book: TradedBook) -> TradedBook:
        for _ in range(_STEPS * len(self.target)):
            better = self._step(book)
            if better is None:
                return book
            book = better
        return book

    def _step(self, book: TradedBook) -> TradedBook | None:
        """Return the book after one move that helps, or None."""
        missed = missed_by_book(self.problem, book)
        if book.cash_after < 0:
            return self._paid(book)
        for name in self.order:
            if missed.get(name, 0.0) > MISSED:
                better = self._less_missed(book, name, missed)
                if better is not None:
                    return better
        return None

    def _paid(self, book: TradedBook) -> TradedBook | None:
        """Return the book with a lot less bought, or more sold: of the name that is furthest above
        its target.
        """
        above = (book.weights - self.target) * float(book.nav)
        places = sorted(range(len(above)), key=lambda place: (-above[place], place))
        for only_buys in (True, False):
            for place in places:
                bought = book.deltas[place] > 0
                if bought or not only_buys:
                    for better in self._moves(book, place, -1):
                        if better.cash_after > book.cash_after:
                            return better
        return None

    def _less_missed(
        self, book: TradedBook, name: str, missed: Mapping[str, float]
    ) -> TradedBook | None:
        slope = self._slope(book, name)
        prices = np.array([float(price) for price in book.price])
        gain = np.abs(slope) * prices
        short = (self.target - book.weights) * np.sign(-slope)
        # among names that help alike, the one that is furthest from its target that way
        places = sorted(
            np.flatnonzero(gain > 0.0),
            key=lambda place: (-np.sign(short[place]), -abs(short[place]), place),
        )
        for place in places[:_TRIED]:
            direction = -1 if slope[place] > 0.0 else 1
            for better in self._moves(book, int(place), direction):
                if better.cash_after < 0:
                    continue
                after = missed_by_book(self.problem, better)
                worse = [
                    other
                    for other, over in after.items()
                    if other not in (name, INVESTED) and over > missed[other] + 1e-12
                ]
                if after[name] < missed[name] and not worse:
                    return better
        return None

    def _moves(
        self, book: TradedBook, place: int, direction: int
    ) -> Iterator[TradedBook]:
        """Yield the book with one lot more or less of a name, and, where that leaves a trade too
        small, without any.
        """
        lot = lot_of(book.policy)
        if book.policy.fractional:
            # about a ten-thousandth of the book
            step = book.nav / 10_000 / book.price[place]
            lot = max((step / lot).to_integral_value() * lot, lot)
        moved = book.moved(place, lot * direction)
        least = exact(book.policy.min_trade_value)
        after = moved.shares_after[place]
        if book.policy.long_only and after < 0:
            moved = book.moved(place, -book.shares_after[place])
            after = Decimal(0)
        fewest, most = self.ends[place]
        if not fewest <= after <= most:
            return
        closes = after == 0 and book.shares[place] != 0
        if abs(moved.values[place]) >= least or closes or not moved.deltas[place]:
            yield moved
        elif abs(moved.deltas[place]) < abs(book.deltas[place]):
            yield book.moved(place, -book.deltas[place])

    def _slope(self, book: TradedBook, name: str) -> Array:
        """Return how the miss of a limit changes with each weight, (n,)."""
        w = book.weights
        for limit in self.problem.linear:
            if limit.name == name:
                held = limit.held(w)
                side = np.where(held > limit.high, 1.0, 0.0)
                side -= np.where(held < limit.low, 1.0, 0.0)
                return side if limit.M is None else np.asarray(limit.M.T @ side)
        for total in self.problem.sums:
            if total.name == name:
                return np.sign(w - total.centre)
        size = self.problem.size
        assert size is not None
        return np.asarray(size.risk.F.T @ size.risk.rows(w))


def limits_by_price(
    problem: ConvexProblem, prices: Mapping[str, float]
) -> tuple[str, ...]:
    """Return the limits, the one with the largest shadow cost first; ``invested`` is the last,
    because whole shares miss it as a rule.
    """
    names = sorted(
        problem.names, key=lambda name: (name == INVESTED, -prices.get(name, 0.0))
    )
    return tuple(names)
