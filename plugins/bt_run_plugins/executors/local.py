"""The executor local: cells in processes of this machine, by loky."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterable, Iterator
from typing import Any

from pydantic import Field

from bt_run import BuildContext, Component, Config, hookimpl
from bt_run.studies.cells import Cell, Outcome, warm_up
from bt_run.studies.time_limits import EXIT_TIMED_OUT
from bt_run_plugins.executors.one_thread import (
    ENVIRONMENT,
    run_in_worker,
    set_environment,
)

__all__ = ["LocalConfig", "LocalExecutor", "bt_executors"]

WATCHED_EVERY = 1.0  # seconds between two looks of a worker at its driver


class LocalConfig(Config):
    """How many processes there are."""

    workers: int | None = Field(
        default=None, ge=1, description="processes; one for each core if not given"
    )


class LocalExecutor:
    """A pool of worker processes, each with one thread.

    When a worker dies, loky gives up the whole pool. What was being played then is played again
    one by one, so that the cell that kills its worker is found and takes no other with it; the
    rest goes on in a new pool.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers
        # they load what they need while the driver loads what it needs
        self._pool: Any = _new_pool(workers)
        self._waiting: dict[str, Cell] = {}
        self._playing: dict[Any, tuple[str, Cell]] = {}

    def submit(self, key: str, cell: Cell) -> None:
        """Take a ``cell``, which begins as soon as a worker is free; it comes back by its
        ``key``.
        """
        self._waiting[key] = cell
        self._fill()

    def done(self) -> Iterator[tuple[str, Outcome]]:
        """Yield each outcome by its key, as the cells end."""
        from concurrent.futures import FIRST_COMPLETED, wait

        while self._playing or self._waiting:
            self._fill()
            ended, _ = wait(self._playing, return_when=FIRST_COMPLETED)
            lost: dict[str, Cell] = {}
            for future in ended:
                key, cell = self._playing.pop(future)
                answer = _answer(future)
                if isinstance(answer, Outcome):
                    yield key, answer
                else:
                    lost[key] = cell
            if lost:
                yield from self._one_by_one(lost)

    def cancel(self) -> None:
        """Give up what has not begun."""
        self._waiting.clear()

    def close(self) -> None:
        """End the workers, whatever they do."""
        self._waiting.clear()
        self._playing.clear()
        self._end_pool()

    def _fill(self) -> None:
        """Hand over as much as the workers can do at once, one more so that none waits."""
        if self._pool is None:
            self._pool = _new_pool(self._workers)
        while self._waiting and len(self._playing) <= self._workers:
            key = next(iter(self._waiting))
            cell = self._waiting.pop(key)
            try:
                future = self._pool.submit(run_in_worker, cell)
            except _broken():
                self._waiting = {key: cell} | self._waiting
                if self._playing:
                    return  # `done` finds out who it was
                # a worker died while it had nothing to do
                self._end_pool()
                self._pool = _new_pool(self._workers)
                continue
            self._playing[future] = (key, cell)

    def _one_by_one(self, lost: dict[str, Cell]) -> Iterator[tuple[str, Outcome]]:
        """Play alone what was lost with its pool, ``lost`` and what was handed over beside it."""
        suspects = lost | dict(self._playing.values())
        self._playing.clear()
        self._end_pool()
        for key, cell in suspects.items():
            if self._pool is None:
                self._pool = _new_pool(1)
            answer = _answer(self._pool.submit(run_in_worker, cell))
            if isinstance(answer, str):
                answer = _death(cell, answer)
                self._end_pool()
            yield key, answer
        self._end_pool()

    def _end_pool(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=True, kill_workers=True)
            self._pool = None


def _new_pool(workers: int) -> Any:
    """Return a pool whose workers begin at once to load what every cell needs."""
    from loky import ProcessPoolExecutor

    pool = ProcessPoolExecutor(
        max_workers=workers,
        env=dict(ENVIRONMENT),
        initializer=_begin,
        initargs=(os.getpid(),),
    )
    for _ in range(workers):
        pool.submit(warm_up)
    return pool


def _begin(driver: int) -> None:
    """Prepare a worker, which ends with its ``driver``, however that ends."""
    set_environment()
    threading.Thread(target=_end_with, args=(driver,), daemon=True).start()


def _end_with(driver: int) -> None:
    never = threading.Event()
    while os.getppid() == driver:
        never.wait(WATCHED_EVERY)
    os._exit(1)


def _answer(future: Any) -> Outcome | str:
    """Return what a cell came to; where its worker died, what loky says of that."""
    try:
        outcome: Outcome = future.result()
    except _broken() as error:
        return str(error)
    except Exception as error:
        # what cannot be sent back, such as a result that cannot be pickled
        return Outcome("raised", f"{type(error).__name__}: {error}")
    return outcome


def _death(cell: Cell, text: str) -> Outcome:
    """Say how the only worker of a pool ended, which loky tells as EXIT(3) or SIGKILL(-9)."""
    codes = re.findall(r"[A-Z]+\(-?\d+\)", text)
    if f"EXIT({EXIT_TIMED_OUT})" in codes:
        return Outcome("timed out", f"gave no answer within {cell.timeout:g} s")
    how = codes[0] if codes else "no exit code"
    return Outcome(
        "died", f"its process ended ({how}), and again when it was played alone"
    )


def _broken() -> type[BaseException]:
    from loky.process_executor import BrokenProcessPool

    broken: type[BaseException] = BrokenProcessPool
    return broken


def _build(config: LocalConfig, context: BuildContext) -> LocalExecutor:
    return LocalExecutor(config.workers or os.cpu_count() or 1)


@hookimpl
def bt_executors() -> Iterable[Component]:
    """Offer the executor."""
    yield Component(
        name="local",
        config=LocalConfig,
        build=_build,
        summary="processes of this machine, which may die without harm to the others",
        example={"workers": 2},
    )
