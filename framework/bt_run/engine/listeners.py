"""Who is told while a pass through the bars goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bt_run.decision.state import Decision, Memos, PortfolioState

__all__ = ["Listeners"]


@dataclass(frozen=True)
class Listeners:
    """Functions that are told of each decision, of what it was taken on, of the bar reached."""

    decided: Callable[[Decision], None] | None = None
    observer: Callable[[PortfolioState, Memos], None] | None = None
    progress: Callable[[int], None] | None = None
