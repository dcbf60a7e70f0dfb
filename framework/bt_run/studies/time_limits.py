"""A limit to the time that a cell may take."""

from __future__ import annotations

import ctypes
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

__all__ = ["EXIT_TIMED_OUT", "limited"]

EXIT_TIMED_OUT = 87  # of a worker that ended itself
GRACE = 1.0  # seconds between asking a cell to stop and ending its process


class TimedOut(BaseException):
    """A cell took longer than it may."""


@contextmanager
def limited(seconds: float | None, *, may_exit: bool) -> Iterator[None]:
    """Raise ``TimedOut`` in what takes longer than ``seconds``; None for no limit.

    In the main thread of a POSIX process a signal interrupts whatever Python waits for; elsewhere
    the error is raised before the next line of Python. With ``may_exit`` what still goes on a
    little later, such as a library that never returns, ends the process with ``EXIT_TIMED_OUT``.
    """
    if seconds is None:
        yield
        return
    is_main = threading.current_thread() is threading.main_thread()
    by_signal = os.name == "posix" and is_main
    with ExitStack() as limits:
        if may_exit:
            limits.enter_context(_timer(seconds + GRACE, _leave))
        limits.enter_context(_alarm(seconds) if by_signal else _asked(seconds))
        yield


@contextmanager
def _alarm(seconds: float) -> Iterator[None]:
    before = signal.signal(signal.SIGALRM, _raise)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, before)


@contextmanager
def _asked(seconds: float) -> Iterator[None]:
    """Have another thread raise the error in this one."""
    own = ctypes.c_ulong(threading.get_ident())
    send = ctypes.pythonapi.PyThreadState_SetAsyncExc

    def ask() -> None:
        send(own, ctypes.py_object(TimedOut))

    with _timer(seconds, ask):
        try:
            yield
        finally:
            # what was asked for and has not arrived must not arrive later
            send(own, None)


@contextmanager
def _timer(seconds: float, call: Callable[[], None]) -> Iterator[None]:
    timer = threading.Timer(seconds, call)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _raise(*_: Any) -> None:
    raise TimedOut


def _leave() -> None:
    os._exit(EXIT_TIMED_OUT)
