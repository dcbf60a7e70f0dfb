"""The phases of a run, timed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["Progress", "Watch"]


Progress = Callable[[str, float], None]


class Watch:
    """A clock for the phases, which tells how far they are."""

    def __init__(self, progress: Progress | None) -> None:
        self.seconds: dict[str, float] = {}
        self.progress = progress

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        begun = time.perf_counter()
        self.tell(name, 0.0)
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - begun
        self.tell(name, 1.0)

    def tell(self, name: str, fraction: float) -> None:
        if self.progress:
            self.progress(name, fraction)
