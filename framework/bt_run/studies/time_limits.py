"""A limit to the time that a cell may take."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["EXIT_TIMED_OUT", "TimedOut", "limited"]

EXIT_TIMED_OUT = 87  # of a worker that ended itself
GRACE = 1.0  # seconds between asking a cell to stop and ending its process


class TimedOut(BaseException):
    """A cell took longer than it may."""


@contextmanager
def limited(seconds: float | None, *, may_exit: bool) -> Iterator[None]:
    """Raise ``TimedOut`` in what takes longer than ``seconds``.

    Python code is interrupted by a signal, where this is the main thread of a POSIX process. With
    ``may_exit`` what still goes on a little later (a library that never returns, another thread)
    ends the process with ``EXIT_TIMED_OUT``.
    """
    if seconds is None:
        yield
        return
    interrupts = (
        os.name == "posix" and threading.current_thread() is threading.main_thread()
    )
    killer = _killer(seconds + GRACE) if may_exit else None
    before: Any = None
    if interrupts:
        before = signal.signal(signal.SIGALRM, _raise)
        signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        if killer is not None:
            killer.cancel()
        if interrupts:
            signal.setitimer(signal.ITIMER_REAL, 0.0)
            signal.signal(signal.SIGALRM, before)


def _raise(*_: Any) -> None:
    raise TimedOut


def _killer(seconds: float) -> threading.Timer:
    timer = threading.Timer(seconds, _leave)
    timer.daemon = True
    timer.start()
    return timer


def _leave() -> None:
    os._exit(EXIT_TIMED_OUT)
