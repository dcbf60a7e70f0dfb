"""Vectorised strategies: evaluated once on all bars, presented row by row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from bt_run.arrays import Array, own_numbers
from bt_run.data.bars import Bars
from bt_run.decision.labels import signals_by_labels
from bt_run.decision.state import PortfolioState
from bt_run.errors import PluginError
from bt_run.guard import guarded

__all__ = ["Member", "VectorisedSignal"]


class Member:
    """What the pipeline or a parent component is handed of a vectorised strategy: its answers up to
    a state's bar, and no way to later ones.
    """

    __slots__ = ("_path",)

    def __init__(self, path: str) -> None:
        self._path = path

    def __call__(self, state: PortfolioState) -> Array:
        """Return the signals (N,) at the state's bar."""
        row: Array = self.past(state, 1)[-1].copy()
        return row

    def past(self, state: PortfolioState, n: int) -> Array:
        """Return the signals at the last ``n`` bars up to the state's, (n, N), oldest first."""
        return state.history.signals(self._path, n)


@dataclass(frozen=True)
class VectorisedSignal:
    """A vectorised strategy, alone or nested in another component; ``path`` is its place in the
    run. It is evaluated once on the bars to be played; the pipeline and parents get its ``member``.
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
        plain = guarded(where, signals_by_labels, answer, bars)
        rows: Array = guarded(where, own_numbers, plain)
        expected = (len(bars), len(bars.assets))
        if rows.shape != expected:
            raise PluginError(
                f"strategy {self.name!r}: signals(bars) returned shape {rows.shape}; "
                f"expected (T, N) = {expected}, a row a bar, a column an asset"
            )
        return rows

    @property
    def member(self) -> Member:
        return Member(self.path)
