"""Vectorised strategies: evaluated once on all bars, presented row by row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bt_run.arrays import Array, own_numbers
from bt_run.data.bars import Bars
from bt_run.decision.state import PortfolioState
from bt_run.errors import PluginError
from bt_run.guard import guarded

__all__ = ["VectorisedSignal"]


@dataclass(frozen=True)
class VectorisedSignal:
    """A vectorised strategy, alone or nested in another component; ``path`` is its place in the
    run.

    It is called with a state like any other stage, and answers with the row that the state's
    history holds of it: what ``evaluate`` gave for the bars being played.
    """

    name: str
    signals: Callable[[Bars], Array]
    path: str = "strategy"

    @property
    def label(self) -> str:
        """Return how messages name it: its path and its name."""
        return f"{self.path} {self.name}"

    def evaluate(self, bars: Bars) -> Array:
        """Return the signals on ``bars``, (T, N), checked.

        Raises:
            PluginError: the strategy failed, or gave something else than a number a bar and asset.
        """
        where = f"strategy {self.name!r}: signals(bars)"
        answer = guarded(where, self.signals, bars)
        rows: Array = guarded(where, own_numbers, answer)
        expected = (len(bars), len(bars.assets))
        if rows.shape != expected:
            raise PluginError(
                f"strategy {self.name!r}: signals(bars) returned shape {rows.shape}; "
                f"expected (T, N) = {expected}, a row a bar, a column an asset"
            )
        return rows

    def __call__(self, state: PortfolioState) -> Array:
        return state.history.signal(self.path)
