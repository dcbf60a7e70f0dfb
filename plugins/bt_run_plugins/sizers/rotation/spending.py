"""What a decision may trade: turnover in pairs, then lone sales, then lone buys, then weights.

A piece fits whole or waits; a name's own limit alone makes it partial, and then no less than
``min_weight`` is left. What a piece must keep is measured on the weights as they are after all
pieces before it, so that a sale that waits keeps its slot and its sector's room.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from bt_run import Array
from bt_run_plugins.sizers.rotation.book import Book
from bt_run_plugins.sizers.rotation.choice import SMALL, Choice, kept_weight
from bt_run_plugins.sizers.rotation.config import RotationConfig

__all__ = ["Account", "Purse", "spend"]


@dataclass(eq=False)
class Purse:
    """What is left to spend at a decision: two-way turnover, and gross on the long side and on the
    short side together.

    Attributes:
        turnover, gross: fractions of NAV that are left.
        per_name: the most that one name may trade.
        spent: two-way turnover so far.
    """

    turnover: float
    gross: float
    per_name: float
    spent: float = 0.0

    @classmethod
    def of(cls, book: Book, config: RotationConfig) -> Purse:
        """Return what a decision starts with; a first build-up has no limit of turnover."""
        gross = config.gross - float(np.abs(book.weights).sum())
        if book.exempt:
            return cls(np.inf, gross, np.inf)
        most, name = config.max_turnover, config.max_turnover_per_name
        return cls(
            np.inf if most is None else most,
            gross,
            np.inf if name is None else name,
        )

    def has(self, amount: float) -> bool:
        """Tell whether there is turnover left for ``amount``."""
        return amount <= self.turnover + SMALL

    def pay(self, change: float) -> None:
        """Take a change of |weight| out of what is left."""
        self.turnover -= abs(change)
        self.gross -= change
        self.spent += abs(change)


@dataclass(eq=False)
class Account:
    """The weights (N,) of one side as pieces change them, and what they say of limits."""

    book: Book
    config: RotationConfig
    choice: Choice
    slot: float
    purse: Purse
    weights: Array = field(init=False)
    sectors: Array = field(init=False)
    count: int = field(init=False)

    def __post_init__(self) -> None:
        book = self.book
        self.weights = np.where(book.weights > 0.0, book.weights, 0.0)
        self.count = int((self.weights > 0.0).sum())
        size = int(book.sector.max(initial=-1)) + 2
        held = np.flatnonzero(self.weights)
        self.sectors = np.zeros(size)
        np.add.at(self.sectors, book.sector[held] + 1, self.weights[held])

    @property
    def codes(self) -> dict[int, str]:
        """Return why each name changed or did not, by its place."""
        return self.choice.codes

    def traded(self, i: int) -> bool:
        """Tell whether the weight of a name was changed."""
        return bool(self.weights[i] != self.book.weights[i])

    def sale(self, i: int) -> float:
        """Return how much of a name can be sold now, so that no stub is left."""
        weight = float(self.weights[i])
        if weight <= self.purse.per_name + SMALL:
            return weight
        return min(self.purse.per_name, weight - self.config.min_weight)

    def purchase(self, freed: float = 0.0) -> float:
        """Return how much of a new name can be bought once ``freed`` is sold; 0 where not even the
        smallest weight can.
        """
        room = self.purse.gross + freed
        amount = min(self.slot, self.purse.per_name, room)
        return amount if amount >= self.config.min_weight - SMALL else 0.0

    def in_sector(self, j: int, amount: float, freed: float = 0.0) -> bool:
        """Tell whether the sector of ``j`` has room for an ``amount`` once ``freed`` is sold."""
        if self.config.sectors is None:
            return True
        total = self.sectors[self.book.sector[j] + 1] + amount - freed
        return bool(total <= self.config.sector_cap + SMALL)

    def change(self, i: int, by: float) -> None:
        """Change a weight, and all that follows from it."""
        before = float(self.weights[i])
        after = 0.0 if before + by < SMALL else before + by
        self.weights[i] = after
        self.count += (after > 0.0) - (before > 0.0)
        self.sectors[self.book.sector[i] + 1] += after - before
        self.purse.pay(after - before)


def spend(accounts: Sequence[Account]) -> None:
    """Trade what the choices of one or two sides come to, out of one purse: the weights and codes
    of each account say what was done and what waits.
    """
    lone = [_exchange(account) for account in accounts]
    for account, (exits, _) in zip(accounts, lone, strict=True):
        for i in exits:
            _sell(account, i)
    rotations = [_rotate(account) for account in accounts]
    for account, (_, entries) in zip(accounts, lone, strict=True):
        for j in entries:
            _buy(account, j)
    for account, done in zip(accounts, rotations, strict=True):
        account.choice.rotations[:] = done
        _resize(account)


def _exchange(account: Account) -> tuple[list[int], list[int]]:
    """Trade exits together with entries, then rotations, and return the exits and the entries that
    have no partner, or not now.
    """
    choice = account.choice
    exits, entries = list(choice.exits), list(choice.entries)
    count = min(len(exits), len(entries))
    lone_exits, lone_entries = exits[count:], entries[count:]
    for i, j in zip(exits[:count], entries[:count], strict=True):
        why = _trade_pair(account, i, j)
        if why:
            choice.codes[j] = why
            lone_exits.append(i)
            lone_entries.append(j)
    for i, j, _ in choice.rotations:
        _trade_pair(account, i, j)
    return lone_exits, lone_entries


def _rotate(account: Account) -> list[tuple[int, int, float]]:
    """Trade the rotations that had no room before lone exits made some, and return those that were
    made; who was not replaced is kept.
    """
    choice, done = account.choice, []
    for i, j, utility in choice.rotations:
        why = ""
        if not account.traded(i):
            why = _trade_pair(account, i, j)
        if why:
            choice.codes[i] = choice.codes[j] = why
            choice.kept.append(i)
        elif account.weights[j] > 0.0:
            done.append((i, j, utility))
    return done


def _trade_pair(account: Account, i: int, j: int) -> str:
    """Sell ``i`` and buy ``j``, or a part of ``i`` where its own limit allows no more; return why
    nothing was done, "" where something was.
    """
    sold = account.sale(i)
    if sold < account.weights[i] - SMALL:
        if not account.purse.has(sold):
            return "turnover"
        account.change(i, -sold)
        # what is left of i still has the slot
        account.codes[j] = "no slot"
        return ""
    bought = account.purchase(freed=sold)
    same = account.book.sector[i] == account.book.sector[j]
    if not bought:
        return "no cash"
    if not account.in_sector(j, bought, freed=sold if same else 0.0):
        return "sector full"
    if not account.purse.has(sold + bought):
        return "turnover"
    account.change(i, -sold)
    account.change(j, bought)
    return ""


def _sell(account: Account, i: int) -> None:
    sold = account.sale(i)
    if account.purse.has(sold):
        account.change(i, -sold)
    else:
        account.codes[i] = "turnover"


def _buy(account: Account, j: int) -> None:
    bought = account.purchase()
    if account.count >= account.config.K:
        # a sale that waits for turnover says so on its replacement too
        if account.codes[j] == "entry":
            account.codes[j] = "no slot"
    elif not bought:
        account.codes[j] = "no cash"
    elif not account.in_sector(j, bought):
        account.codes[j] = "sector full"
    elif not account.purse.has(bought):
        account.codes[j] = "turnover"
    else:
        account.codes[j] = "entry"
        account.change(j, bought)


def _resize(account: Account) -> None:
    """Bring what is kept to its weight, sales first."""
    book, config, kept = account.book, account.config, account.choice.kept
    tradable = [i for i in kept if book.present[i] and book.liquid[i]]
    changes: list[tuple[float, int]] = []
    for i in tradable:
        weight = float(account.weights[i])
        wanted = kept_weight(weight, account.slot, config)
        limit = account.purse.per_name
        change = float(np.clip(wanted - weight, -limit, limit))
        if change:
            changes.append((change, i))
        elif weight != account.slot:
            account.codes.setdefault(i, "in band")
    changes.sort(key=lambda one: (one[0] > 0.0, kept.index(one[1])))
    for change, i in changes:
        _change_weight(account, i, change)


def _change_weight(account: Account, i: int, change: float) -> None:
    """Change the weight of a name that is kept, if all of it fits."""
    why = "resized"
    if change > 0.0 and change > account.purse.gross + SMALL:
        why = "no cash"
    elif change > 0.0 and not account.in_sector(i, change):
        why = "sector full"
    elif not account.purse.has(abs(change)):
        why = "turnover"
    account.codes.setdefault(i, why)
    if why == "resized":
        account.change(i, change)
