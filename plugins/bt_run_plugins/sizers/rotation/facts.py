"""The book of a decision, from what its state knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bt_run import Array, ConfigError, PortfolioState
from bt_run.arrays import Mask
from bt_run.decision.trading_costs import proportional_cost
from bt_run_plugins.sizers.rotation.book import Book
from bt_run_plugins.sizers.rotation.config import RotationConfig, holding_time
from bt_run_plugins.sizers.rotation.entries import entries_of, time_held
from bt_run_plugins.sizers.rotation.true_range import true_ranges

__all__ = ["Facts", "book_of", "costs_of", "is_liquid", "sectors_of"]


@dataclass(frozen=True, eq=False)
class Facts:
    """A book, the memo of entries that goes with it, and notes about what was estimated."""

    book: Book
    memo: Mapping[str, Any]
    notes: Mapping[str, Any]


def book_of(
    state: PortfolioState,
    config: RotationConfig,
    fill: Literal["next_open", "next_close"],
) -> Facts:
    """Return the book of a decision.

    Raises:
        ConfigError: the first decision has fewer bars than the average true range needs.
    """
    history = state.history
    if state.last_decision is None and len(history) <= config.atr:
        raise ConfigError(
            f"sizer.atr: {config.atr} true ranges need {config.atr + 1} bars; the first decision, "
            f"at {history.session}, has {len(history)}; expected a later start, more bars before "
            "it, or a smaller atr"
        )
    entries = entries_of(state, fill)
    held = state.shares != 0.0
    close = history.close(1)[-1]
    side = np.where(state.shares < 0.0, -1.0, 1.0)
    gain = side * (close - entries.prices)
    ranges, estimated = true_ranges(history, config.atr)
    large = config.k_ATR * ranges
    most, sessions = holding_time(config.T_max)
    age = time_held(history, entries.times, sessions)
    assets = history.assets
    book = Book(
        z=state.signals,
        weights=state.weights,
        held=held,
        present=history.present,
        liquid=is_liquid(state, config),
        cost=costs_of(state, config),
        sector=sectors_of(state, config),
        # what is not known is neither
        green=gain >= large,
        old=(age >= most) & (np.abs(gain) < large),
        exempt=not held.any(),
    )
    notes = {}
    if (held & estimated).any():
        notes["true range from closes"] = _names(assets, held & estimated)
    unknown = held & ~np.isfinite(ranges)
    if unknown.any():
        notes["no true range"] = _names(assets, unknown)
    memo: dict[str, Any] = {"held": entries.memo(assets)}
    if (state.shares < 0.0).any():
        memo["short"] = _names(assets, state.shares < 0.0)
    return Facts(book, memo, notes)


def is_liquid(state: PortfolioState, config: RotationConfig) -> Mask:
    """Return which names trade enough money a bar, (N,); all where nothing is asked for."""
    if config.min_traded_value is None:
        return np.ones(len(state.weights), dtype=bool)
    volume = state.conditions.average_volume(config.volume_bars)
    value = volume * state.history.price(1)[-1]
    return np.asarray(value >= config.min_traded_value)


def costs_of(state: PortfolioState, config: RotationConfig) -> Array:
    """Return basis points per unit traded, (N,).

    Raises:
        ConfigError: a table has no cost, or one below 0, for a name with a score.
    """
    costs = config.costs
    if costs is None:
        return 1e4 * proportional_cost(state)
    if isinstance(costs, float):
        return np.full(len(state.weights), costs)
    found: Array = state.history.table(costs).astype(np.float64)
    needed = np.isfinite(state.signals) | (state.shares != 0.0)
    bad = needed & ~(found >= 0.0)
    if bad.any():
        i = int(np.flatnonzero(bad)[0])
        raise ConfigError(
            f"sizer.costs: the table {costs!r} has {found[i]} for {state.history.assets[i]} at "
            f"{state.history.session}; expected basis points, 0 or more"
        )
    return np.where(bad | ~np.isfinite(found), 0.0, found)


def sectors_of(state: PortfolioState, config: RotationConfig) -> NDArray[np.int64]:
    """Return a number for the sector of each name, (N,), by the order of the sectors' names; -1
    where none is known, and 0 for all where sectors do not count.
    """
    count = len(state.weights)
    if config.sectors is None:
        return np.zeros(count, dtype=np.int64)
    found = state.history.table(config.sectors)
    names = sorted({name for name in found if name})
    number = {name: place for place, name in enumerate(names)}
    return np.array([number.get(name, -1) for name in found], dtype=np.int64)


def _names(assets: tuple[str, ...], which: Mask) -> list[str]:
    return [assets[i] for i in np.flatnonzero(which)]
