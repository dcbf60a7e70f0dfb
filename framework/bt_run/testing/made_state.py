"""A state as a component sees it at a decision, made in sight."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, TypedDict, Unpack

import numpy as np

from bt_run.arrays import Array, read_only
from bt_run.data.bars import Bars
from bt_run.data.history import History
from bt_run.decision.state import PortfolioState, Tracks
from bt_run.terms import Costs
from bt_run.testing.made_costs import MadeCosts

__all__ = ["make_state"]


class StateFields(TypedDict, total=False):
    """The fields of a state that a test may set; the others follow from them."""

    signals: Sequence[float] | Array
    weights: Sequence[float] | Array
    nav: float
    nav_history: Sequence[float] | Array
    costs: Costs
    tracks: Mapping[str, Sequence[float] | Array]
    last_decision: np.datetime64 | None
    last_trade: np.datetime64 | None
    memo: Mapping[str, Any]
    controls: Mapping[str, Any]


def make_state(
    bars: Bars, at: int | None = None, **fields: Unpack[StateFields]
) -> PortfolioState:
    """Make the state of a decision at bar ``at`` of ``bars``, by default the last.

    Without ``fields`` it is the first decision of an account that holds nothing: signals (N,) of 1
    for what is tradable, weights (N,) of 0, a NAV of 1. Cash and shares follow from the weights,
    the NAV and the closes.
    """
    t = len(bars) - 1 if at is None else at
    count = len(bars.assets)
    weights = np.array(fields.get("weights", np.zeros(count)), dtype=np.float64)
    signals = fields.get("signals", np.where(bars.tradable[t], 1.0, np.nan))
    nav = fields.get("nav", 1.0)
    tracks = {
        path: np.array(values) for path, values in fields.get("tracks", {}).items()
    }
    return PortfolioState(
        history=History(bars, t),
        signals=read_only(np.array(signals, dtype=np.float64)),
        weights=read_only(weights),
        nav=nav,
        cash=nav * (1.0 - float(weights.sum())),
        shares=read_only(_shares(weights, nav, bars.traded.close[t])),
        nav_history=read_only(
            np.array(fields.get("nav_history", [nav]), dtype=np.float64)
        ),
        costs=fields.get("costs", MadeCosts()),
        tracks=Tracks(
            {path: partial(_same, values) for path, values in tracks.items()}
        ),
        last_decision=fields.get("last_decision"),
        last_trade=fields.get("last_trade"),
        memo=MappingProxyType(dict(fields.get("memo", {}))),
        controls=MappingProxyType(dict(fields.get("controls", {}))),
    )


def _shares(weights: Array, nav: float, close: Array) -> Array:
    """Return what the weights (N,) are in shares; 0 where nothing is held, whatever the price."""
    held = weights != 0.0
    return np.where(held, weights * nav / np.where(held, close, 1.0), 0.0)


def _same(values: Array) -> Array:
    return values
