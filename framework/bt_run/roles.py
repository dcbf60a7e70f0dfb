"""What the thing that a component builds must be able to do."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

from bt_run.arrays import Array
from bt_run.data.bars import Bars, LoadRequest
from bt_run.decision.state import Decision, PortfolioState, Proposal, Verdict
from bt_run.results.result import BacktestResult

__all__ = ["Analyzer", "Overlay", "Report", "Signals", "Sizer", "Source", "Strategy", "Trigger"]


class Source(Protocol):
    """Load bars. May have ``needs_network = True``."""

    def load(self, request: LoadRequest) -> Bars: ...


class Signals(Protocol):
    """Be a vectorised strategy: row t of (T, N) uses rows <= t only."""

    def signals(self, bars: Bars) -> Array: ...


class Strategy(Protocol):
    """Be an event-driven strategy: (N,), in [-1, 1] when it gives exposures; NaN = not eligible."""

    def signal(self, state: PortfolioState) -> Array | Proposal: ...


class Sizer(Protocol):
    """Turn signals into target weights (N,), fractions of NAV; what is missing to 1 is cash."""

    def target_weights(self, state: PortfolioState) -> Array | Proposal: ...


class Overlay(Protocol):
    """Adjust target weights (N,)."""

    def adjust(self, state: PortfolioState, weights: Array) -> Array | Proposal: ...


class Trigger(Protocol):
    """Decide whether a target (N,) is traded now."""

    def check(self, state: PortfolioState, target: Array) -> Verdict: ...


class Analyzer(Protocol):
    """Watch decisions and give a named table for the reports."""

    def decided(self, decision: Decision) -> None: ...

    def table(self) -> tuple[str, Any]: ...


class Report(Protocol):
    """Write files about a result into a folder and return their paths."""

    def write(self, result: BacktestResult, folder: Path) -> list[Path]: ...
