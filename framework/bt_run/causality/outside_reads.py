"""What plugins read from outside while a run decides: files, databases, the network."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import FrameType, ModuleType
from typing import Any
from zoneinfo import TZPATH

__all__ = ["OutsideRead", "outside_read_text", "watched_reads"]

EVENTS = ("open", "sqlite3.connect", "socket.connect")
CODE = (".py", ".pyc", ".pyd", ".so")  # a late import is no reading of data
WRITES = os.O_WRONLY | os.O_RDWR | os.O_APPEND
INSTALLED = "site-packages"
SYSTEM = ("/proc", "/sys", "/dev", "/etc")


@dataclass(frozen=True)
class OutsideRead:
    """A file, database or address that was read, and the line of the plugin that did it."""

    what: str
    file: str
    line: int


def outside_read_text(found: OutsideRead) -> str:
    """Say what was read, where, and what would make it part of the run."""
    return (
        f"{Path(found.file).name}, line {found.line}: reads {found.what} while the run decides; no "
        "check can take its future away, and no id knows it. Name it in the config (a Path), or "
        "give it to the run as `data.tables`"
    )


@contextmanager
def watched_reads(modules: Iterable[ModuleType]) -> Iterator[list[OutsideRead]]:
    """Yield a list to which comes, once each, what code beside the ``modules`` reads meanwhile.

    Libraries that read without Python, such as pyarrow, are not seen; files of installed packages
    and of the system count as code.
    """
    told: list[OutsideRead] = []
    watcher = _watcher()
    before, watcher.told = watcher.told, told
    watcher.homes = tuple({home for module in modules for home in _homes(module)})
    try:
        yield told
    finally:
        watcher.told = before


class _Watcher:
    """The receiver of Python's audit events; an audit hook stays for as long as the process."""

    def __init__(self) -> None:
        self.told: list[OutsideRead] | None = None
        self.homes: tuple[str, ...] = ()

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        if self.told is None or event not in EVENTS:
            return
        what = _what(event, arguments)
        if what is None:
            return
        told, self.told = self.told, None  # what the search itself opens is not told
        try:
            place = self._place(sys._getframe(1))
            if place is not None:
                found = OutsideRead(what, *place)
                if found not in told:
                    told.append(found)
        finally:
            self.told = told

    def _place(self, frame: FrameType | None) -> tuple[str, int] | None:
        """Return file and line of the innermost code of a plugin that runs now; None for none."""
        while frame is not None:
            file = frame.f_code.co_filename
            for home in self.homes:
                if file.startswith(home) and INSTALLED not in file[len(home) :]:
                    return file, frame.f_lineno
            frame = frame.f_back
        return None


@lru_cache(maxsize=1)
def _watcher() -> _Watcher:
    watcher = _Watcher()
    sys.addaudithook(watcher.hear)
    return watcher


def _what(event: str, arguments: tuple[Any, ...]) -> str | None:
    """Return what is read; None for code, writing, and files that are open already."""
    if event == "socket.connect":
        return f"the network ({arguments[1]})"
    path = arguments[0]
    if not isinstance(path, str | bytes | os.PathLike):
        return None
    name = os.fsdecode(path)
    if event == "sqlite3.connect":
        return f"the database {Path(name).name}"
    _, mode, flags = arguments
    writes = any(letter in mode for letter in "wax+") if mode else flags & WRITES
    if writes or name.endswith(CODE) or _is_installed(name) or Path(name).is_dir():
        return None
    return Path(name).name


def _is_installed(name: str) -> bool:
    """Tell whether a file belongs to Python, an installed package or the system."""
    whole = os.path.abspath(name)
    system = (sys.prefix, sys.base_prefix, *TZPATH, *SYSTEM)
    return any(whole.startswith(f"{place.rstrip(os.sep)}{os.sep}") for place in system)


def _homes(module: ModuleType) -> Iterator[str]:
    """Yield the folder of a module's top package, and that of its own file."""
    for item in (sys.modules.get(module.__name__.partition(".")[0]), module):
        file = getattr(item, "__file__", None)
        if file:
            yield f"{Path(file).parent}{os.sep}"
