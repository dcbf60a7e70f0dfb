"""A vectorised strategy, presented row by row."""

from __future__ import annotations

from collections.abc import Callable

from bt_run.arrays import Array, own_numbers
from bt_run.data.bars import Bars
from bt_run.decision.state import PortfolioState
from bt_run.errors import PluginError
from bt_run.guard import guarded

__all__ = ["VectorisedSignal"]


class VectorisedSignal:
    """Present a vectorised strategy row by row; evaluated once, when the bars are known."""

    def __init__(self, name: str, signals: Callable[[Bars], Array], path: str = "strategy") -> None:
        self.name, self.path = name, path
        self._signals = signals
        self._rows: Array | None = None

    @property
    def rows(self) -> Array:
        """Return the signals at each bar, (T, N)."""
        assert self._rows is not None, "prepare(bars) comes first"
        return self._rows

    def prepare(self, bars: Bars) -> None:
        """Evaluate the strategy on all bars, and present that."""
        self._rows = self.evaluate(bars)

    def evaluate(self, bars: Bars) -> Array:
        """Return the signals on ``bars``, (T, N), checked."""
        where = f"strategy {self.name!r}: signals(bars)"
        rows: Array = guarded(where, own_numbers, guarded(where, self._signals, bars))
        expected = (len(bars), len(bars.assets))
        if rows.shape != expected:
            raise PluginError(
                f"strategy {self.name!r}: signals(bars) returned shape {rows.shape}; "
                f"expected (T, N) = {expected}, a row a bar, a column an asset"
            )
        return rows

    def __call__(self, state: PortfolioState) -> Array:
        row: Array = self.rows[len(state.history) - 1].copy()
        return row
