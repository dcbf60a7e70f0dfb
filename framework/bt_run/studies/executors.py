"""What plays the cells of a sweep, and is offered by plugins."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from bt_run.studies.cells import Cell, Outcome

__all__ = ["Executor"]


class Executor(Protocol):
    """A place where cells are played: this process, others, or other machines.

    Every cell that was submitted comes back once, in whatever order, and none takes others with
    it. Who closes it gives everything back.
    """

    def submit(self, key: str, cell: Cell) -> None:
        """Take a ``cell``, whose outcome will come back by its ``key``."""
        ...

    def done(self) -> Iterator[tuple[str, Outcome]]:
        """Yield key and outcome of each cell that was submitted, as they end, until all have."""
        ...

    def cancel(self) -> None:
        """Give up what has not begun; it does not come back."""
        ...

    def close(self) -> None:
        """End all processes and connections that it opened."""
        ...
