"""What a component knows at a decision, what it may return, and what is recorded of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bt_run.arrays import Array, Mask, read_only
from bt_run.data.history import History
from bt_run.terms import Conditions, Costs

__all__ = [
    "EMPTY",
    "Decision",
    "Memo",
    "Memos",
    "PortfolioState",
    "Proposal",
    "Tracks",
    "Verdict",
    "changed",
]

Memo = Mapping[str, Any]
Memos = Mapping[
    str, Memo
]  # a component's path -> what it returned at the decision before
EMPTY: Memo = MappingProxyType({})


@dataclass(frozen=True)
class Proposal:
    """Values together with what must survive until the next call.

    Attributes:
        values: signals or weights (N,), whatever the role returns.
        memo: a small JSON-able mapping found again in ``state.memo``; None leaves the one before.
        notes: another for the reader, kept in the ledger.
    """

    values: Array
    memo: Memo | None = None
    notes: Memo | None = None


@dataclass(frozen=True)
class Verdict:
    """Whether a target should be traded now.

    Attributes:
        fire: the trigger asks for a trade.
        veto: it forbids one, whoever asks.
        names: (N,) bool, the assets that a firing trigger asks for; None means all.
        reason: why, for the table of decisions.
        memo: what is found again in ``state.memo``.
        blocked: (N,) bool, what keeps its shares to the last one, whoever asks, while others trade.
    """

    fire: bool
    veto: bool = False
    names: Mask | None = None
    reason: str = ""
    memo: Memo | None = None
    blocked: Mask | None = None


class Tracks(Mapping[str, Array]):
    """The tracks' NAV up to now, (n,) each, by the path of their stage; computed when asked for."""

    def __init__(self, tracks: Mapping[str, Callable[[], Array]]) -> None:
        self._tracks = tracks

    def __getitem__(self, path: str) -> Array:
        return self._tracks[path]()

    def __iter__(self) -> Iterator[str]:
        return iter(self._tracks)

    def __len__(self) -> int:
        return len(self._tracks)

    def first(self, count: int) -> Tracks:
        """Return the tracks of the first ``count`` stages."""
        return Tracks(dict(islice(self._tracks.items(), count)))


@dataclass(frozen=True, kw_only=True)
class PortfolioState:
    """All that a component may know at a decision; N assets.

    Attributes:
        history: the bars up to now.
        signals: (N,) of this decision; NaN for strategies, which make them.
        weights: (N,) drifted to now, fractions of NAV.
        nav, cash: money.
        shares: (N,) signed.
        nav_history: (n,) NAV at each bar since ``start``, flow-adjusted.
        costs: what prices a trade: ``costs.fill_price(price, shares, state.conditions)``.
        tracks: earlier stage -> NAV (n,) of an account that follows it without the later ones; the
            last is the account without this component.
        last_decision, last_trade: session of the last decision and of the last that traded, or
            None.
        exited: asset -> the side (1 or -1) of a holding that an exit closed since the last
            decision.
        memo: what this component returned last time; empty at first.
        model: what the newest lesson taught this component; None where there is none.
        controls: facts from outside: key -> value as known at the bar's end.
    """

    history: History
    signals: Array
    weights: Array
    nav: float
    cash: float
    shares: Array
    nav_history: Array
    costs: Costs
    tracks: Tracks = field(default_factory=lambda: Tracks({}))
    last_decision: np.datetime64 | None = None
    last_trade: np.datetime64 | None = None
    exited: Mapping[str, int] = field(default_factory=lambda: EMPTY)
    memo: Memo = field(default_factory=lambda: EMPTY)
    model: Any = None
    controls: Memo = field(default_factory=lambda: EMPTY)

    @property
    def conditions(self) -> Conditions:
        """Return the market as known at the decision, arrays (N,): ``costs.fill_price(price,
        shares, state.conditions)`` estimates what a trade would cost; the fill meets its own bar.
        """
        return self.history.conditions

    def seen(
        self,
        *,
        signals: Array | None = None,
        weights: Array | None = None,
        memo: Memo | None = None,
    ) -> PortfolioState:
        """Return this state as a nested component shall see it: with other ``signals`` (N,),
        ``weights`` (N,) or another ``memo``.
        """
        given = {"signals": signals, "weights": weights}
        changes: dict[str, Any] = {"model": None} | {
            name: read_only(np.array(values, dtype=np.float64))
            for name, values in given.items()
            if values is not None
        }
        if memo is not None:
            changes["memo"] = MappingProxyType(dict(memo))
        return changed(self, changes)

    def child(self, name: str, index: int | None = None) -> PortfolioState:
        """Return this state with the memo of a nested component.

        ``name`` is the field that names the component, ``index`` its place where that is a list.
        """
        memo = self.memo.get(name, EMPTY)
        if index is not None:
            memo = memo[index] if index < len(memo) else EMPTY
        return changed(self, {"memo": MappingProxyType(dict(memo)), "model": None})


def changed(state: PortfolioState, changes: Mapping[str, Any]) -> PortfolioState:
    """Return a copy with some fields changed.

    ``dataclasses.replace`` would be slow, and this happens often in a decision.
    """
    copy = object.__new__(type(state))
    copy.__dict__.update(state.__dict__)
    copy.__dict__.update(changes)
    return copy


@dataclass(frozen=True, kw_only=True)
class Decision:
    """One decision, traded or not; arrays (N,), or (1,) of one that is ``left_out``.

    Attributes:
        bar: at which it was made.
        signal: what the strategy said.
        stages: the weights after the sizer and after each overlay.
        target: the weights that were wanted in the end, fractions of NAV.
        cut: the limits that cut the stages' weights.
        drifted: the weights before it.
        traded: bool, which assets get an order.
        fired: whether anything was to be traded.
        reason: why or why not, of each asset.
        memos, notes: what components returned, by their path.
        stage_names: the columns of the stages.
        why: why or why not, of the whole decision.
        halted: nothing may trade, not even what still waits.
        left_out: its arrays were not kept.
    """

    bar: int
    signal: Array
    stages: tuple[Array, ...]
    target: Array
    cut: tuple[str, ...] = ()
    drifted: Array
    traded: Mask
    fired: bool
    reason: NDArray[np.object_]
    memos: Mapping[str, Memo]
    notes: Mapping[str, Memo]
    stage_names: tuple[str, ...] = ()
    why: str = ""
    halted: bool = False
    left_out: bool = False

    def without_rows(self, nothing: Array) -> Decision:
        """Return what is kept of a decision that traded nothing: why, and its memos.

        ``nothing`` (1,) NaN stands in the place of its arrays, so that they take no room.
        """
        why = f"{self.why}: nothing to change" if self.fired else self.why
        return Decision(
            bar=self.bar,
            signal=nothing,
            stages=(nothing,) * len(self.stages),
            target=nothing,
            drifted=nothing,
            traded=np.zeros(1, dtype=bool),
            fired=False,
            reason=np.array([why], dtype=object),
            memos=self.memos,
            notes=EMPTY,
            stage_names=self.stage_names,
            why=why,
            halted=self.halted,
            left_out=True,
        )
