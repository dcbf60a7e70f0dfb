"""Who leaves, who comes and who takes whose place: the rules of rotation on one side of a book.

Ranks and z alone decide; how much is traded, and what waits, is for ``spending``. Hysteresis as in
Qlib's TopkDropout (Yang, Liu, Zhou, Bian and Liu, 2020) and in Grinold and Kahn's no-trade regions,
with costs in each rotation.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from bt_run import Array
from bt_run_plugins.sizers.rotation.book import Book, Side
from bt_run_plugins.sizers.rotation.config import RotationConfig

__all__ = ["SMALL", "Choice", "choose", "kept_weight", "rotation_utility"]

SMALL = 1e-12  # what rounding adds up to


@dataclass(frozen=True, kw_only=True, eq=False)
class Choice:
    """What one side wants; places of names.

    Attributes:
        exits: sold, the worst first, each with its reason in ``codes``.
        entries: bought into free slots, the best first.
        rotations: (out, in, utility in z).
        kept: stay, the best first.
        codes: place -> reason.
    """

    exits: list[int] = field(default_factory=list)
    entries: list[int] = field(default_factory=list)
    rotations: list[tuple[int, int, float]] = field(default_factory=list)
    kept: list[int] = field(default_factory=list)
    codes: dict[int, str] = field(default_factory=dict)


def choose(book: Book, config: RotationConfig, slot: float) -> Choice:
    """Return who leaves, comes and stays on the long side of a ``book`` whose names get ``slot``
    each.
    """
    side = book.side()
    choice = Choice()
    _part_exits(side, config, choice)
    room = _SectorRoom(book, config, choice.kept, slot)
    waiting = []
    slots = config.K - len(choice.kept)
    for j in _candidates(side, config, choice):
        if len(choice.entries) < slots and room.takes(j):
            room.add(j)
            choice.entries.append(j)
            choice.codes[j] = "entry"
        else:
            choice.codes[j] = "no slot" if room.takes(j) else "sector full"
            waiting.append(j)
    _rotate(side, config, choice, room, waiting)
    return choice


def _part_exits(side: Side, config: RotationConfig, choice: Choice) -> None:
    """Part what is held into exits and kept; of more than K kept the worst leave."""
    book = side.book
    for i in _by_rank(side):
        why = _exit_reason(side, config, i)
        if why and side.tradable[i]:
            choice.exits.append(i)
            choice.codes[i] = why
            continue
        if why:
            choice.codes[i] = "not liquid" if book.present[i] else "not tradable"
        choice.kept.append(i)
    for i in reversed(list(choice.kept)):
        if len(choice.kept) > config.K and side.tradable[i]:
            choice.kept.remove(i)
            choice.exits.append(i)
            choice.codes[i] = "over K"
    choice.exits.sort(key=lambda i: -int(side.rank[i]))


def _by_rank(side: Side) -> list[int]:
    """Return the places of what is held, the best first."""
    held = np.flatnonzero(side.held)
    return [int(i) for i in held[np.argsort(side.rank[held])]]


def _exit_reason(side: Side, config: RotationConfig, i: int) -> str:
    """Return why a name that is held leaves; "" where it stays."""
    z, rank = side.book.z[i], side.rank[i]
    if np.isnan(z):
        return "not eligible"
    low, far = bool(z < config.z_cut), bool(rank > config.K_sell)
    cut = low or far if config.exit == "either" else low and far
    if cut:
        return "cut"
    if side.book.old[i] and rank > config.K_buy:
        return "dead money"
    return ""


def _candidates(side: Side, config: RotationConfig, choice: Choice) -> Iterator[int]:
    """Yield who may be bought, the best first; one that is not liquid is told of."""
    book = side.book
    for place in side.order[: config.K_buy]:
        j = int(place)
        # what is held on the other side is sold first
        if book.held[j] or not book.z[j] >= config.z_keep:
            continue
        if not side.tradable[j]:
            choice.codes[j] = "not liquid" if book.present[j] else "not tradable"
        elif book.sector[j] < 0:
            choice.codes[j] = "no sector"
        else:
            yield j


def _rotate(
    side: Side,
    config: RotationConfig,
    choice: Choice,
    room: _SectorRoom,
    waiting: list[int],
) -> None:
    """Set the worst that is kept against the best that waits, then the next; the first pair that
    fails ends it.
    """
    worst = [i for i in reversed(choice.kept) if side.tradable[i]]
    worst = [i for i in worst if not np.isnan(side.book.z[i])]
    for j in waiting:
        if not worst:
            return
        i = worst[0]
        if not room.takes(j, instead_of=i):
            choice.codes[j] = "sector full"
            continue
        utility, why = rotation_utility(side.book, config, i, j)
        if why:
            choice.codes[i] = choice.codes[j] = why
            return
        room.add(j, instead_of=i)
        worst.pop(0)
        choice.kept.remove(i)
        choice.rotations.append((i, j, utility))
        choice.codes[i], choice.codes[j] = "rotated out", "rotated in"


def rotation_utility(
    book: Book, config: RotationConfig, i: int, j: int
) -> tuple[float, str]:
    """Return  z_j - z_i - gamma (c_i + c_j)  of putting ``j`` in the place of ``i``, and why it is
    not done; "" where it is.
    """
    gap = float(book.z[j] - book.z[i])
    utility = gap - config.gamma_cost * float(book.cost[i] + book.cost[j])
    least = config.delta_z_min / 2.0 if book.green[i] else config.delta_z_min
    if gap < least:
        return utility, "gap too small"
    if not utility > config.tau_utility:
        return utility, "rotation below cost"
    return utility, ""


def kept_weight(weight: float, target: float, config: RotationConfig) -> float:
    """Return what a name that is kept should weigh: as it does within the band, else the target or
    the nearer edge; never more than its cap.
    """
    band = config.name_drift_threshold
    over = weight > config.per_name_cap
    if abs(target - weight) < band and not over:
        return weight
    if config.trade_to == "target" or abs(target - weight) < band:
        return target
    edge = target + band if weight > target else target - band
    return min(edge, config.per_name_cap)


class _SectorRoom:
    """What each sector will weigh, as names come and go."""

    def __init__(
        self, book: Book, config: RotationConfig, kept: list[int], slot: float
    ) -> None:
        self.sector, self.slot, self.cap = book.sector, slot, config.sector_cap
        self.weights: Array = np.zeros(int(book.sector.max(initial=-1)) + 2)
        self.share: dict[int, float] = {}
        self.limited = config.sectors is not None
        for i in kept:
            weight = float(book.weights[i])
            if book.present[i] and book.liquid[i]:
                weight = max(weight, kept_weight(weight, slot, config))
            self.share[i] = weight
            self.weights[book.sector[i]] += weight

    def takes(self, j: int, instead_of: int | None = None) -> bool:
        """Tell whether the sector of ``j`` has room for it, in place of another name."""
        if not self.limited:
            return True
        total = self.weights[self.sector[j]] + self.slot
        if instead_of is not None and self.sector[instead_of] == self.sector[j]:
            total -= self.share[instead_of]
        return bool(total <= self.cap + SMALL)

    def add(self, j: int, instead_of: int | None = None) -> None:
        """Put ``j`` into its sector, and take another name out of its own."""
        self.weights[self.sector[j]] += self.slot
        if instead_of is not None:
            self.weights[self.sector[instead_of]] -= self.share[instead_of]
