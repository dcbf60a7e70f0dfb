"""An account as the components of a pipeline see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np

from bt_run.account.account import Account
from bt_run.account.track import Track
from bt_run.arrays import read_only
from bt_run.data.history import History
from bt_run.decision.state import PortfolioState, Tracks

__all__ = ["Past", "portfolio_state"]


@dataclass(frozen=True)
class Past:
    """The bars of the last decision and of the last that traded; None for none."""

    decision: int | None = None
    trade: int | None = None


def portfolio_state(
    account: Account, history: History, tracks: Mapping[str, Track], past: Past
) -> PortfolioState:
    """Show an account and its tracks to the components, and take note of what exits closed."""
    t, bars = account.t, account.market.bars
    sessions = bars.sessions
    return PortfolioState(
        history=history,
        signals=np.full(len(bars.assets), np.nan),
        weights=read_only(account.weights()),
        nav=float(account.nav[t]),
        cash=account.cash,
        shares=read_only(account.shares.copy()),
        nav_history=read_only(account.record(t)),
        costs=account.market.broker.costs,
        tracks=Tracks(
            {path: partial(track.nav_until, t) for path, track in tracks.items()}
        ),
        last_decision=None if past.decision is None else sessions[past.decision],
        last_trade=None if past.trade is None else sessions[past.trade],
        exited=account.take_exited(),
    )
