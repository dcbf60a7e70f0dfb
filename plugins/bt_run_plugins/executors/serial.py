"""The executor serial: one cell after the other, in the process of the sweep."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from bt_run import BuildContext, Component, Config, hookimpl
from bt_run.studies.cells import Cell, Outcome, run_cell
from bt_run_plugins.executors.one_thread import threads

__all__ = ["SerialConfig", "SerialExecutor", "bt_executors"]


class SerialConfig(Config):
    """It has no keys."""


class SerialExecutor:
    """Cells in the order in which they were submitted.

    A cell that ends its process ends the sweep: what is kept is kept, and the next sweep goes on.
    """

    def __init__(self) -> None:
        self._waiting: list[tuple[str, Cell]] = []

    def submit(self, key: str, cell: Cell) -> None:
        """Take a ``cell``, to be played when its turn comes; it comes back by its ``key``."""
        self._waiting.append((key, cell))

    def done(self) -> Iterator[tuple[str, Outcome]]:
        """Play what was submitted, and yield each outcome by its key."""
        with threads(1):
            while self._waiting:
                key, cell = self._waiting.pop(0)
                yield key, run_cell(cell)

    def cancel(self) -> None:
        """Give up what has not begun."""
        self._waiting.clear()

    def close(self) -> None:
        """Do nothing: there is nothing to end."""


def _build(config: SerialConfig, context: BuildContext) -> SerialExecutor:
    return SerialExecutor()


@hookimpl
def bt_executors() -> Iterable[Component]:
    """Offer the executor."""
    yield Component(
        name="serial",
        config=SerialConfig,
        build=_build,
        summary="one cell after the other, in this process",
    )
